public import Basics
public import Telemetry

/// An alert in its present phase.
public struct AlertAnswer: Codable, Hashable, Sendable {
    /// One number for one rule about one subject: it stays through all incidents.
    public var id: Int64
    /// Its name in the rules file, where it may stand no more.
    public var rule: String
    /// nil where it is about no device; then `subject` and `name` say about what.
    public var device: String?
    /// What it is about where that is larger than a device: `circuit`, `area`, `gateway` or `broker`.
    public var subject: String?
    /// Of that circuit or area; `gateway` and `broker` by that word.
    public var name: String?
    /// Name of the quantity; nil where it is about no single series.
    public var quantity: String?
    /// Of the device, such as `l1`; nil for the device as a whole, and where it is about no single series.
    public var channel: String?
    /// In which it is since `at`.
    public var phase: AlertPhase
    /// Of its newest step.
    public var severity: Severity
    /// When the condition began to hold.
    public var since: Timestamp
    /// When it came into its phase.
    public var at: Timestamp
    /// How long ago `since` was, by a clock that nobody sets; nil where an earlier version kept the wall clock's time alone
    /// and that was set since.
    public var sinceSecondsAgo: Double?
    /// The same of `at`.
    public var atSecondsAgo: Double?
    /// The value that decided the newest step, in `unit`; nil where none did.
    public var value: Double?
    /// Canonical unit of the quantity (UCUM), `1` of a count or a coverage; nil where it is about no single series.
    public var unit: String?
    /// The newest step in words, with the numbers.
    public var sentence: String
    /// What the sentence says, to be put into other words; nil where an earlier version stored the words alone.
    public var meaning: Sentence?
    /// nil where nobody has taken this incident on; the next incident starts without.
    public var acknowledgedAt: Timestamp?
    /// Who, as given with the order; nil where nobody has.
    public var acknowledgedBy: String?
    /// What is being done, as given with the order: empty where nothing was; nil where nobody has taken it on.
    public var note: String?

    enum CodingKeys: String, CodingKey {
        case id, rule, device, subject, name, quantity, channel, phase, severity, since, at, value, unit, sentence, note
        case meaning
        case sinceSecondsAgo = "since_seconds_ago"
        case atSecondsAgo = "at_seconds_ago"
        case acknowledgedAt = "acknowledged_at"
        case acknowledgedBy = "acknowledged_by"
    }

    package init(
        id: Int64, rule: String, device: String? = nil, subject: String? = nil, name: String? = nil,
        quantity: String? = nil, channel: String? = nil, phase: AlertPhase,
        severity: Severity, since: Timestamp, at: Timestamp, sinceSecondsAgo: Double? = nil,
        atSecondsAgo: Double? = nil,
        value: Double? = nil, unit: String? = nil,
        sentence: String, meaning: Sentence? = nil, acknowledgedAt: Timestamp? = nil, acknowledgedBy: String? = nil,
        note: String? = nil
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
        self.sinceSecondsAgo = sinceSecondsAgo
        self.atSecondsAgo = atSecondsAgo
        self.value = value
        self.unit = unit
        self.sentence = sentence
        self.meaning = meaning
        self.acknowledgedAt = acknowledgedAt
        self.acknowledgedBy = acknowledgedBy
        self.note = note
    }

    /// What it is about, as people call it.
    public var about: String { device ?? name ?? "" }
}

/// An alert with its story, oldest first.
public struct AlertStoryAnswer: Codable, Hashable, Sendable {
    /// As it is now.
    public var alert: AlertAnswer
    /// The steps that are kept.
    public var transitions: [Transition]
    /// How many of its older steps are no longer kept; nil where all are.
    public var stepsGivenUp: Int64?
    /// Time of the oldest step that is kept; nil where all are.
    public var toldSince: Timestamp?
    /// What people did about the incidents that are kept.
    public var deeds: [IncidentDeed]

    enum CodingKeys: String, CodingKey {
        case alert, transitions, deeds
        case stepsGivenUp = "steps_given_up"
        case toldSince = "told_since"
    }

    /// One step of an alert, from one phase into another.
    public struct Transition: Codable, Hashable, Sendable {
        /// Rising over the steps of all alerts; never used twice.
        public var id: Int64
        /// The phase it left.
        public var from: AlertPhase
        /// The phase it came into.
        public var to: AlertPhase
        /// The moment of the evaluation that made the step.
        public var at: Timestamp
        /// When the condition began to hold; kept through pending, firing and unknown.
        public var since: Timestamp
        /// As it was at this step; later ones may have another.
        public var severity: Severity
        /// The value that decided, in the alert's `unit`; nil where none did.
        public var value: Double?
        /// The step in words, with the numbers.
        public var sentence: String
        /// As `AlertAnswer.meaning`.
        public var meaning: Sentence?
        /// One a channel, in the order they were written; empty for a step that nobody is told of.
        public var notifications: [Notification]
        /// What was decided for those whom the desk tells, in order.
        public var decisions: [Decision]

        package init(
            id: Int64, from: AlertPhase, to: AlertPhase, at: Timestamp, since: Timestamp, severity: Severity,
            value: Double? = nil, sentence: String, meaning: Sentence? = nil, notifications: [Notification],
            decisions: [Decision] = []
        ) {
            self.decisions = decisions
            self.id = id
            self.from = from
            self.to = to
            self.at = at
            self.since = since
            self.severity = severity
            self.value = value
            self.sentence = sentence
            self.meaning = meaning
            self.notifications = notifications
        }
    }

    /// How the telling of one step by one channel went.
    public struct Notification: Codable, Hashable, Sendable {
        /// `log` or `mqtt`.
        public var channel: String
        /// Those that failed.
        public var attempts: Int
        /// nil while it is still to be delivered.
        public var deliveredAt: Timestamp?
        /// Why the last attempt failed; nil before one did, and once it is delivered.
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

    /// What was decided for one recipient while an alert was at one step.
    public struct Decision: Codable, Hashable, Sendable {
        /// The name of a channel.
        public var recipient: String
        /// When.
        public var at: Timestamp
        /// `told`, `over` where it was over before its time came, or why it is held back (`Hold.Reason`).
        public var verdict: String
        /// Verdicts beside `Hold.Reason`: these words are stored and never change.
        package static let (told, over) = ("told", "over")

        /// By what it is held back: the cause, the number of a silence, the name of a maintenance window.
        public var detail: String?

        package init(recipient: String, at: Timestamp, verdict: String, detail: String? = nil) {
            self.recipient = recipient
            self.at = at
            self.verdict = verdict
            self.detail = detail
        }

        /// In words, as in `held back by silence 3`.
        public var words: String {
            switch verdict {
            case Self.told: "told"
            case Self.over: "over before it was told"
            default:
                switch Hold.Reason(rawValue: verdict) {
                case .cause: "kept under \(detail ?? "its cause")"
                case .awaitingCause: "waits whether a cause explains it"
                case .settling: "waits whether it ends with its cause"
                case .silenced: "silenced (silence \(detail ?? "?"))"
                case .shelved: "put aside (silence \(detail ?? "?"))"
                case .maintenance: "in maintenance (\(detail ?? "?"))"
                case .outOfTime: "out of the time of its routes"
                case .escalation: "waits whether somebody takes it"
                case .taken: "not needed: somebody took it"
                case nil: verdict
                }
            }
        }
    }

    package init(
        alert: AlertAnswer, transitions: [Transition], stepsGivenUp: Int64? = nil, toldSince: Timestamp? = nil,
        deeds: [IncidentDeed] = []
    ) {
        self.deeds = deeds
        self.alert = alert
        self.transitions = transitions
        self.stepsGivenUp = stepsGivenUp
        self.toldSince = toldSince
    }
}
