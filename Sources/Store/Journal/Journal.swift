import Basics
import Frames
public import Telemetry

/// What one commit made durable.
public struct Commit: Sendable {
    /// What is new, for the heart: the same that a replay brings. Its `journalID` is that of the commit before where this
    /// one had nothing for a replay. Hand it on before the next commit and drop it: its buffers are used again.
    public var turn: Turn
    /// Readings dropped: the same value at the same time was there.
    public var duplicates: Int
    /// How many of the fresh ones arrived behind a newer reading of their stream.
    public var late: Int
}

/// The one writer of core.db: what the gateway has acknowledged, and what it said about it.
///
/// Owned by the ingest thread and used on it alone. A method that throws has changed nothing, on disk or in memory, and
/// may be called again. A commit that returned is on disk.
public final class Journal {
    /// Devices, series and streams. The decoder adds to it; what is new becomes durable with its first use.
    public var registry: SeriesRegistry
    /// As of the last commit.
    public private(set) var counters: Counters
    /// There was no store in the folder before this.
    public let isNew: Bool
    /// The newest journal row, counted from 1; never used twice.
    public private(set) var lastJournalID: Int64
    /// The last journal row whose alerts are recorded.
    public internal(set) var evaluatedThrough: Int64
    /// The state to start from, as of the last finished seal; nil for a store that was never sealed.
    public internal(set) var snapshot: StateSnapshot?
    /// Rows that wait for the next seal.
    public var journalRows: Int { extent.rows }
    /// Bytes of those rows.
    public var journalBytes: Int { extent.bytes }
    /// The clocks as they were last written down, or as the newest journal row has them where that is later; nil for a new
    /// store.
    public internal(set) var storedClock: StoredClock?
    /// Journal rows that could not be read at the start, as sentences. They are counted in `counters` once.
    public private(set) var damage: [String] = []

    let options: StoreOptions
    let folder: Folder
    let core: Connection
    let sealed: SealedFrames
    var openRows = OpenRows()
    let streamNames = StreamNames()
    var saved: Catalogue.Saved
    var links: [DeviceLink] = []
    /// By series, as table `latest` has it.
    var newest: [NewestReading] = []
    /// Profile of each device as core.db has it.
    var savedProfiles: [String] = []
    var extent: JournalExtent
    private var rejects: RejectBudget
    private var correctionLog: CorrectionLog
    private var unread: UnreadTally
    private var unreadStep = UnreadStep()
    /// When the compaction of a day last failed.
    var compactionFailures: [Int64: Timestamp] = [:]
    /// By retention class: earlier readings were given up.
    var floors: [String: Int64] = [:]
    var lastRetention: Timestamp?
    /// The newest moment at which the wall clock was believed; before the first no age counts.
    var trustedNow = Timestamp(milliseconds: 0)
    var history = HistoryWalk()
    private(set) var localDays = LocalDays()
    /// As of the last upkeep.
    public var disk: DiskState { room.state }
    var room = DiskWatch()
    private var lock: FolderLock?

    static let corePageBytes = 4096
    /// Rows whose room a commit gives back: more than the one it adds, so that the journal shrinks to what is not sealed.
    private static let trimRowsMax: Int64 = 4

    /// Opens the store for writing and makes it where there is none.
    ///
    /// Reads back every row that no seal has taken, about 50 ns a reading. Throws `.locked` while another journal has
    /// the folder, and before it changes anything `.walDamaged` where a file was left with a WAL that has acknowledged
    /// commits behind damage, and `.unknownFiles` where day files have readings that core.db does not know,
    /// `.outgrown` where core.db is an old copy, `.otherFiles` where a day file is another one, `.storeGone` where a store should be and none is.
    public static func open(_ options: StoreOptions) throws(StoreError) -> Journal {
        let folder = Folder(options.folder)
        try folder.checkListed()
        let mark = StoreMark(folder)
        let isBegunAnew = try mark.isBegunAnew(folder)
        try folder.make()
        let lock = try FolderLock(folder)
        guard !Folder.exists(folder.readyCore), folder.salvagedWALs().isEmpty else {
            throw .repairUnfinished(folder: folder.path)
        }
        guard !folder.lacksCore else { throw folder.coreMissing() }
        try folder.checkWALs()
        try Folder.makeFile(folder.core)
        let core = try Connection(folder.core, .writer(pageBytes: corePageBytes), effects: options.effects)
        // A start that is refused leaves what a killed gateway left: the mark of that one still asks for its WAL.
        core.keepWAL(true)
        // Before it is led forward: the version that wrote it still reads it.
        let isMade = try Schema.check(core)
        if isMade, let streams = try core.integer("SELECT count(*) FROM stream"),
            streams > SeriesRegistry.streamsMax
        {
            throw .tooManyStreams(folder: folder.path, found: streams)
        }
        try folder.checkVersions()
        try Schema.prepareCore(core)
        if isBegunAnew { try mark.noteBeginning(core) }
        try RestoredMark(folder).settle(core)
        try StrangeFiles.check(folder, core, try Manifest(core))
        let journal = try Journal(options, folder, lock, core, isNew: !isMade)
        try OpenMark(folder).put()
        mark.put(isAnew: isBegunAnew)
        SchemaCopy.keep(folder, core)
        return journal
    }

    private init(
        _ options: StoreOptions, _ folder: Folder, _ lock: consuming FolderLock, _ core: Connection, isNew: Bool
    ) throws(StoreError) {
        self.isNew = isNew
        var registry = SeriesRegistry(limits: options.limits)
        try Catalogue.load(core, into: &registry)
        self.options = options
        self.folder = folder
        self.core = core
        self.lock = consume lock
        self.registry = registry
        saved = Catalogue.Saved(registry)
        sealed = SealedFrames(folder, effects: options.effects)
        counters = try Counters(core)
        evaluatedThrough = try Meta.evaluatedThrough.read(core)
        extent = try JournalExtent(core)
        lastJournalID = max(extent.sealedThrough, try Meta.lastJournalID(core))
        rejects = try RejectBudget(core, bytesMax: options.rejectBytesMax)
        correctionLog = try CorrectionLog(core, registry)
        unread = try UnreadTally(core)
        snapshot = try StateSnapshot(core)
        storedClock = try StoredClock(core)
        links = try DeviceLink.all(core)
        savedProfiles = registry.devices.map(\.profile)
        sealed.use(try Manifest(core))
        try core.rows("SELECT class, ts FROM floor") { row throws(StoreError) in
            floors[row.text("class")] = row.integer("ts")
        }
        try sweepStrays()
        try nameRollups()
        try setLocalDays(options.days)
        setFloors()
        newest = Array(repeating: NewestReading(), count: registry.seriesCount)
        try core.rows("SELECT series, ts, v, coalesce(top, ts) AS top FROM latest") { row throws(StoreError) in
            let series = row.integer("series")
            guard series >= 0, series < registry.seriesCount else { return }
            newest[Int(series)] = NewestReading(time: row.integer("ts"), value: row.real("v"))
            let stream = registry.place(of: SeriesID(rawValue: UInt32(series))).stream.index
            openRows.setSealed(stream: stream, time: row.integer("ts"), top: row.integer("top"))
        }
        // Work that took it away was cut off, or was a repair or a restore: names outlive core.db only with it.
        if registry.seriesCount > 0, !Folder.exists(folder.catalogueCache) {
            writeCatalogueCache(try Meta.rosterVersion.read(core))
        }
        try readBack()
    }

    /// Readers learn of other days with the manifest. Stored days go on counting where the site still has the same.
    private func setLocalDays(_ wanted: LocalDays?) throws(StoreError) {
        let stored = try LocalDays(core)
        guard let days = wanted ?? stored else { throw LocalDays.unreadable(core) }
        localDays = days
        guard days != stored else { return }
        try core.transaction { () throws(StoreError) in
            try days.save(core)
            try Meta.manifestVersion.write(try Meta.manifestVersion.read(core) + 1, core)
        }
    }

    /// Puts the rows of the journal back into memory.
    private func readBack() throws(StoreError) {
        var damagedRows: [Int64] = []
        var newestMoment: Moment?
        try JournalRows.forEach(core, registry, after: extent.sealedThrough) { row throws(StoreError) in
            switch row.content {
            case .turn(let turn):
                extent.add(bytes: row.byteCount, now: turn.now)
                openRows.restore(turn, registry)
                links.follow(turn)
                newestMoment = turn.moment
            case .damaged(let reason):
                extent.add(bytes: row.byteCount, now: nil)
                damage.append("store: journal row \(row.id) is damaged and was skipped: \(reason)")
                if !row.isCounted { damagedRows.append(row.id) }
            }
        }
        if let moment = newestMoment, storedClock.map({ $0.moment.steady < moment.steady }) ?? true {
            // A store of an earlier version kept no clock: its steady time begins with the wall clock's numbers.
            var clock =
                storedClock ?? StoredClock(moment: moment, boot: 0, offset: .zero, unbrokenSince: moment.steady)
            clock.moment = moment
            storedClock = clock
        }
        guard !damagedRows.isEmpty else { return }
        var next = counters
        next.damagedRows += Int64(damagedRows.count)
        try core.transaction { () throws(StoreError) in
            for id in damagedRows { try core.run("UPDATE journal SET n = NULL WHERE id = ?", .integer(id)) }
            try next.write(core, at: nil)
        }
        counters = next
    }

    /// Lets go of the bytes of `snapshot`, which take as much memory as the windows do: to be called once they are read.
    public func releaseSnapshot() { snapshot?.bytes = [] }

    /// The bytes of `snapshot`, which are with the caller alone then.
    public func takeSnapshot() -> [UInt8] {
        defer { releaseSnapshot() }
        return snapshot?.bytes ?? []
    }

    /// Sealed frames that were found damaged since the last call, when late readings were looked up in them.
    public func takeDamagedFrames() -> [DamagedFrame] { sealed.takeDamaged() }

    /// Lets go of the store. Everything committed is on disk before this, and stays there should this fail.
    ///
    /// A seal job must have ended first: with the lock gone another gateway may write the same day files.
    public func close() {
        guard lock != nil else { return }
        let mark = OpenMark(folder)
        if mark.close() { core.keepWAL(false) }
        // A failure leaves the WAL beside the file, and the next opening reads it.
        try? core.checkpoint()
        sealed.forget()
        core.close()
        mark.remove()
        lock = nil
    }

    deinit { close() }

    // MARK: Committing

    /// Makes a decoded batch durable, in one synced transaction: new names, a journal row, rejects and counters.
    ///
    /// `received` is the number of messages the batch came from; `person` is who brought it, where no device did. Throws
    /// `.diskFull` apart from other failures; after any error the batch must not be acknowledged.
    public func commit(
        _ batch: DecodedBatch, received: Int, by person: String? = nil, at moment: Moment
    ) throws(StoreError) -> Commit {
        guard disk != .full else { throw noRoom }
        let origin: Turn.Origin = person == nil ? .live : .imported
        Catalogue.settle(&registry, beyond: saved)
        if saved.streams < registry.streamCount { setFloors() }
        try openRows.stage(batch, origin, registry, sealed: sealed, newest: newest, at: moment)
        do {
            try write(batch, received: received, by: person, at: moment)
        } catch {
            openRows.undo()
            if error.isDiskFull { room.foundFull() }
            throw error
        }
        openRows.settle()
        unread.add(unreadStep, at: moment)
        let turn = Turn(
            origin: origin, journalID: lastJournalID, at: moment, fresh: openRows.fresh,
            corrections: openRows.corrections,
            suspects: batch.suspects, statuses: batch.statuses, heard: batch.heard)
        return Commit(turn: turn, duplicates: openRows.duplicates, late: openRows.late)
    }

    private func write(
        _ batch: DecodedBatch, received: Int, by person: String?, at moment: Moment
    ) throws(StoreError) {
        let now = moment.wall
        TurnCodec.end(
            suspects: batch.suspects, statuses: batch.statuses, heard: batch.heard, now: now, into: &openRows.writer)
        let hasRow =
            !openRows.fresh.isEmpty || !openRows.corrections.isEmpty || !batch.suspects.isEmpty
            || !batch.statuses.isEmpty
            || !batch.heard.isEmpty
        let refused = openRows.refused.map { refusal(of: $0, now: now) }
        var next = counters
        next.received += Int64(received)
        next.committed += Int64(openRows.fresh.count)
        next.duplicates += Int64(openRows.duplicates)
        next.corrected += Int64(openRows.corrections.count)
        next.late += Int64(openRows.late)
        next.suspect += Int64(batch.suspects.count)
        next.rejected += Int64(batch.rejects.count + refused.count)
        next.ignored += Int64(batch.ignoredMessages)
        next.empty += Int64(batch.emptyMessages)
        // History that somebody brings says nothing of what devices send.
        if person == nil {
            unreadStep.stage(batch, openRows, refused: refused, unread, registry)
        } else {
            unreadStep.removeAll()
        }
        let foldsUnread = unread.isFoldDue
        if foldsUnread { unread.forgetOld(at: moment.listened) }
        guard hasRow || next != counters || !unreadStep.isEmpty || saved.isBehind(registry) || !batch.remembered.isEmpty
        else { return }

        let id = hasRow ? lastJournalID + 1 : lastJournalID
        let (nowSaved, nowRejects, nowCorrected, nowTrimmed) = try core.transaction { () throws(StoreError) in
            let nowTrimmed = try trim(rowsMax: Self.trimRowsMax)
            let nowSaved = try Catalogue.save(registry, beyond: saved, core)
            if hasRow { try insertRow(id, now: now) }
            try remember(batch.remembered)
            let nowRejects = try rejects.insert(batch.rejects + refused, core, dropped: &next.rejectsDropped)
            let nowCorrected = try correctionLog.insert(
                openRows.corrections, was: openRows.corrected, by: person, at: now, registry, core)
            if foldsUnread { try unread.fold(core) }
            try unreadStep.insert(core, at: moment)
            try next.write(core, at: moment)
            return (nowSaved, nowRejects, nowCorrected, nowTrimmed)
        }
        if foldsUnread { unread.folded() }
        saved = nowSaved
        extent.trim(through: nowTrimmed)
        markProfilesSaved()
        rejects.settle(nowRejects)
        correctionLog.settle(nowCorrected)
        counters = next
        if hasRow {
            lastJournalID = id
            extent.add(bytes: openRows.writer.count, now: now)
            links.follow(statuses: batch.statuses, heard: batch.heard, at: moment)
        }
    }

    private func insertRow(_ id: Int64, now: Timestamp) throws(StoreError) {
        let statement = try core.statement("INSERT INTO journal VALUES (?, ?, ?, ?, ?)")
        let count = Int64(openRows.fresh.count)
        try openRows.writer.withBytes { bytes throws(StoreError) in
            statement.bind(1, id)
            statement.bind(2, now.milliseconds)
            statement.bind(3, count)
            statement.bind(4, CRC32C.check(key: id, bytes))
            try statement.run(lending: bytes, at: 5)
        }
    }

    func markProfilesSaved() {
        for index in savedProfiles.count..<saved.devices { savedProfiles.append(registry.devices[index].profile) }
    }

    // MARK: Rejects

    /// A reading that the store cannot keep, as the reject it becomes.
    private func refusal(of reading: Reading, now: Timestamp) -> Reject {
        let series = registry.series[reading.series.index]
        let isOld = reading.value.isFinite && FrameKey.times.contains(reading.observed.milliseconds)
        let detail =
            if isOld {
                "\(series.quantity.name) observed at \(reading.observed), a day that is no longer kept"
            } else if reading.value.isFinite {
                "\(series.quantity.name) observed at \(reading.observed), outside 1970-01-01 to \(FrameKey.lastDay)"
            } else {
                "\(series.quantity.name) is \(reading.value)"
            }
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        return Reject(
            reason: isOld ? .tooOld : .implausible, detail: detail, topic: nothing, payload: nothing, receivedAt: now,
            device: series.device)
    }

    // MARK: Replaying

    /// The commits after `snapshot`, oldest first: to be put through the live path at a start.
    ///
    /// Damaged rows are left out. No transaction is open while `body` runs.
    public func replay(_ body: (Turn) throws -> Void) throws {
        try JournalRows.replay(core, registry, after: snapshot?.journalID ?? 0, body)
    }
}
