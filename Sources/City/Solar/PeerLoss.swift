import Basics
package import Telemetry

/// How a segment's day compares with that of the segments of its group.
public struct PeerStanding: Equatable, Sendable {
    /// Own yield over the group's median.
    public let ratio: Double
    /// How many robust spreads below the median; negative above.
    public let spreadsBelow: Double
    /// Segments that had a yield this day.
    public let members: Int
}

/// When a segment has lost power for good.
public struct PeerLossRules: Equatable, Sendable {
    /// With fewer a median says nothing about the one apart.
    public var membersMin = 5
    /// A yield below this part of the median is a loss, if it is also farther below than `spreadsMin`.
    public var ratioMin = 0.85
    /// 1.4826 times the median absolute deviation each, which is the standard deviation for a normal law; at least
    /// 2 % of the median, which sound segments differ by. Source: Hampel (1974).
    public var spreadsMin = 3.0
    /// Days in a row that raise it.
    public var days = 3
    /// A yield above this part of the median is a recovery, on two days in a row.
    public var ratioRecovered = 0.92

    /// The rules as they stand above.
    public init() {}

    /// One day of a group of like segments; nil where a segment has no yield or too few have. Yields in any one unit, of
    /// equal size in health: temperature-corrected performance ratios, or energy over rating.
    ///
    /// What all of a group lose together is not seen.
    public func standings(_ yields: [Double?]) -> [PeerStanding?] {
        let known = yields.compactMap { $0 }.filter(\.isFinite)
        let median = Self.median(known)
        guard known.count >= max(membersMin, 1), median > 0 else { return yields.map { _ in nil } }
        let spread = max(1.4826 * Self.median(known.map { abs($0 - median) }), 0.02 * median)
        return yields.map { yield in
            guard let yield, yield.isFinite else { return nil }
            return PeerStanding(
                ratio: yield / median, spreadsBelow: (median - yield) / spread, members: known.count)
        }
    }

    private static func median(_ values: [Double]) -> Double {
        guard !values.isEmpty else { return 0 }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

/// A lasting loss against the neighbours.
public struct PeerLossFinding: Equatable, Sendable {
    /// %, of the last day that showed it.
    public let lossPercent: Double
    /// Days that showed it, until now.
    public let days: Int
    /// At least half of the loss came from one day to the next; nil where no day before it is known.
    public let isSudden: Bool?
    /// Segments that had a yield on the last day that showed it.
    public let members: Int

    /// `Yields 78 % of the median of 12 segments for 4 days, a loss of about 22 %; it came from one day to the next, as by
    /// damage, shade or snow`.
    public var sentence: String { meaning.words }

    /// The same before it is put into words.
    package var meaning: Sentence {
        let loss = lossPercent.rounded()
        return Sentence(
            .yieldLoss,
            [
                .share: .number(100 - loss, unit: "%"), .loss: .number(loss, unit: "%"), .members: .count(members),
                .days: .count(days), .course: isSudden.map { .word($0 ? "sudden" : "gradual") },
            ])
    }
}

/// Watches one segment for a lasting loss, day by day: 32 bytes.
public struct PeerLoss: BitwiseCopyable, Sendable {
    /// Days since 1970-01-01 of the newest.
    private var day: Int32 = .min
    /// Days in a row that show a loss; while it holds all days that showed it.
    private var lossDays: Int32 = 0
    private var soundDays: UInt8 = 0
    private var holds = false
    private var isSudden = false
    private var knowsBefore = false
    private var members: Int32 = 0
    private var ratio: Float = 1

    /// No day is known yet.
    public init() {}

    /// The standing of one local day, `day` in days since 1970; the loss while it holds. A day without a standing
    /// counts for nothing, nor does one not newer than the newest.
    public mutating func step(_ standing: PeerStanding?, day: Int32, rules: PeerLossRules = PeerLossRules())
        -> PeerLossFinding?
    {
        guard let standing, standing.ratio.isFinite, day > self.day else { return finding }
        let isFirst = self.day == .min
        self.day = day
        let now = Float(min(max(standing.ratio, 0), 10))
        let isLoss = standing.ratio < rules.ratioMin && standing.spreadsBelow > rules.spreadsMin
        if isLoss {
            if lossDays == 0 { (knowsBefore, isSudden) = (!isFirst, ratio - now >= (1 - now) / 2) }
            lossDays = min(lossDays + 1, .max - 1)
            members = Int32(clamping: standing.members)
            soundDays = 0
            if lossDays >= rules.days { holds = true }
        } else if !holds {
            lossDays = 0
        } else if standing.ratio > rules.ratioRecovered {
            soundDays += 1
            if soundDays >= 2 { (holds, lossDays, soundDays) = (false, 0, 0) }
        } else {
            soundDays = 0
        }
        // While it holds the ratio is that of the last day that showed it.
        if isLoss || !holds { ratio = now }
        return finding
    }

    /// Days that lie ahead were of a clock that was wrong: those from `day` on are yet to come. What they showed stays.
    mutating func comeBack(before day: Int32) { self.day = min(self.day, day &- 1) }

    /// As of the newest day.
    public var finding: PeerLossFinding? {
        guard holds else { return nil }
        return PeerLossFinding(
            lossPercent: 100 * (1 - Double(ratio)), days: Int(lossDays), isSudden: knowsBefore ? isSudden : nil,
            members: Int(members))
    }

    // MARK: State to bytes and back

    /// 22 of them, version first.
    public var bytes: [UInt8] {
        var writer = StateWriter()
        writer.append(UInt32(1))
        writer.append(day)
        writer.append(lossDays)
        writer.append(members)
        writer.append(ratio.bitPattern)
        writer.append(soundDays)
        writer.append(UInt8((holds ? 1 : 0) | (isSudden ? 2 : 0) | (knowsBefore ? 4 : 0)))
        return writer.bytes
    }

    /// nil for what `bytes` did not give.
    public init?(bytes: [UInt8]) {
        var reader = StateReader(bytes)
        guard reader.next(UInt32.self) == 1, let day = reader.next(Int32.self), let lossDays = reader.next(Int32.self),
            let members = reader.next(Int32.self), let ratio = reader.next(UInt32.self).map(Float.init(bitPattern:)),
            let soundDays = reader.next(UInt8.self), let flags = reader.next(UInt8.self), reader.isAtEnd, flags <= 7,
            soundDays <= 1, (0...Int32.max - 1).contains(lossDays), members >= 0, (0...10).contains(ratio)
        else { return nil }
        (self.day, self.lossDays, self.members, self.ratio) = (day, lossDays, members, ratio)
        (self.soundDays, holds, isSudden) = (soundDays, flags & 1 != 0, flags & 2 != 0)
        knowsBefore = flags & 4 != 0
    }
}
