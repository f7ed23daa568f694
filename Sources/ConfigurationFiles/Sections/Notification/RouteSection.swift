import Basics
public import Desk
import Settings
import Telemetry

/// One of `notification.routes`: which alerts go to which channels.
struct RouteSection {
    /// Names of channels.
    var to: [String]
    var route: Route
    /// Where it stands.
    let setting: Setting

    private static let afterMax = Duration.seconds(7 * 86_400)

    init(_ setting: Setting, channels: [String], _ mistakes: inout [Mistake]) {
        self.setting = setting
        var reader = SettingReader(setting, &mistakes)
        to = []
        if let found = reader.required("to", "a list of channels, such as [duty-room]", &mistakes) {
            let items = found.items ?? [found]
            if items.isEmpty { mistakes.append(found.mistake("expected at least one channel")) }
            for item in items where !item.isMissing {
                let name = item.text ?? ""
                guard channels.contains(name) else {
                    mistakes.append(item.mistake(Self.unknown(name, channels)))
                    continue
                }
                to.append(name)
            }
        }
        let severity = reader.word("severity", default: Severity.info, &mistakes)
        let rules = reader.texts("rules", default: [], &mistakes).map { NamePattern($0) }
        let devices = DeviceSelectorSection.parse(reader.written("devices"), &mistakes)
        // Which days those are the rules file says, and `DeskPlan` brings both together.
        let someday = ActiveTimes.Holidays([0...0])
        let times = ActiveTimesSection.parse(reader.written("times"), holidays: someday, &mistakes)
        let after = reader.duration("after", in: .zero...Self.afterMax, default: .zero, &mistakes)
        route = Route(severityMin: severity, rules: rules, devices: devices, times: times, after: after)
        reader.finish(&mistakes)
    }

    private static func unknown(_ name: String, _ channels: [String]) -> String {
        if ["log", "mqtt"].contains(name) { return "\(name) hears every step of every alert, and has no routes" }
        if channels.isEmpty { return "there is no channel; expected one under webhooks, email or commands" }
        let hint = nearest(to: name, in: channels).map { "did you mean '\($0)'? " } ?? ""
        return "there is no such channel; \(hint)there are \(channels.joined(separator: ", "))"
    }
}

extension DeskPlan {
    /// Who is told, as the configuration has it, and what the rules file says of causes, maintenance and flapping.
    ///
    /// A channel that no route names is told of all alerts from its own severity on; that of a channel is the least in any case.
    public init(_ notifications: GatewayConfiguration.Notifications, _ rules: DeskRules) {
        let recipients = notifications.people.map { channel in
            var routes = notifications.routes.filter { $0.to.contains(channel.name) }.map(\.route)
            if routes.isEmpty { routes = [Route()] }
            for index in routes.indices {
                routes[index].times = routes[index].times.map { ActiveTimes($0.spans, holidays: rules.holidays) }
                routes[index].severityMin = max(routes[index].severityMin, channel.severityMin)
            }
            return Recipient(
                name: channel.name, routes: routes, grouping: channel.grouping, tellsLower: channel.tellsLower)
        }
        self.init(
            recipients: recipients, causes: rules.causes, maintenance: rules.maintenance, flapping: rules.flapping)
    }
}
