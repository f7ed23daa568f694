/// The statistics of one series over one window, at one moment.
public struct WindowSummary: Hashable, Sendable {
    public var series: SeriesID
    /// Length of the window.
    public var window: Duration
    /// The window ends here; it reaches back over `window`, on the grid of its panes.
    public var end: Timestamp
    /// Samples in the window; the other members are meaningful only when it is positive.
    public var count: Int
    public var mean: Double
    public var min: Double
    public var max: Double
    /// Of the population (divided by `count`), in the unit of the samples.
    public var standardDeviation: Double
    /// The oldest and the newest sample by observed time.
    public var first: Double
    public var firstAt: Timestamp
    public var last: Double
    public var lastAt: Timestamp
    /// Exact, over all samples of the window; nil where more samples fell into it than are kept.
    public var median: Double?
    public var p95: Double?

    public init(
        series: SeriesID, window: Duration, end: Timestamp, count: Int, mean: Double, min: Double, max: Double,
        standardDeviation: Double, first: Double, firstAt: Timestamp, last: Double, lastAt: Timestamp,
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

    /// Change from the first to the last sample, per hour; nil with fewer than two moments.
    ///
    /// Per hour, because city quantities move in hours: degrees an hour, and kilowatt-hours an hour are kilowatts.
    public var ratePerHour: Double? {
        let milliseconds = lastAt.milliseconds - firstAt.milliseconds
        return milliseconds > 0 ? (last - first) * 3_600_000 / Double(milliseconds) : nil
    }
}
