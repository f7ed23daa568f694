import Alerting
import Basics
import Desk
import Settings
import Telemetry

// Routes and maintenance windows that mean nothing, and rules of which nobody is told.
extension ConfigurationCheck {
    func routeWarnings() -> [Mistake] {
        let routes = configuration.notifications.routes
        let names = rules.map(\.rule.name)
        var warnings: [Mistake] = []
        for section in routes {
            let found = section.setting["rules"]
            for item in found?.items ?? found.map({ [$0] }) ?? [] {
                let pattern = NamePattern(item.text ?? "")
                guard !item.isMissing, !names.contains(where: pattern.matches) else { continue }
                let hint = nearest(to: item.shown, in: names).map { "; did you mean '\($0)'?" } ?? ""
                warnings.append(
                    item.mistake("no rule of \(configuration.rulesFile) has this name\(hint)", isWarning: true))
            }
            if let devices = section.setting["devices"] {
                warnings += selectorWarnings(section.route.devices, devices)
            }
        }
        for (selector, setting) in desk.selections { warnings += selectorWarnings(selector, setting) }
        return warnings + (routes.isEmpty ? [] : untold())
    }

    /// Rules that no route takes at any severity that they may have, for any device.
    private func untold() -> [Mistake] {
        let recipients = DeskPlan(configuration.notifications, DeskRules()).recipients
        guard !recipients.isEmpty else { return [] }
        return rules.filter { placed in
            let gravest = Self.gravest(placed.setting) ?? placed.rule.severity
            return !recipients.contains { recipient in
                recipient.routes.contains { route in
                    route.severityMin <= gravest
                        && (route.rules.isEmpty || route.rules.contains { $0.matches(placed.rule.name) })
                }
            }
        }.map { placed in
            (placed.setting["rule"] ?? placed.setting).mistake(
                "no channel for people is told of it: no entry of notification.routes in \(configuration.file) takes this rule at its severity",
                isWarning: true)
        }
    }

    /// Of the ladder of a rule, wherever it stands in it; nil where it has none.
    private static func gravest(_ setting: Setting) -> Severity? {
        (setting.entries ?? []).compactMap { $0.value["levels"]?.items }.joined()
            .compactMap { $0["severity"]?.text.flatMap { Severity(rawValue: $0) } }.max()
    }
}
