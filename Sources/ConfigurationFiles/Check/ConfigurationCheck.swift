import Alerting
import Basics
import Broker
import City
import Decoding
import Glibc
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
    let desk: DeskRules

    /// In the order of the files: configuration, profiles, rules, roster.
    func warnings() -> [Mistake] {
        places() + memoryWarnings() + subscriptionWarnings() + retentionWarnings() + catalog.warnings + ruleWarnings()
            + routeWarnings()
            + rosterWarnings()
            + twins()
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
        if configuration.operators != GatewayConfiguration.usualOperators, getgrnam(configuration.operators) == nil {
            warn(
                "api.operators", configuration.operators,
                "this machine has no such group: until it has, root alone may acknowledge, import and reload")
        }
        for file in configuration.brokerConfigurationFiles where !SettingFiles.isReadable(file) {
            warn("mqtt.broker_configuration", file, "there is no such file, or it may not be read")
        }
        if configuration.notifications.channels.isEmpty, !rules.isEmpty {
            warn("notification", nil, "log and mqtt are both off: nobody is told of any alert")
        }
        for command in configuration.notifications.commands where !SettingFiles.isRunnable(command.program) {
            warn(
                "notification.commands", command.program,
                "there is no such program that may be run; until there is, \(command.channel.name) tells nobody")
        }
        return warnings
    }

    private func folder(above path: String) -> String {
        let bytes = Array(path.utf8)
        let end = bytes.lastIndex { $0 != UInt8(ascii: "/") } ?? bytes.startIndex
        guard let slash = bytes[...end].lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == 0 ? "/" : String(decoding: bytes[..<slash], as: UTF8.self)
    }

    /// Filters that bring nothing which any profile reads.
    private func subscriptionWarnings() -> [Mistake] {
        let own = configuration.notifications.topicPrefix + "/#"
        return configuration.mqtt.subscriptions.compactMap { filter in
            // To those who share it a shared subscription is what stands behind the group's name.
            let topics = filter.hasPrefix("$share/") ? String(filter.split(separator: "/", maxSplits: 2).last!) : filter
            let readers = catalog.subscriptions.filter { TopicFilter.overlap($0, topics) }
            let first = topics.prefix { $0 != "/" }
            let expected: String
            if TopicFilter.covers(own, topics) {
                expected = "brings what the gateway itself publishes, which it does not listen to (mqtt.own_prefix)"
            } else if readers.isEmpty {
                expected = "no profile reads any topic of it: whatever it brings is rejected"
            } else if first != "+", first != "#", readers.allSatisfy({ $0.hasPrefix("+") }), !roster.isEmpty,
                !roster.contains(where: { $0.device.hasBytes(of: String(first)) })
            {
                // Of devices that put their own name first, the roster would name one.
                expected =
                    "no profile names topics that begin with \(first), and no device of the roster is called so: only profiles whose topics may begin with anything read some of it"
            } else {
                return nil
            }
            return warning(configuration.file, "mqtt.subscriptions", filter, expected)
        }
    }

    /// Classes for profiles that nobody has: what they would keep or give up is that of no device.
    private func retentionWarnings() -> [Mistake] {
        let known = catalog.profileNames
        return configuration.store.retention.classes.flatMap { kept in
            kept.profiles.compactMap { pattern in
                let fits = NamePattern(pattern)
                guard !known.contains(where: { fits.matches($0) }) else { return nil }
                let hint = nearest(to: pattern, in: known).map { "; did you mean '\($0)'?" } ?? ""
                return warning(
                    configuration.file, "store.retention.classes", pattern,
                    "no profile is called so, and class '\(kept.name)' is of no device by it\(hint)")
            }
        }
    }

    private func warning(_ file: String, _ key: String, _ value: String?, _ expected: String) -> Mistake {
        Mistake(file: file, line: nil, key: key, value: value, expected: expected, isWarning: true)
    }

    // MARK: The roster

    private func rosterWarnings() -> [Mistake] {
        guard let file = configuration.rosterFile else { return [] }
        var warnings = patternNames(file) + constantNames(file)
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

    /// Devices that no filter can mean alone.
    private func patternNames(_ file: String) -> [Mistake] {
        roster.filter { $0.device.utf8.contains { "*?".utf8.contains($0) } }.map {
            warning(
                file, "device", $0.device,
                "is read as a pattern wherever devices are asked for; the roster names single devices")
        }
    }

    /// Constants that nobody asks for and that look like one that somebody does.
    private func constantNames(_ file: String) -> [Mistake] {
        let known = catalog.factNames + [LampTable.ratingName]
        var told: Set<ByteName> = []
        return roster.flatMap { entry in
            entry.constants.keys.sorted().compactMap { name in
                // Of three letters every word is near to some other.
                guard name.utf8.count > 3, !known.contains(where: { $0.hasBytes(of: name) }),
                    told.insert(ByteName(name)).inserted,
                    let meant = nearest(to: name, in: known)
                else { return nil }
                return warning(
                    file, "constants", name, "nobody asks for it, as \(entry.device) has it; did you mean '\(meant)'?")
            }
        }
    }

    // MARK: Names

    /// Names that are the same text and not the same bytes.
    private func twins() -> [Mistake] {
        let file = configuration.rosterFile ?? configuration.rulesFile
        return [
            ("device", roster.map(\.device)), ("area", roster.map(\.area) + rules.flatMap(\.rule.devices.areas)),
            ("circuit", roster.map(\.circuit) + rules.flatMap(\.rule.devices.circuits)),
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
