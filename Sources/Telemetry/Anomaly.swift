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

    /// What a duty engineer is told: `PM2.5 is 311 ug/m3, above all of 12 to 95 ug/m3 in 2,300 readings`.
    ///
    /// `title` and `unit` are those of the quantity.
    public func sentence(title: String, unit: String) -> String { meaning(of: .text(title), unit: unit).words }

    /// The same before it is put into words; `quantity` is one, or a text that stands for it.
    package func meaning(of quantity: Sentence.Value, channel: String? = nil, unit: String) -> Sentence {
        func amount(_ value: Double) -> Sentence.Value { .number(value, unit: unit) }
        func sentence(_ key: Sentence.Key, _ values: [Sentence.Name: Sentence.Value]) -> Sentence {
            var all: [Sentence.Name: Sentence.Value?] = values
            all[.quantity] = quantity
            all[.value] = amount(value)
            if let channel { all[.channel] = .text(channel) }
            return Sentence(key, all)
        }
        switch evidence {
        case .seasonal(let expected, let deviation, let usual):
            return sentence(
                .seasonal, [.expected: amount(expected), .deviation: amount(deviation), .usual: amount(usual)])
        case .novelty(let distance, let usual):
            return sentence(.novelty, [.distance: amount(distance), .usual: amount(usual)])
        case .range(let min, let max, let readings):
            return sentence(.range, [.low: amount(min), .high: amount(max), .readings: .count(readings)])
        case .mean(let mean, let usual, let spread):
            return sentence(.mean, [.mean: amount(mean), .usual: amount(usual), .spread: amount(spread)])
        case .physicalRange(let min, let max):
            return sentence(.physicalRange, [.low: amount(min), .high: amount(max)])
        case .rateOfChange(let perHour, let limit):
            return sentence(.rateOfChange, [.step: amount(perHour), .limit: amount(limit)])
        case .flatLine(let readings, let usual):
            return sentence(.flatLine, [.readings: .count(readings), .usual: .count(usual)])
        case .straightLine(let readings, let step):
            return sentence(.straightLine, [.readings: .count(readings), .step: amount(step)])
        case .spike(let expected, let usualStep):
            return sentence(.spike, [.expected: amount(expected), .usual: amount(usualStep)])
        case .levelShift(let before, let after, let readings):
            return sentence(
                .levelShift, [.before: amount(before), .after: amount(after), .readings: .count(readings)])
        case .gap(let silence, let interval):
            return sentence(.gap, [.span: .span(silence), .interval: .span(interval)])
        case .peers(let median, let spread, let count):
            return sentence(.peers, [.median: amount(median), .spread: amount(spread), .count: .count(count)])
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

    /// The same of a span in the largest unit of which there are two: `2.4 d`, `90 s`.
    static func text(_ span: Duration) -> String {
        let seconds = Double(span.milliseconds) / 1000
        for (unit, length) in [("d", 86_400.0), ("h", 3600.0), ("min", 60.0)] where seconds >= 2 * length {
            return text(seconds / length) + " " + unit
        }
        return text(seconds) + " s"
    }
}
