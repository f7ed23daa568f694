import API
public import Basics
import Broker
import ConfigurationFiles
import Contract
import Decoding
import FoundationEssentials
import Hummingbird
import Logging
import Notification
import ServiceLifecycle
import Settings
import Store
import Telemetry
import UnixSignals

/// Where the rooms meet: reads the configuration, opens the store, starts the turn and the API, and ends them in order.
public struct Daemon {
    /// What `baotud --version` and the status say.
    public static let version = ProductVersion.current

    let configuration: GatewayConfiguration
    private let files: LoadedFiles

    /// Reads and checks every file. Throws all mistakes of all files together.
    public init(configurationFile: String) throws(Mistakes) {
        var mistakes: [Mistake] = []
        let configuration = try GatewayConfiguration.draft(path: configurationFile, &mistakes)
        let files: LoadedFiles?
        do {
            files = try LoadedFiles.load(configuration)
        } catch {
            mistakes += error.list
            files = nil
        }
        guard mistakes.isEmpty, let files else { throw Mistakes(mistakes) }
        self.configuration = configuration
        self.files = files
    }

    /// What may be meant and probably is not, one sentence each.
    public var warnings: [String] { files.warnings.map(\.description) }

    /// What `--check` says of good files.
    public var summary: String {
        "\(configuration.file) is good: \(counted(files.catalog.profileNames.count, "profile")), "
            + "\(counted(files.rules.count, "rule")), "
            + "\(counted(files.roster.count, "device")) on the roster, store in \(configuration.store.folder), "
            + "broker \(configuration.mqtt.host):\(configuration.mqtt.port)"
            + (warnings.isEmpty ? "" : "; \(counted(warnings.count, "warning"))")
    }

    // Long: every part of the gateway is made here, in the order in which they need each other.
    /// Runs until SIGTERM or SIGINT.
    ///
    /// Throws `StoreError` when the store cannot be opened and `BrokerError` when an option of the connection is wrong.
    public func run(_ hangUps: HangUps) async throws {
        let environment = ProcessInfo.processInfo.environment
        let level = Logger.Level(configuration.logLevel)
        LoggingSystem.bootstrap { _ in
            var handler = ServiceLogHandler(isForJournal: environment["JOURNAL_STREAM"] != nil)
            handler.logLevel = level
            return handler
        }
        let log = Logger(label: "baotud")
        let serviceManager = ServiceManager(environment: environment)
        let clock: @Sendable () -> Timestamp = { ServiceLogHandler.now() }
        log.notice(
            "starting", metadata: ["version": "\(Self.version)", "store": "\(configuration.store.folder)"])

        for warning in warnings {
            log.warning("the configuration may not be meant so", metadata: ["warning": "\(warning)"])
        }

        let start = StartWatch(serviceManager)
        defer { start.end() }
        let journal = try Journal.open(configuration.store)
        let mailbox = Mailbox()
        let live = LiveView(
            LiveStatusAnswer(
                version: Self.version, startedAt: clock(),
                broker: "\(configuration.mqtt.host):\(configuration.mqtt.port)"))
        var options = configuration.mqtt
        if configuration.notifications.toMQTT {
            options.ownWordsFilter = MQTTChannel.filter(topicPrefix: configuration.notifications.topicPrefix)
            options.readsOwnWords = try journal.retainedWords != .read
        }
        options.droppedBefore = try journal.droppedByBroker
        let names = try SessionNames(configuration, journal, log)
        let broker = try line(options, names)
        live.remember(try journal.takeovers)
        let publisher = Publisher()
        let channels = channels(configuration.notifications, publisher: publisher, log: log)
        let loop = try IngestLoop(
            configuration: configuration, files: files, broker: broker, journal: journal, mailbox: mailbox, live: live,
            log: log, serviceManager: serviceManager,
            channels: channels, publisher: publisher, clocks: .linux)
        start.end()
        let doctor = Doctor(configuration: configuration, live: live, now: clock)

        // The ingest thread keeps a core of its own, however large a question is.
        let archives = ArchivePool(
            folder: configuration.store.folder, threads: max(1, ProcessInfo.processInfo.activeProcessorCount - 1),
            archivesMax: configuration.memory.archivesMax(configuration.store.limits))
        let configuration = configuration
        let source = LiveSource(
            mailbox: mailbox, live: live, doctor: doctor, archives: archives, log: log,
            loadFiles: { () throws(Mistakes) in try LoadedFiles.reload(configuration) })
        let api = try UnixSocketServer.service(
            socketPath: configuration.socketPath, archives: archives, live: source.answers,
            operators: Operators(group: configuration.operators), log: log,
            now: clock)
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    // Without the API the gateway ends in order too: a cancelled group would wait for the ingest
                    // thread for ever.
                    .init(
                        service: api, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup),
                    .init(
                        service: IngestService(
                            loop: loop, mailbox: mailbox, serviceManager: serviceManager, doctor: doctor, log: log)),
                    .init(
                        service: ReloadService(source: source, log: log, hangUps: hangUps)),
                    .init(
                        service: ScrubService(options: configuration.store, live: live, log: log),
                        successTerminationBehavior: .ignore),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: Logger(label: "services") { _ in SwiftLogNoOpLogHandler() }))
        do {
            try await group.run()
        } catch {
            await close(channels)
            throw error
        }
        await close(channels)
    }

    private func close(_ channels: [any NotificationChannel]) async {
        for channel in channels { await channel.close() }
    }
}

extension Daemon {
    /// The line under the client id of now; where the broker may keep messages under others, it takes those first.
    private func line(_ options: BrokerOptions, _ names: SessionNames) throws(BrokerError) -> any BrokerLine {
        let schedule = ReconnectSchedule(delayMin: configuration.reconnectMin, delayMax: configuration.reconnectMax)
        var options = options
        options.clientID = names.clientID
        options.isClientIDSecret = names.isOwn
        let main = try BrokerSession(options: options, reconnect: schedule)
        guard !names.former.isEmpty else { return main }
        var names = names
        return try SessionHandover(
            main: main, former: names.former, strangerID: HeldSessions.clientID(of: ClientNumber().words),
            session: { (id, isClean) throws(BrokerError) in
                var other = options
                other.clientID = id
                other.subscribes = false
                other.readsOwnWords = false
                if isClean { other.sessionExpiry = .zero }
                return try BrokerSession(options: other, reconnect: schedule)
            }, forget: { (id) throws(BrokerError) in try names.forget(id) })
    }
}

/// Turns the loop on a thread of its own: it may block on the disk, so it is never one of the task pool's.
private final class IngestService: Service, @unchecked Sendable {
    // Sendable unchecked: `loop` is made before the thread starts and touched by that thread alone from then on.
    private let loop: IngestLoop
    private let mailbox: Mailbox
    private let serviceManager: ServiceManager
    private let doctor: Doctor
    private let log: Logger

    init(loop: IngestLoop, mailbox: Mailbox, serviceManager: ServiceManager, doctor: Doctor, log: Logger) {
        self.loop = loop
        self.mailbox = mailbox
        self.serviceManager = serviceManager
        self.doctor = doctor
        self.log = log
    }

    func run() async {
        await withGracefulShutdownHandler {
            await withCheckedContinuation { continuation in
                let isStarted = BlockingThread.start(name: "baotu.ingest", stackBytes: 8 << 20) { [self] in
                    turnUntilStopped()
                    continuation.resume()
                }
                precondition(isStarted, "a gateway without its thread does nothing")
            }
        } onGracefulShutdown: {
            self.mailbox.stop()
        }
    }

    private func turnUntilStopped() {
        var isReady = false
        let examineAt = ContinuousClock.now + .seconds(5)
        var isExamined = false
        while !mailbox.isStopped {
            let isCompleted = loop.turn()
            if isCompleted, !isReady {
                isReady = true
                serviceManager.ready("running")
                log.notice("ready")
            }
            // A few seconds in, when the line to the broker is up or known to be down.
            if !isExamined, ContinuousClock.now >= examineAt {
                isExamined = true
                for finding in doctor.examine(asksBroker: false) where finding.level != .good {
                    log.warning(
                        "doctor",
                        metadata: [
                            "check": "\(finding.check)", "finding": "\(finding.finding)",
                            "mend": "\(finding.mend ?? "")",
                        ])
                }
            }
        }
        loop.drain()
    }
}

extension Logger.Level {
    fileprivate init(_ level: GatewayConfiguration.LogLevel) {
        switch level {
        case .debug: self = .debug
        case .info: self = .info
        case .warning: self = .warning
        case .error: self = .error
        }
    }
}
