/// What a recipient knows of an alert, or should.
public enum Shown: Hashable, Sendable {
    /// It was never told of it, or was told of its end.
    case nothing
    case firing(Severity)
    /// It was firing and its data stopped.
    case unknown(Severity)
    /// It begins and ends again and again.
    case flapping(Severity)

    /// nil where nothing is wrong.
    public var severity: Severity? {
        switch self {
        case .nothing: nil
        case .firing(let severity), .unknown(let severity), .flapping(let severity): severity
        }
    }

    /// As it is stored: these words never change.
    public var word: String {
        switch self {
        case .nothing: "nothing"
        case .firing: "firing"
        case .unknown: "unknown"
        case .flapping: "flapping"
        }
    }

    /// nil for a word that none of them has, and where the severity is missing.
    public init?(word: String, severity: Severity?) {
        switch (word, severity) {
        case ("nothing", _): self = .nothing
        case ("firing", let severity?): self = .firing(severity)
        case ("unknown", let severity?): self = .unknown(severity)
        case ("flapping", let severity?): self = .flapping(severity)
        default: return nil
        }
    }
}

/// Why a recipient is not told of an alert yet.
public struct Hold: Hashable, Sendable {
    /// The raw values are stored and shown, and never change.
    public enum Reason: String, CaseIterable, Codable, Sendable {
        /// Another alert explains it.
        case cause
        /// One may come that does: it is waited for until `due`.
        case awaitingCause = "awaiting_cause"
        /// Its cause is over; until `due` it may be over too.
        case settling
        /// By a silence.
        case silenced
        /// By somebody who put this one alert aside.
        case shelved
        /// By a maintenance window.
        case maintenance
        /// None of the recipient's routes is in force at this time.
        case outOfTime = "out_of_time"
        /// It is told at `due` where nobody has taken it by then.
        case escalation
        /// Somebody took it before it was this recipient's turn.
        case taken
    }

    /// What holds it back.
    public var reason: Reason
    /// By what: the cause, the number of a silence, the name of a maintenance window; else empty.
    public var detail: String
    /// When it is over by itself; nil where something else has to happen.
    public var due: SteadyTime?

    /// `detail` and `due` where the reason has them.
    public init(_ reason: Reason, by detail: String = "", due: SteadyTime? = nil) {
        self.reason = reason
        self.detail = detail
        self.due = due
    }
}

/// What the desk decided about one alert and one recipient.
public struct DeskDecision: Hashable, Sendable {
    /// What becomes of the message.
    public enum Verdict: Hashable, Sendable {
        /// It goes out, with others of its group where it has one.
        case told(Shown, in: NoticeGroup?)
        case held(Hold)
        /// Nothing is left to tell: it was over before its time came.
        case over
    }

    /// About which alert.
    public var key: AlertKey
    /// The place of the step among those that were given; nil: the newest that is stored.
    public var step: Int?
    /// By the name of its channel.
    public var recipient: String
    /// What was decided.
    public var verdict: Verdict
    /// What the recipient knows from now on.
    public var seen: Shown
    /// When it was decided.
    public var at: Moment

    /// `step` is nil for the newest.
    public init(key: AlertKey, step: Int?, recipient: String, verdict: Verdict, seen: Shown, at: Moment) {
        self.key = key
        self.step = step
        self.recipient = recipient
        self.verdict = verdict
        self.seen = seen
        self.at = at
    }
}

/// Notices of one kind that go out together.
public struct NoticeGroup: Hashable, Sendable {
    /// What they have in common, as people read it: `rule=device-silent area=West`.
    public var name: String
    /// After one message of the group the next waits so long for others.
    public var interval: Duration

    /// `interval` is zero or more.
    public init(name: String, interval: Duration) {
        self.name = name
        self.interval = interval
    }
}

/// What a recipient knew of an alert when the gateway ended, and what held the rest back.
public struct StoredStanding: Hashable, Sendable {
    /// About which alert.
    public var key: AlertKey
    /// By the name of its channel.
    public var recipient: String
    /// What it knows.
    public var seen: Shown
    /// nil where nothing is held back.
    public var hold: Hold?

    /// As the store kept it.
    public init(key: AlertKey, recipient: String, seen: Shown, hold: Hold?) {
        self.key = key
        self.recipient = recipient
        self.seen = seen
        self.hold = hold
    }
}
