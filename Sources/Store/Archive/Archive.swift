public import Basics
import Frames
import Glibc
public import Telemetry

/// Of one series.
struct NewestReading {
    /// `.min` where there is none.
    var time = Int64.min
    var value = 0.0
}

/// The store for readers, in any process, whether or not the gateway runs.
///
/// What was acknowledged is visible: an answer joins the day files with the rows that still wait in the journal. Those
/// are kept in memory and read on from where the last answer stopped. Transactions are short, and none is open while a
/// caller's closure runs, so a reader never keeps the gateway from trimming its WAL.
///
/// Not for several threads at once: give each its own, or one an owner. A question about many series is itself
/// answered by several threads, and its answer does not depend on how many there were.
public final class Archive {
    /// Who waits for the answers: where he has gone, they throw `.abandoned`. nil: somebody always waits.
    public var abandonment: StopRequest? {
        didSet { for files in files { files.abandonment = abandonment } }
    }
    /// Devices, series and streams as of the last answer.
    public private(set) var registry = SeriesRegistry()
    private let folder: Folder
    private let core: FileReader
    private let effects: EffectHook?
    /// For each thread of a question its own; the first for all that one thread does.
    private(set) var files: [DayFiles] = []
    /// Threads of one question at most.
    private let threads: Int
    /// The site's days, as the gateway that writes the store counts them.
    private(set) var localDays = LocalDays()
    /// Hours that ended by then were complete when the last seal began.
    private(set) var toldThrough: Int64 = 0
    private(set) var tail = Tail()
    /// That of the manifest in use; -1 before the first.
    private var manifestVersion: Int64 = -1

    /// The state of core.db that was read last; nil before the first. While it stands there is nothing to read: it
    /// takes 2 us to find out, where reading anew that nothing is new took 27.
    private var seen: Seen?
    private var needsLinks = true
    /// What the clocks showed when they were last written down.
    private var written: Moment?
    /// The newest reading in the day files by series, as core.db tells; nil until it is asked for.
    private var sealedNewest: [NewestReading]?

    private struct Seen: Equatable {
        /// Of the connection: each counts the changes of others in its own way.
        var opening: Int
        var version: Int64
    }

    /// What the journal holds beyond the day files.
    struct Tail {
        var sealedThrough: Int64 = 0
        var lastID: Int64 = 0
        var rows = 0
        var bytes = 0
        /// By stream.
        var blocks: [RowBlock] = []
        /// By stream: the time of the row that counts as its newest; `.min` where no row came.
        var current: [Int64] = []
        /// By stream: a time beyond this lay ahead of the present when a reading of the present came; `.max` where none came.
        var ahead: [Int64] = []
        /// By device, what the device files say included.
        var links: [DeviceLink] = []
        /// Of the newest row; nil where there is none.
        var moment: Moment?

        /// Puts what a row of the journal brought. `growing` has the blocks that it grows, by stream, until `settle` puts them
        /// back.
        mutating func add(_ turn: Turn, _ registry: SeriesRegistry, _ growing: inout [Int: GrowingRows]) {
            turn.forEachStoredRow(registry) { stream, row in
                // Not at its place meanwhile, or each row would copy all of them.
                if growing[stream] == nil {
                    growing[stream] = GrowingRows(blocks[stream])
                    blocks[stream] = RowBlock()
                }
                growing[stream]!.put(row, registry)
            }
            links.follow(turn)
            moment = turn.moment
            let now = turn.now.milliseconds
            for reading in turn.fresh {
                let stream = registry.place(of: reading.series).stream.index
                let time = reading.observed.milliseconds
                guard current[stream] != time, TimeFence.follows(time, newest: current[stream], at: now) else {
                    continue
                }
                current[stream] = time
                if TimeFence.follows(time, newest: .max, at: now) {
                    ahead[stream] = now + TimeFence.slackMilliseconds
                }
            }
        }

        mutating func settle(_ growing: [Int: GrowingRows]) {
            for (stream, rows) in growing { blocks[stream] = rows.rows }
        }
    }

    /// Opens the store in `folder` for reading. Throws `.noStore` where there is none, `.notReadable` where it may not.
    ///
    /// `threads`, at least 1, is how many a question about many series may take, the asking one included; more than
    /// there are cores are not taken.
    public convenience init(folder: String, threads: Int = .max) throws(StoreError) {
        try self.init(folder: folder, threads: min(threads, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))), effects: nil)
    }

    init(folder path: String, threads: Int = 1, effects: EffectHook?) throws(StoreError) {
        precondition(threads >= 1, "store: a question answered by \(threads) threads")
        folder = Folder(path)
        self.threads = threads
        self.effects = effects
        try folder.checkReadable()
        try folder.checkListed()
        let isAlone = !FolderLock.isHeld(folder)
        // Before SQLite opens it, which would take what is left of a WAL for all there was.
        if isAlone { try folder.checkWALs() }
        core = FileReader(folder.core, effects: effects)
        files = [DayFiles(folder, effects: effects)]
        try catchUp()
        if isAlone { try checkStrays() }
    }

    /// Nothing is answered from less than there is: a start would not either. Work that was interrupted leaves files too, whose
    /// readings are all elsewhere.
    private func checkStrays() throws(StoreError) {
        let names = StrayFinder.names(in: folder, sealed.manifest)
        try withSnapshot { connection throws(StoreError) in
            try StrangeFiles.check(folder, connection, sealed.manifest)
            guard !names.isEmpty else { return }
            _ = try StrayFinder(folder, connection, sealed.manifest).leftOver(names)
        }
    }

    /// Frames that were found damaged and skipped since the last call.
    public func takeDamagedFrames() -> [DamagedFrame] { sealed.takeDamaged() }

    var sealed: SealedFrames { files[0].sealed }
    var rollups: RollupReader { files[0].rollups }

    /// How many threads a question in so many parts takes, with a reader for each; the one that asks among them.
    func readers(forParts count: Int) -> [SeriesReader] {
        let wanted = min(threads, count)
        while files.count < wanted {
            let more = DayFiles(folder, effects: effects)
            more.use(sealed.manifest)
            more.abandonment = abandonment
            files.append(more)
        }
        return (0..<wanted).map { reader($0) }
    }

    private func reader(_ thread: Int) -> SeriesReader {
        SeriesReader(
            registry: registry, tail: tail, toldThrough: toldThrough, files: files[thread])
    }

    /// The newest moment that the store has of its gateway; nil where there is none.
    var newestMoment: Moment? {
        guard let written else { return tail.moment }
        return tail.moment.map { $0.steady > written.steady ? $0 : written } ?? written
    }

    /// Runs `body` in one read transaction of core.db, after the registry and the tail have caught up with it.
    func withSnapshot<R>(_ body: (Connection) throws(StoreError) -> R) throws(StoreError) -> R {
        var isRepeated = false
        return try core.read { connection throws(StoreError) in
            // What was read from a file that changed meanwhile may be anything.
            if isRepeated { reset() }
            isRepeated = true
            return try connection.transaction("BEGIN") { () throws(StoreError) in
                try catchUp(connection)
                return try body(connection)
            }
        }
    }

    /// As `withSnapshot`, for a caller that asks core.db nothing itself.
    func catchUp() throws(StoreError) {
        let isUpToDate = try core.read { connection throws(StoreError) in
            try seen == Seen(opening: core.openings, version: Self.version(connection))
        }
        if !isUpToDate { try withSnapshot { _ in } }
    }

    /// Steps with every commit by another connection; starts the snapshot of a transaction.
    private static func version(_ connection: Connection) throws(StoreError) -> Int64 {
        try connection.integer("PRAGMA data_version") ?? 0
    }

    /// The newest reading of each series in the day files, read once after each seal.
    func newestSealed(_ connection: Connection) throws(StoreError) -> [NewestReading] {
        if var newest = sealedNewest {
            // What became known since has nothing in the files yet.
            while newest.count < registry.seriesCount { newest.append(NewestReading()) }
            sealedNewest = newest
            return newest
        }
        var newest = [NewestReading](repeating: NewestReading(), count: registry.seriesCount)
        try connection.rows("SELECT series, ts, v FROM latest") { row throws(StoreError) in
            let series = Int(row.integer("series"))
            if newest.indices.contains(series) {
                newest[series] = NewestReading(time: row.integer("ts"), value: row.real("v"))
            }
        }
        sealedNewest = newest
        return newest
    }

    private func reset() {
        seen = nil
        sealedNewest = nil
        registry = SeriesRegistry()
        tail = Tail()
        needsLinks = true
        manifestVersion = -1
    }

    private func catchUp(_ connection: Connection) throws(StoreError) {
        let found = Seen(opening: core.openings, version: try Self.version(connection))
        guard found != seen else { return }
        seen = nil
        guard try Schema.check(connection) else { throw .noStore(folder: folder.path) }
        let sealedThrough = try Meta.sealedThrough.read(connection)
        if sealedThrough != tail.sealedThrough {
            tail = Tail(sealedThrough: sealedThrough, lastID: sealedThrough)
            needsLinks = true
            sealedNewest = nil
            for files in files { files.forget() }
            toldThrough = try Meta.sealedAt.read(connection) - SealJob.underWay.milliseconds
        }
        let manifestVersion = try Meta.manifestVersion.read(connection)
        if manifestVersion != self.manifestVersion {
            let manifest = try Manifest(connection)
            for files in files { files.use(manifest) }
            sealedNewest = nil
            guard let days = try LocalDays(connection) else { throw LocalDays.unreadable(connection) }
            localDays = days
            self.manifestVersion = manifestVersion
        }
        if registry.deviceCount == 0 {
            let stamp = CatalogueCache.Stamp(
                sealedThrough: sealedThrough, rosterVersion: try Meta.rosterVersion.read(connection))
            if let cache = CatalogueCache(in: folder, stamp) {
                (registry, sealedNewest) = (cache.registry, cache.newest)
            }
        }
        try Catalogue.load(connection, into: &registry)
        written = try StoredClock.moment(connection)
        if needsLinks { tail.links = try DeviceLink.all(connection) }
        needsLinks = false
        while tail.blocks.count < registry.streamCount {
            tail.blocks.append(RowBlock())
            tail.current.append(.min)
            tail.ahead.append(.max)
        }
        var growing: [Int: GrowingRows] = [:]
        defer { tail.settle(growing) }
        try JournalRows.forEach(connection, registry, after: tail.lastID) { row throws(StoreError) in
            tail.lastID = row.id
            tail.rows += 1
            tail.bytes += row.byteCount
            guard case .turn(let turn) = row.content else { return }
            tail.add(turn, registry, &growing)
        }
        seen = found
    }

    // MARK: Replaying without the gateway

    /// The state that the last seal left, to start a replay from; nil for a store that was never sealed.
    public func stateSnapshot() throws(StoreError) -> StateSnapshot? {
        try withSnapshot { connection throws(StoreError) in try StateSnapshot(connection) }
    }

    /// The commits after journal row `journalID` (that of `stateSnapshot`, or 0), with the lists that were fresh live.
    ///
    /// Damaged rows are left out. Throws `.sealedMeanwhile` when a seal took rows that were still to come.
    public func replayTail(after journalID: Int64, _ body: (Turn) throws -> Void) throws {
        var last = journalID
        var turn = Turn(origin: .live, at: Moment(Timestamp(milliseconds: 0)))
        while true {
            let (row, newest) = try core.read { connection throws(StoreError) in
                (
                    try JournalRows.next(connection, registry, after: last, &turn),
                    try Meta.sealedThrough.read(connection)
                )
            }
            // What a seal took counts as gone, though its room is given back later; and ids have no gaps.
            guard newest <= last else { throw StoreError.sealedMeanwhile(folder: folder.path) }
            guard let row else { return }
            guard row.id == last + 1 else { throw StoreError.sealedMeanwhile(folder: folder.path) }
            last = row.id
            if case .turn(let turn) = row.content { try body(turn) }
        }
    }

    // MARK: Readings of one series

    /// Calls `body` with the readings of `series` in `since ..< until`, in order of time, until it returns false.
    ///
    /// Holds the frames of one read at a time, whatever the span.
    public func forEachReading(
        of series: SeriesID, since: Timestamp, until: Timestamp, _ body: (Timestamp, Double) -> Bool
    ) throws(StoreError) {
        try catchUp()
        try merged(series, since: since, until: until) { times, values in
            for index in times.indices where !values[index].isNaN {
                if !body(Timestamp(milliseconds: times[index]), values[index]) { return false }
            }
            return true
        }
    }

    /// Calls `body` with runs of rows of `series`, as of the last snapshot, in order of time; NaN marks an absent value.
    func merged(
        _ series: SeriesID, since: Timestamp, until: Timestamp,
        _ body: (_ times: Span<Int64>, _ values: Span<Double>) -> Bool
    ) throws(StoreError) {
        let place = registry.place(of: series)
        guard since < until else { return }
        try reader(0).merged(
            stream: place.stream.index, column: place.column, since.milliseconds..<until.milliseconds, body)
    }

    /// Bytes of all files of the store.
    var byteCount: Int64 { folder.byteCount() }
}
