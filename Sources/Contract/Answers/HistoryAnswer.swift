public import Basics

/// The readings of one device in a span of time, one entry a series.
public struct HistoryAnswer: Codable, Hashable, Sendable {
    /// Points or buckets in one answer, over all its series: what an answer takes in memory must not depend on what is
    /// asked. As JSON they are about 12 MB.
    public static let pointsMax = 200_000

    /// As asked.
    public var device: String
    /// Included; as asked.
    public var since: Timestamp
    /// Not included.
    public var until: Timestamp
    /// Width of a bucket; nil for raw points.
    public var stepSeconds: Double?
    /// In the order they became known; one without readings in the span has an entry too.
    public var series: [SeriesHistory]
    /// Frames that could not be read and are missing from the answer.
    public var damaged: [String]

    enum CodingKeys: String, CodingKey {
        case device, since, until, series, damaged
        case stepSeconds = "step_seconds"
    }

    package init(
        device: String, since: Timestamp, until: Timestamp, stepSeconds: Double? = nil, series: [SeriesHistory],
        damaged: [String]
    ) {
        self.device = device
        self.since = since
        self.until = until
        self.stepSeconds = stepSeconds
        self.series = series
        self.damaged = damaged
    }
}

/// The readings of one series, raw or in buckets.
public struct SeriesHistory: Codable, Hashable, Sendable {
    /// Its name in the vocabulary of quantities.
    public var quantity: String
    /// Of the device, such as `l1`; nil for the device as a whole.
    public var channel: String?
    /// Canonical unit of the quantity (UCUM), in which the values are.
    public var unit: String
    /// In order of time. Empty when buckets were asked for.
    public var points: [Point]
    /// In order of time, only those with readings. Empty when raw points were asked for.
    public var buckets: [Bucket]
    /// Ask again with this `since` for what did not fit the limit; nil at the end.
    public var next: Timestamp?

    /// One raw reading.
    public struct Point: Codable, Hashable, Sendable {
        /// When the device measured, as far as it said.
        public var observed: Timestamp
        /// In the `unit` of the series.
        public var value: Double

        package init(
            observed: Timestamp, value: Double
        ) {
            self.observed = observed
            self.value = value
        }
    }

    /// The readings of `start ..< start + step`. Buckets lie on multiples of the step since 1970-01-01T00:00:00Z, those
    /// of whole days on the site's days.
    public struct Bucket: Codable, Hashable, Sendable {
        /// On that grid: the first bucket may begin before the answer's `since`.
        public var start: Timestamp
        /// Readings in it, at least 1.
        public var count: Int
        /// `sum` over `count`, also of directions.
        public var mean: Double
        /// The least value.
        public var min: Double
        /// The greatest value.
        public var max: Double
        /// nil for counters, whose readings are no amounts.
        public var sum: Double?
        /// What a counter grew by since the reading before, resets and roll-overs counted in, spikes left out: the buckets
        /// of an answer add up, and the first one begins at the first reading of the span. nil for other quantities.
        public var increase: Double?
        /// The value at the newest time.
        public var last: Double
        /// Of the population (divided by `count`).
        public var standardDeviation: Double
        /// Where they were asked for, to a thirty-second part of the value.
        public var median: Double?
        /// The 95th percentile, as `median`.
        public var p95: Double?
        /// The 99th percentile, as `median`.
        public var p99: Double?
        /// Readings over those expected by the roster's cadence; nil where the roster gives none, and in a history.
        public var coverage: Double?
        /// True where readings came, or were corrected, after an hour or day in it had been told complete.
        public var revised: Bool?

        enum CodingKeys: String, CodingKey {
            case start, count, mean, min, max, sum, increase, last, median, p95, p99, coverage, revised
            case standardDeviation = "standard_deviation"
        }

        package init(
            start: Timestamp, count: Int, mean: Double, min: Double, max: Double, sum: Double?,
            increase: Double? = nil, last: Double, standardDeviation: Double, median: Double? = nil, p95: Double? = nil,
            p99: Double? = nil,
            coverage: Double? = nil, revised: Bool? = nil
        ) {
            self.start = start
            self.count = count
            self.mean = mean
            self.min = min
            self.max = max
            self.sum = sum
            self.increase = increase
            self.last = last
            self.standardDeviation = standardDeviation
            self.median = median
            self.p95 = p95
            self.p99 = p99
            self.coverage = coverage
            self.revised = revised
        }
    }

    package init(
        quantity: String, channel: String? = nil, unit: String, points: [Point], buckets: [Bucket],
        next: Timestamp? = nil
    ) {
        self.quantity = quantity
        self.channel = channel
        self.unit = unit
        self.points = points
        self.buckets = buckets
        self.next = next
    }
}
