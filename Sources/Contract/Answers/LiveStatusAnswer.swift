public import Basics

/// How the running gateway does, beyond what its files say.
public struct LiveStatusAnswer: Codable, Hashable, Sendable {
    /// Of the gateway's program, such as `0.1.0`.
    public var version: String
    /// When this process had its store open.
    public var startedAt: Timestamp
    /// How long it has run since; as all spans by a clock that nobody sets.
    public var upSeconds: Double = 0
    /// `host:port`, as configured.
    public var broker: String
    /// As looked up each second.
    public var brokerConnected: Bool
    /// nil while there is no connection.
    public var brokerConnectedSince: Timestamp?
    /// For how long there has been one; nil while there is none.
    public var brokerConnectedSeconds: Double?
    /// The last turn that passed receive, commit and evaluate.
    public var lastTurnAt: Timestamp
    /// How long ago that was; since the start before the first.
    public var lastTurnSecondsAgo: Double = 0
    /// Turns that passed since the start, those without messages included.
    public var turns: Int64
    /// Messages of the last hour, or since the start where that was later.
    public var receivedLastHour: Int64 = 0
    /// New readings that they gave; imported ones are left out.
    public var readingsLastHour: Int64 = 0
    /// Messages the broker threw away since the gateway listens to it.
    public var droppedByBroker: Int64
    /// Why the store takes nothing at the moment; nil while it does.
    public var storeTrouble: String?

    /// The last reload, where it was refused; nil once a later one is not.
    public var refusedReload: RefusedReload?
    /// Keys of the configuration file that were changed since the start and take a restart, as of the last reload; nil for
    /// none.
    public var restartNeeded: [String]?

    /// What scrubs of the store have come to; nil where none are made (`store.scrub_every: off`).
    public var scrub: Scrub?

    /// What the memory allows, and what found no room in it; nil before the first second.
    public var room: Room?

    /// How far memory reaches.
    public struct Room: Codable, Hashable, Sendable {
        /// What the gateway may have, in bytes.
        public var memoryBytes: Int
        /// Who says so: a file of the control group, the machine or `limits.memory`.
        public var memorySource: String
        /// Devices that may be known at most.
        public var devicesMax: Int
        /// Those that are.
        public var devices: Int
        /// Series that may be known at most.
        public var seriesMax: Int
        /// Those that are.
        public var series: Int
        /// Series with windows.
        public var windowedSeries: Int
        /// Series that spoke and have none, for there was no room: their readings are stored, and they have no statistics.
        public var unwindowedSeries: Int
        /// New names that were refused since the start because they came too fast.
        public var refusedNames: Int64
        /// When the newest was; nil where none was.
        public var refusedAt: Timestamp?
        /// How long ago that was.
        public var refusedSecondsAgo: Double?
        /// The topics that most of them came from, at most five, by their first 512 bytes, with the number of each.
        public var refusedTopics: [String: Int64]

        enum CodingKeys: String, CodingKey {
            case devices, series
            case memoryBytes = "memory_bytes"
            case memorySource = "memory_source"
            case devicesMax = "devices_max"
            case seriesMax = "series_max"
            case windowedSeries = "windowed_series"
            case unwindowedSeries = "unwindowed_series"
            case refusedNames = "refused_names"
            case refusedAt = "refused_at"
            case refusedSecondsAgo = "refused_seconds_ago"
            case refusedTopics = "refused_topics"
        }

        package init(
            memoryBytes: Int, memorySource: String, devicesMax: Int, devices: Int, seriesMax: Int, series: Int,
            windowedSeries: Int, unwindowedSeries: Int, refusedNames: Int64, refusedAt: Timestamp?,
            refusedSecondsAgo: Double?, refusedTopics: [String: Int64]
        ) {
            self.memoryBytes = memoryBytes
            self.memorySource = memorySource
            self.devicesMax = devicesMax
            self.devices = devices
            self.seriesMax = seriesMax
            self.series = series
            self.windowedSeries = windowedSeries
            self.unwindowedSeries = unwindowedSeries
            self.refusedNames = refusedNames
            self.refusedAt = refusedAt
            self.refusedSecondsAgo = refusedSecondsAgo
            self.refusedTopics = refusedTopics
        }
    }

    /// Readings of the whole store for damage, beside the turn.
    public struct Scrub: Codable, Hashable, Sendable {
        /// When the last whole one ended; nil before the first.
        public var endedAt: Timestamp?
        /// When the one under way began, over restarts; nil between two.
        public var began: Timestamp?
        /// Files that the one under way has looked at, or between two the last one.
        public var files: Int
        /// Damage that was found, a sentence each.
        public var found: [String]
        /// None ended for so long that one is due.
        public var isDue: Bool

        enum CodingKeys: String, CodingKey {
            case began, files, found
            case endedAt = "ended_at"
            case isDue = "is_due"
        }

        package init(endedAt: Timestamp?, began: Timestamp?, files: Int, found: [String], isDue: Bool) {
            (self.endedAt, self.began, self.files, self.found, self.isDue) = (endedAt, began, files, found, isDue)
        }
    }

    /// What is in force is not what the files say.
    public struct RefusedReload: Codable, Hashable, Sendable {
        /// By the gateway's clock.
        public var at: Timestamp
        /// How long ago that was.
        public var secondsAgo: Double = 0
        /// A line for each mistake.
        public var reason: String

        enum CodingKeys: String, CodingKey {
            case at, reason
            case secondsAgo = "seconds_ago"
        }

        package init(at: Timestamp, reason: String) {
            self.at = at
            self.reason = reason
        }
    }

    enum CodingKeys: String, CodingKey {
        case version, broker, turns, scrub, room
        case startedAt = "started_at"
        case upSeconds = "up_seconds"
        case brokerConnectedSeconds = "broker_connected_seconds"
        case lastTurnSecondsAgo = "last_turn_seconds_ago"
        case brokerConnected = "broker_connected"
        case brokerConnectedSince = "broker_connected_since"
        case lastTurnAt = "last_turn_at"
        case receivedLastHour = "received_last_hour"
        case readingsLastHour = "readings_last_hour"
        case droppedByBroker = "dropped_by_broker"
        case storeTrouble = "store_trouble"
        case refusedReload = "refused_reload"
        case restartNeeded = "restart_needed"
    }

    package init(version: String, startedAt: Timestamp, broker: String) {
        self.version = version
        self.startedAt = startedAt
        self.broker = broker
        brokerConnected = false
        lastTurnAt = startedAt
        turns = 0
        droppedByBroker = 0
    }
}
