import Alerting
import Basics
import Broker
import Decoding
import Settings
import Store
import Telemetry

/// Looks at files that are each good by themselves for what can never work together.
///
/// Only what may be meant all the same: a rule for an area that has no device yet, a folder that is mounted later. What can
/// never be meant is a mistake where the file is read.
struct ConfigurationCheck {
    let configuration: GatewayConfiguration
    let catalog: DeviceCatalog
    let rules: [RuleFile.Placed]
    let roster: [RosterEntry]

    /// In the order of the files: configuration, profiles, rules, roster.
    func warnings() -> [Mistake] {
        places() + catalog.warnings + ruleWarnings() + rosterWarnings() + twins()
    }

    // MARK: The configuration

    private func places() -> [Mistake] {
        var warnings: [Mistake] = []
        func warn(_ key: String, _ value: String?, _ expected: String) {
            warnings.append(
                Mistake(
                    file: configuration.file, line: nil, key: key, value: value, expected: expected, isWarning: true))
        }
        let store = configuration.store.folder
        if !SettingFiles.isDirectory(store), !SettingFiles.isDirectory(folder(above: store)) {
            warn("store.folder", store, "the folder above it does not exist, and without it nothing starts")
        }
        // MQTT 5 tells by which of them a message came.
        let mqtt = configuration.mqtt
        for (left, right) in mqtt.version == .mqtt311 ? TopicFilter.overlapping(mqtt.subscriptions) : [] {
            warn(
                "mqtt.subscriptions", "\(left), \(right)",
                "both match some topics, and a broker may send their messages twice: without a time of its own one counts twice; MQTT 5 (mqtt.version: 5) tells them apart"
            )
        }
        // What systemd makes for the service is not there before it runs.
        let socket = configuration.socketPath
        if !socket.hasPrefix("/run/"), !SettingFiles.isDirectory(folder(above: socket)) {
            warn("api.socket", socket, "the folder that it should be in does not exist")
        }
        for file in configuration.brokerConfigurationFiles where !SettingFiles.isReadable(file) {
            warn("mqtt.broker_configuration", file, "there is no such file, or it may not be read")
        }
        if !configuration.notifications.toLog, !configuration.notifications.toMQTT, !rules.isEmpty {
            warn("notification", nil, "log and mqtt are both off: nobody is told of any alert")
        }
        return warnings
    }

    private func folder(above path: String) -> String {
        let bytes = Array(path.utf8)
        let end = bytes.lastIndex { $0 != UInt8(ascii: "/") } ?? bytes.startIndex
        guard let slash = bytes[...end].lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == 0 ? "/" : String(decoding: bytes[..<slash], as: UTF8.self)
    }

    // MARK: The roster

    private func rosterWarnings() -> [Mistake] {
        guard let file = configuration.rosterFile else { return [] }
        var warnings: [Mistake] = []
        var told: Set<ByteName> = []
        let known = catalog.profileNames
        for entry in roster where !entry.profile.isEmpty && told.insert(ByteName(entry.profile)).inserted {
            guard !known.contains(where: { $0.hasBytes(of: entry.profile) }) else { continue }
            let hint = nearest(to: entry.profile, in: known).map { "; did you mean '\($0)'?" } ?? ""
            warnings.append(
                Mistake(
                    file: file, line: nil, key: "profile", value: entry.profile,
                    expected: "no profile is called so, as \(entry.device) should have\(hint)", isWarning: true))
        }
        return warnings
    }

    // MARK: Names

    /// Names that are the same text and not the same bytes.
    private func twins() -> [Mistake] {
        let file = configuration.rosterFile ?? configuration.rulesFile
        return [
            ("device", roster.map(\.device)), ("area", roster.map(\.area) + rules.compactMap(\.rule.devices.area)),
            ("circuit", roster.map(\.circuit)),
        ].flatMap { key, names in
            // `String` holds names for equal that differ in normalisation alone: here, and only here, as wanted.
            Dictionary(grouping: Set(names.map { ByteName($0) }), by: \.text).values.filter { $0.count > 1 }
                .map { $0.sorted() }.sorted { $0[0] < $1[0] }
                .map { same in
                    let bytes = same.map { name in name.text.unicodeScalars.map { Self.written($0) }.joined() }
                    return Mistake(
                        file: file, line: nil, key: key, value: same[0].text,
                        expected: "there are \(same.count) names that look like this and are not the same: "
                            + "\(bytes.joined(separator: " and ")); names are compared byte by byte",
                        isWarning: true)
                }
        }
    }

    /// What is not ASCII by its number, or the two would look alike once more.
    private static func written(_ scalar: Unicode.Scalar) -> String {
        scalar.isASCII ? String(scalar) : "\\u{" + String(scalar.value, radix: 16) + "}"
    }
}
