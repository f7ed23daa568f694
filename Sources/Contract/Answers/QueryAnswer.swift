public import Basics

/// Summaries of many series, one entry a group.
public struct QueryAnswer: Codable, Hashable, Sendable {
    /// Included; as asked.
    public var since: Timestamp
    /// Not included; as asked, or where the next answer begins.
    public var until: Timestamp
    /// nil for one bucket of the whole span.
    public var stepSeconds: Double?
    /// By quantity, then by name; by `order` where only the `top` ones were asked for.
    public var groups: [Entry]
    /// Ask again with this `since` for what did not fit one answer; nil at the end.
    public var next: Timestamp?
    /// Frames that could not be read and are missing from the answer.
    public var damaged: [String]

    /// Series of one quantity, put together as asked.
    public struct Entry: Codable, Hashable, Sendable {
        /// Only of groups of one device or one series; nil where there may be several.
        public var device: String?
        /// Only of a group of one series; nil there for the device as a whole.
        public var channel: String?
        /// Only of groups by area; empty for the devices without one.
        public var area: String?
        /// Only of groups by profile; empty for the devices without one.
        public var profile: String?
        /// Its name in the vocabulary of quantities.
        public var quantity: String
        /// Canonical unit of the quantity (UCUM), in which the values are.
        public var unit: String
        /// Series in it.
        public var series: Int
        /// Over the whole span of the answer; nil where there is no reading.
        public var total: SeriesHistory.Bucket?
        /// In order of time, only those with readings; empty where no step was asked for.
        public var buckets: [SeriesHistory.Bucket]

        package init(
            device: String? = nil, channel: String? = nil, area: String? = nil, profile: String? = nil,
            quantity: String, unit: String, series: Int, total: SeriesHistory.Bucket? = nil,
            buckets: [SeriesHistory.Bucket]
        ) {
            self.device = device
            self.channel = channel
            self.area = area
            self.profile = profile
            self.quantity = quantity
            self.unit = unit
            self.series = series
            self.total = total
            self.buckets = buckets
        }
    }

    enum CodingKeys: String, CodingKey {
        case since, until, groups, next, damaged
        case stepSeconds = "step_seconds"
    }

    package init(
        since: Timestamp, until: Timestamp, stepSeconds: Double? = nil, groups: [Entry], next: Timestamp? = nil,
        damaged: [String]
    ) {
        self.since = since
        self.until = until
        self.stepSeconds = stepSeconds
        self.groups = groups
        self.next = next
        self.damaged = damaged
    }
}
