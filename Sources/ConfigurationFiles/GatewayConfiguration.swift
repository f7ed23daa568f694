public import Basics
public import Broker
public import City
public import Decoding
public import Detection
public import Pipeline
import Settings
public import Store
import Telemetry
public import Windows

/// `Config/baotu.yaml`, parsed once into values that cannot be wrong.
public struct GatewayConfiguration: Sendable {
    /// How much one turn takes on.
    public struct Turn: Sendable {
        /// A turn's batch is full at this many messages …
        public var messagesMax: Int
        /// … or bytes; memory is bounded by not reading more.
        public var bytesMax: Int
        /// How long the line must be quiet for a batch to end, after its first message.
        public var linger: Duration
    }

    /// The channels by which people are told of alerts.
    public struct Notifications: Sendable {
        /// Into the gateway's log.
        public var toLog: Bool
        /// As retained messages on the broker.
        public var toMQTT: Bool
        /// Alerts are published under `<prefix>/alerts/<id>`.
        public var topicPrefix: String
    }

    /// Lines of a lower level are not written.
    public enum LogLevel: String, CaseIterable, Sendable { case debug, info, warning, error }

    /// Its own path, as given.
    public var file: String
    /// The broker and the session with it, of section `mqtt`.
    public var mqtt: BrokerOptions
    /// The first wait after a lost connection is at most this; then it doubles up to `reconnectMax`.
    public var reconnectMin: Duration
    /// The longest wait, at least `reconnectMin`.
    public var reconnectMax: Duration
    /// The store's folder and its bounds, of the sections `store` and `limits`, and the site's days.
    public var store: StoreOptions
    /// The size of a batch, of section `turn`.
    public var turn: Turn
    /// Path of the folder that the profiles lie in, one folder a device family.
    public var devicesFolder: String
    /// Values for the profiles' parameters, by name.
    public var profileParameters: [String: String]
    /// nil for none: then no device is expected.
    public var rosterFile: String?
    /// Path of the alert rules.
    public var rulesFile: String
    /// For which windows rolling statistics are kept, by quantity.
    public var windows: WindowPlan
    /// Which quantities are watched for anomalies, and how.
    public var detection: DetectionPlan
    /// Which quantities are compared between devices that are like each other.
    public var peers: PeerPlan
    /// When a street lamp is taken for faulty.
    public var lamps: LampRules
    /// What one message may cost.
    public var decoding: DecodingLimits
    /// What becomes of devices that the roster does not name.
    public var onboarding: Onboarding
    /// Path of the Unix socket on which the API listens.
    public var socketPath: String
    /// Which channels tell people of alerts.
    public var notifications: Notifications
    /// The lowest level that is written to the log.
    public var logLevel: LogLevel
    /// How often a line of counters is logged, 1 minute to 24 hours.
    public var statusInterval: Duration
    /// Seconds east of UTC of the site's wall clock without summer time: for what takes none, and for payloads whose times
    /// carry no zone where the site's is not given.
    public var siteOffsetSeconds: Int
    /// The same with its summer time, for payloads and for the store's days; nil: the fixed offset.
    public var siteZone: ZoneRules?
    /// The broker's own configuration files, where it runs on this machine, for `baotu doctor`.
    public var brokerConfigurationFiles: [String]

    /// What the heart is told of it.
    public var plan: PipelinePlan {
        PipelinePlan(windows: windows, detection: detection, peers: peers, lamps: lamps)
    }

    /// Reads the file; a relative path in it is relative to the folder the file is in.
    ///
    /// Throws all mistakes together, each with file, line, key, value and what would be right.
    public init(path: String) throws(Mistakes) { try self.init(yaml: try SettingFiles.text(of: path), file: path) }

    /// The same of a text; `file` stands in messages, and relative paths are relative to its folder.
    public init(yaml text: String, file: String) throws(Mistakes) {
        var mistakes: [Mistake] = []
        self.init(try Setting.parse(yaml: text, file: file), file: file, &mistakes)
        guard mistakes.isEmpty else { throw Mistakes(mistakes) }
    }

    /// Reads the file as far as it can be read, with defaults where there are mistakes: enough to look for more mistakes
    /// in the files it names, and no more. Throws where it cannot be read at all.
    package static func draft(path: String, _ mistakes: inout [Mistake]) throws(Mistakes) -> GatewayConfiguration {
        GatewayConfiguration(
            try Setting.parse(yaml: try SettingFiles.text(of: path), file: path), file: path, &mistakes)
    }

    private init(_ root: Setting, file: String, _ mistakes: inout [Mistake]) {
        var reader = SettingReader(root, &mistakes)
        func located(_ path: String) -> String { Self.located(path, beside: file) }

        self.file = file
        let mqtt = Self.mqtt(section(&reader, "mqtt"), located, &mistakes)
        self.mqtt = mqtt.options
        reconnectMin = mqtt.reconnectMin
        reconnectMax = mqtt.reconnectMax
        brokerConfigurationFiles = mqtt.brokerConfiguration
        let limits = section(&reader, "limits")
        decoding = Self.decoding(limits, &mistakes)
        store = Self.store(section(&reader, "store"), limits, located, &mistakes)

        var turn = SettingReader(section(&reader, "turn"), &mistakes)
        self.turn = Turn(
            messagesMax: turn.integer("messages_max", in: 1...1_000_000, default: 5000, &mistakes),
            bytesMax: turn.integer("bytes_max", in: 65_536...1_073_741_824, default: 16_777_216, &mistakes),
            linger: turn.duration("linger", in: .zero ... .seconds(1), default: .milliseconds(20), &mistakes))
        turn.finish(&mistakes)

        var devices = SettingReader(section(&reader, "devices"), &mistakes)
        devicesFolder = located(devices.text("folder", default: "../Devices", &mistakes))
        rosterFile = devices.optionalText("roster", &mistakes).map(located)
        profileParameters = [:]
        if let parameters = devices.optional("parameters") {
            if parameters.entries == nil { mistakes.append(parameters.mistake("expected a map of name: value")) }
            for entry in parameters.entries ?? [] {
                guard let value = entry.value.text else {
                    mistakes.append(entry.value.mistake("expected text"))
                    continue
                }
                profileParameters[entry.key] = value
            }
        }
        siteZone = nil
        siteOffsetSeconds = 0
        var days: LocalDays?
        if let zone = devices.optional("site_zone") {
            siteZone = zone.text.flatMap { ZoneRules.system(named: $0) }
            days = siteZone.flatMap { LocalDays($0) }
            if days == nil {
                mistakes.append(zone.mistake("expected a time zone that the system knows, such as Asia/Shanghai"))
            }
            siteOffsetSeconds = siteZone?.standardOffsetSeconds ?? 0
        }
        if let zone = devices.optional("site_offset") {
            if let seconds = Self.offset(zone.shown) {
                siteOffsetSeconds = seconds
            } else {
                mistakes.append(zone.mistake("expected the site's offset from UTC, such as \"+08:00\""))
            }
        }
        store.days = days ?? LocalDays(offsetSeconds: siteOffsetSeconds)
        onboarding = Self.onboarding(devices.optional("unknown"), &mistakes)
        devices.finish(&mistakes)

        rulesFile = located(reader.text("rules", default: "alerts.yaml", &mistakes))
        windows = Self.windows(reader.optional("windows"), &mistakes)
        detection = Self.detection(
            reader.optional("detection"), localOffsetSeconds: siteOffsetSeconds, &mistakes)
        peers = Self.peers(reader.optional("peers"), &mistakes)
        lamps = Self.lamps(reader.optional("lamps"), localOffsetSeconds: siteOffsetSeconds, &mistakes)

        var api = SettingReader(section(&reader, "api"), &mistakes)
        socketPath = located(api.text("socket", default: "/run/baotu/baotu.sock", &mistakes))
        if socketPath.utf8.count > 100 {
            mistakes.append(
                (root["api"]?["socket"] ?? root).mistake(
                    "expected a path of at most 100 bytes: a limit of Unix sockets"))
        }
        api.finish(&mistakes)

        var notify = SettingReader(section(&reader, "notification"), &mistakes)
        notifications = Notifications(
            toLog: notify.flag("log", default: true, &mistakes), toMQTT: notify.flag("mqtt", default: true, &mistakes),
            topicPrefix: mqtt.ownPrefix)
        notify.finish(&mistakes)

        var log = SettingReader(section(&reader, "log"), &mistakes)
        logLevel = log.word("level", default: LogLevel.info, &mistakes)
        statusInterval = log.duration(
            "status_every", in: .seconds(60) ... .seconds(86_400), default: .seconds(60), &mistakes)
        log.finish(&mistakes)

        reader.finish(&mistakes)
    }

    /// `path` itself when absolute, else beside the configuration file.
    private static func located(_ path: String, beside file: String) -> String {
        guard !path.hasPrefix("/") else { return path }
        guard let slash = file.lastIndex(of: "/") else { return path }
        return String(file[...slash]) + path
    }

    private static func offset(_ text: String) -> Int? {
        // A moment written with this offset says whether it is one.
        Timestamp(iso8601: "2000-01-01T00:00:00\(text)").map {
            Int((CivilTime(year: 2000, month: 1, day: 1).timestamp() - $0).milliseconds / 1000)
        }
    }

    /// A list for all quantities, or a map of `default` and `quantities`.
    private static func windows(_ setting: Setting?, _ mistakes: inout [Mistake]) -> WindowPlan {
        guard let setting else { return .standard }
        guard setting.entries != nil else {
            return WindowPlan(windowList(setting, &mistakes) ?? WindowPlan.standard.windows)
        }
        var reader = SettingReader(setting, &mistakes)
        let standard = reader.optional("default").flatMap { windowList($0, &mistakes) }
        var quantities: [Quantity: [WindowPlan.Window]] = [:]
        if let map = reader.optional("quantities") {
            if map.entries == nil { mistakes.append(map.mistake("expected a map of quantities and their windows")) }
            for entry in map.entries ?? [] {
                guard let quantity = Quantity(named: entry.key) else {
                    let hint = nearest(to: entry.key, in: Quantity.all.map(\.name)).map { "; did you mean '\($0)'?" }
                    mistakes.append(
                        entry.value.mistake("expected a quantity of the vocabulary as the key\(hint ?? "")"))
                    continue
                }
                quantities[quantity] = windowList(entry.value, &mistakes)
            }
        }
        reader.finish(&mistakes)
        return WindowPlan(standard ?? WindowPlan.standard.windows, quantities: quantities)
    }

    private static func windowList(_ setting: Setting, _ mistakes: inout [Mistake]) -> [WindowPlan.Window]? {
        guard let items = setting.items, (1...WindowPlan.windowsMax).contains(items.count) else {
            mistakes.append(
                setting.mistake("expected a list of 1 to \(WindowPlan.windowsMax) lengths, such as [5m, 1h, 24h]"))
            return nil
        }
        var windows: [WindowPlan.Window] = []
        for item in items {
            guard let length = item.text.flatMap({ Duration(shortForm: $0) }), length >= .seconds(60),
                length <= WindowPlan.Window.lengthMax, !windows.contains(where: { $0.length == length })
            else {
                mistakes.append(item.mistake("expected a length from 1m to 31d that is not listed yet"))
                continue
            }
            guard let window = WindowPlan.Window(length: length) else {
                mistakes.append(
                    item.mistake("expected a length that 8 to 64 equal panes of known lengths make, such as 90m or 8h"))
                continue
            }
            windows.append(window)
        }
        return windows.isEmpty ? nil : windows
    }

    /// Reads what of `limits` is about one message; `store` reads the rest and asks for the end.
    private static func decoding(_ setting: Setting, _ mistakes: inout [Mistake]) -> DecodingLimits {
        var limits = DecodingLimits()
        var reader = SettingReader(setting, &mistakes)
        for (key, path, range) in decodingKeys {
            limits[keyPath: path] = reader.integer(key, in: range, default: limits[keyPath: path], &mistakes)
        }
        return limits
    }

    private static var decodingKeys: [(String, WritableKeyPath<DecodingLimits, Int>, ClosedRange<Int>)] {
        [
            ("payload_bytes", \.payloadBytesMax, 256...268_435_456),
            ("nesting", \.nestingMax, 1...1024),
            ("values", \.nodesMax, 16...16_777_216),
            ("readings", \.readingsPerMessageMax, 1...1_000_000),
            ("faults", \.rejectsPerMessageMax, 1...1000),
            ("devices_per_profile", \.devicesPerProfileMax, 1...16_000_000),
            ("sparkplug_devices", \.sparkplugDevicesMax, 0...16_000_000),
            ("sparkplug_metrics", \.sparkplugMetricsMax, 0...64_000_000),
            ("held_keys", \.heldKeysMax, 0...16_000_000),
        ]
    }

    /// A word, or a map of `default` and `topics`.
    private static func onboarding(_ setting: Setting?, _ mistakes: inout [Mistake]) -> Onboarding {
        func answer(_ setting: Setting) -> Onboarding.Answer {
            if let found = setting.text.flatMap({ Onboarding.Answer(rawValue: $0) }) { return found }
            mistakes.append(setting.mistake("expected accept, quarantine or refuse"))
            return .accept
        }
        guard let setting else { return Onboarding() }
        guard setting.entries != nil else { return Onboarding(unknown: answer(setting)) }
        var reader = SettingReader(setting, &mistakes)
        var result = Onboarding()
        if let standard = reader.optional("default") { result.unknown = answer(standard) }
        if let topics = reader.optional("topics") {
            if topics.entries == nil { mistakes.append(topics.mistake("expected a map of topic filters and answers")) }
            for entry in topics.entries ?? [] {
                result.exceptions.append(.init(topics: entry.key, answer: answer(entry.value)))
            }
        }
        reader.finish(&mistakes)
        return result
    }

    private static func store(
        _ setting: Setting, _ limitSetting: Setting, _ located: (String) -> String, _ mistakes: inout [Mistake]
    ) -> StoreOptions {
        var limits = SettingReader(limitSetting, &mistakes)
        var names = SeriesRegistry.Limits()
        names.devicesMax = limits.integer("devices", in: 1...16_000_000, default: names.devicesMax, &mistakes)
        names.seriesMax = limits.integer("series", in: 1...64_000_000, default: names.seriesMax, &mistakes)
        for (key, _, _) in decodingKeys { _ = limits.optional(key) }
        limits.finish(&mistakes)

        var reader = SettingReader(setting, &mistakes)
        var options = StoreOptions(folder: located(reader.text("folder", default: "/var/lib/baotu", &mistakes)))
        options.limits = names
        options.sealInterval = reader.duration(
            "seal_every", in: .seconds(60) ... .seconds(86_400), default: .seconds(7200), &mistakes)
        options.journalBytesMax = reader.integer(
            "journal_bytes", in: 1_048_576...4_294_967_296, default: 67_108_864, &mistakes)
        options.rejectBytesMax = reader.integer(
            "reject_bytes", in: 65_536...4_294_967_296, default: 67_108_864, &mistakes)
        options.ballastBytes = Int64(
            reader.integer("ballast_bytes", in: 0...17_179_869_184, default: 67_108_864, &mistakes))
        options.retention = retention(section(&reader, "retention"), folder: options.folder, &mistakes)
        reader.finish(&mistakes)
        return options
    }

    private static func retention(
        _ setting: Setting, folder: String, _ mistakes: inout [Mistake]
    ) -> Retention {
        var reader = SettingReader(setting, &mistakes)
        var retention = Retention()
        retention.raw = age("raw", &reader, &mistakes)
        retention.rollups = age("rollups", &reader, &mistakes)
        retention.alerts = age("alerts", default: retention.alerts, &reader, &mistakes)
        let budget = reader.text("bytes_max", default: "80%", &mistakes)
        let total = Retention.fileSystemBytes(of: folder)
        if budget.hasSuffix("%"), let percent = Int(budget.dropLast()), (1...95).contains(percent) {
            retention.bytesMax = total.map { $0 / 100 * Int64(percent) }
        } else if budget != "none" {
            if let bytes = Int64(budget), bytes >= 1 << 24 {
                retention.bytesMax = bytes
            } else if let found = setting["bytes_max"] {
                mistakes.append(
                    found.mistake("expected bytes from 16777216, a share of the disk from 1% to 95%, or none"))
            }
        }
        if let list = reader.optional("classes") {
            if list.items == nil { mistakes.append(list.mistake("expected a list of {name, profiles, raw}")) }
            for item in list.items ?? [] {
                var entry = SettingReader(item, &mistakes)
                let name = entry.required("name", "a name for files, such as busy-roads", &mistakes)
                let profiles = entry.texts("profiles", default: [], &mistakes)
                let raw = age("raw", &entry, &mistakes)
                entry.finish(&mistakes)
                guard let name, let text = name.text else { continue }
                let isName =
                    !text.isEmpty && text.utf8.count <= 32
                    && text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
                if !isName || retention.classes.contains(where: { $0.name == text }) {
                    mistakes.append(name.mistake("expected a name of its own, of a to z, 0 to 9 and '-', at most 32"))
                } else if profiles.isEmpty {
                    mistakes.append(item.mistake("expected profiles: names or patterns, such as [lighting*]"))
                } else {
                    retention.classes.append(Retention.Class(name: text, profiles: profiles, raw: raw))
                }
            }
        }
        reader.finish(&mistakes)
        return retention
    }

    /// A length of time that things are kept; nil for `forever`.
    private static func age(
        _ key: String, default fallback: Duration? = nil, _ reader: inout SettingReader, _ mistakes: inout [Mistake]
    ) -> Duration? {
        guard let found = reader.optional(key) else { return fallback }
        guard found.text != "forever" else { return nil }
        let day = Duration.seconds(86_400)
        guard let age = found.text.flatMap({ Duration(shortForm: $0) }), (day...day * 36_500).contains(age) else {
            mistakes.append(found.mistake("expected a length from 1d to 36500d, such as 90d, or forever"))
            return fallback
        }
        return age
    }

    /// Whether it is one (MQTT 5, 4.7.1).
    private static func isTopicFilter(_ text: String) -> Bool {
        let levels = text.split(separator: "/", omittingEmptySubsequences: false)
        return !text.isEmpty && text.utf8.count <= 65_535 && !text.utf8.contains(0)
            && levels.dropLast().allSatisfy { $0 == "+" || !$0.contains { "+#".contains($0) } }
            && (levels.last.map { $0 == "+" || $0 == "#" || !$0.contains { "+#".contains($0) } } ?? false)
    }

    private struct MQTT {
        var options: BrokerOptions
        var reconnectMin: Duration
        var reconnectMax: Duration
        var brokerConfiguration: [String]
        var ownPrefix: String
    }

    private static func mqtt(
        _ setting: Setting, _ located: (String) -> String, _ mistakes: inout [Mistake]
    ) -> MQTT {
        var reader = SettingReader(setting, &mistakes)
        let host = reader.text("host", default: "127.0.0.1", &mistakes)
        let port = reader.integer("port", in: 1...65_535, default: 1883, &mistakes)
        let clientID = reader.text("client_id", default: "baotu", &mistakes)
        var options = BrokerOptions(host: host, port: port, clientID: clientID)
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
        check(!host.isEmpty, "host", "expected a name or an address")
        check((1...256).contains(clientID.utf8.count), "client_id", "expected 1 to 256 bytes")
        options.username = reader.optionalText("username", &mistakes)
        check(options.username != nil, "password_file", "expected mqtt.username beside it")
        if let path = reader.optional("password_file") {
            do {
                let text = try SettingFiles.text(of: located(path.shown))
                options.password = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
            } catch {
                mistakes.append(path.mistake("expected a readable file with the password in its first line"))
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
        if let tls = reader.optional("tls") {
            var section = SettingReader(tls, &mistakes)
            let files = ["ca_file", "certificate_file", "key_file"].map { key in
                let path = section.optionalText(key, &mistakes).map(located)
                if let path, let found = tls[key], !SettingFiles.isReadable(path) {
                    mistakes.append(found.mistake("expected a readable file"))
                }
                return path
            }
            let verifies = section.flag("verify_host", default: true, &mistakes)
            section.finish(&mistakes)
            if (files[1] == nil) != (files[2] == nil) {
                mistakes.append(tls.mistake("expected certificate_file and key_file together"))
            }
            options.tls = BrokerOptions.TLSOptions(
                caFile: files[0], certificateFile: files[1], keyFile: files[2], verifiesHostname: verifies)
        }
        reader.finish(&mistakes)
        return MQTT(
            options: options, reconnectMin: least, reconnectMax: max(least, most),
            brokerConfiguration: brokerConfiguration, ownPrefix: prefix)
    }
}

/// The years that the store has times of.
private let storeYears =
    CivilTime(year: 2019, month: 12, day: 1).timestamp()..<CivilTime(year: 2091, month: 1, day: 1).timestamp()

extension ZoneRules {
    /// The lesser of the offsets in January and July, by the rules that hold now: what is left when no clock is put
    /// forward. Those that held before do not count, for summer time was abolished in some zones and kept for good in others.
    fileprivate var standardOffsetSeconds: Int {
        let months = [1, 7].map { CivilTime(year: 2090, month: $0, day: 1).timestamp() }
        return months.map { offsetSeconds(at: $0) }.min()!
    }
}

extension LocalDays {
    /// Those of a zone.
    init?(_ zone: ZoneRules) {
        self.init(
            offsetSeconds: zone.offsetSeconds(at: storeYears.lowerBound),
            changes: zone.changes(in: storeYears).map { Change(at: $0.at, offsetSeconds: $0.offsetSeconds) })
    }
}

/// The section under `key`, or an empty one in its place, whose keys all read as their defaults.
private func section(_ reader: inout SettingReader, _ key: String) -> Setting {
    reader.optional(key) ?? reader.setting.emptySection(key)
}
