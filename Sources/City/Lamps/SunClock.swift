import Basics
import Telemetry

/// Whether the wall clock may be asked where the sun stands.
///
/// A clock that was just set by more than some minutes may be wrong, or may have been: a city's lamps that leave their time to
/// the gateway would all burn by day at once. So the sun is not asked by it for an hour, or until it is set back to what it
/// was.
struct SunClock {
    /// The sun moves by less than three degrees meanwhile.
    private static let tolerance: Int64 = 600_000
    private static let doubt: Int64 = 3_600_000

    /// How far the wall clock was ahead of the steady one in the last turn, and when it was believed last; nil before a turn.
    private var ahead: Int64?
    private var believed: Int64 = 0
    /// By the steady clock, since the last step that is doubted; nil: none is.
    private var doubtedSince: Int64?

    init() {}

    /// Once a turn.
    mutating func tick(_ moment: Moment) {
        let (now, steady) = (moment.wallAhead.milliseconds, moment.steady.milliseconds)
        guard let last = ahead else {
            (ahead, believed) = (now, now)
            return
        }
        ahead = now
        if abs(now - believed) <= Self.tolerance {
            (believed, doubtedSince) = (now, nil)
        } else if doubtedSince == nil || abs(now - last) > Self.tolerance {
            doubtedSince = steady
        } else if let since = doubtedSince, steady - since >= Self.doubt {
            (believed, doubtedSince) = (now, nil)
        }
    }

    /// Whether a time of which the clock is the only witness is doubted: one that is far from what it shows has others.
    func doubts(_ observed: Timestamp, at now: Timestamp) -> Bool {
        doubtedSince != nil && abs(now.milliseconds - observed.milliseconds) <= Self.tolerance
    }

    func write(_ writer: inout StateWriter) {
        writer.append(ahead ?? .min)
        writer.append(believed)
        writer.append(doubtedSince ?? .min)
    }

    /// nil for what `write` did not write.
    init?(_ reader: inout StateReader) {
        guard let ahead = reader.nextTime(none: .min), let believed = reader.nextTime(none: .min),
            let since = reader.nextTime(none: .min)
        else { return nil }
        (self.ahead, self.believed) = (ahead == .min ? nil : ahead, believed == .min ? 0 : believed)
        doubtedSince = since == .min ? nil : since
    }
}
