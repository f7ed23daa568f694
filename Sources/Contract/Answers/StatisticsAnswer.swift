public import Basics
package import Telemetry

/// The rolling statistics of one window of one series.
public struct StatisticsAnswer: Codable, Hashable, Sendable {
    /// Its name, as in `DeviceAnswer`.
    public var device: String
    /// Its name in the vocabulary of quantities.
    public var quantity: String
    /// Of the device, such as `l1`; nil for the device as a whole.
    public var channel: String?
    /// Canonical unit of the quantity (UCUM), in which the values are.
    public var unit: String
    /// Length of the window.
    public var windowSeconds: Double
    /// The window ends here.
    public var end: Timestamp
    /// Samples in the window.
    public var count: Int
    /// How many samples the roster's cadence lets expect, at least 1; nil where no cadence is known.
    public var expectedCount: Int?
    /// `count` over `expectedCount`, at most 1; nil where no cadence is known.
    public var coverage: Double?
    /// Of directions the direction of their vector sum; nil where they cancel out.
    public var mean: Double?
    /// The least sample.
    public var min: Double
    /// The greatest sample.
    public var max: Double
    /// Of the population (divided by `count`).
    public var standardDeviation: Double?
    /// The oldest sample by observed time; of a counter the oldest that is no spike.
    public var first: Double
    /// Observed time of `first`.
    public var firstAt: Timestamp
    /// The newest sample by observed time.
    public var last: Double
    /// Observed time of `last`.
    public var lastAt: Timestamp
    /// Change from the window's first to its last sample, in units per hour.
    public var ratePerHour: Double?
    /// Exact, or estimated where the window has more samples than are kept.
    public var median: Double?
    /// The 95th percentile, as `median`.
    public var p95: Double?
    /// False where `median` and `p95` are estimated; nil where there are none.
    public var quantilesAreExact: Bool?
    /// What a counter grew by from the window's first to its last sample, resets and roll-overs counted in, spikes left
    /// out; nil for other quantities.
    public var increase: Double?
    /// The sum of the amounts of a delta; nil for other quantities.
    public var total: Double?
    /// Of a state: each sample holds until the next.
    public var timeWeightedMean: Double?
    /// How often late readings have changed this window after the fact.
    public var revision: Int
    /// How far the device's clock is behind ours, the way of its messages included; negative where it is ahead.
    public var clockSkewSeconds: Double?

    enum CodingKeys: String, CodingKey {
        case device, quantity, channel, unit, end, count, coverage, mean, min, max, first, last, median, p95
        case increase, total, revision
        case expectedCount = "expected_count"
        case firstAt = "first_at"
        case quantilesAreExact = "quantiles_exact"
        case timeWeightedMean = "time_weighted_mean"
        case clockSkewSeconds = "clock_skew_seconds"
        case windowSeconds = "window_seconds"
        case standardDeviation = "standard_deviation"
        case lastAt = "last_at"
        case ratePerHour = "rate_per_hour"
    }

    package init(_ summary: WindowSummary, registry: SeriesRegistry, clockSkew: Duration?) {
        let series = registry.series[summary.series.index]
        device = registry.devices[series.device.index].name
        quantity = series.quantity.name
        channel = registry.channelName(of: summary.series)
        unit = series.quantity.unit
        windowSeconds = Double(summary.window.milliseconds) / 1000
        end = summary.end
        count = summary.count
        expectedCount = summary.expectedCount
        coverage = summary.coverage
        mean = summary.mean
        min = summary.min
        max = summary.max
        standardDeviation = summary.standardDeviation
        first = summary.first
        firstAt = summary.firstAt
        last = summary.last
        lastAt = summary.lastAt
        ratePerHour = summary.ratePerHour
        median = summary.median
        p95 = summary.p95
        quantilesAreExact = summary.median.map { _ in summary.hasExactQuantiles }
        increase = summary.increase.map { CounterWalk.rounded($0, most: summary.max) }
        total = summary.total
        timeWeightedMean = summary.timeWeightedMean
        revision = summary.revision
        clockSkewSeconds = clockSkew.map { Double($0.milliseconds) / 1000 }
    }
}
