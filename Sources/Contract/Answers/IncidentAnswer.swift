public import Basics
public import Telemetry

/// A page of incidents, newest first: in the order in which they began, whatever the clock said.
public struct IncidentsAnswer: Codable, Hashable, Sendable {
    /// At most as many as were asked for.
    public var incidents: [IncidentAnswer]
    /// Ask again with this `before` for those that did not fit the limit; nil at the end.
    public var next: Int64?

    package init(incidents: [IncidentAnswer], next: Int64? = nil) {
        self.incidents = incidents
        self.next = next
    }
}

/// One stretch of one alert, from its first pending or firing to its end.
public struct IncidentAnswer: Codable, Hashable, Sendable {
    /// Rising in the order in which incidents began; never used twice.
    public var id: Int64
    /// As `AlertAnswer.id`: under which the alert is taken on.
    public var alert: Int64
    /// Its name in the rules file, where it may stand no more.
    public var rule: String
    /// As `AlertAnswer.device`.
    public var device: String?
    /// As `AlertAnswer.subject`.
    public var subject: String?
    /// As `AlertAnswer.name`.
    public var name: String?
    /// As `AlertAnswer.quantity`.
    public var quantity: String?
    /// As `AlertAnswer.channel`.
    public var channel: String?
    /// As `AlertAnswer.unit`.
    public var unit: String?
    /// Where the subject was when it began; nil where it was in none.
    public var area: String?
    /// As `area`.
    public var circuit: String?
    /// In which it is; of one that is over `resolved`, or `unfired`.
    public var state: IncidentState
    /// The gravest that it had.
    public var severity: Severity
    /// When the condition began to hold, by the wall clock.
    public var began: Timestamp
    /// nil until it is over.
    public var ended: Timestamp?
    /// From beginning to end, by a clock that nobody sets; nil until it is over, and where an earlier version kept the wall
    /// clock's times alone and that was set since.
    public var durationSeconds: Double?
    /// The same from its beginning to the answer; nil once it is over.
    public var openSeconds: Double?
    /// When it first fired; nil where it did not.
    public var firedAt: Timestamp?
    /// The worst value, in `unit`; nil where none decides, and where an earlier version did not keep it.
    public var peak: Double?
    /// When that was.
    public var peakAt: Timestamp?
    /// How it began, in words; nil where that is no longer kept.
    public var beginning: String?
    /// As `AlertAnswer.meaning`.
    public var beginningMeaning: Sentence?
    /// How it ended, in words; nil until it is over.
    public var ending: String?
    /// As `AlertAnswer.meaning`.
    public var endingMeaning: Sentence?
    /// Why it ended; nil until it is over, and where an earlier version stored the words alone.
    public var endReason: Sentence.EndReason?
    /// What people did about it, in order.
    public var deeds: [IncidentDeed]

    enum CodingKeys: String, CodingKey {
        case id, alert, rule, device, subject, name, quantity, channel, unit, area, circuit, state, severity, began,
            ended
        case peak, beginning, ending, deeds
        case durationSeconds = "duration_seconds"
        case openSeconds = "open_seconds"
        case firedAt = "fired_at"
        case peakAt = "peak_at"
        case beginningMeaning = "beginning_meaning"
        case endingMeaning = "ending_meaning"
        case endReason = "end_reason"
    }

    package init(
        id: Int64, alert: Int64, rule: String, device: String? = nil, subject: String? = nil, name: String? = nil,
        quantity: String? = nil, channel: String? = nil, unit: String? = nil, area: String? = nil,
        circuit: String? = nil, state: IncidentState, severity: Severity, began: Timestamp, ended: Timestamp? = nil,
        durationSeconds: Double? = nil, openSeconds: Double? = nil, firedAt: Timestamp? = nil, peak: Double? = nil,
        peakAt: Timestamp? = nil, beginning: Sentence? = nil,
        ending: Sentence? = nil, deeds: [IncidentDeed] = []
    ) {
        self.id = id
        self.alert = alert
        self.rule = rule
        self.device = device
        self.subject = subject
        self.name = name
        self.quantity = quantity
        self.channel = channel
        self.unit = unit
        self.area = area
        self.circuit = circuit
        self.state = state
        self.severity = severity
        self.began = began
        self.ended = ended
        self.durationSeconds = durationSeconds
        self.openSeconds = openSeconds
        self.firedAt = firedAt
        self.peak = peak
        self.peakAt = peakAt
        self.beginning = beginning?.words
        beginningMeaning = beginning?.unlessWords
        self.ending = ending?.words
        endingMeaning = ending?.unlessWords
        endReason = ending?.endReason
        self.deeds = deeds
    }

    /// What it is about, as people call it.
    public var about: String { device ?? name ?? "" }
    /// Whoever took it on first; nil where nobody did.
    public var taken: IncidentDeed? { deeds.first { $0.kind == .acknowledged } }
}

/// What somebody did about an incident.
public struct IncidentDeed: Codable, Hashable, Sendable {
    /// The raw values are stored and never change.
    public enum Kind: String, CaseIterable, Codable, Sendable {
        /// Somebody took it on.
        case acknowledged
        /// Somebody wrote something down.
        case comment
        /// It was given to somebody.
        case assigned
        /// It was put aside for a while.
        case shelved
        /// It is put aside no more.
        case unshelved
    }

    /// The incident's number.
    public var incident: Int64
    /// The newest step of the alert when it was done: the deed comes after it, whatever the clock said.
    public var after: Int64
    /// When the order was carried out.
    public var at: Timestamp
    /// What was done.
    public var kind: Kind
    /// Who, as given with the order.
    public var by: String
    /// As given with the order; empty where nothing was.
    public var note: String
    /// To whom it was given, or until when it was put aside; nil for neither.
    public var target: String?
    /// From where, such as `socket`; nil where an earlier version did not keep it.
    public var origin: String?

    package init(
        incident: Int64, after: Int64, at: Timestamp, kind: Kind, by: String, note: String, target: String? = nil,
        origin: String? = nil
    ) {
        self.incident = incident
        self.after = after
        self.at = at
        self.kind = kind
        self.by = by
        self.note = note
        self.target = target
        self.origin = origin
    }
}

/// An incident with its story, oldest first.
public struct IncidentStoryAnswer: Codable, Hashable, Sendable {
    /// As it is now, with all that people did about it.
    public var incident: IncidentAnswer
    /// Its steps that are kept, and whom they were told.
    public var transitions: [AlertStoryAnswer.Transition]

    package init(incident: IncidentAnswer, transitions: [AlertStoryAnswer.Transition]) {
        self.incident = incident
        self.transitions = transitions
    }
}

extension Sentence {
    /// nil for words alone, which nobody can say otherwise.
    package var unlessWords: Sentence? { key == .words ? nil : self }
}
