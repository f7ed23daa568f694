import Basics
import Telemetry

/// What a CAP message says of its sender.
public struct CAPOptions: Hashable, Sendable {
    /// Who sends, unique in the world, such as `baotu@city.example`: no blank, comma, `<` or `&`.
    public var sender: String
    /// Whether anybody may read it; else it is for those who operate the city.
    public var isPublic: Bool

    package init(sender: String, isPublic: Bool = false) {
        self.sender = sender
        self.isPublic = isPublic
    }
}

/// One step of an alert as a message of the Common Alerting Protocol.
///
/// Source: OASIS, Common Alerting Protocol Version 1.2, 1 July 2010, section 3.2.
struct CAPMessage {
    private let notice: AlertNotice
    private let options: CAPOptions

    init(_ notice: AlertNotice, _ options: CAPOptions) {
        self.notice = notice
        self.options = options
    }

    var xml: String {
        let type = messageType
        // What follows has to name the beginning by its identifier and time, and knows since when alone.
        let sent = notice.phase == .firing ? notice.since : notice.at
        var alert = [
            ("identifier", identifier(notice.phase.rawValue, sent)), ("sender", options.sender),
            ("sent", Self.time(sent)), ("status", notice.isTrial ? "Test" : "Actual"), ("msgType", type),
            ("scope", options.isPublic ? "Public" : "Restricted"),
        ]
        if !options.isPublic { alert.append(("restriction", "for those who operate the city")) }
        // An update names the messages that it supersedes: the beginning, under which the alert is known.
        if type != "Alert" {
            alert.append(
                (
                    "references",
                    "\(options.sender),\(identifier(AlertPhase.firing.rawValue, notice.since)),\(Self.time(notice.since))"
                ))
        }
        let info =
            [
                ("language", "en"), ("category", category), ("event", notice.rule),
                ("responseType", notice.phase == .resolved ? "AllClear" : "Assess"), ("urgency", urgency),
                ("severity", severity), ("certainty", notice.phase == .unknown ? "Unknown" : "Observed"),
                ("onset", Self.time(notice.since)), ("headline", plainLine(notice.sentence, bytesMax: 160)),
                ("description", notice.summary),
            ] + (notice.runbook.map { [("instruction", $0)] } ?? [])
        return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            + "<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\">\n\(Self.elements(alert, indent: 1))  <info>\n"
            + Self.elements(info, indent: 2) + parameters
            + "    <area>\n      <areaDesc>\(Self.escaped(notice.name))</areaDesc>\n    </area>\n  </info>\n</alert>\n"
    }

    private var parameters: String {
        var known = [
            ("alert", "\(notice.alertID)"), ("subject", notice.subject.rawValue), ("phase", notice.phase.rawValue),
        ]
        if let quantity = notice.quantity { known.append(("quantity", quantity)) }
        if let channel = notice.channel { known.append(("channel", channel)) }
        if let value = notice.value, value.isFinite { known.append(("value", "\(value)")) }
        if let unit = notice.unit { known.append(("unit", unit)) }
        return known.map { name, value in
            "    <parameter>\n" + Self.elements([("valueName", name), ("value", value)], indent: 3)
                + "    </parameter>\n"
        }.joined()
    }

    /// Of this sender's messages one alone has it; the same step has the same, however often it is sent.
    private func identifier(_ phase: String, _ at: Timestamp) -> String {
        "baotu-\(notice.alertID)-\(phase)-\(at.milliseconds)"
    }

    private var messageType: String {
        switch notice.phase {
        case .resolved, .inactive: "Cancel"
        case .unknown: "Update"
        case .firing, .clearing, .pending: "Alert"
        }
    }

    private var category: String {
        guard let quantity = notice.quantity else { return "Infra" }
        let ofAir = ["pm1", "pm2_5", "pm4", "pm10", "no", "no2", "nox", "o3", "so2", "co", "nh3", "h2s", "voc"]
        return ofAir.contains(quantity) ? "Env" : "Infra"
    }

    private var urgency: String {
        switch (notice.phase, notice.severity) {
        case (.resolved, _), (.inactive, _): "Past"
        case (.unknown, _): "Unknown"
        case (.firing, .critical), (.clearing, .critical), (.pending, .critical): "Immediate"
        case (.firing, .warning), (.clearing, .warning), (.pending, .warning): "Expected"
        case (.firing, .info), (.clearing, .info), (.pending, .info): "Future"
        }
    }

    private var severity: String {
        switch notice.severity {
        case .critical: "Severe"
        case .warning: "Moderate"
        case .info: "Minor"
        }
    }

    /// Whole seconds, and UTC as `-00:00`: CAP 1.2 forbids `Z` (section 3.3.2).
    private static func time(_ moment: Timestamp) -> String {
        moment.description.prefix { $0 != "Z" && $0 != "." } + "-00:00"
    }

    private static func elements(_ pairs: [(String, String)], indent: Int) -> String {
        pairs.map { "\(String(repeating: "  ", count: indent))<\($0)>\(escaped($1))</\($0)>\n" }.joined()
    }

    /// Text as XML 1.0 has it (section 2.2): a character that may not stand there even escaped becomes U+FFFD.
    private static func escaped(_ text: String) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;".unicodeScalars
            case "<": escaped += "&lt;".unicodeScalars
            case ">": escaped += "&gt;".unicodeScalars
            case "\t", "\n", "\r": escaped.append(" ")
            case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF:
                escaped.append("\u{FFFD}")
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }
}
