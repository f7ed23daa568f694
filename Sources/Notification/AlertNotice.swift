public import Basics
public import Telemetry

/// One step of one alert, as people and machines outside are told of it.
public struct AlertNotice: Hashable, Sendable {
    /// The number by which `baotu alerts show` knows the alert; the last part of its topic.
    public var alertID: Int64
    public var rule: String
    public var device: String
    public var quantity: String?
    public var channel: String?
    public var phase: AlertPhase
    public var severity: Severity
    /// When the condition began to hold.
    public var since: Timestamp
    public var at: Timestamp
    /// In the canonical unit of the quantity.
    public var value: Double?
    public var unit: String?
    public var sentence: String

    public init(
        alertID: Int64, rule: String, device: String, quantity: String?, channel: String?, phase: AlertPhase,
        severity: Severity, since: Timestamp, at: Timestamp, value: Double?, unit: String?, sentence: String
    ) {
        self.alertID = alertID
        self.rule = rule
        self.device = device
        self.quantity = quantity
        self.channel = channel
        self.phase = phase
        self.severity = severity
        self.since = since
        self.at = at
        self.value = value
        self.unit = unit
        self.sentence = sentence
    }

    /// The notice as one JSON object; keys of the API, absent where there is no value.
    public var json: String {
        var fields = [
            "\"id\":\(alertID)", "\"rule\":\(quoted(rule))", "\"device\":\(quoted(device))",
            "\"phase\":\(quoted(phase.rawValue))", "\"severity\":\(quoted(severity.rawValue))",
            "\"since\":\(quoted(since.description))", "\"at\":\(quoted(at.description))",
        ]
        if let quantity { fields.append("\"quantity\":\(quoted(quantity))") }
        if let channel { fields.append("\"channel\":\(quoted(channel))") }
        if let value, value.isFinite { fields.append("\"value\":\(value)") }
        if let unit { fields.append("\"unit\":\(quoted(unit))") }
        fields.append("\"sentence\":\(quoted(sentence))")
        return "{\(fields.joined(separator: ","))}"
    }
}

/// A JSON string literal (RFC 8259, section 7).
private func quoted(_ text: String) -> String {
    var literal = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": literal += "\\\""
        case "\\": literal += "\\\\"
        case "\n": literal += "\\n"
        case "\r": literal += "\\r"
        case "\t": literal += "\\t"
        case _ where scalar.value < 0x20:
            let digits = String(scalar.value, radix: 16)
            literal += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: literal.unicodeScalars.append(scalar)
        }
    }
    return literal + "\""
}
