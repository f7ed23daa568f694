import Basics
public import Desk
import Settings
public import Telemetry

/// Section `notification`.
extension GatewayConfiguration {
    /// The channels by which people are told of alerts.
    public struct Notifications: Sendable {
        /// What every channel has.
        public struct Channel: Hashable, Sendable {
            /// Under which its notices stand in the outbox: `log`, `mqtt`, or what the file calls it. Unique.
            public var name: String
            /// What is less grave is not told.
            public var severityMin: Severity
            /// What its notices are gathered by; nil: each goes out by itself.
            public var grouping: Grouping?
            /// Whether an alert that became less grave is told.
            public var tellsLower = false
            /// How many notices it tells a minute; nil: as many as come.
            public var perMinute: Int?
        }

        /// Into the gateway's log.
        public var toLog: Bool
        /// As retained messages on the broker.
        public var toMQTT: Bool
        /// Alerts are published under `<prefix>/alerts/<id>`.
        public var topicPrefix: String
        /// What could not be delivered for so long is not tried any more.
        public var giveUpAfter: Duration
        /// In the order of the file.
        public var webhooks: [Webhook]
        /// In the order of the file.
        public var emails: [Email]
        /// In the order of the file.
        public var commands: [Command]

        /// Files that hold a password, a token or another secret of a channel.
        package var secretFiles: [String]

        /// Which alerts go to which channels, in the order of the file.
        var routes: [RouteSection]

        /// The channels for people, who are told what the desk decides.
        public var people: [Channel] { webhooks.map(\.channel) + emails.map(\.channel) + commands.map(\.channel) }

        /// The machines that channels reach, each under its place in the file; what a program reaches only it knows.
        public var hosts: [(place: String, name: String)] {
            webhooks.map { ("notification.webhooks \($0.channel.name)", $0.host) }
                + emails.map { ("notification.email \($0.channel.name)", $0.host) }
        }

        /// All of them, each name once; `log` and `mqtt` have every step.
        public var channels: [Channel] {
            let own = (toLog ? ["log"] : []) + (toMQTT ? ["mqtt"] : [])
            return own.map { Channel(name: $0, severityMin: .info) } + people
        }

        init(
            _ setting: Setting, topicPrefix: String, _ located: (String) -> String, _ mistakes: inout [Mistake]
        ) {
            var reader = SettingReader(setting, &mistakes)
            toLog = reader.flag("log", default: true, &mistakes)
            toMQTT = reader.flag("mqtt", default: true, &mistakes)
            self.topicPrefix = topicPrefix
            giveUpAfter = reader.duration(
                "give_up_after", in: .seconds(3600) ... .seconds(365 * 86_400), default: .seconds(7 * 86_400), &mistakes
            )
            var names = ChannelNames()
            webhooks = Self.list("webhooks", &reader, &mistakes) { Webhook($0, &names, located, &$1) }
            emails = Self.list("email", &reader, &mistakes) { Email($0, &names, located, &$1) }
            commands = Self.list("commands", &reader, &mistakes) { Command($0, &names, &$1) }
            secretFiles = Self.secretFiles(setting).map(located)
            routes = []
            let people = self.people.map(\.name)
            routes = Self.list("routes", &reader, &mistakes) {
                RouteSection($0, channels: people, &$1)
            }
            reader.finish(&mistakes)
        }

        private static func secretFiles(_ setting: Setting) -> [String] {
            ["webhooks", "email"].flatMap { setting[$0]?.items ?? [] }.flatMap { channel in
                ["url_file", "token_file", "password_file"].compactMap { channel[$0]?.text }
                    + (channel["header_files"]?.entries ?? []).compactMap(\.value.text)
            }
        }

        private static func list<Entry>(
            _ key: String, _ reader: inout SettingReader, _ mistakes: inout [Mistake],
            _ entry: (Setting, inout [Mistake]) -> Entry
        ) -> [Entry] {
            guard let found = reader.optional(key) else { return [] }
            guard let items = found.items else {
                let entry =
                    key == "routes" ? "routes, such as [{to: [duty-room]}]" : "channels, such as [{name: duty-room, …}]"
                mistakes.append(found.mistake("expected a list of \(entry)"))
                return []
            }
            return items.filter { !$0.isMissing }.map { entry($0, &mistakes) }
        }
    }
}

/// Which names are taken: notices wait in the outbox under the name of their channel.
struct ChannelNames {
    private var taken = ["log", "mqtt"]
    private static let bytesMax = 64

    /// What every channel has; `isGrouped`: whether its notices are gathered where it does not say.
    mutating func channel(
        _ reader: inout SettingReader, isGrouped: Bool, _ mistakes: inout [Mistake]
    ) -> GatewayConfiguration.Notifications.Channel {
        var name = ""
        if let found = reader.required("name", "what the channel is called, such as duty-room", &mistakes) {
            name = found.text ?? ""
            if !Self.isName(name) {
                let hint = Self.suggestion(for: name).map { "; write \($0)" } ?? ""
                mistakes.append(
                    found.mistake("expected 1 to \(Self.bytesMax) of a-z, 0-9 and '-', such as duty-room\(hint)"))
            } else if taken.contains(name) {
                mistakes.append(
                    found.mistake("another channel has this name; taken are \(taken.joined(separator: ", "))"))
            } else {
                taken.append(name)
            }
        }
        // No number that may be written.
        let limit = reader.integer("per_minute", in: 1...6000, default: 0, &mistakes)
        return .init(
            name: name, severityMin: reader.word("severity", default: Severity.info, &mistakes),
            grouping: Self.grouping(&reader, isGrouped, &mistakes),
            tellsLower: reader.flag("tell_lower", default: false, &mistakes),
            perMinute: limit > 0 ? limit : nil)
    }

    /// `group_by` and `group_interval`.
    private static func grouping(
        _ reader: inout SettingReader, _ isGrouped: Bool, _ mistakes: inout [Mistake]
    ) -> Grouping? {
        let interval = reader.duration(
            "group_interval", in: .seconds(1) ... .seconds(3600), default: .seconds(60), &mistakes)
        guard let found = reader.optional("group_by") else {
            return isGrouped ? Grouping(fields: [.rule], interval: interval) : nil
        }
        let known = Grouping.Field.allCases.map(\.rawValue)
        var fields: [Grouping.Field] = []
        for item in found.items ?? [found] where item.text != "none" || found.items != nil {
            if let field = item.text.flatMap({ Grouping.Field(rawValue: $0) }) {
                if !fields.contains(field) { fields.append(field) }
            } else {
                let hint = nearest(to: item.shown, in: known).map { "; did you mean '\($0)'?" } ?? ""
                mistakes.append(
                    item.mistake("expected none, or a list of \(known.joined(separator: ", "))\(hint)"))
            }
        }
        return fields.isEmpty ? nil : Grouping(fields: fields, interval: interval)
    }

    private static func isName(_ text: String) -> Bool {
        (1...bytesMax).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-")
            }
    }

    /// The name with other signs for those that it may not have; nil where that is none.
    private static func suggestion(for text: String) -> String? {
        let name = String(text.lowercased().map { isName(String($0)) ? $0 : "-" }.prefix(bytesMax))
        return isName(name) && name.contains { $0 != "-" } ? name : nil
    }
}

/// What channels read from files, so that it does not stand in the configuration.
enum SecretFile {
    /// The first line of the file that `key` names; nil where the key is missing or, with a mistake, the file has none.
    static func text(
        _ key: String, _ what: String, _ reader: inout SettingReader, _ located: (String) -> String,
        _ mistakes: inout [Mistake]
    ) -> String? {
        guard let path = reader.optional(key) else { return nil }
        return text(path, what, located, &mistakes)
    }

    static func text(
        _ path: Setting, _ what: String, _ located: (String) -> String, _ mistakes: inout [Mistake]
    ) -> String? {
        guard let name = path.text else {
            mistakes.append(path.mistake("expected the path of a file"))
            return nil
        }
        do throws(PasswordFile.Fault) {
            let text = try PasswordFile(path: located(name)).password()
            // It goes into a line of HTTP or SMTP, and must not end it.
            if text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) { return text }
            mistakes.append(path.mistake("expected \(what) in the first line of the file, without control characters"))
        } catch {
            mistakes.append(path.mistake("expected \(what) in the first line of the file; \(error.sentence)"))
        }
        return nil
    }
}
