public import Basics

/// Summaries of many series, one entry a group.
public struct QueryAnswer: Codable, Hashable, Sendable {
    public var since: Timestamp
    /// Not included.
    public var until: Timestamp
    /// nil for one bucket of the whole span.
    public var stepSeconds: Double?
    public var groups: [Entry]
    /// Ask again with this `since` for what did not fit one answer; nil at the end.
    public var next: Timestamp?
    /// Frames that could not be read and are missing from the answer.
    public var damaged: [String]

    public struct Entry: Codable, Hashable, Sendable {
        /// What the group is of; nil where it is of several.
        public var device: String?
        public var channel: String?
        public var area: String?
        public var profile: String?
        public var quantity: String
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
