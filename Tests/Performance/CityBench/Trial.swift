import Alerting
import Basics
import ConfigurationFiles
import Decoding
import Fleet
import Measuring
import Pipeline
import Profiles
import Settings
import Telemetry
import Windows

/// One city, its faults and what the gateway said of them.
final class Trial {
    private let options: Options
    private var city: City
    private var decoder: MessageDecoder
    private let pipeline: Pipeline
    private var registry = SeriesRegistry()
    private var faults: [Fault] = []
    private var fired: [(at: Timestamp, device: String, rule: String, sentence: String)] = []
    private var messages = 0
    private var rejected = 0
    private let end: Timestamp

    init(_ options: Options) throws {
        self.options = options
        var wishes = City.Options(start: Timestamp(iso8601: "2026-03-02T00:00:00Z")!)
        wishes.lampCount = options.devices / 2
        wishes.airCount = options.devices / 4
        wishes.segmentCount = options.devices - wishes.lampCount - wishes.airCount
        wishes.messagesPerSecond = Double(options.devices) / Double(options.cadence)
        wishes.faultsPerHour = options.faultsPerHour
        wishes.seed = options.seed
        city = City(wishes)
        end = wishes.start + .seconds(options.days * 86_400)
        let configuration = try GatewayConfiguration(path: options.root + "/Config/baotu.yaml")
        let rules = try RuleFile.parse(
            yaml: try SettingFiles.text(of: configuration.rulesFile), file: configuration.rulesFile,
            windows: configuration.windows.lengths(of:))
        decoder = MessageDecoder(
            catalog: try DeviceCatalog.load(folders: configuration.devicesFolders, parameters: [:]),
            limits: configuration.decoding)
        pipeline = Pipeline(configuration.plan, rules: rules)
        var lines: [DeviceIndex: Roster.Line] = [:]
        for entry in city.roster {
            guard let device = registry.intern(device: entry.device, profile: entry.profile) else { continue }
            lines[device] = Roster.Line(entry: entry, since: wishes.start)
        }
        pipeline.setRoster(Roster(lines), registry: registry)
    }

    /// As the gateway turns: batches of about two seconds, judged by the clock once in ten.
    func run() {
        var batch = MessageBatch()
        var decoded = DecodedBatch()
        var turnEnd = city.options.start + .seconds(2)
        var nextScan = city.options.start
        while true {
            let emission = city.next()
            faults += city.takeStartedFaults()
            while emission.at >= turnEnd {
                if !batch.isEmpty {
                    decoded.removeAll()
                    decoder.decode(batch, into: &decoded, registry: &registry)
                    rejected += decoded.rejects.count
                    let turn = Turn(
                        origin: .live, at: Moment(turnEnd), fresh: decoded.readings, suspects: decoded.suspects,
                        statuses: decoded.statuses, heard: decoded.heard)
                    note(pipeline.step(turn, registry: registry))
                    batch.removeAll()
                }
                if turnEnd >= nextScan {
                    nextScan = turnEnd + .seconds(10)
                    note(pipeline.scan(registry: registry, isListening: true, at: Moment(turnEnd)))
                }
                turnEnd = turnEnd + .seconds(2)
            }
            guard emission.at < end else { return }
            messages += 1
            batch.append(topic: emission.topic, payload: emission.payload, receivedAt: emission.at)
        }
    }

    private func note(_ transitions: [AlertTransition]) {
        for transition in transitions where transition.to == .firing {
            fired.append(
                (
                    transition.at, transition.key.subject.name(in: registry), transition.key.rule,
                    transition.sentence
                ))
        }
    }

    // MARK: Judging

    /// Three cadences, or as long as this kind of fault takes to show.
    private func allowance(_ kind: FaultKind) -> Duration {
        let cadence = Duration.seconds(options.cadence)
        let own: Duration =
            switch kind {
            // A sensor of few steps often gives the same value again: twenty of them are needed to be sure.
            case .stuck: cadence * 20
            // Rises over its first tenth; then three comparisons with its neighbours, a minute each.
            case .pollutionEpisode: kind.usualDuration / 10 + .seconds(240)
            case .panelOverheating, .overcurrent: kind.usualDuration / 10 + .seconds(240)
            case .lampOut, .dayBurner, .spike: .zero
            // Three cadences without a word, counted from the last one, which came up to a cadence before.
            case .silent, .malformed: cadence * 3
            }
        // A scan follows within ten seconds; a rule may hold an alert back for half a minute.
        return max(cadence * 3, own) + .seconds(60)
    }

    private var judged: [Fault] { faults.filter { $0.start + allowance($0.kind) <= end } }

    private func isFound(_ fault: Fault) -> Bool {
        fired.contains {
            $0.device == fault.device && $0.at >= fault.start && $0.at <= fault.start + allowance(fault.kind)
        }
    }

    /// Rules about the weather and the air, which are as they are whatever the devices do.
    private static let weatherRules: Set = ["road-ice-risk", "road-ice", "pm2_5-high", "pm10-high", "ozone-high"]

    /// Alerts of devices that were sound then and in the hour before.
    private var wrong: [(at: Timestamp, device: String, rule: String, sentence: String)] {
        fired.filter { alert in
            !Self.weatherRules.contains(alert.rule)
                && !faults.contains {
                    $0.device == alert.device && alert.at >= $0.start && alert.at <= $0.end + .seconds(3600)
                }
        }
    }

    func report(_ table: inout FigureTable) {
        let judged = judged
        for kind in FaultKind.allCases {
            let ones = judged.filter { $0.kind == kind }
            guard !ones.isEmpty else { continue }
            table.add(
                "faults found: \(kind.rawValue)", 100 * Double(ones.count { isFound($0) }) / Double(ones.count), "%",
                .none, "of \(ones.count)")
        }
        let deviceDays = Double(options.devices * options.days)
        table.add(
            "faults found", 100 * Double(judged.count { isFound($0) }) / Double(max(1, judged.count)), "%",
            .atLeast(95), "of \(judged.count)")
        table.add(
            "false alerts in 1,000 device-days", 1000 * Double(wrong.count) / deviceDays, "", .atMost(1),
            "\(wrong.count) in \(Int(deviceDays)); \(messages) messages, \(rejected) rejects")
    }

    func list() {
        for fault in judged where !isFound(fault) { print("missed", fault.json) }
        for alert in wrong { print("wrong", alert.at, alert.rule, alert.sentence) }
    }
}
