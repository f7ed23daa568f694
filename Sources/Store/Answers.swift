public import Basics
public import Telemetry

// The answers of the archive, as values. The gateway's API and the command line encode these same types, so the same
// request gives the same answer. Keys are snake_case, times RFC 3339 in UTC.

/// How much there is, and how it goes.
public struct StatusAnswer: Codable, Hashable, Sendable {
    /// Messages since the store was made; the counters below count readings unless they say otherwise.
    public var received: Int64
    public var committed: Int64
    public var duplicates: Int64
    public var corrected: Int64
    /// Messages or parts of messages.
    public var rejected: Int64
    public var suspect: Int64
    public var late: Int64
    /// Messages.
    public var ignored: Int64
    /// Messages.
    public var empty: Int64
    public var damagedRows: Int64
    public var series: Int
    public var devices: Int
    public var devicesExpected: Int
    public var alertsFiring: Int
    public var alertsPending: Int
    public var alertsUnknown: Int
    /// The newest journal row.
    public var journalID: Int64
    /// Rows and bytes waiting for the next seal.
    public var journalRows: Int64
    public var journalBytes: Int64
    /// The first and the last UTC day with sealed readings, `2026-03-05`.
    public var oldestDay: String?
    public var newestDay: String?
    /// Of all files of the store.
    public var storeBytes: Int64
    public var lastCommitAt: Timestamp?
    public var evaluatedThrough: Int64
    /// Notifications not delivered yet.
    public var outboxPending: Int

    enum CodingKeys: String, CodingKey {
        case received, committed, duplicates, corrected, rejected, suspect, late, ignored, empty, series, devices
        case damagedRows = "damaged_rows"
        case devicesExpected = "devices_expected"
        case alertsFiring = "alerts_firing"
        case alertsPending = "alerts_pending"
        case alertsUnknown = "alerts_unknown"
        case journalID = "journal_id"
        case journalRows = "journal_rows"
        case journalBytes = "journal_bytes"
        case oldestDay = "oldest_day"
        case newestDay = "newest_day"
        case storeBytes = "store_bytes"
        case lastCommitAt = "last_commit_at"
        case evaluatedThrough = "evaluated_through"
        case outboxPending = "outbox_pending"
    }
}

/// A device as the city knows it, also when it never spoke.
public struct DeviceAnswer: Codable, Hashable, Sendable {
    public var device: String
    public var profile: String
    public var area: String
    public var circuit: String
    /// Degrees north and east, WGS 84.
    public var latitude: Double?
    public var longitude: Double?
    /// Whether the roster names it.
    public var expected: Bool
    public var expectedSince: Timestamp?
    public var cadenceSeconds: Double?
    /// Received time of its newest message.
    public var lastHeard: Timestamp?
    /// `online` or `offline` by its own word; nil where it never said.
    public var lastStatus: String?
    public var lastStatusAt: Timestamp?
    public var series: Int
    public var firingAlerts: Int

    enum CodingKeys: String, CodingKey {
        case device, profile, area, circuit, latitude, longitude, expected, series
        case expectedSince = "expected_since"
        case cadenceSeconds = "cadence_seconds"
        case lastHeard = "last_heard"
        case lastStatus = "last_status"
        case lastStatusAt = "last_status_at"
        case firingAlerts = "firing_alerts"
    }
}

/// The newest reading of a series.
public struct LatestAnswer: Codable, Hashable, Sendable {
    public var device: String
    public var quantity: String
    public var channel: String?
    public var value: Double
    public var unit: String
    public var observed: Timestamp
}

/// The readings of one device in a span of time, one entry a series.
public struct HistoryAnswer: Codable, Hashable, Sendable {
    public var device: String
    public var since: Timestamp
    /// Not included.
    public var until: Timestamp
    /// Width of a bucket; nil for raw points.
    public var stepSeconds: Double?
    public var series: [SeriesHistory]
    /// Frames that could not be read and are missing from the answer.
    public var damaged: [String]

    enum CodingKeys: String, CodingKey {
        case device, since, until, series, damaged
        case stepSeconds = "step_seconds"
    }
}

public struct SeriesHistory: Codable, Hashable, Sendable {
    public var quantity: String
    public var channel: String?
    public var unit: String
    /// In order of time. Empty when buckets were asked for.
    public var points: [Point]
    /// In order of time, only those with readings. Empty when raw points were asked for.
    public var buckets: [Bucket]
    /// Ask again with this `since` for what did not fit the limit; nil at the end.
    public var next: Timestamp?

    public struct Point: Codable, Hashable, Sendable {
        public var observed: Timestamp
        public var value: Double
    }

    /// The readings of `start ..< start + step`. Buckets lie on multiples of the step since 1970-01-01T00:00:00Z, those
    /// of whole days on the site's days.
    public struct Bucket: Codable, Hashable, Sendable {
        public var start: Timestamp
        public var count: Int
        public var mean: Double
        public var min: Double
        public var max: Double
        public var sum: Double
        /// The value at the newest time.
        public var last: Double
        /// Of the population (divided by `count`).
        public var standardDeviation: Double
        /// Where they were asked for, to a thirty-second part of the value.
        public var median: Double?
        public var p95: Double?
        public var p99: Double?
        /// Readings over those expected by the roster's cadence; nil where the roster gives none.
        public var coverage: Double?
        /// True where readings came, or were corrected, after an hour or day in it had been told complete.
        public var revised: Bool?

        enum CodingKeys: String, CodingKey {
            case start, count, mean, min, max, sum, last, median, p95, p99, coverage, revised
            case standardDeviation = "standard_deviation"
        }
    }
}

/// An alert in its present phase.
public struct AlertAnswer: Codable, Hashable, Sendable {
    public var id: Int64
    public var rule: String
    public var device: String
    public var quantity: String?
    public var channel: String?
    public var phase: AlertPhase
    public var severity: Severity
    /// When the condition began to hold.
    public var since: Timestamp
    /// When it came into its phase.
    public var at: Timestamp
    public var value: Double?
    public var unit: String?
    public var sentence: String
    public var acknowledgedAt: Timestamp?
    public var acknowledgedBy: String?
    public var note: String?

    enum CodingKeys: String, CodingKey {
        case id, rule, device, quantity, channel, phase, severity, since, at, value, unit, sentence, note
        case acknowledgedAt = "acknowledged_at"
        case acknowledgedBy = "acknowledged_by"
    }
}

/// An alert with its story, oldest first.
public struct AlertStoryAnswer: Codable, Hashable, Sendable {
    public var alert: AlertAnswer
    public var transitions: [Transition]
    /// How many of its older steps are no longer kept, and the time of the oldest that is; nil where all are.
    public var stepsGivenUp: Int64?
    public var toldSince: Timestamp?

    enum CodingKeys: String, CodingKey {
        case alert, transitions
        case stepsGivenUp = "steps_given_up"
        case toldSince = "told_since"
    }

    public struct Transition: Codable, Hashable, Sendable {
        public var id: Int64
        public var from: AlertPhase
        public var to: AlertPhase
        public var at: Timestamp
        public var since: Timestamp
        public var severity: Severity
        public var value: Double?
        public var sentence: String
        public var notifications: [Notification]
    }

    public struct Notification: Codable, Hashable, Sendable {
        public var channel: String
        public var attempts: Int
        public var deliveredAt: Timestamp?
        /// Why the last attempt failed.
        public var error: String?

        enum CodingKeys: String, CodingKey {
            case channel, attempts, error
            case deliveredAt = "delivered_at"
        }
    }
}

/// Messages that gave no reading.
public struct RejectsAnswer: Codable, Hashable, Sendable {
    /// All there ever were that fit the filter, also those whose text is gone, most frequent first.
    public var counts: [Count]
    /// Newest first.
    public var rejects: [Entry]

    public struct Count: Codable, Hashable, Sendable {
        public var reason: String
        public var count: Int64
        public var lastAt: Timestamp

        enum CodingKeys: String, CodingKey {
            case reason, count
            case lastAt = "last_at"
        }
    }

    public struct Entry: Codable, Hashable, Sendable {
        public var id: Int64
        public var receivedAt: Timestamp
        public var reason: String
        public var detail: String
        public var topic: String
        public var device: String?
        /// The first bytes of the payload where they are UTF-8 text.
        public var payload: String?
        /// The same bytes in hexadecimal where they are not.
        public var payloadHex: String?
        public var payloadBytes: Int

        enum CodingKeys: String, CodingKey {
            case id, reason, detail, topic, device, payload
            case receivedAt = "received_at"
            case payloadHex = "payload_hex"
            case payloadBytes = "payload_bytes"
        }
    }
}
