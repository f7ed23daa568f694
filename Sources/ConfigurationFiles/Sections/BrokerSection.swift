import Basics
import Broker
import Settings

/// Section `mqtt`.
extension GatewayConfiguration {
    /// Whether it is one (MQTT 5, 4.7.1).
    static func isTopicFilter(_ text: String) -> Bool {
        let levels = text.split(separator: "/", omittingEmptySubsequences: false)
        return !text.isEmpty && text.utf8.count <= 65_535 && !text.utf8.contains(0)
            && levels.dropLast().allSatisfy { $0 == "+" || !$0.contains { "+#".contains($0) } }
            && (levels.last.map { $0 == "+" || $0 == "#" || !$0.contains { "+#".contains($0) } } ?? false)
    }

    struct MQTT {
        var options: BrokerOptions
        var clientID: String?
        var reconnectMin: Duration
        var reconnectMax: Duration
        var brokerConfiguration: [String]
        var passwordFile: PasswordFile?
        var ownPrefix: String
    }

    // Long: one section, a key a line.
    static func mqtt(
        _ setting: Setting, _ located: (String) -> String, _ mistakes: inout [Mistake]
    ) -> MQTT {
        var reader = SettingReader(setting, &mistakes)
        let host = reader.text("host", default: "127.0.0.1", &mistakes)
        let port = reader.integer("port", in: 1...65_535, default: 1883, &mistakes)
        let clientID = reader.optionalText("client_id", &mistakes)
        // Without one the gateway's own is set at its start: it stands beside the store.
        var options = BrokerOptions(host: host, port: port, clientID: clientID ?? "")
        switch reader.text("version", default: "5", &mistakes) {
        case "5": options.version = .mqtt5
        case "3.1.1": options.version = .mqtt311
        default:
            if let found = setting["version"] { mistakes.append(found.mistake("expected \"5\" or \"3.1.1\"")) }
        }
        /// What the broker's library would refuse only when the store is open already.
        func check(_ holds: Bool, _ key: String, _ expected: String) {
            if !holds, let found = setting[key] { mistakes.append(found.mistake(expected)) }
        }
        if let expected = HostName.fault(host), let found = setting["host"] { mistakes.append(found.mistake(expected)) }
        check(
            clientID.map { (1...256).contains($0.utf8.count) && !$0.utf8.contains(0) } ?? true, "client_id",
            "expected 1 to 256 bytes; leave it out, and the gateway makes an id of its own that nobody can guess")
        var passwordFile: PasswordFile?
        options.username = reader.optionalText("username", &mistakes)
        check(options.username != nil, "password_file", "expected mqtt.username beside it")
        if let path = reader.optional("password_file") {
            let file = located(path.shown)
            passwordFile = PasswordFile(path: file)
            do throws(PasswordFile.Fault) {
                options.password = try PasswordFile(path: file).password()
                // A changed password counts from the next connection on; while the file has none, the one of before does.
                options.currentPassword = { try? PasswordFile(path: file).password() }
            } catch {
                mistakes.append(path.mistake("expected the password in the first line of the file; \(error.sentence)"))
            }
        }
        options.subscriptions = reader.texts("subscriptions", default: ["#"], &mistakes)
        if options.subscriptions.isEmpty, let found = setting["subscriptions"] {
            mistakes.append(found.mistake("expected at least one topic filter, such as \"#\""))
        }
        check(
            options.subscriptions.allSatisfy(Self.isTopicFilter), "subscriptions",
            "expected topic filters: '+' fills a whole level, and '#' the last one (MQTT 5, 4.7.1)")
        options.subscriptionQoS =
            reader.integer("qos", in: 0...1, default: 1, &mistakes) == 0 ? .atMostOnce : .atLeastOnce
        options.keepAlive = reader.duration(
            "keep_alive", in: .seconds(5) ... .seconds(3600), default: .seconds(60), &mistakes)
        options.sessionExpiry = reader.duration(
            "session_expiry", in: .seconds(60) ... .seconds(31_536_000), default: .seconds(604_800), &mistakes)
        options.receiveMaximum = reader.integer("receive_maximum", in: 1...65_535, default: 10_000, &mistakes)
        let prefix = reader.text("own_prefix", default: "baotu", &mistakes)
        check(
            !prefix.isEmpty && !prefix.contains { "+#$".contains($0) }, "own_prefix",
            "expected the beginning of a topic, without '+', '#' and '$'")
        options.ignoredTopicPrefix = prefix + "/"
        let brokerConfiguration = reader.texts("broker_configuration", default: [], &mistakes).map(located)

        var reconnect = SettingReader(section(&reader, "reconnect"), &mistakes)
        let least = reconnect.duration(
            "min", in: .milliseconds(100) ... .seconds(60), default: .milliseconds(500), &mistakes)
        let most = reconnect.duration("max", in: .seconds(1) ... .seconds(3600), default: .seconds(60), &mistakes)
        reconnect.finish(&mistakes)
        if most < least, let found = setting["reconnect"] {
            mistakes.append(found.mistake("expected min at most max"))
        }
        options.tls = reader.written("tls").map { tls($0, located, &mistakes) }
        reader.finish(&mistakes)
        return MQTT(
            options: options, clientID: clientID, reconnectMin: least, reconnectMax: max(least, most),
            brokerConfiguration: brokerConfiguration, passwordFile: passwordFile, ownPrefix: prefix)
    }

    private static func tls(
        _ setting: Setting, _ located: (String) -> String, _ mistakes: inout [Mistake]
    ) -> BrokerOptions.TLSOptions {
        var reader = SettingReader(setting, &mistakes)
        let files = [
            ("ca_file", "CERTIFICATE-----"), ("certificate_file", "CERTIFICATE-----"), ("key_file", "KEY-----"),
        ]
        .map { key, label in PEMFile.path(key, label, &reader, located, &mistakes) }
        let verifies = reader.flag("verify_host", default: true, &mistakes)
        reader.finish(&mistakes)
        if (files[1] == nil) != (files[2] == nil) {
            mistakes.append(setting.mistake("expected certificate_file and key_file together"))
        }
        return BrokerOptions.TLSOptions(
            caFile: files[0], certificateFile: files[1], keyFile: files[2], verifiesHostname: verifies)
    }
}
