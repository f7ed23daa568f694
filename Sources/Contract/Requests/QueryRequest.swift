public import Basics
package import Telemetry

/// What summaries of many series are asked for, and how they are put together.
public struct QueryRequest: Question {
    package typealias Answer = QueryAnswer
    package static let route = Route(
        .get, "query",
        DeviceFilter.parameters + [.since, .until, .step, .by, .quantiles, .top, .order, .ascending])

    /// What readings are put together into one row.
    public enum Group: String, Hashable, Sendable, CaseIterable, Codable {
        /// Each series by itself.
        case series
        /// The channels of a device, for each quantity.
        case device
        case area
        case profile
        /// All series of a quantity.
        case all
    }

    /// The figures that groups can be ordered by.
    public enum Statistic: String, Hashable, Sendable, CaseIterable, Codable {
        case mean, min, max
        /// Of the amounts; counters have none.
        case sum
        /// What a counter grew by; others have none.
        case increase
        case count, last, p50, p95, p99
        case standardDeviation = "stddev"

        /// Why a quantity does not have it, and what to ask for instead; nil where it has.
        package func refusal(of quantity: Quantity) -> String? {
            switch (self, quantity.kind) {
            case (.sum, .counter):
                "sum: \(quantity.name) is a counter, whose readings do not add up; ask for increase"
            case (.increase, .delta):
                "increase: \(quantity.name) is a delta, whose readings are amounts; ask for sum"
            case (.increase, .gauge), (.increase, .state):
                "increase: \(quantity.name) is a \(quantity.kind.rawValue); only counters have an increase"
            default: nil
            }
        }
    }

    /// Of which devices, and of which quantity of theirs.
    public var filter: DeviceFilter
    /// Included.
    public var since: Timestamp
    /// Not included.
    public var until: Timestamp
    /// Width of the buckets, at least a millisecond; whole days are days of the site. nil for the whole span.
    public var step: Duration?
    /// What becomes one entry of the answer.
    public var group: Group
    /// Whether medians and the like are wanted; they take longer.
    public var quantiles: Bool
    /// Only so many groups, those with the greatest `order` over the whole span; nil for all.
    public var top: Int?
    /// By what `top` ranks groups; nothing without `top`.
    public var order: Statistic
    /// The least instead of the greatest.
    public var ascending: Bool

    /// With the two times alone: each series by itself, in one bucket of the whole span.
    public init(
        filter: DeviceFilter = DeviceFilter(), since: Timestamp, until: Timestamp, step: Duration? = nil,
        group: Group = .series, quantiles: Bool = false, top: Int? = nil, order: Statistic = .mean,
        ascending: Bool = false
    ) {
        self.filter = filter
        self.since = since
        self.until = until
        self.step = step
        self.group = group
        self.quantiles = quantiles
        self.top = top
        self.order = order
        self.ascending = ascending
    }

    package init(_ form: Form) throws(Refusal) {
        let span = try form.span()
        self.init(
            filter: try DeviceFilter(form), since: span.lowerBound, until: span.upperBound,
            step: try form.milliseconds(.step), group: try form.word(.by) ?? .series,
            quantiles: try form.flag(.quantiles), top: try form.integer(.top, in: 1...1_000_000),
            order: try form.word(.order) ?? .mean, ascending: try form.flag(.ascending))
    }

    package func write(to form: inout Form) {
        filter.write(to: &form)
        form.write(since, as: .since)
        form.write(until, as: .until)
        form.write(step, as: .step)
        form.write(group, as: .by)
        form.write(quantiles, as: .quantiles)
        form.write(top, as: .top)
        form.write(order, as: .order)
        form.write(ascending, as: .ascending)
    }
}
