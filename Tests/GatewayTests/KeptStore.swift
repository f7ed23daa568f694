import Alerting
import Basics
import Broker
import ConfigurationFiles
import Contract
import Foundation
import Logging
import Pipeline
import Synchronization
import Telemetry
import Windows

@testable import Gateway
@testable import Store

/// A folder with a gateway's store, its configuration and what it must tell, and the gateway on a copy of it.
///
/// The one place of the upgrade's test that looks inside of the gateway: each list is of lines of plain text, sorted, with
/// the bits of every number.
final class KeptStore {
    /// Turns of the replayed script are so far apart, the first one so long after the start.
    static let turnSpan = Duration.seconds(10)

    let folder: URL
    let broker = ScriptedBroker()
    private(set) var loop: IngestLoop?
    private(set) var journal: Journal?
    private(set) var mailbox = Mailbox()
    private var publisher = Publisher()
    /// While set, every effect on the store's files fails.
    let disk = FailingDisk()
    private let clock = Clock()

    private final class Clock: @unchecked Sendable { var now = Timestamp(milliseconds: 0) }

    final class FailingDisk: Sendable {
        private let state = Mutex(false)
        func fails(_ fails: Bool) { state.withLock { $0 = fails } }
        func effect() throws(StoreError) {
            if state.withLock({ $0 }) { throw .ioError(file: "simulated", detail: "the disk failed") }
        }
    }

    /// On a folder with `baotu.yaml` and what that names.
    init(folder: URL) { self.folder = folder }

    /// The folder of the repository in which a store of an older version is kept.
    static let kept = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "Fixtures/written-by-0.1.0-schema-4")

    static let scriptHeading = [
        "# What came after the store was kept: milliseconds since 1970, topic and payload, with tabs between.",
        "# The gateway starts at \(resume). From ten seconds later until \(end) it makes a turn every ten",
        "# seconds, with or without messages. A turn receives all messages up to its moment, as of their milliseconds.",
    ]
    /// When the gateway starts on the kept store, and the last turn of the script.
    static let resume = Timestamp(iso8601: "2026-01-26T06:05:00+08:00")!
    static let end = Timestamp(iso8601: "2026-01-26T16:05:00+08:00")!
    /// A moment of the script at which no device is silent: a start then calls nobody absent later.
    static let noon = Timestamp(iso8601: "2026-01-26T12:35:00+08:00")!

    /// On a temporary copy of a kept folder, which whoever asked for it removes.
    static func copy(of kept: URL) throws -> KeptStore {
        let folder = FileManager.default.temporaryDirectory.appending(path: "baotu-kept-\(UUID().uuidString)")
        try FileManager.default.copyItem(at: kept, to: folder)
        return KeptStore(folder: folder)
    }

    private var configuration: GatewayConfiguration {
        get throws {
            var configuration = try GatewayConfiguration(path: folder.appending(path: "baotu.yaml").path)
            let disk = disk
            configuration.store.effects = { (_) throws(StoreError) in try disk.effect() }
            return configuration
        }
    }

    // MARK: The gateway

    /// Starts the gateway on the store as it is.
    func start(at moment: Timestamp) throws {
        clock.now = moment
        let configuration = try configuration
        let journal = try Journal.open(configuration.store)
        mailbox = Mailbox()
        publisher = Publisher()
        loop = try IngestLoop(
            configuration: configuration, files: try LoadedFiles.load(configuration), broker: broker, journal: journal,
            mailbox: mailbox, live: LiveView(LiveStatusAnswer(version: "test", startedAt: moment, broker: "scripted")),
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            serviceManager: ServiceManager(environment: [:]), sealer: Sealer(isInline: true),
            channels: channels(
                configuration.notifications, publisher: publisher,
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }),
            publisher: publisher,
            clocks: MachineClocks(
                wall: { [clock] in clock.now },
                running: { [clock] in SteadyTime(milliseconds: clock.now.milliseconds) }, boot: 1))
        self.journal = journal
    }

    /// One turn, with the messages that the broker was given.
    func turn(at moment: Timestamp) {
        clock.now = moment
        loop?.turn()
    }

    /// Ends the gateway as a crash does. What is on disk is taken into core.db by the closing.
    func crash() {
        broker.lose()
        publisher.stop()
        loop = nil
        journal?.close()
        journal = nil
    }

    /// A person takes an alert on; done with the next turn.
    func acknowledge(_ alertID: Int64, by person: String, note: String) -> Bool {
        mailbox.post(
            Mailbox.Letter { loop, moment in
                try? loop.journal.add(.init(.acknowledged, at: moment.wall, by: person, note: note), toAlert: alertID)
            })
    }

    /// Plays a script: a turn each `turnSpan` after `start` until `end`, in which the gateway receives, in the order of
    /// the script, what was sent up to the turn's moment and not yet received.
    func play(_ script: [ScriptedMessage], from start: Timestamp, until end: Timestamp) {
        var next = 0
        var moment = start + Self.turnSpan
        while moment <= end {
            while next < script.count, script[next].at <= moment {
                broker.send(script[next])
                next += 1
            }
            turn(at: moment)
            moment = moment + Self.turnSpan
        }
    }

    // MARK: What it tells

    /// Every alert of the store with its steps, and who took it on. Needs no gateway.
    func alertLines() throws -> [String] {
        let archive = try archive
        return try archive.alerts().sorted { $0.id < $1.id }.flatMap { alert in
            let taken = alert.acknowledgedAt.map {
                "\($0) by \(alert.acknowledgedBy ?? "-"): \(alert.note ?? "-")"
            }
            return [
                "alert \(alert.id) \(alert.rule) \(about(alert)) \(alert.phase.rawValue) \(alert.severity.rawValue) "
                    + "since \(alert.since) at \(alert.at) value \(Self.text(alert.value)) \(alert.unit ?? "-") "
                    + "| \(alert.sentence) | acknowledged \(taken ?? "never")"
            ]
                + (try archive.alert(alert.id).transitions.map { step in
                    "alert \(alert.id) step \(step.id) \(step.at) \(step.from.rawValue) > \(step.to.rawValue) "
                        + "since \(step.since) \(step.severity.rawValue) value \(Self.text(step.value)) | \(step.sentence)"
                })
        }
    }

    /// Every step of an alert, in the order in which they were recorded, but the first `count`.
    func transitionLines(after count: Int) throws -> [String] {
        let archive = try archive
        var steps: [(id: Int64, line: String)] = []
        for alert in try archive.alerts() {
            for step in try archive.alert(alert.id).transitions {
                steps.append(
                    (
                        step.id,
                        "\(step.at) \(alert.rule) \(about(alert)) \(step.from.rawValue) > \(step.to.rawValue) "
                            + "since \(step.since) \(step.severity.rawValue) value \(Self.text(step.value)) | \(step.sentence)"
                    ))
            }
        }
        return steps.sorted { $0.id < $1.id }.dropFirst(count).map(\.line)
    }

    var transitionCount: Int { get throws { try transitionLines(after: 0).count } }

    /// The alerts that the running gateway has in mind.
    func bookLines() -> [String] {
        guard let loop, let journal else { return [] }
        return loop.pipeline.book.active.map { key, alert in
            let series = key.subject.series.map { seriesName($0, journal.registry) } ?? "-"
            let state =
                switch alert.state {
                case .inactive: "inactive"
                case .pending(let since, _): "pending since \(since)"
                case .clearing(let since, _): "clearing since \(since)"
                case .firing(let since): "firing since \(since)"
                case .unknown(let since, let wasFiring): "unknown since \(since) was_firing \(wasFiring)"
                }
            return "\(key.rule) \(key.subject.name(in: journal.registry)) \(series) \(state) "
                + alert.severity.rawValue
        }.sorted()
    }

    /// The summary of every window of every series, as of a moment.
    func windowLines(at moment: Timestamp) -> [String] {
        guard let loop, let journal else { return [] }
        return journal.registry.series.indices.flatMap { index in
            let id = SeriesID(rawValue: UInt32(index))
            let device = journal.registry.devices[journal.registry.series[index].device.index].name
            return loop.pipeline.summaries(of: id, at: moment).map { window in
                let fields: [(String, String)] = [
                    ("end", "\(window.end)"), ("count", "\(window.count)"), ("mean", Self.text(window.mean)),
                    ("min", Self.text(window.min)), ("max", Self.text(window.max)),
                    ("deviation", Self.text(window.standardDeviation)), ("first", Self.text(window.first)),
                    ("first_at", "\(window.firstAt)"), ("last", Self.text(window.last)),
                    ("last_at", "\(window.lastAt)"), ("median", Self.text(window.median)),
                    ("p95", Self.text(window.p95)), ("exact", "\(window.hasExactQuantiles)"),
                    ("total", Self.text(window.total ?? window.increase)),
                    ("time_weighted", Self.text(window.timeWeightedMean)),
                    ("expected", window.expectedCount.map { "\($0)" } ?? "-"), ("change", Self.text(window.change)),
                    ("revision", "\(window.revision)"),
                ]
                return "\(device) \(seriesName(id, journal.registry)) "
                    + "\(window.window.milliseconds / 1000)s " + fields.map { "\($0)=\($1)" }.joined(separator: " ")
            }
        }.sorted()
    }

    /// What is known of each device's link and clock, and of what was noticed last.
    func healthLines() -> [String] {
        guard let loop, let journal else { return [] }
        let (health, clocks, registry) = (loop.pipeline.health, loop.pipeline.clocks, journal.registry)
        func time(_ moment: Timestamp?) -> String { moment.map { "\($0)" } ?? "never" }
        var lines: [String] = []
        for (index, device) in registry.devices.enumerated() {
            let id = DeviceIndex(rawValue: UInt32(index))
            lines.append(
                "\(device.name) heard \(time(health.lastHeard(id)?.at)) offline \(health.saidOffline(id)) "
                    + "watermark \(time(clocks.watermark(of: id))) "
                    + "skew_ms \(clocks.skew(of: id).map { "\($0.milliseconds)" } ?? "-") "
                    + "backlog_ms \(clocks.backlog(of: id).milliseconds)")
            for kind in Finding.Kind.allCases {
                guard let last = health.lastFinding(kind, subject: .device(id)) else { continue }
                lines.append("\(device.name) - found \(kind.rawValue) \(Timestamp(milliseconds: last.milliseconds))")
            }
        }
        for circuit in Set(loop.pipeline.roster.lines.values.map(\.entry.circuit)) {
            for kind in Finding.Kind.allCases {
                guard let last = health.lastFinding(kind, subject: .circuit(circuit)) else { continue }
                lines.append("\(circuit) - found \(kind.rawValue) \(Timestamp(milliseconds: last.milliseconds))")
            }
        }
        for (index, series) in registry.series.enumerated() {
            let id = SeriesID(rawValue: UInt32(index))
            let name = "\(registry.devices[series.device.index].name) \(seriesName(id, registry))"
            if let last = health.lastSuspect(id) { lines.append("\(name) suspect \(last.at)") }
            for kind in Finding.Kind.allCases {
                guard let last = health.lastFinding(kind, subject: .series(id, of: series.device)) else { continue }
                lines.append("\(name) found \(kind.rawValue) \(Timestamp(milliseconds: last.milliseconds))")
            }
        }
        return lines.sorted()
    }

    /// What the heart knows of a device beside its place and cadence.
    func constants(of device: String) -> [String: String] {
        loop?.pipeline.roster.lines.values.first { $0.entry.device == device }?.entry.constants ?? [:]
    }

    /// Whether the store had a state to start from.
    var hadSnapshot: Bool { journal?.snapshot != nil }

    private var archive: Archive {
        get throws { try Archive(folder: try configuration.store.folder) }
    }

    private func seriesName(_ series: SeriesID, _ registry: SeriesRegistry) -> String {
        registry.series[series.index].quantity.name
            + (registry.channelName(of: series).map { "/\($0)" } ?? "")
    }

    private func about(_ alert: AlertAnswer) -> String {
        "\(alert.about) \(alert.quantity ?? "-")\(alert.channel.map { "/\($0)" } ?? "")"
    }

    /// Readable, and to the last bit.
    private static func text(_ value: Double?) -> String {
        value.map { "\($0):\(String($0.bitPattern, radix: 16))" } ?? "-"
    }
}

/// One message of a script, and the moment at which it is sent and received.
struct ScriptedMessage: Equatable {
    var at: Timestamp
    var topic: String
    var payload: String

    /// A line of a script's file: milliseconds, topic and payload with tabs between; `#` begins a comment.
    init?(line: some StringProtocol) {
        guard !line.hasPrefix("#") else { return nil }
        let fields = line.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false)
        guard fields.count == 3, let milliseconds = Int64(fields[0]) else { return nil }
        self.init(
            at: Timestamp(milliseconds: milliseconds), topic: String(fields[1]), payload: String(fields[2]))
    }

    init(at: Timestamp, topic: String, payload: String) {
        self.at = at
        self.topic = topic
        self.payload = payload
    }

    var line: String { "\(at.milliseconds)\t\(topic)\t\(payload)" }
}

/// A broker that hands over what it was sent, in order and all at once, and takes every notice.
final class ScriptedBroker: BrokerLine {
    private var waiting: [ScriptedMessage] = []
    private var confirmed: [MessageToken] = []
    private var nextToken: UInt64 = 1
    private(set) var connectedSince: Timestamp?
    /// Called when the gateway acknowledges: after the commit of its turn, before anything else of it.
    var whenAcknowledged: () -> Void = {}

    func send(_ message: ScriptedMessage) { waiting.append(message) }

    func lose() {
        waiting = []
        confirmed = []
        connectedSince = nil
    }

    var isConnected: Bool { connectedSince != nil }
    var isListening: Bool { isConnected }
    private(set) var connectionCount = 0
    func takeHeard() -> Bool { isConnected }

    func receive(
        into batch: inout MessageBatch, messagesMax: Int, bytesMax: Int, linger: Duration, waiting span: Duration,
        now: () -> Timestamp
    ) {
        if connectedSince == nil {
            connectedSince = now()
            connectionCount += 1
        }
        for message in waiting {
            batch.append(topic: message.topic, payload: Array(message.payload.utf8), receivedAt: message.at)
        }
        waiting = []
    }

    func acknowledge() { whenAcknowledged() }
    func dropConnection(_ reason: String) { lose() }

    func publish(
        topic: String, payload: [UInt8], qos: BrokerOptions.QualityOfService, retain: Bool
    ) -> MessageToken? {
        let token = MessageToken(rawValue: nextToken)
        nextToken += 1
        confirmed.append(token)
        return token
    }

    func takeConfirmed() -> [MessageToken] {
        defer { confirmed = [] }
        return confirmed
    }

    func takeEvents() -> [BrokerEvent] { [] }
    func takeOwnWords() -> [OwnWord] { [] }
    func stopOwnWords() {}
    func disconnect() { lose() }
}
