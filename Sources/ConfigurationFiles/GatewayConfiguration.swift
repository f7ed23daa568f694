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
        /// How long a turn may be at work: what is left of its messages waits for the next ones.
        public var workMax: Duration
    }

    /// Lines of a lower level are not written.
    public enum LogLevel: String, CaseIterable, Sendable { case debug, info, warning, error }

    /// Its own path, as given.
    public var file: String
    /// The broker and the session with it, of section `mqtt`; its client id is empty where `clientID` is nil.
    public var mqtt: BrokerOptions
    /// As written (`mqtt.client_id`); nil for the one that the gateway made for itself.
    public var clientID: String?
    /// The first wait after a lost connection is at most this; then it doubles up to `reconnectMax`.
    public var reconnectMin: Duration
    /// The longest wait, at least `reconnectMin`.
    public var reconnectMax: Duration
    /// The store's folder and its bounds, of the sections `store` and `limits`, and the site's days.
    public var store: StoreOptions
    /// The size of a batch, of section `turn`.
    public var turn: Turn
    /// Paths of the folders that the profiles lie in, one folder a device family. Of profiles with the same name the one in
    /// the first counts: people's own stand before those that are shipped.
    public var devicesFolders: [String]
    /// Values for the profiles' parameters, by name.
    public var profileParameters: [String: String]
    /// nil for none: then no device is expected.
    public var rosterFile: String?
    /// Path of the alert rules.
    public var rulesFile: String
    /// For which windows rolling statistics are kept, by quantity.
    public var windows: WindowPlan
    /// How much memory they may take.
    public var windowBudget: WindowBudget
    /// Of how many series there may be windows, where the file says so.
    var windowedSeries: Int?
    /// What memory there is, and what follows from it.
    package var memory: MemoryBudget
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
    /// The system's group whose members may give orders over it.
    public var operators: String
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
    /// Where the password for the broker is read before each connection; nil for none.
    package var passwordFile: PasswordFile?
    /// What the file says, by dotted path, to tell changes by.
    var written: [String: String]

    /// What the heart is told of it.
    public var plan: PipelinePlan {
        PipelinePlan(
            windows: windows, windowBudget: windowBudget, detection: detection, peers: peers, lamps: lamps,
            days: days)
    }

    /// Those of the site's wall clock.
    public var days: LocalDays { store.days ?? LocalDays(offsetSeconds: siteOffsetSeconds) }

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
        written = Self.written(root)
        let mqtt = Self.mqtt(section(&reader, "mqtt"), located, &mistakes)
        self.mqtt = mqtt.options
        clientID = mqtt.clientID
        reconnectMin = mqtt.reconnectMin
        reconnectMax = mqtt.reconnectMax
        brokerConfigurationFiles = mqtt.brokerConfiguration
        passwordFile = mqtt.passwordFile
        let limits = LimitsSection(section(&reader, "limits"), &mistakes)
        decoding = limits.decoding
        memory = limits.budget
        windowBudget = limits.windows
        windowedSeries = limits.windowedSeries
        store = Self.store(section(&reader, "store"), limits.names, located, &mistakes)

        turn = Turn(section(&reader, "turn"), &mistakes)

        var devices = SettingReader(section(&reader, "devices"), &mistakes)
        devicesFolders = devices.texts("folder", default: ["../Devices"], &mistakes).map(located)
        if devicesFolders.isEmpty, let found = root["devices"]?["folder"] {
            mistakes.append(found.mistake("expected a folder, or a list of them"))
        }
        rosterFile = devices.optionalText("roster", &mistakes).map(located)
        profileParameters = Self.parameters(devices.written("parameters"), &mistakes)
        let site = Self.site(&devices, &mistakes)
        (siteZone, siteOffsetSeconds, store.days) = (site.zone, site.offsetSeconds, site.days)
        onboarding = Self.onboarding(devices.optional("unknown"), &mistakes)
        devices.finish(&mistakes)

        rulesFile = located(reader.text("rules", default: "alerts.yaml", &mistakes))
        windows = Self.windows(reader.optional("windows"), &mistakes)
        detection = Self.detection(
            reader.optional("detection"), localOffsetSeconds: siteOffsetSeconds, &mistakes)
        peers = Self.peers(reader.optional("peers"), &mistakes)
        lamps = Self.lamps(reader.written("lamps"), localOffsetSeconds: siteOffsetSeconds, &mistakes)

        let api = Self.api(section(&reader, "api"), located, &mistakes)
        (socketPath, operators) = (api.socket, api.operators)

        notifications = Notifications(
            section(&reader, "notification"), topicPrefix: mqtt.ownPrefix, located, &mistakes)

        var log = SettingReader(section(&reader, "log"), &mistakes)
        logLevel = log.word("level", default: LogLevel.info, &mistakes)
        statusInterval = log.duration(
            "status_every", in: .seconds(60) ... .seconds(86_400), default: .seconds(60), &mistakes)
        log.finish(&mistakes)

        reader.finish(&mistakes)
    }

    /// `path` itself when absolute, else beside the configuration file.
    static func located(_ path: String, beside file: String) -> String {
        guard !path.hasPrefix("/") else { return path }
        guard let slash = file.lastIndex(of: "/") else { return path }
        return String(file[...slash]) + path
    }
}

extension GatewayConfiguration.Turn {
    fileprivate init(_ setting: Setting, _ mistakes: inout [Mistake]) {
        var turn = SettingReader(setting, &mistakes)
        messagesMax = turn.integer("messages_max", in: 1...1_000_000, default: 5000, &mistakes)
        bytesMax = turn.integer("bytes_max", in: 65_536...1_073_741_824, default: 16_777_216, &mistakes)
        linger = turn.duration("linger", in: .zero ... .seconds(1), default: .milliseconds(20), &mistakes)
        workMax = turn.duration(
            "work_max", in: .milliseconds(10) ... .seconds(10), default: .milliseconds(250), &mistakes)
        turn.finish(&mistakes)
    }
}

/// The section under `key`, or an empty one in its place, whose keys all read as their defaults.
func section(_ reader: inout SettingReader, _ key: String) -> Setting {
    reader.written(key) ?? reader.setting.emptySection(key)
}
