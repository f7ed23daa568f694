import Basics
public import Telemetry

/// How a webhook is told of a step.
public enum NoticeFormat: Hashable, Sendable {
    /// `AlertNotice.json`.
    case baotu
    /// An array of one alert, for `/api/v2/alerts` of Prometheus' Alertmanager.
    case alertmanager
    /// JSON of the city's own.
    case template(NoticeTemplate)
    /// XML of the Common Alerting Protocol.
    case cap(CAPOptions)

    /// Of the body.
    public var contentType: String {
        switch self {
        case .baotu, .alertmanager, .template: "application/json"
        case .cap: "application/cap+xml"
        }
    }

    /// What is sent, in UTF-8.
    public func body(_ notice: AlertNotice) -> String {
        switch self {
        case .baotu: notice.json
        case .alertmanager: notice.alertmanagerJSON
        case .template(let template): template.filled { notice.value(of: $0) }
        case .cap(let options): CAPMessage(notice, options).xml
        }
    }
}

extension AlertNotice {
    /// What is told of an alert that has not ended, in days: Alertmanager takes one whose end is not given for over after
    /// five minutes without word (`resolve_timeout`), as its usual clients repeat themselves and the outbox does not.
    private static let assumedDays: Int64 = 366

    /// Nothing ends a trial.
    private static let trialLasts = Duration.seconds(300)

    /// Labels are what an alert is known by, so that its end finds its beginning: nothing in them changes in between but the
    /// severity, by which people sort what they are told; where it changes, the alert of the old one ends and another begins.
    ///
    /// Source: the Alerts API of Alertmanager, `POST /api/v2/alerts`.
    var alertmanagerJSON: String {
        let isEnd =
            switch phase {
            case .inactive, .resolved: true
            case .pending, .firing, .clearing, .unknown: false
            }
        // An end before the beginning, as of a clock that was set back, would be refused for ever.
        let last = max(at, since)
        if isEnd { return "[\(alertmanagerJSON(toldSeverity ?? severity, until: last))]" }
        let end = last + (isTrial ? Self.trialLasts : .seconds(Self.assumedDays * 86_400))
        let alert = alertmanagerJSON(severity, until: end)
        guard let toldSeverity, toldSeverity != severity else { return "[\(alert)]" }
        return "[\(alertmanagerJSON(toldSeverity, until: last)),\(alert)]"
    }

    private func alertmanagerJSON(_ severity: Severity, until end: Timestamp) -> String {
        var labels = [
            ("alertname", rule), ("severity", severity.rawValue), ("subject", subject.rawValue), ("name", name),
        ]
        if let quantity { labels.append(("quantity", quantity)) }
        if let channel { labels.append(("channel", channel)) }
        var annotations = [("summary", summary), ("phase", phase.rawValue), ("alert", "\(alertID)")]
        if let value, value.isFinite { annotations.append(("value", "\(value)")) }
        if let unit { annotations.append(("unit", unit)) }
        if let runbook { annotations.append(("runbook", runbook)) }
        return "{\"labels\":\(Self.object(labels)),\"annotations\":\(Self.object(annotations)),"
            + "\"startsAt\":\(JSONText.quoted(since.description)),\"endsAt\":\(JSONText.quoted(end.description))}"
    }

    private static func object(_ pairs: [(String, String)]) -> String {
        "{" + pairs.map { "\(JSONText.quoted($0)):\(JSONText.quoted($1))" }.joined(separator: ",") + "}"
    }
}
