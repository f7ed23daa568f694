public import Basics

/// The statistics of one series over one window, at one moment.
public struct WindowSummary: Hashable, Sendable {
    /// Whose samples these are; its quantity says the unit.
    public var series: SeriesID
    /// Length of the window.
    public var window: Duration
    /// The window ends here; it reaches back over `window`, on the grid of its panes.
    public var end: Timestamp
    /// Samples in the window; the other members are meaningful only when it is positive.
    public var count: Int
    /// Of directions the direction of their vector sum, in 0..<360 degrees; nil where they cancel out.
    public var mean: Double?
    /// The least sample, exact.
    public var min: Double
    /// The greatest sample, exact.
    public var max: Double
    /// Of the population (divided by `count`), in the unit of the samples; of directions the circular one.
    public var standardDeviation: Double?
    /// The oldest sample by observed time; of a counter the oldest that is no spike.
    public var first: Double
    /// When `first` was observed.
    public var firstAt: Timestamp
    /// The newest sample by observed time.
    public var last: Double
    /// When `last` was observed.
    public var lastAt: Timestamp
    /// Over all samples of the window: exact, or estimated where more fell into it than are kept (`hasExactQuantiles`).
    /// nil where they were not asked for, and where they mean nothing: for directions, and beyond the samples kept for
    /// counters and states.
    public var median: Double?
    /// What 95 % of the samples do not exceed; exact, estimated or nil as `median`.
    public var p95: Double?
    /// Whether `median` and `p95` come from every sample of the window; false where they are nil.
    public var hasExactQuantiles = false
    /// How much a counter grew from the window's first to its last sample, by the law of `CounterWalk`: resets and
    /// roll-overs counted in, spikes left out. nil for other kinds.
    public var increase: Double?
    /// The sum of the amounts of a delta; nil for other kinds.
    public var total: Double?
    /// Of a state: each sample holds until the next one, the last until the end of the window or now.
    public var timeWeightedMean: Double?
    /// How many samples the device's cadence lets expect, at least 1; nil where no cadence is known.
    public var expectedCount: Int?
    /// How often late readings have changed this window after the panes they belong to were closed. One that grew says
    /// that summaries given before were not the last word.
    public var revision: Int = 0

    package init(
        series: SeriesID, window: Duration, end: Timestamp, count: Int, mean: Double?, min: Double, max: Double,
        standardDeviation: Double?, first: Double, firstAt: Timestamp, last: Double, lastAt: Timestamp,
        median: Double?, p95: Double?
    ) {
        self.series = series
        self.window = window
        self.end = end
        self.count = count
        self.mean = mean
        self.min = min
        self.max = max
        self.standardDeviation = standardDeviation
        self.first = first
        self.firstAt = firstAt
        self.last = last
        self.lastAt = lastAt
        self.median = median
        self.p95 = p95
    }

    /// `count` over `expectedCount`, at most 1; nil where no cadence is known.
    public var coverage: Double? { expectedCount.map { Swift.min(1, Double(count) / Double($0)) } }

    /// Change from the first to the last sample, per hour; of a counter its growth. nil with fewer than two moments.
    ///
    /// Per hour, because city quantities move in hours: degrees an hour, and kilowatt-hours an hour are kilowatts.
    /// Of directions the shorter way round, positive clockwise.
    public var ratePerHour: Double? {
        let milliseconds = lastAt.milliseconds - firstAt.milliseconds
        guard milliseconds > 0 else { return nil }
        return change * 3_600_000 / Double(milliseconds)
    }

    /// What `ratePerHour` is of, in the unit of the samples.
    public var change = 0.0
}
