public import Basics
public import Telemetry

/// An alert in its present phase.
public struct AlertAnswer: Codable, Hashable, Sendable {
    public var id: Int64
    public var rule: String
    /// nil where it is about no device; then `subject` and `name` say about what.
    public var device: String?
    /// What it is about where that is larger than a device: `circuit`, `area`, `gateway` or `broker`.
    public var subject: String?
    /// Of that circuit or area; `gateway` and `broker` by that word.
    public var name: String?
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
        case id, rule, device, subject, name, quantity, channel, phase, severity, since, at, value, unit, sentence, note
        case acknowledgedAt = "acknowledged_at"
        case acknowledgedBy = "acknowledged_by"
    }

    package init(
        id: Int64, rule: String, device: String? = nil, subject: String? = nil, name: String? = nil,
        quantity: String? = nil, channel: String? = nil, phase: AlertPhase,
        severity: Severity, since: Timestamp, at: Timestamp, value: Double? = nil, unit: String? = nil,
        sentence: String, acknowledgedAt: Timestamp? = nil, acknowledgedBy: String? = nil, note: String? = nil
    ) {
        self.id = id
        self.rule = rule
        self.device = device
        self.subject = subject
        self.name = name
        self.quantity = quantity
        self.channel = channel
        self.phase = phase
        self.severity = severity
        self.since = since
        self.at = at
        self.value = value
        self.unit = unit
        self.sentence = sentence
        self.acknowledgedAt = acknowledgedAt
        self.acknowledgedBy = acknowledgedBy
        self.note = note
    }

    /// What it is about, as people call it.
    public var about: String { device ?? name ?? "" }
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

        package init(
            id: Int64, from: AlertPhase, to: AlertPhase, at: Timestamp, since: Timestamp, severity: Severity,
            value: Double? = nil, sentence: String, notifications: [Notification]
        ) {
            self.id = id
            self.from = from
            self.to = to
            self.at = at
            self.since = since
            self.severity = severity
            self.value = value
            self.sentence = sentence
            self.notifications = notifications
        }
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

        package init(
            channel: String, attempts: Int, deliveredAt: Timestamp? = nil, error: String? = nil
        ) {
            self.channel = channel
            self.attempts = attempts
            self.deliveredAt = deliveredAt
            self.error = error
        }
    }

    package init(
        alert: AlertAnswer, transitions: [Transition], stepsGivenUp: Int64? = nil, toldSince: Timestamp? = nil
    ) {
        self.alert = alert
        self.transitions = transitions
        self.stepsGivenUp = stepsGivenUp
        self.toldSince = toldSince
    }
}
