public import Basics
import Frames
import Telemetry

// Sealing moves what the journal holds into day files, in three steps: begin on the ingest thread, run on another,
// finish on the ingest thread. A crash between any two of them leaves the journal as it was; what `run` has already
// written is merged with the same rows again.

/// The rows of a seal, to be written on any thread.
public struct SealJob: Sendable {
    /// The last journal row that the seal takes.
    public let journalID: Int64
    let folder: Folder
    let effects: EffectHook?
    let manifest: Manifest
    let rows: [RowBlock]
    /// By stream: up to when its times are believed.
    let current: [Int64]
    /// Series by stream and column.
    let columns: [[SeriesID]]
    let names: StreamNames
    /// What `names` lacks.
    let unnamed: SeriesRegistry?
    let beganAt: Timestamp
    /// Hours that ended by then were complete when the seal before this one began, but for what was under way.
    let toldThrough: Int64
    let state: [UInt8]

    /// A reading may take so long to arrive without being called late.
    static let underWay = Duration.seconds(600)
    /// Small frames cost room in every file; one with fewer rows than this takes in the rows that follow it.
    static let frameRowsGoal = 256
    /// 16 KB: 1.83 bytes a point in the file where 4 KB pages took 2.61.
    static let dayPageBytes = 16_384

    /// Writes the rows into the day files, each synced in a transaction of its own.
    ///
    /// After an error it may be run again; what is there already is merged with the same rows and stays as it is.
    public func run(_ stop: StopRequest = StopRequest()) throws(StoreError) -> SealedDays {
        // Stream by stream would open each file thousands of times; so first by day, then by stream.
        var pieces: [Piece] = []
        for (stream, block) in rows.enumerated() {
            var first = 0
            while first < block.count {
                let day = FrameKey.day(of: block.times[first])
                let end = block.place(of: (day + 1) * FrameKey.dayMilliseconds)
                pieces.append(Piece(day: day, stream: stream, rows: first..<end))
                first = end
            }
        }
        pieces.sort { ($0.day, $0.stream) < ($1.day, $1.stream) }
        let names = names.all(unnamed)
        var parts: [Part] = []
        var first = 0
        while first < pieces.count {
            let end = pieces[first...].firstIndex { $0.day != pieces[first].day } ?? pieces.count
            parts.append(try write(pieces[first..<end], day: pieces[first].day, names, stop))
            first = end
        }
        return SealedDays(journalID: journalID, beganAt: beganAt, state: state, parts: parts, latest: latest())
    }

    private struct Piece {
        var day: Int64
        var stream: Int
        var rows: Range<Int>
    }

    private func write(
        _ pieces: ArraySlice<Piece>, day: Int64, _ names: [StreamName?], _ stop: StopRequest
    ) throws(StoreError) -> Part {
        var part = manifest.smallPart(of: day, at: beganAt.milliseconds)
        do {
            return try write(pieces, part, names, stop)
        } catch .corrupt {
            // A page of it does not read. The file stays as it is and answers what it can; the rows get one beside it.
            part.generation += 1
            part.file = manifest.smallName(of: day, part.generation)
            return try write(pieces, part, names, stop)
        }
    }

    private func write(
        _ pieces: ArraySlice<Piece>, _ known: Part, _ names: [StreamName?], _ stop: StopRequest
    ) throws(StoreError) -> Part {
        var part = known
        let path = folder.path(of: part)
        try Folder.makeFile(path)
        let file = try Connection(path, .writer(pageBytes: Self.dayPageBytes), effects: effects)
        try Schema.prepareSmall(file, part.keys)
        part.keys = try Schema.keys(of: file)
        part.sealStamp = SealStamp.of(journalID: journalID, beganAt: beganAt.milliseconds)
        // A file of the first version has no place for hours; its day gets them when it is compacted.
        let isRolled = try Schema.version(of: file) >= 2
        var writer = ByteWriter(capacity: 1 << 14)
        try file.transaction { () throws(StoreError) in
            for piece in pieces {
                try stop.check(.stopped(folder: folder.path))
                try put(rows[piece.stream].slice(piece.rows), piece.stream, part, file, &writer)
                try StreamName.write(names[piece.stream], of: piece.stream, file)
            }
            if isRolled { try putHours(pieces.map(\.stream), part, file, &writer, stop) }
            try SealStamp.write(part.sealStamp, file)
        }
        (part.first, part.last, part.frames, part.rows, part.spanMax) = (.max, .min, 0, 0, 0)
        try part.count(framesOf: file)
        // Without a `-wal` beside it the file can be read by anyone of the group while nobody writes.
        try file.checkpoint()
        file.close()
        return part
    }

    /// Puts the rows of one stream and day into its frames: those they touch are read, merged and written anew.
    ///
    /// Frames of a stream never overlap, so a late row belongs to at most one of them. A bare replace of the frame with
    /// the same key would lose its other rows.
    private func put(
        _ fresh: RowBlock, _ stream: Int, _ part: Part, _ file: Connection, _ writer: inout ByteWriter
    ) throws(StoreError) {
        let first = FrameKey(stream, fresh.times[0], part.keys)
        let last = FrameKey(stream, fresh.times[fresh.count - 1], part.keys)
        let least = part.keys(of: stream).lowerBound
        var merged = fresh
        var older = RowBlock()
        var taken: [Int64] = []
        func take(_ row: Statement) {
            // A damaged frame cannot be merged. It stays where it is, unless a new frame needs its very key.
            guard
                let rows = try? row.withFrame(part.keys, { _, frame throws(Malformed) in try frame.rows() })
            else { return }
            taken.append(row.word("k"))
            older = older.merged(with: rows)
        }
        try file.rows(
            "SELECT \(FrameRow.columns) FROM frame WHERE k BETWEEN ? AND ? AND k + span >= ? ORDER BY k",
            .integer(least), .integer(last.rawValue), .integer(first.rawValue)
        ) { row throws(StoreError) in take(row) }
        if taken.isEmpty {
            try file.rows(
                "SELECT \(FrameRow.columns) FROM frame WHERE k BETWEEN ? AND ? ORDER BY k DESC LIMIT 1",
                .integer(least), .integer(first.rawValue)
            ) { row throws(StoreError) in
                if row.integer("n") <= Self.frameRowsGoal - fresh.count { take(row) }
            }
        }
        if !taken.isEmpty { merged = older.merged(with: fresh) }
        for key in taken { try file.run("DELETE FROM frame WHERE k = ?", .integer(key)) }
        for from in stride(from: 0, to: merged.count, by: FrameCodec.rowsMax) {
            try file.insertFrame(
                stream, merged.slice(from..<min(from + FrameCodec.rowsMax, merged.count)), part.keys, &writer)
        }
    }

    /// Recomputes the hours of streams from all files of the day, this one included.
    private func putHours(
        _ streams: [Int], _ part: Part, _ file: Connection, _ writer: inout ByteWriter, _ stop: StopRequest
    ) throws(StoreError) {
        let day = part.days.lowerBound
        let others = SealedFrames(folder, effects: effects)
        others.use(manifest)
        let rollups = RollupReader(folder, effects: effects)
        let hasOthers = manifest.parts(of: day).contains { $0.file != part.file }
        let insert = try file.statement("INSERT OR REPLACE INTO hours VALUES (?, ?, ?)")
        for stream in streams {
            try stop.check(.stopped(folder: folder.path))
            let keys = part.keys(of: stream)
            var rows = try file.frames(in: keys, reaching: keys.lowerBound, part.keys).rows
            if hasOthers { rows = try others.rows(of: stream, part.times, without: part.file).merged(with: rows) }
            var old: [HourRow?] = []
            try file.rows("SELECT crc, b FROM hours WHERE stream = ?", .integer(Int64(stream))) {
                row throws(StoreError) in
                old =
                    (try? row.withChecked(Int64(stream)) { bytes throws(Malformed) in
                        try RollupRow.columns(bytes)
                    }) ?? []
            }
            if old.isEmpty, hasOthers { old = try rollups.hours(stream: stream, day: day) }
            let hours = RollupRow.renewed(
                RollupRow.hours(rows, day: day), old: old, day: day, completeBefore: toldThrough)
            RollupRow.encode(hours, into: &writer)
            try writer.withBytes { bytes throws(StoreError) in
                insert.bind(1, Int64(stream))
                insert.bind(2, CRC32C.check(key: Int64(stream), bytes))
                try insert.run(lending: bytes, at: 3)
            }
        }
    }

    /// The newest value of every series that the seal takes.
    private func latest() -> [NewestOfSeries] {
        var readings: [NewestOfSeries] = []
        for (stream, block) in rows.enumerated() {
            for column in 0..<block.stride {
                guard let top = block.last(ofColumn: column, through: .max) else { continue }
                let last = block.last(ofColumn: column, through: current[stream]) ?? top
                readings.append(
                    NewestOfSeries(
                        reading: Reading(
                            series: columns[stream][column], observed: Timestamp(milliseconds: last.time),
                            value: last.value), current: current[stream], top: top.time))
            }
        }
        return readings
    }
}

/// The newest reading of a series that a seal takes, and up to when its stream's times were believed then.
struct NewestOfSeries: Sendable {
    var reading: Reading
    var current: Int64
    /// The latest time that the series has among the rows of the seal.
    var top: Int64
}

/// What a seal has written to day files; `Journal.finishSeal` then lets the journal forget it.
public struct SealedDays: Sendable {
    /// The last journal row that it took.
    public let journalID: Int64
    let beganAt: Timestamp
    let state: [UInt8]
    let parts: [Part]
    let latest: [NewestOfSeries]
}

extension Journal {
    /// Bytes of state written in one transaction.
    private static let stateChunkBytes = 1 << 20

    /// Whether rows are set aside for a seal that is not finished.
    public var isSealing: Bool { openRows.isSealing }

    /// Whether the journal is old or large enough, and no seal is under way.
    public func sealIsDue(now: Timestamp) -> Bool {
        guard extent.rows > 0, !openRows.isSealing else { return false }
        if extent.bytes >= options.journalBytesMax { return true }
        // Rows of a wall clock that was set back since would wait for it; a seal too early costs little.
        return extent.oldestNow.map { now - $0 >= options.sealInterval || $0 - now >= ClockStep.least } ?? true
    }

    /// First step: sets all rows aside. `state` is what the windows are after the last commit.
    ///
    /// Commits go on while the job runs. One seal at a time: a job that failed is run again, not begun again.
    public func beginSeal(state: [UInt8], now: Timestamp) throws(StoreError) -> SealJob {
        let toldThrough = try Meta.sealedAt.read(core) - SealJob.underWay.milliseconds
        openRows.grow(to: registry.streamCount)
        extent.beginSeal(now: now)
        return SealJob(
            journalID: lastJournalID, folder: folder, effects: options.effects, manifest: sealed.manifest,
            rows: openRows.beginSeal(), current: openRows.current, columns: registry.streams.map(\.columns),
            names: streamNames,
            unnamed: streamNames.missing(of: registry), beganAt: now, toldThrough: toldThrough, state: state)
    }

    /// Third step, after `SealJob.run`: the newest values, the state, and the list of day files; the journal forgets.
    ///
    /// The state goes first, in pieces that nothing refers to yet; the last transaction decides. After an error it may
    /// be called again with the same value.
    public func finishSeal(_ sealedDays: SealedDays) throws(StoreError) {
        precondition(openRows.isSealing, "store: no seal is under way")
        let current = try Meta.snapshotGeneration.read(core)
        let generation = current + 1
        try core.transaction { () throws(StoreError) in
            try core.run("DELETE FROM snapshot WHERE generation <> ?", .integer(current))
        }
        for (chunk, from) in stride(from: 0, to: sealedDays.state.count, by: Self.stateChunkBytes).enumerated() {
            let bytes = Array(sealedDays.state[from..<min(from + Self.stateChunkBytes, sealedDays.state.count)])
            try core.transaction { () throws(StoreError) in
                try core.run(
                    "INSERT INTO snapshot VALUES (?, ?, ?)", .integer(generation), .integer(Int64(chunk)),
                    .blob(bytes))
            }
        }
        let rosterVersion = try Meta.rosterVersion.read(core)
        let profiles = savedProfiles.indices.filter { savedProfiles[$0] != registry.devices[$0].profile }
        try core.transaction { () throws(StoreError) in
            try writeLatest(sealedDays.latest)
            try writeLinks()
            for index in profiles {
                try core.run(
                    "UPDATE device SET profile = ? WHERE id = ?", .text(registry.devices[index].profile),
                    .integer(Int64(index)))
            }
            if !sealedDays.parts.isEmpty { try Manifest.save(sealedDays.parts, core) }
            try Meta.sealedAt.write(sealedDays.beganAt.milliseconds, core)
            try core.run("DELETE FROM snapshot WHERE generation = ?", .integer(current))
            try Meta.snapshotGeneration.write(generation, core)
            try Meta.snapshotJournal.write(sealedDays.journalID, core)
            try Meta.sealedThrough.write(sealedDays.journalID, core)
        }
        for index in profiles { savedProfiles[index] = registry.devices[index].profile }
        for index in links.indices { links[index].isNew = false }
        extent.finishSeal(through: sealedDays.journalID)
        remember(sealedDays.latest)
        writeCatalogueCache(rosterVersion)
        snapshot = StateSnapshot(journalID: sealedDays.journalID, bytes: sealedDays.state)
        openRows.finishSeal()
        var manifest = sealed.manifest
        manifest.put(sealedDays.parts)
        sealed.use(manifest)
    }

    /// Gives back the room of the oldest rows that seals have taken, in the caller's transaction; returns how far it came.
    ///
    /// A row up to `Meta.sealedThrough` counts as gone wherever the journal is read, so its room can go bit by bit with
    /// the commits that follow.
    func trim(rowsMax: Int64) throws(StoreError) -> Int64 {
        guard extent.trimmedThrough < extent.sealedThrough else { return extent.trimmedThrough }
        let last = min(extent.sealedThrough, extent.trimmedThrough + rowsMax)
        do {
            try core.run(
                "DELETE FROM journal WHERE id > ? AND id <= ?", .integer(extent.trimmedThrough), .integer(last))
        } catch {
            // What does not read cannot be deleted, and must not keep later commits from the disk.
            if error.isDamage(of: core.file) { extent.trim(through: extent.sealedThrough) }
            throw error
        }
        return last
    }

    /// What lies ahead of the present, of a clock that was wrong, gives way.
    private func writeLatest(_ latest: [NewestOfSeries]) throws(StoreError) {
        let statement = try core.statement(
            """
            INSERT INTO latest VALUES (?1, ?2, ?3, ?5) ON CONFLICT(series) DO UPDATE SET
                ts = CASE WHEN excluded.ts >= ts OR ts > ?4 THEN excluded.ts ELSE ts END,
                v = CASE WHEN excluded.ts >= ts OR ts > ?4 THEN excluded.v ELSE v END,
                top = max(coalesce(top, ts), excluded.top)
            """)
        for newest in latest {
            statement.bind(1, Int64(newest.reading.series.rawValue))
            statement.bind(2, newest.reading.observed.milliseconds)
            statement.bind(3, newest.reading.value)
            statement.bind(4, newest.current)
            statement.bind(5, newest.top)
            try statement.run()
        }
    }

    func writeCatalogueCache(_ rosterVersion: Int64) {
        CatalogueCache.write(
            .init(sealedThrough: extent.sealedThrough, rosterVersion: rosterVersion), registry, saved, newest,
            in: folder)
    }

    /// The rule of `writeLatest`.
    private func remember(_ latest: [NewestOfSeries]) {
        while newest.count < registry.seriesCount { newest.append(NewestReading()) }
        for one in latest {
            let (place, time) = (one.reading.series.index, one.reading.observed.milliseconds)
            guard time >= newest[place].time || newest[place].time > one.current else { continue }
            newest[place] = NewestReading(time: time, value: one.reading.value)
        }
    }

    private func writeLinks() throws(StoreError) {
        for (index, link) in links.enumerated() where link.isNew {
            try core.run(
                """
                UPDATE device SET last_heard = ?2, last_heard_steady = ?3, is_online = ?4, status_at = ?5,
                    status_over = ?6 WHERE id = ?1
                """, .integer(Int64(index)), .optional(link.lastHeard == .min ? nil : link.lastHeard),
                .optional(link.lastHeard == .min ? nil : link.lastHeardSteady),
                .optional(link.word.isOnline.map { Int64($0 ? 1 : 0) }),
                .optional(link.word.isOnline == nil ? nil : link.word.saidAt.milliseconds),
                .integer(link.word.isOver ? 1 : 0))
        }
    }
}
