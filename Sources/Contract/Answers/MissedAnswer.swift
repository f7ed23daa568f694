public import Basics

/// What was, while nobody looked: the incidents of a span and who took them, what was lost, and what the gateway itself had.
public struct MissedAnswer: Codable, Hashable, Sendable {
    /// Of the span, which ends at the answer where nobody said otherwise.
    public var since: Timestamp
    /// See `since`.
    public var until: Timestamp
    /// Those of the city that fired or became unknown and share time with the span, newest first: at most `incidentsMax`, those that
    /// are not over and that nobody took before the others, and the graver before the lesser.
    public var incidents: [IncidentAnswer]
    /// There are more of these or of those.
    public var hasMore: Bool
    /// The same of the gateway and its broker.
    public var ofGateway: [IncidentAnswer]
    /// When gateways ran in the span, oldest first; empty of a store of before that was kept.
    public var runs: [RunAnswer]
    /// Devices by how they are at the answer, such as `ok`, `firing`, `unknown`.
    public var devices: [String: Int]
    /// Messages that gave no reading, received in the span, as far as they are kept; most frequent first.
    public var rejects: [Rejected]
    /// What the store gave up in the span, in order.
    public var lost: [Lost]

    /// Those that were in force in the span, oldest first; of more the newest 1000.
    public var silences: [SilenceAnswer]
    /// Channels on which something waits that could not be told, or of which something was given up, as they are at the answer.
    public var channels: [ChannelAnswer]

    /// Of `incidents`.
    public static let incidentsMax = 1000

    enum CodingKeys: String, CodingKey {
        case since, until, incidents, runs, devices, rejects, lost, silences, channels
        case hasMore = "has_more"
        case ofGateway = "of_gateway"
    }

    /// How often a reason was met.
    public struct Rejected: Codable, Hashable, Sendable {
        /// The raw value of a `Reject.Reason`.
        public var reason: String
        /// Messages or parts of messages.
        public var count: Int64
        /// Whose, where they are all of one device.
        public var device: String?

        package init(reason: String, count: Int64, device: String? = nil) {
            self.reason = reason
            self.count = count
            self.device = device
        }
    }

    /// An entry of the store's ledger.
    public struct Lost: Codable, Hashable, Sendable {
        /// When it was given up.
        public var at: Timestamp
        /// `age`, `budget`, `damage` or `order`.
        public var why: String
        /// Of the readings.
        public var first: Timestamp
        /// Of the readings.
        public var last: Timestamp
        /// Readings, or other things that `detail` names.
        public var rows: Int64
        /// What exactly; may be empty.
        public var detail: String

        package init(at: Timestamp, why: String, first: Timestamp, last: Timestamp, rows: Int64, detail: String) {
            self.at = at
            self.why = why
            self.first = first
            self.last = last
            self.rows = rows
            self.detail = detail
        }
    }

    package init(
        since: Timestamp, until: Timestamp, incidents: [IncidentAnswer] = [], hasMore: Bool = false,
        ofGateway: [IncidentAnswer] = [], runs: [RunAnswer] = [], devices: [String: Int] = [:],
        rejects: [Rejected] = [], lost: [Lost] = [], silences: [SilenceAnswer] = [], channels: [ChannelAnswer] = []
    ) {
        self.since = since
        self.until = until
        self.incidents = incidents
        self.hasMore = hasMore
        self.ofGateway = ofGateway
        self.runs = runs
        self.devices = devices
        self.rejects = rejects
        self.lost = lost
        self.silences = silences
        self.channels = channels
    }
}

/// A stretch of time in which a gateway ran on the store.
public struct RunAnswer: Codable, Hashable, Sendable {
    /// When it was ready.
    public var began: Timestamp
    /// nil while it runs; of one that was not ended in order the last moment that it wrote down.
    public var ended: Timestamp?
    /// Whether it was stopped, and did not break off.
    public var isInOrder: Bool
    /// Of the program.
    public var version: String

    enum CodingKeys: String, CodingKey {
        case began, ended, version
        case isInOrder = "in_order"
    }

    package init(began: Timestamp, ended: Timestamp? = nil, isInOrder: Bool, version: String) {
        self.began = began
        self.ended = ended
        self.isInOrder = isInOrder
        self.version = version
    }
}
