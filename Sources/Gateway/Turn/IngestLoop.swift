import Alerting
import Basics
import Broker
import ConfigurationFiles
import Contract
import Decoding
import Desk
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
/// loses nothing, because the next start replays the journal's tail through the same `Pipeline.step`.
final class IngestLoop {
    /// Longest wait for a first message, and so the longest delay of an answer from the mailbox; while readings are
    /// imported their next batch is on its way.
    private static let (waiting, waitingForImport) = (Duration.milliseconds(50), Duration.milliseconds(2))
    private static let scanInterval = Duration.seconds(1)
    /// A batch of messages that is full says that more wait on the line; then only every so many turns takes an import.
    private static let turnsBetweenImports = 8

    let configuration: GatewayConfiguration
    let broker: any BrokerLine
    let journal: Journal
    let pipeline: Pipeline
    private let mailbox: Mailbox
    let live: LiveView
    let log: Logger
    let serviceManager: ServiceManager
    var clock: TurnClock

    var decoder: MessageDecoder
    private var batch = MessageBatch()
    /// The first message of the batch that no turn has taken on yet. The batch is acknowledged when there is none.
    private var nextMessage = 0
    private var work: WorkBudget
    private var decoded = DecodedBatch()
    var outbox: OutboxPump
    private let publisher: Publisher
    var sealer: Sealer
    /// Set once a second, and after each job: looking for closed days walks the list of files.
    var asksForCompaction = false
    /// Who is told what.
    var desk: Desk
    /// As the files have it.
    var deskPlan: DeskPlan
    var unrecorded = Unrecorded()
    /// When they were last recorded without a transition.
    private var lastPeaks: SteadyTime?
    var lastJournalID: Int64
    private var (lastScan, lastImport): (SteadyTime?, SteadyTime?)
    private var turnsSinceImport = 0
    private var lastWatchdog: SteadyTime?
    /// When the clocks were last written down.
    var lastClock: SteadyTime?
    /// When the devices' clocks were last looked at.
    var lastAstray: SteadyTime?
    private var troubles = StoreTroubles()
    var storeTrouble: StoreError? { troubles.current }
    var own: OwnConditions
    private var statusLine: StatusLine
    private var lastHour = LastHour()
    private var ownWords: OwnWords
    var nameFight = NameFight()
    /// Also what dates of the roster are to come.
    var inForce: FilesInForce

    init(
        configuration: GatewayConfiguration, files: LoadedFiles, broker: any BrokerLine, journal: Journal,
        mailbox: Mailbox, live: LiveView, log: Logger, serviceManager: ServiceManager, sealer: Sealer = Sealer(),
        channels: [any NotificationChannel], publisher: Publisher, clocks: MachineClocks
    ) throws {
        self.configuration = configuration
        (self.broker, self.journal) = (broker, journal)
        (self.mailbox, self.live) = (mailbox, live)
        inForce = FilesInForce(files)
        (self.log, self.serviceManager) = (log, serviceManager)
        clock = TurnClock(clocks, after: journal.storedClock)
        decoder = Self.decoder(files, configuration)
        pipeline = Pipeline(configuration.plan, rules: files.rules)
        deskPlan = DeskPlan(configuration.notifications, files.desk)
        desk = Desk(deskPlan)
        outbox = Self.pump(channels, deskPlan, configuration.notifications)
        (self.publisher, self.sealer) = (publisher, sealer)
        ownWords = OwnWords(topicPrefix: configuration.notifications.topicPrefix)
        own = OwnConditions(folder: configuration.store.folder)
        work = WorkBudget(span: configuration.turn.workMax, messagesMax: configuration.turn.messagesMax)
        statusLine = StatusLine(interval: configuration.statusInterval)
        lastJournalID = journal.lastJournalID
        try resume(files)
    }

    // MARK: The turn

    /// One turn. Returns false when the store refused it; then nothing was acknowledged and the broker sends again.
    @discardableResult
    func turn() -> Bool {
        if nextMessage == batch.count { receive() }
        let moment = readClocks()
        tell(broker.takeEvents())
        readOwnWords(at: moment)

        var (transitions, isSecond, isRefused): ([AlertTransition], Bool, Bool) = ([], false, false)
        if nextMessage < batch.count {
            let outcome = takeOn(at: moment)
            (transitions, isRefused) = (outcome ?? [], outcome == nil)
        } else {
            broker.acknowledge()
        }
        if lastScan.map({ moment.steady - $0 >= Self.scanInterval }) ?? true {
            (lastScan, isSecond) = (moment.steady, true)
            transitions += pipeline.scan(
                own: ownFindings(at: moment), registry: journal.registry, isListening: broker.isListening, at: moment)
            secondPassed(at: moment)
        }
        record(transitions, ticksDesk: isSecond, at: moment)
        publisher.exchange(with: broker)
        pumpOutbox(at: moment)
        for letter in mailbox.take() { answer(letter, at: moment) }
        guard !isRefused else { return false }
        takeImport(at: moment)
        seal(at: moment)
        completed(at: moment)
        return true
    }

    private func receive() {
        batch.removeAll()
        nextMessage = 0
        broker.receive(
            into: &batch, messagesMax: work.messagesMax, bytesMax: configuration.turn.bytesMax,
            linger: configuration.turn.linger, waiting: isImporting ? Self.waitingForImport : Self.waiting,
            now: clock.wall)
    }

    /// Takes on as much of the batch as a turn has time for; nil when the store refused it. The last of it acknowledges all:
    /// the library sends what is queued in one go.
    private func takeOn(at moment: Moment) -> [AlertTransition]? {
        let (began, first) = (clock.running, nextMessage)
        decoded.removeAll()
        decoder.believedNow = clock.newestWall
        decoder.tell(moment.steady)
        nextMessage = decoder.decode(
            batch, from: first, readingsMax: work.readingsMax, into: &decoded, registry: &journal.registry
        ) { clock.running - began >= work.decodingMax }
        let received = nextMessage - first
        guard let commit = commit(received: received, at: moment) else {
            batch.removeAll()
            nextMessage = 0
            refuseImports()
            return nil
        }
        if nextMessage == batch.count { broker.acknowledge() }
        lastHour.add(received: received, readings: commit.turn.fresh.count, at: moment.steady)
        clock.hear(decoded.clockVotes)
        let transitions = pipeline.step(commit.turn, registry: journal.registry)
        work.note(
            messages: received, readings: decoded.readings.count, isCut: nextMessage < batch.count,
            took: clock.running - began)
        return transitions
    }

    /// All clocks, once a turn. A step of the wall clock is told: it ends no silence and starts none, fires nothing and
    /// deletes nothing.
    private func readClocks() -> Moment {
        if let step = clock.tick(
            connection: broker.isListening ? broker.connectionCount : nil, heard: broker.takeHeard())
        {
            tell(step)
            live.remember(clock)
            lastClock = nil
        }
        return clock.moment
    }

    /// Before anything of the turn is judged: an alert gets no number that stands for something at the broker.
    private func readOwnWords(at moment: Moment) {
        guard configuration.notifications.toMQTT else { return }
        do throws(StoreError) {
            try ownWords.turn(broker, journal, live, log, at: moment)
        } catch {
            complain(error)
        }
    }

    /// The synced commit of the batch; nil when the store refused it, and then the connection is dropped instead of
    /// acknowledged: the broker keeps the messages and sends them again.
    private func commit(received: Int, at moment: Moment) -> Commit? {
        do throws(StoreError) {
            let commit = try journal.commit(decoded, received: received, at: moment)
            committed(commit)
            return commit
        } catch {
            complain(error, "the store refuses readings; nothing is acknowledged until it takes them")
            own.isRefused = true
            broker.dropConnection("a commit failed; the broker delivers again")
            live.rememberTrouble(error, isDiskFull: journal.disk == .full)
            return nil
        }
    }

    private func committed(_ commit: Commit) {
        lastJournalID = commit.turn.journalID
        if troubles.end() { log.notice("the store takes readings again") }
        own.isRefused = false
    }

    /// Stores transitions and who is told of them or of what else changed, at once; what is refused is kept for the next turn.
    func record(
        _ transitions: [AlertTransition], and decisions: [DeskDecision] = [], ticksDesk: Bool = false, at moment: Moment
    ) {
        unrecorded.add(transitions, decide(transitions))
        unrecorded.add([], decisions + (ticksDesk ? desk.tick(deskPlace, at: moment) : []))
        guard unrecorded.isPressing || peaksAreDue(at: moment) else { return }
        unrecorded.add(pipeline.takePeaks())
        guard unrecorded.isPressing || !unrecorded.peaks.isEmpty else { return }
        do throws(StoreError) {
            try journal.record(
                unrecorded.steps, decisions: unrecorded.decisions, peaks: unrecorded.peaks, channels: outbox.toldAll,
                now: moment.wall, evaluatedThrough: lastJournalID, clock: unrecorded.isPressing ? clock.stored : nil)
            if unrecorded.isPressing { outbox.wake() }
            unrecorded.removeAll()
        } catch {
            complain(error)
            tellPastStore(at: moment)
        }
    }

    /// The worst values at once: before a seal, behind whose end nothing is judged again, and before a stop.
    func recordPeaks(at moment: Moment) {
        lastPeaks = nil
        record([], at: moment)
    }

    /// Worst values cost a commit of their own where nothing else is recorded: not each turn, while a value rises. A crash
    /// loses none of readings: the journal behind the mark is judged again.
    private func peaksAreDue(at moment: Moment) -> Bool {
        guard lastPeaks.map({ moment.steady - $0 >= .seconds(10) }) ?? true else { return false }
        lastPeaks = moment.steady
        return true
    }

    func complain(_ error: StoreError, _ sentence: Logger.Message = "the store refuses; it is tried again") {
        guard troubles.note(error, at: clock.moment.steady) else { return }
        log.error(sentence, metadata: ["reason": "\(error)"])
    }

    private func completed(at moment: Moment) {
        live.update {
            $0.lastTurnAt = moment.wall
            $0.turns += 1
        }
        // A turn without messages passes while the store refuses those with some: that is no end of the trouble.
        live.rememberTrouble(storeTrouble, isDiskFull: journal.disk == .full)
        guard let interval = serviceManager.watchdogInterval else { return }
        if lastWatchdog.map({ moment.steady - $0 >= interval / 3 }) ?? true {
            lastWatchdog = moment.steady
            serviceManager.alive()
        }
    }

    private func secondPassed(at moment: Moment) {
        asksForCompaction = true
        keepHouse(at: moment)
        lookAtClocks(at: moment)
        live.remember(outbox.troubles)
        let hour = lastHour.sum(at: moment.steady)
        live.update {
            ($0.receivedLastHour, $0.readingsLastHour) = (hour.received, hour.readings)
            $0.brokerConnected = broker.isConnected
            $0.brokerConnectedSince = broker.connectedSince
            $0.room = room(at: moment)
        }
        if let line = statusLine.line(
            counters: journal.counters, registry: journal.registry, book: pipeline.book, at: moment.steady)
        {
            log.info("status", metadata: line)
            serviceManager.status(
                "\(journal.counters.received) messages received, \(journal.registry.seriesCount) series")
        }
    }

    // MARK: Importing

    /// More waits than this turn took on.
    var isSaturated: Bool { nextMessage < batch.count || batch.count >= work.messagesMax }

    private var isImporting: Bool {
        mailbox.hasImport || lastImport.map { clock.moment.steady - $0 < .milliseconds(250) } ?? false
    }

    /// Commits one batch of imported readings, after the live ones of the turn are acknowledged.
    ///
    /// They fill the windows as late readings do and are judged by no rule: what was true last month is no news.
    /// (Batches of 1000 beside 2000 messages/s, whose turns linger 20 ms: answered after 23 ms, 36 at the 99th percentile.)
    private func takeImport(at moment: Moment) {
        turnsSinceImport += 1
        guard !isSaturated || turnsSinceImport >= Self.turnsBetweenImports, let letter = mailbox.takeImport() else {
            return
        }
        turnsSinceImport = 0
        lastImport = moment.steady
        guard !journal.isImportTooFast else { return letter.reply(.failure(.journalFull)) }
        do throws(StoreError) {
            let (commit, receipt) = try journal.commit(
                imported: letter.readings, profile: letter.profile, by: letter.person, at: moment)
            committed(commit)
            _ = pipeline.step(commit.turn, registry: journal.registry)
            letter.reply(.success(receipt))
        } catch {
            complain(error, "the store refuses imported readings; they are sent again")
            letter.reply(.failure(.store(error)))
        }
    }

    /// While the store takes no live readings it takes no others; nobody should wait for an answer.
    private func refuseImports() {
        while let letter = mailbox.takeImport() {
            letter.reply(.failure(mailbox.isStopped ? .stopping : storeTrouble.map { .store($0) } ?? .busy))
        }
    }

    // MARK: Stopping

    /// Ends in order: stop receiving, acknowledge what is committed, seal, close.
    func drain() {
        serviceManager.stopping()
        mailbox.stop()
        let moment = readClocks()
        for letter in mailbox.take() { answer(letter, at: moment) }
        refuseImports()
        // What is not on disk must not be acknowledged: without the line the broker keeps it.
        while nextMessage < batch.count {
            guard let transitions = takeOn(at: moment) else { break }
            record(transitions, at: moment)
        }
        broker.acknowledge()
        publisher.takeConfirmations(of: broker)
        publisher.stop()
        broker.disconnect()
        recordPeaks(at: moment)
        outbox.stop(journal, at: moment) { complain($0) }
        note { () throws(StoreError) in try journal.endRun(at: clock.moment.wall) }
        do throws(StoreError) {
            try journal.save(clock.stored)
            try sealAtEnd()
        } catch {
            log.error("the last seal failed; the next start replays the journal", metadata: ["reason": "\(error)"])
        }
        journal.close()
        log.notice("stopped", metadata: ["received": "\(journal.counters.received)"])
    }

    private func answer(_ letter: Mailbox.Letter, at moment: Moment) { letter.carryOut(self, moment) }

    // MARK: The line to the broker

    private func tell(_ events: [BrokerEvent]) {
        for event in events {
            live.remember(event)
            lookForSecond(event)
            switch event {
            case .connected(let session):
                outbox.isReachable(MQTTChannel.channelName)
                if session.isPresent, broker.connectionCount == 1 { metOlderBroker() }
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
            case .droppedByBroker(let total, let increase): noteDropped(total, increase)
            case .version(let text): log.info("the broker says what it is", metadata: ["version": "\(text)"])
            case .handover(let step): step.tell(log)
            }
        }
    }
}
