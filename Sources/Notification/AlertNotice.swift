public import Basics
public import Telemetry

/// One step of one alert, as people and machines outside are told of it.
public struct AlertNotice: Hashable, Sendable {
    /// The number by which `baotu alerts show` knows the alert; the last part of its topic. 0 of a trial, -1 of one that the store
    /// has not taken yet.
    public var alertID: Int64
    /// Its name in the rules file.
    public var rule: String
    /// What it is about, as people call it: the name of a device, a circuit or an area, `gateway` or `broker`.
    public var name: String
    /// Which kind of thing `name` names.
    public var subject: Subject.Kind
    /// Its name; nil where the alert is about no single series.
    public var quantity: String?
    /// Of the device, such as `l1`; nil for the device as a whole, and where the alert is about no single series.
    public var channel: String?
    /// Into which the step led.
    public var phase: AlertPhase
    /// Of the alert at this step.
    public var severity: Severity
    /// When the condition began to hold.
    public var since: Timestamp
    /// The moment of the evaluation that made the step.
    public var at: Timestamp
    /// In `unit`.
    public var value: Double?
    /// Canonical unit of the quantity (UCUM), `1` of a count or a coverage; nil where `quantity` is.
    public var unit: String?
    /// The step in words, with the numbers.
    public var sentence: String
    /// With which severity the same was told by the notice before this one; nil where that was an end, or there was none.
    public var toldSeverity: Severity?
    /// Whether it tells that the alert begins and ends again and again.
    public var isFlapping: Bool
    /// What is to be done, as the rule has it; nil where it says nothing, and of an end.
    public var runbook: String?
    /// The alerts that it tells of, where they are more than one: then the rest is about the gravest of them.
    public var group: Group?

    package init(
        alertID: Int64, rule: String, subject: Subject.Kind, name: String, quantity: String?, channel: String?,
        phase: AlertPhase, severity: Severity, since: Timestamp, at: Timestamp, value: Double?, unit: String?,
        sentence: String, toldSeverity: Severity? = nil, isFlapping: Bool = false, runbook: String? = nil,
        group: Group? = nil
    ) {
        self.alertID = alertID
        self.rule = rule
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
        self.toldSeverity = toldSeverity
        self.isFlapping = isFlapping
        self.runbook = runbook
        self.group = group
    }

    /// Of a notice that only tries a channel; alerts have numbers from 1.
    package static let trialID: Int64 = 0

    /// Of a notice that is told while the store refuses to take it: only the store gives numbers.
    package static let unstoredID: Int64 = -1

    /// Whether it is of no alert.
    package var isTrial: Bool { alertID == Self.trialID }

    /// The key under which `name` stands in a log: `device`, or the kind of what is larger.
    public var aboutKey: String {
        subject.isOfDevice ? Subject.Kind.device.rawValue : subject.rawValue
    }

    /// The notice as one JSON object; keys of the API, absent where there is no value.
    public var json: String {
        let about =
            subject.isOfDevice
            ? "\"device\":\(JSONText.quoted(name))"
            : "\"subject\":\(JSONText.quoted(subject.rawValue)),\"name\":\(JSONText.quoted(name))"
        var fields = [
            "\"id\":\(alertID)", "\"rule\":\(JSONText.quoted(rule))", about,
            "\"phase\":\(JSONText.quoted(phase.rawValue))", "\"severity\":\(JSONText.quoted(severity.rawValue))",
            "\"since\":\(JSONText.quoted(since.description))", "\"at\":\(JSONText.quoted(at.description))",
        ]
        if let quantity { fields.append("\"quantity\":\(JSONText.quoted(quantity))") }
        if let channel { fields.append("\"channel\":\(JSONText.quoted(channel))") }
        if let value, value.isFinite { fields.append("\"value\":\(value)") }
        if let unit { fields.append("\"unit\":\(JSONText.quoted(unit))") }
        fields.append("\"sentence\":\(JSONText.quoted(sentence))")
        fields += fieldsOfFew
        return "{\(fields.joined(separator: ","))}"
    }
}
