public import Basics

/// A reading, or a silence, that is unlike what a series usually does: which part of the detection spoke, and the
/// numbers behind it.
public struct Anomaly: Hashable, Sendable {
    /// The series that strayed; its quantity says the unit of `value`.
    public var series: SeriesID
    /// Of the reading that gave it away; of the newest reading where a silence is told.
    public var observed: Timestamp
    /// Of that reading, in the canonical unit.
    public var value: Double
    /// 0.5 or more and at most 1.
    public var severity: Double
    /// Which part of the detection spoke, and why.
    public var evidence: Evidence

    /// What was found, with its numbers: in the unit of the series where nothing else is said.
    public enum Evidence: Hashable, Sendable {
        /// Readings stray from what is usual at this time of day: by how much of late, and usually.
        case seasonal(expected: Double, deviation: Double, usual: Double)
        /// The course of the last readings is unlike any before: how far, and how far courses usually are.
        case novelty(distance: Double, usual: Double)
        /// Beyond all readings before, of which there were so many.
        case range(min: Double, max: Double, readings: Int)
        /// The mean of about the last thirty readings, and its usual value and spread.
        case mean(mean: Double, usual: Double, spread: Double)
        /// Outside of what the quantity can be.
        case physicalRange(min: Double, max: Double)
        /// Changed by so much an hour, of at most `limit`.
        case rateOfChange(perHour: Double, limit: Double)
        /// So many readings in a row alike, of at most `usual` away from a resting value.
        case flatLine(readings: Int, usual: Int)
        /// So many readings in a row on one straight line, each `step` from the one before.
        case straightLine(readings: Int, step: Double)
        /// A single reading apart from its neighbours, and how far neighbours usually are.
        case spike(expected: Double, usualStep: Double)
        /// The readings' level changed from one reading to the next, and stayed.
        case levelShift(before: Double, after: Double, readings: Int)
        /// Nothing was heard for so long, of readings usually `interval` apart.
        case gap(silence: Duration, interval: Duration)
        /// Apart from the devices beside it: their median, their spread and their number.
        case peers(median: Double, spread: Double, count: Int)
    }

    package init(series: SeriesID, observed: Timestamp, value: Double, severity: Double, evidence: Evidence) {
        self.series = series
        self.observed = observed
        self.value = value
        self.severity = severity
        self.evidence = evidence
    }

    /// The part that spoke, as it is written in files and answers.
    public var part: String { Finding.Kind(evidence).rawValue }

    /// What a duty engineer is told: `PM2.5 is 311 ug/m3, beyond all of 12 to 95 ug/m3 in 2,300 readings`.
    ///
    /// `title` and `unit` are those of the quantity.
    public func sentence(title: String, unit: String) -> String {
        func amount(_ value: Double) -> String { Self.text(value) + (unit.isEmpty || unit == "1" ? "" : " " + unit) }
        let now = "\(title) is \(amount(value))"
        switch evidence {
        case .seasonal(let expected, let deviation, let usual):
            return now + " where \(amount(expected)) is usual at this time of day; of late it strays by "
                + "\(amount(deviation)), usually by \(amount(usual))"
        case .novelty(let distance, let usual):
            return now + "; the course of the last 18 readings is unlike any before: \(amount(distance)) from the "
                + "nearest, usually \(amount(usual))"
        case .range(let min, let max, let readings):
            let span = max - min
            let beyond = Swift.max(value - max, min - value)
            let far = span > 0 && beyond > 0 ? ", by \(Self.text(100 * beyond / span)) % of that range" : ""
            return now + ", \(value > max ? "above" : "below") all of \(Self.text(min)) to \(amount(max)) in "
                + "\(grouped(readings)) readings\(far)"
        case .mean(let mean, let usual, let spread):
            return now + "; the mean of the last 30 readings is \(amount(mean)), usually \(amount(usual)) "
                + "give or take \(amount(spread))"
        case .physicalRange(let min, let max):
            return now + ", which it cannot be: expected \(Self.text(min)) to \(amount(max))"
        case .rateOfChange(let perHour, let limit):
            return now + " and changed by \(amount(perHour)) an hour; at most \(amount(limit)) is plausible"
        case .flatLine(let readings, let usual):
            return "\(title) stands still: \(grouped(readings)) readings of \(amount(value)) in a row, where at most "
                + "\(grouped(usual)) are usual"
        case .straightLine(let readings, let step):
            return "\(title) runs in a straight line: \(grouped(readings)) readings in a row, each "
                + "\(amount(step)) from the one before, as no sensor measures"
        case .spike(let expected, let usualStep):
            return "\(title) was \(amount(value)) for one reading between neighbours at \(amount(expected)), where "
                + "a step of \(amount(usualStep)) is usual"
        case .levelShift(let before, let after, let readings):
            return "\(title) changed its level from about \(amount(before)) to \(amount(after)) "
                + "and has stayed there for \(grouped(readings)) readings"
        case .gap(let silence, let interval):
            return "\(title) was not heard for \(Self.text(silence)); a reading is due every \(Self.text(interval))"
        case .peers(let median, let spread, let count):
            return now + " where the median of \(grouped(count)) others beside it is \(amount(median)), "
                + "give or take \(amount(spread))"
        }
    }

    // MARK: Numbers

    /// Four significant digits, thousands grouped: `0.01235`, `2.4`, `12,350`.
    public static func text(_ value: Double) -> String {
        guard value.isFinite else { return "\(value)" }
        let size = abs(value)
        guard size >= 1e-4 || size == 0, size < 1e15 else { return "\(value)" }
        var scale = 1.0
        while size * scale < 1000, scale < 1e7, size > 0 { scale *= 10 }
        let rounded = (value * scale).rounded() / scale
        guard abs(rounded) < 1000 else { return grouped(Int(rounded.rounded())) }
        let digits = "\(rounded)"
        return digits.hasSuffix(".0") ? String(digits.dropLast(2)) : digits
    }

    private static func text(_ span: Duration) -> String {
        let seconds = Double(span.milliseconds) / 1000
        for (unit, length) in [("d", 86_400.0), ("h", 3600.0), ("min", 60.0)] where seconds >= 2 * length {
            return text(seconds / length) + " " + unit
        }
        return text(seconds) + " s"
    }
}
