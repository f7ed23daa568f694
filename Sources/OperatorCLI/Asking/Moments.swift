import ArgumentParser
import Basics
import Glibc
import Settings
import Telemetry

/// A moment on the command line: RFC 3339, without zone by the wall clock here, a date alone for its first moment, how long ago
/// (`90s`, `10m`, `24h`, `7d`), `22:00` for when the clock here showed that last, `today` or `yesterday` for its first moment.
struct MomentArgument: ExpressibleByArgument, Equatable {
    enum Written: Equatable {
        case at(Timestamp)
        case ago(Duration)
        /// Seconds since midnight here.
        case clock(Int)
        case midnight(daysAgo: Int)
    }

    let written: Written
    /// As it was given.
    let defaultValueDescription: String

    init?(argument: String) {
        defaultValueDescription = argument
        if let span = Duration(shortForm: argument) {
            written = .ago(span)
        } else if let moment = Timestamp(iso8601: argument) {
            written = .at(moment)
        } else if let wall = Timestamp(iso8601: argument, assumedOffsetSeconds: 0)
            ?? Timestamp(iso8601: argument + "T00:00:00", assumedOffsetSeconds: 0)
        {
            // The offset of that day: summer time may have begun or ended since.
            written = .at(wall - .seconds(localOffsetSeconds(at: wall)))
        } else if let seconds = Self.clock(argument) {
            written = .clock(seconds)
        } else if let days = ["today", "yesterday"].firstIndex(of: argument) {
            written = .midnight(daysAgo: days)
        } else {
            return nil
        }
    }

    /// The last such moment, as seen from `now`.
    func timestamp(now: Timestamp) -> Timestamp {
        switch written {
        case .at(let moment): return moment
        case .ago(let span): return max(now - span, Timestamp(milliseconds: 0))
        case .clock(let seconds):
            let moment = Self.local(daysAgo: 0, seconds, now)
            return moment <= now ? moment : Self.local(daysAgo: 1, seconds, now)
        case .midnight(let days): return Self.local(daysAgo: days, 0, now)
        }
    }

    /// The next such moment; nil for one that can only be past.
    func next(after now: Timestamp) -> Timestamp? {
        switch written {
        case .at(let moment): return moment
        case .ago, .midnight: return nil
        case .clock(let seconds):
            let moment = Self.local(daysAgo: 0, seconds, now)
            return moment > now ? moment : Self.local(daysAgo: -1, seconds, now)
        }
    }

    /// `22:00` or `22:00:30` as seconds since midnight.
    private static func clock(_ text: String) -> Int? {
        let words = text.split(separator: ":", omittingEmptySubsequences: false)
        let numbers = words.compactMap { $0.count == 2 && $0.allSatisfy(\.isNumber) ? Int($0) : nil }
        guard numbers.count == words.count, (2...3).contains(numbers.count), numbers[0] < 24,
            numbers[1...].allSatisfy({ $0 < 60 })
        else { return nil }
        return numbers[0] * 3600 + numbers[1] * 60 + (numbers.count > 2 ? numbers[2] : 0)
    }

    /// What the wall clock here shows `seconds` after the midnight of a day.
    private static func local(daysAgo: Int, _ seconds: Int, _ now: Timestamp) -> Timestamp {
        let wall = now.milliseconds + Int64(localOffsetSeconds(at: now)) * 1000
        let midnight = (wall.flooredDivision(by: 86_400_000) - Int64(daysAgo)) * 86_400_000
        let moment = Timestamp(milliseconds: midnight + Int64(seconds) * 1000)
        return moment - .seconds(localOffsetSeconds(at: moment - .seconds(localOffsetSeconds(at: now))))
    }
}

/// A span on the command line with its unit: `30s`, `5m`, `1h`, `1d`.
struct SpanArgument: ExpressibleByArgument, Equatable {
    let duration: Duration
    /// As it was given.
    let defaultValueDescription: String

    init?(argument: String) {
        guard let duration = Duration(shortForm: argument), duration > .zero else { return nil }
        self.duration = duration
        defaultValueDescription = argument
    }
}

func presentMoment() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
}

func localOffsetSeconds(at moment: Timestamp) -> Int {
    var seconds = time_t(moment.milliseconds.flooredDivision(by: 1000))
    var local = tm()
    localtime_r(&seconds, &local)
    return local.tm_gmtoff
}

/// For a screen: the local wall clock with its zone, `2026-03-05 18:15:02 +08:00`.
func localTime(_ moment: Timestamp) -> String {
    let offset = localOffsetSeconds(at: moment)
    let shifted = Timestamp(milliseconds: moment.milliseconds + Int64(offset) * 1000).description
    let wall = shifted.prefix(19).replacing("T", with: " ")
    return "\(wall) \(zoneName(at: moment))"
}

/// `UTC`, or by how much the local wall clock is ahead of it: `+08:00`.
func zoneName(at moment: Timestamp) -> String {
    let offset = localOffsetSeconds(at: moment)
    if offset == 0 { return "UTC" }
    let minutes = abs(offset) / 60
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(offset < 0 ? "-" : "+")\(two(minutes / 60)):\(two(minutes % 60))"
}

/// By how much a device's time lies behind the wall clock, in the largest unit that is at least two: `12s`, `5m`, `3h`, `2d`.
func age(of moment: Timestamp, now: Timestamp) -> String {
    let seconds = (now - moment).milliseconds / 1000
    return seconds < 0 ? "in \(roughly(-seconds))" : roughly(seconds)
}

/// A span in the largest unit of which there are at least two; `?` where nobody knows it.
func roughly(_ seconds: Double?) -> String { seconds.map { roughly(Int64($0)) } ?? "?" }

private func roughly(_ seconds: Int64) -> String {
    if seconds < 120 { return "\(seconds)s" }
    if seconds < 7200 { return "\(seconds / 60)m" }
    if seconds < 172_800 { return "\(seconds / 3600)h" }
    return "\(seconds / 86_400)d"
}
