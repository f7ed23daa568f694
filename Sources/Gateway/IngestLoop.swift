import Alerting
import Basics
import Broker
import ConfigurationFiles
import Contract
import Decoding
import Logging
import Notification
import Pipeline
import Store
import Synchronization
import Telemetry
import Windows

/// The turn of the gateway: start reading here.
///
/// One thread receives, decodes, commits, acknowledges, absorbs and evaluates. The order of the lines of `turn` is the
/// durability promise: the broker may forget a message only after the row is on disk, and a crash between two lines
/// loses nothing, because the next start replays the journal's tail through the same `absorb` and `evaluate`.
final class IngestLoop {
    /// Longest wait for a first message, and so the longest delay of an answer from the mailbox.
    private static let waiting = Duration.milliseconds(50)
    private static let scanMilliseconds: Int64 = 1000
    /// The same while readings are imported: their next batch is on its way.
    private static let waitingForImport = Duration.milliseconds(2)
    /// A batch of messages that is full says that more wait on the line; then only every so many turns takes an import.
    private static let turnsBetweenImports = 8

    private let configuration: GatewayConfiguration
    private let broker: any BrokerLine
    let journal: Journal
    let pipeline: Pipeline
    private let mailbox: Mailbox
    private let live: LiveView
    let log: Logger
    private let serviceManager: ServiceManager
    private let now: () -> Timestamp

    private var decoder: MessageDecoder
    private var batch = MessageBatch()
    private var decoded = DecodedBatch()
    private(set) var outbox: OutboxPump
    private let publisher: Publisher
    private var sealer: Sealer
    /// Set once a second, and after each job: looking for closed days walks the list of files.
    private var asksForCompaction = false
    /// Transitions that the store could not take yet; they go before all others.
    private var unrecorded: [AlertTransition] = []
    private var lastJournalID: Int64
    private var lastScan: Int64 = 0
    private var lastImport = Timestamp(milliseconds: 0)
    private var turnsSinceImport = 0
    private var lastWatchdog: Timestamp?
    private var storeTrouble: StoreError?
    private var statusLine: StatusLine

    init(
        configuration: GatewayConfiguration, files: LoadedFiles, broker: any BrokerLine, journal: Journal,
        mailbox: Mailbox, live: LiveView, log: Logger, serviceManager: ServiceManager, sealer: Sealer = Sealer(),
        channels: [any NotificationChannel], publisher: Publisher, now: @escaping () -> Timestamp
    ) throws {
        self.configuration = configuration
        self.broker = broker
        self.journal = journal
        self.mailbox = mailbox
        self.live = live
        self.log = log
        self.serviceManager = serviceManager
        self.sealer = sealer
        self.now = now
        decoder = Self.decoder(files, configuration)
        pipeline = Pipeline(configuration.plan, rules: files.rules)
        outbox = OutboxPump(channels)
        self.publisher = publisher
        statusLine = StatusLine(interval: configuration.statusInterval)
        lastJournalID = journal.lastJournalID
        try resume(files)
    }

    // MARK: The turn

    /// One turn. Returns false when the store refused it; then nothing was acknowledged and the broker sends again.
    @discardableResult
    func turn() -> Bool {
        batch.removeAll()
        broker.receive(
            into: &batch, messagesMax: configuration.turn.messagesMax, bytesMax: configuration.turn.bytesMax,
            linger: configuration.turn.linger, waiting: isImporting ? Self.waitingForImport : Self.waiting, now: now)
        let moment = now()
        tell(broker.takeEvents())

        var transitions: [AlertTransition] = []
        if !batch.isEmpty {
            decoded.removeAll()
            decoder.decode(batch, into: &decoded, registry: &journal.registry)
            guard let commit = commit(at: moment) else {
                refuseImports()
                return false
            }
            broker.acknowledge()
            transitions = pipeline.step(commit.turn, registry: journal.registry)
        } else {
            broker.acknowledge()
        }
        if moment.milliseconds / Self.scanMilliseconds != lastScan {
            lastScan = moment.milliseconds / Self.scanMilliseconds
            transitions += pipeline.scan(
                registry: journal.registry, listeningSince: broker.connectedSince, at: moment)
            secondPassed(at: moment)
        }
        record(transitions, at: moment)
        publisher.exchange(with: broker)
        outbox.pump(journal, at: moment) { note($0) }
        for letter in mailbox.take() { answer(letter, at: moment) }
        takeImport(at: moment)
        seal(at: moment)
        completed(at: moment)
        return true
    }

    /// The synced commit of the batch; nil when the store refused it, and then the connection is dropped instead of
    /// acknowledged: the broker keeps the messages and sends them again.
    private func commit(at moment: Timestamp) -> Commit? {
        do throws(StoreError) {
            let commit = try journal.commit(decoded, received: batch.count, now: moment)
            noteCommit(commit)
            return commit
        } catch {
            note(error, "the store refuses readings; nothing is acknowledged until it takes them")
            broker.dropConnection("a commit failed; the broker delivers again")
            live.update { $0.storeTrouble = "\(error)" }
            return nil
        }
    }

    private func noteCommit(_ commit: Commit) {
        lastJournalID = commit.turn.journalID
        guard storeTrouble != nil else { return }
        storeTrouble = nil
        log.notice("the store takes readings again")
    }

    /// Stores transitions and their notifications in one transaction; what the store refuses is kept for the next turn.
    private func record(_ transitions: [AlertTransition], at moment: Timestamp) {
        unrecorded += transitions
        guard !unrecorded.isEmpty else { return }
        do throws(StoreError) {
            try journal.record(
                unrecorded, channels: outbox.channelNames, now: moment, evaluatedThrough: lastJournalID)
            unrecorded.removeAll()
            outbox.wake()
        } catch {
            note(error)
        }
    }

    private func note(_ error: StoreError, _ sentence: Logger.Message = "the store refuses; it is tried again") {
        // The same trouble turn after turn is one line, not twenty a second.
        guard storeTrouble != error else { return }
        storeTrouble = error
        log.error(sentence, metadata: ["reason": "\(error)"])
    }

    private func completed(at moment: Timestamp) {
        live.update {
            $0.lastTurnAt = moment
            $0.turns += 1
            // A turn without messages passes while the store refuses those with some: that is no end of the trouble.
            $0.storeTrouble = storeTrouble.map { "\($0)" }
        }
        guard let interval = serviceManager.watchdogInterval else { return }
        if lastWatchdog.map({ moment - $0 >= interval / 3 || moment < $0 }) ?? true {
            lastWatchdog = moment
            serviceManager.alive()
        }
    }

    private func secondPassed(at moment: Timestamp) {
        asksForCompaction = true
        keepHouse(at: moment)
        live.update {
            $0.brokerConnected = broker.isConnected
            $0.brokerConnectedSince = broker.connectedSince
        }
        if let line = statusLine.line(
            counters: journal.counters, registry: journal.registry, book: pipeline.book, at: moment)
        {
            log.info("status", metadata: line)
            serviceManager.status(
                "\(journal.counters.received) messages received, \(journal.registry.seriesCount) series")
        }
    }

    // MARK: Importing

    private var isImporting: Bool { mailbox.hasImport || now() - lastImport < .milliseconds(250) }

    /// Commits one batch of imported readings, after the live ones of the turn are acknowledged.
    ///
    /// They fill the windows as late readings do and are judged by no rule: what was true last month is no news.
    /// (Batches of 1000 beside 2000 messages/s, whose turns linger 20 ms: answered after 23 ms, 36 at the 99th percentile.)
    private func takeImport(at moment: Timestamp) {
        turnsSinceImport += 1
        let isSaturated = batch.count >= configuration.turn.messagesMax
        guard !isSaturated || turnsSinceImport >= Self.turnsBetweenImports, let letter = mailbox.takeImport() else {
            return
        }
        turnsSinceImport = 0
        lastImport = moment
        guard !journal.isImportTooFast else { return letter.reply(.failure(.journalFull)) }
        do throws(StoreError) {
            let (commit, receipt) = try journal.commit(
                imported: letter.readings, profile: letter.profile, now: moment)
            noteCommit(commit)
            _ = pipeline.step(commit.turn, registry: journal.registry)
            letter.reply(.success(receipt))
        } catch {
            note(error, "the store refuses imported readings; they are sent again")
            letter.reply(.failure(.store(error)))
        }
    }

    /// While the store takes no live readings it takes no others; nobody should wait for an answer.
    private func refuseImports() {
        while let letter = mailbox.takeImport() {
            letter.reply(.failure(mailbox.isStopped ? .stopping : storeTrouble.map { .store($0) } ?? .busy))
        }
    }

    // MARK: Sealing, compacting, keeping house

    private func seal(at moment: Timestamp) {
        do throws(StoreError) {
            switch sealer.poll(at: moment) {
            case .idle:
                if journal.sealIsDue(now: moment) {
                    sealer.begin(.seal(try journal.beginSeal(state: pipeline.state(), now: moment)))
                } else if asksForCompaction {
                    asksForCompaction = false
                    if let job = journal.nextCompaction(now: moment) { sealer.begin(.compaction(job)) }
                }
            case .running: return
            case .done(let outcome):
                try take(outcome, at: moment)
                sealer.complete()
                asksForCompaction = true
            case .failed(let job, let error):
                if error.isDiskFull { journal.foundDiskFull() }
                switch job {
                case .seal: log.error("sealing failed and is tried again", metadata: ["reason": "\(error)"])
                case .compaction(let job):
                    journal.compactionFailed(job.day, now: moment)
                    log.error("a compaction failed and is tried again later", metadata: ["reason": "\(error)"])
                }
            }
        } catch {
            if error.isDiskFull { journal.foundDiskFull() }
            sealer.postpone(at: moment)
            note(error)
        }
    }

    private func take(_ outcome: StoreOutcome, at moment: Timestamp) throws(StoreError) {
        switch outcome {
        case .sealed(let days): try journal.finishSeal(days)
        case .compacted(let days): try journal.finishCompaction(days, now: moment)
        }
    }

    /// Once a second: room on the disk, retention, and what was found damaged meanwhile.
    private func keepHouse(at moment: Timestamp) {
        do throws(StoreError) {
            let before = journal.disk
            let report = try journal.upkeep(now: moment)
            if report.disk != before { tell(report) }
            for gone in report.gaveUp {
                log.notice(
                    "readings given up",
                    metadata: [
                        "why": "\(gone.why.rawValue)", "file": "\(gone.file)", "from": "\(gone.first)",
                        "to": "\(gone.last)", "rows": "\(gone.rows)",
                    ])
            }
            if let gone = report.alertSteps {
                log.notice(
                    "old steps of alerts given up",
                    metadata: ["from": "\(gone.first)", "to": "\(gone.last)", "steps": "\(gone.rows)"])
            }
        } catch {
            note(error)
        }
        for damage in journal.takeDamagedFrames() {
            log.error("damage in the store; run baotu store check", metadata: ["found": "\(damage)"])
        }
    }

    private func tell(_ report: UpkeepReport) {
        let free: Logger.Metadata = ["free_bytes": "\(report.freeBytes)"]
        switch report.disk {
        case .ample: log.notice("there is room on the disk again", metadata: free)
        case .low: log.warning("less than a twentieth of the disk is free", metadata: free)
        case .full:
            log.error("the disk is full: nothing is acknowledged until there is room", metadata: free)
        }
    }

    // MARK: Stopping

    /// Ends in order: stop receiving, acknowledge what is committed, seal, close.
    func drain() {
        serviceManager.stopping()
        mailbox.stop()
        for letter in mailbox.take() { answer(letter, at: now()) }
        refuseImports()
        broker.acknowledge()
        publisher.takeConfirmations(of: broker)
        publisher.stop()
        broker.disconnect()
        record([], at: now())
        outbox.stop(journal, at: now()) { note($0) }
        do throws(StoreError) {
            if let outcome = try sealer.finish() { try take(outcome, at: now()) }
            let job = try journal.beginSeal(state: pipeline.state(), now: now())
            try journal.finishSeal(try job.run())
        } catch {
            log.error("the last seal failed; the next start replays the journal", metadata: ["reason": "\(error)"])
        }
        journal.close()
        log.notice("stopped", metadata: ["received": "\(journal.counters.received)"])
    }

    // MARK: Resuming

    /// Puts windows, health and alerts back as they were: snapshot, stored alerts, then the journal's tail through the
    /// same code, with the times it kept.
    private func resume(_ files: LoadedFiles) throws {
        for sentence in journal.damage { log.error("damage in the store", metadata: ["found": "\(sentence)"]) }
        try setRoster(of: files, at: now())
        if let snapshot = journal.snapshot {
            for sentence in pipeline.restore(snapshot.bytes, registry: journal.registry) {
                log.error("a part of the stored state was lost", metadata: ["lost": "\(sentence)"])
                live.rememberLoss(sentence)
            }
        }
        showRemembered()
        try restoreAlerts()
        var missed: [AlertTransition] = []
        var rows = 0
        try journal.replay { turn in
            rows += 1
            var turn = turn
            // Up to the mark the stored alerts are the outcome of these turns already.
            turn.isJudged = turn.journalID <= journal.evaluatedThrough
            missed += pipeline.step(turn, registry: journal.registry)
        }
        let retired = pipeline.reload(rules: files.rules, registry: journal.registry, at: now())
        record(missed + retired, at: now())
        log.notice(
            "resumed",
            metadata: [
                "devices": "\(journal.registry.deviceCount)", "series": "\(journal.registry.seriesCount)",
                "replayed_turns": "\(rows)", "journal_id": "\(lastJournalID)",
            ])
    }

    /// Puts the stored alerts back, each under what it is about today.
    private func restoreAlerts() throws(StoreError) {
        var alerts: [(key: AlertKey, state: AlertState, severity: Severity)] = []
        for alert in try journal.alertStates() {
            var key = alert.key
            let state = AlertState(alert.phase, after: alert.from, since: alert.since)
            if state != .inactive {
                let subject = pipeline.subjectNow(of: key)
                if subject != key.subject {
                    let now = AlertKey(rule: key.rule, subject: subject)
                    if try journal.refile(alert.id, as: now) { key = now }
                }
            }
            alerts.append((key, state, alert.severity))
        }
        pipeline.restore(alerts)
    }

    private func setRoster(of files: LoadedFiles, at moment: Timestamp) throws(StoreError) {
        for name in try journal.saveRoster(files.roster, now: moment) {
            log.error("a device of the roster has no room (limits.devices)", metadata: ["device": "\(name)"])
        }
        pipeline.setRoster(
            Roster(try journal.expectedDevices(), constants: files.constants), registry: journal.registry)
    }

    /// Shows a new decoder the messages that later ones are read by.
    private func showRemembered() {
        do throws(StoreError) {
            decoder.restore(try journal.remembered())
        } catch {
            log.error("what earlier messages told could not be read", metadata: ["reason": "\(error)"])
        }
    }

    private static func decoder(_ files: LoadedFiles, _ configuration: GatewayConfiguration) -> MessageDecoder {
        return MessageDecoder(
            catalog: files.catalog, limits: configuration.decoding,
            siteZoneOffsetSeconds: configuration.siteOffsetSeconds, siteZone: configuration.siteZone,
            constants: files.constants, onboarding: configuration.onboarding,
            expectedDevices: Set(files.roster.lazy.map(\.device)))
    }

    // MARK: Letters

    private func answer(_ letter: Mailbox.Letter, at moment: Timestamp) { letter.carryOut(self, moment) }

    func statistics(_ request: StatisticsRequest, at moment: Timestamp) -> [StatisticsAnswer] {
        let pattern = request.device.map { NamePattern($0) }
        var answers: [StatisticsAnswer] = []
        for (index, series) in journal.registry.series.enumerated() {
            if let quantity = request.quantity, series.quantity.name != quantity { continue }
            let name = journal.registry.devices[series.device.index].name
            if let pattern, !pattern.matches(name) { continue }
            for summary in pipeline.summaries(of: SeriesID(rawValue: UInt32(index)), at: moment) {
                if let window = request.window, summary.window != window { continue }
                answers.append(
                    StatisticsAnswer(
                        summary, registry: journal.registry, clockSkew: pipeline.clocks.skew(of: series.device)))
                if answers.count == request.rowsMax { return answers }
            }
        }
        return answers
    }

    func reload(_ files: LoadedFiles, at moment: Timestamp) throws(Refusal) {
        do throws(StoreError) {
            try setRoster(of: files, at: moment)
        } catch {
            throw .unavailable("the roster could not be stored; the old one stays: \(error)")
        }
        decoder = Self.decoder(files, configuration)
        showRemembered()
        let retired = pipeline.reload(rules: files.rules, registry: journal.registry, at: moment)
        record(retired, at: moment)
        log.notice(
            "reloaded",
            metadata: [
                "profiles": "\(files.catalog.profileNames.count)", "rules": "\(files.rules.count)",
                "roster": "\(files.roster.count)",
            ])
        serviceManager.ready("reloaded")
    }

    // MARK: The line to the broker

    private func tell(_ events: [BrokerEvent]) {
        for event in events {
            live.remember(event)
            switch event {
            case .connected(let session):
                outbox.isReachable(MQTTChannel.channelName)
                log.notice(
                    "connected to the broker",
                    metadata: ["broker": "\(live.current.broker)", "session_present": "\(session.isPresent)"])
            case .disconnected(let error):
                log.warning("the broker's connection is lost", metadata: ["reason": "\(error)"])
            case .connectFailed(let error, let delay):
                log.warning(
                    "the broker cannot be reached",
                    metadata: ["reason": "\(error)", "retry_in_ms": "\(delay.milliseconds)"])
            case .subscribed(let filter, let granted):
                log.info("subscribed", metadata: ["filter": "\(filter)", "qos": "\(granted.rawValue)"])
            case .subscriptionRefused(let filter, let reason):
                log.error(
                    "the broker refuses a subscription", metadata: ["filter": "\(filter)", "reason": "\(reason)"])
            case .publishRefused(let token, let reason):
                publisher.refused(token, reason)
                log.warning("the broker refuses a notification", metadata: ["reason": "\(reason)"])
            case .droppedByBroker(let total, let increase):
                log.error(
                    "the broker threw messages away; raise its max_queued_messages",
                    metadata: ["dropped": "\(increase)", "dropped_total": "\(total)"])
            }
        }
    }
}
