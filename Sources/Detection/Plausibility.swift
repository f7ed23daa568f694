import Basics
import Telemetry

/// Which rules of plausibility a series is held to, beside or instead of the detector.
public struct PlausibilityRules: Hashable, Sendable {
    /// What the quantity can be, in its unit; nil where that is not known.
    public var range: ClosedRange<Double>?
    /// How much it can change in an hour, in its unit; nil where that is not known.
    public var changePerHourMax: Double?
    /// Equal readings in a row, or readings on one straight line, more than the series' own history lets expect.
    public var toldOfStandStill: Bool
    /// Single readings far from both neighbours.
    public var toldOfSpikes: Bool
    /// The level of the days.
    public var toldOfLevelShifts: Bool
    /// Silence before a reading (`DetectorSettings.gapIntervals`).
    public var toldOfGaps: Bool

    /// Those that need no configuration, but for gaps.
    public init(
        range: ClosedRange<Double>? = nil, changePerHourMax: Double? = nil, toldOfStandStill: Bool = true,
        toldOfSpikes: Bool = true, toldOfLevelShifts: Bool = true, toldOfGaps: Bool = true
    ) {
        precondition(
            changePerHourMax.map { $0 > 0 && $0.isFinite } ?? true, "detection: a change an hour is above 0")
        precondition(
            range.map { $0.lowerBound.isFinite && $0.upperBound.isFinite } ?? true, "detection: a range is finite")
        self.range = range
        self.changePerHourMax = changePerHourMax
        self.toldOfStandStill = toldOfStandStill
        self.toldOfSpikes = toldOfSpikes
        self.toldOfLevelShifts = toldOfLevelShifts
        self.toldOfGaps = toldOfGaps
    }
}

/// What the rules keep of a series: 696 bytes.
struct Plausibility: BitwiseCopyable {
    /// A rule says that something is amiss, not how grave it is: the least that an alert has. So the reader of a file may
    /// set a threshold that leaves the detector's own alerts and no others.
    static let severity = 0.5

    var last = 0.0
    var lastObserved = Int64.min
    /// The last reading was outside of what the quantity can be.
    var isOutside = false
    var flat = FlatLine()
    var line = StraightLine()
    var spike = Spike()
    var shift = LevelShift()

    struct Moment {
        /// Milliseconds since 1970, UTC.
        var observed: Int64
        /// Days since 1970 on the local clock.
        var day: Int64
        /// How long nothing was heard; nil where that was no gap.
        var silence: Duration?
    }

    enum Outcome {
        /// Not to be learnt from. Told at the first of several.
        case impossible(Detector.Verdict?)
        case possible(Told?)
    }

    /// A spike is told of the reading before.
    struct Told {
        var verdict: Detector.Verdict
        var observed: Int64
        var value: Double
    }

    /// One reading through the rules.
    mutating func step(
        _ x: Double, _ moment: Moment, _ rules: PlausibilityRules, interval: Duration?
    ) -> Outcome {
        if let range = rules.range, !range.contains(x) {
            defer { isOutside = true }
            return .impossible(
                isOutside
                    ? nil
                    : Detector.Verdict(
                        severity: 1, evidence: .physicalRange(min: range.lowerBound, max: range.upperBound)))
        }
        isOutside = false
        let (before, beforeObserved) = (last, lastObserved)
        (last, lastObserved) = (x, moment.observed)
        var told: Told?
        func tell(_ evidence: Anomaly.Evidence, _ severity: Double = Self.severity) {
            if told == nil {
                told = Told(
                    verdict: Detector.Verdict(severity: severity, evidence: evidence), observed: moment.observed,
                    value: x
                )
            }
        }
        if let silence = moment.silence {
            line.forgetRecent()
            spike.forgetRecent()
            if rules.toldOfGaps, let interval { tell(.gap(silence: silence, interval: interval)) }
        }
        if let limit = rules.changePerHourMax, beforeObserved != .min, moment.observed > beforeObserved {
            let perHour = (x - before) * 3_600_000 / Double(moment.observed - beforeObserved)
            if abs(perHour) > limit {
                tell(.rateOfChange(perHour: perHour, limit: limit), 1 - 0.5 * limit / abs(perHour))
            }
        }
        // Every rule learns from every reading, also where another one has spoken.
        if rules.toldOfStandStill {
            if let flat = flat.judge(x, at: moment.observed) {
                tell(.flatLine(readings: flat.readings, usual: flat.usual))
            }
            if let line = line.judge(x) { tell(.straightLine(readings: line.readings, step: line.step)) }
        }
        if rules.toldOfSpikes, let spike = spike.judge(x), told == nil {
            told = Told(
                verdict: Detector.Verdict(
                    severity: Self.severity, evidence: .spike(expected: spike.expected, usualStep: spike.usual)),
                observed: beforeObserved, value: before)
        }
        if rules.toldOfLevelShifts, let shift = shift.judge(x, day: moment.day) {
            tell(.levelShift(before: shift.before, after: shift.after, readings: shift.readings))
        }
        return .possible(told)
    }
}
