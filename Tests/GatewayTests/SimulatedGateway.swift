import Basics
import ConfigurationFiles
import Contract
import Foundation
import Logging
import Notification
import Synchronization
import Telemetry
import TestSupport

@testable import Gateway
@testable import Store

/// The whole turn over a simulated broker, a real store in a temporary folder, and virtual time.
final class SimulatedGateway {
    /// Fails one effect on the store's files, counted from when it was armed.
    final class Disk: Sendable {
        private struct State {
            var count = 0
            var failsAt: Int?
            var isForGood = false
        }
        private let state = Mutex(State())

        /// The effect with this number fails, counted from 1; nil: none.
        func arm(_ number: Int?) { state.withLock { $0 = State(count: 0, failsAt: number) } }
        var count: Int { state.withLock { $0.count } }

        /// Nothing is written any more, or everything again.
        func setFull(_ isFull: Bool) {
            state.withLock { $0 = State(count: 0, failsAt: isFull ? 1 : nil, isForGood: isFull) }
        }

        func effect() throws(StoreError) {
            let fails = state.withLock { state in
                state.count += 1
                return state.count == state.failsAt || state.isForGood
            }
            if fails { throw .ioError(file: "simulated", detail: "the disk failed once") }
        }
    }

    let folder: URL
    let broker: SimulatedBroker
    let disk = Disk()
    private(set) var now = Timestamp(milliseconds: 1_772_705_640_000)
    private(set) var loop: IngestLoop?
    private(set) var journal: Journal?
    /// Of the gateway that runs.
    private(set) var mailbox = Mailbox()
    private var publisher = Publisher()
    let configuration: GatewayConfiguration
    /// Turns that are further apart than this have a gateway between them that was held.
    var held = Duration.seconds(10)
    /// In the place of the channels of these names.
    var recorders: [String: any NotificationChannel] = [:]
    private(set) var files: LoadedFiles
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    init(
        seed: UInt64, mischief: SimulatedBroker.Mischief = .init(), lamps: Int = 4, turn: String = "",
        limits: String = "", notification: String = "", rules: String = SimulatedGateway.rules
    ) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "baotu-simulation-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try rules.write(to: folder.appending(path: "alerts.yaml"), atomically: true, encoding: .utf8)
        let roster = "device,cadence\n" + (0..<lamps).map { "lamp-\($0),60s\n" }.joined()
        try roster.write(to: folder.appending(path: "roster.csv"), atomically: true, encoding: .utf8)
        var configuration = try GatewayConfiguration(
            yaml: """
                store: {folder: store, seal_every: 60s}
                turn: {\(turn)}
                limits: {\(limits)}
                notification: {\(notification)}
                devices: {folder: \(Self.root.path)/Devices, roster: roster.csv}
                """, file: folder.appending(path: "baotu.yaml").path)
        let disk = disk
        configuration.store.effects = { (_) throws(StoreError) in try disk.effect() }
        self.configuration = configuration
        files = try LoadedFiles.load(configuration)
        let clock = Clock()
        self.clock = clock
        broker = SimulatedBroker(seed: seed, mischief: mischief) { clock.now }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// Another roster, for the next start or reload.
    func setRoster(_ text: String) throws {
        try text.write(to: folder.appending(path: "roster.csv"), atomically: true, encoding: .utf8)
        files = try LoadedFiles.load(configuration)
    }

    static let rules = """
        rules:
        - rule: hot
          threshold: {quantity: control_gear_temperature, above: 60, clear: 50, hold: 20s}
        - rule: low
          threshold: {quantity: voltage, statistic: median, window: 5m, below: 215}
        - rule: silent
          absence: {cadences: 3, at_least: 60s}
        - rule: impossible
          out_of_range: {clear_after: 30s}
        """

    /// The one clock of broker and gateway.
    private final class Clock: @unchecked Sendable {
        var now = Timestamp(milliseconds: 1_772_705_640_000)
        /// What the gateway's wall clock is wrong by; the broker and the devices know what time it is.
        var wrong = Duration.zero
        var wall: Timestamp { now + wrong }
        /// Each look at the machine's clock takes so long.
        var looksTake = Duration.zero
        private var looked = Duration.zero
        var running: SteadyTime {
            looked += looksTake
            return SteadyTime(milliseconds: now.milliseconds) + looked
        }
    }
    private let clock: Clock

    /// How long each look at the machine's clock takes: a turn's work seems slow by it.
    var looksTake: Duration {
        get { clock.looksTake }
        set { clock.looksTake = newValue }
    }

    /// Somebody sets the gateway's wall clock.
    func setWall(wrongBy span: Duration) { clock.wrong = span }

    func pass(_ span: Duration) {
        now = now + span
        clock.now = now
    }

    /// Starts the gateway on the store as it is. Throws what the disk throws.
    func start() throws {
        let journal = try Journal.open(configuration.store)
        self.journal = journal
        mailbox = Mailbox()
        publisher = Publisher()
        do {
            loop = try IngestLoop(
                configuration: configuration, files: files, broker: broker, journal: journal, mailbox: mailbox,
                live: LiveView(LiveStatusAnswer(version: "test", startedAt: now, broker: "simulated")) { [clock] in
                    clock.running
                },
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                serviceManager: ServiceManager(environment: [:]), sealer: Sealer(isInline: true),
                channels: channels(
                    configuration.notifications, publisher: publisher,
                    log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                ).map { recorders[$0.name] ?? $0 },
                publisher: publisher,
                clocks: MachineClocks(
                    wall: { [clock] in clock.wall },
                    running: { [clock] in clock.running }, boot: 1, held: held))
        } catch {
            self.journal = nil
            journal.close()
            throw error
        }
    }

    /// One turn, and what its lanes do on it; false when the store refused it.
    @discardableResult
    func turn() throws -> Bool {
        guard let loop else { throw Failure(description: "the gateway does not run") }
        let isCompleted = loop.turn()
        try eventually("lanes have reported, or wait for the broker") {
            loop.outbox.unreported == publisher.waiting
        }
        return isCompleted
    }

    /// Ends the gateway as a crash does: nothing more is written, nothing is said.
    func crash() {
        broker.lose()
        publisher.stop()
        loop = nil
        // Lets go of the folder's lock; a closing checkpoint moves no committed row in or out.
        journal?.close()
        journal = nil
    }

    func drain() {
        loop?.drain()
        loop = nil
        journal = nil
    }

    /// Every reading of the store, by device and quantity, in order of time.
    func stored() throws -> [String: [Stored]] {
        let archive = try Archive(folder: configuration.store.folder)
        var all: [String: [Stored]] = [:]
        for (index, series) in archive.registry.series.enumerated() {
            let name = "\(archive.registry.devices[series.device.index].name) \(series.quantity.name)"
            let first = Timestamp(milliseconds: 0)
            try archive.forEachReading(
                of: SeriesID(rawValue: UInt32(index)), since: first, until: now + .seconds(86_400)
            ) { observed, value in
                all[name, default: []].append(Stored(observed: observed, value: value))
                return true
            }
        }
        return all
    }

    struct Stored: Equatable {
        var observed: Timestamp
        var value: Double
    }
}
