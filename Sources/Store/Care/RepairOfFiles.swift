import Basics
import Frames
import Glibc
import Telemetry

// What of the files of frames and of rollups reads, put together anew.
extension StoreRepairer {
    /// Replaces each damaged file by one with all that reads of it.
    func repairFiles(_ progress: (StoreProgress) -> Void) throws(StoreError) {
        let check = StoreChecker(folder, isRunning: false)
        let files = Set(try check.run(progress).damage.map(\.file))
        let core = try Connection(folder.core, .writer(pageBytes: Journal.corePageBytes), effects: work.effects)
        defer { core.close() }
        try Schema.prepareCore(core)
        var registry = SeriesRegistry()
        try Catalogue.load(core, into: &registry)
        for part in try Manifest(core).live where files.contains(part.file) || files.contains(part.file + "-wal") {
            try replace(part, core, registry)
        }
        for year in try Manifest(core).rollups.union(folder.rollupYears()).sorted() {
            let file = "rollup-\(year).db"
            if files.contains(file) || files.contains(file + "-wal") { try replaceRollup(year, core) }
        }
        try repairNewest(check.behind, core)
        try core.checkpoint()
    }

    private func replace(_ part: Part, _ core: Connection, _ registry: SeriesRegistry) throws(StoreError) {
        let path = folder.path(of: part)
        try keep(part.file)
        if Folder.size(of: path + "-wal") > 0 { try keepCopy(part.file + "-wal") }
        var fresh = part
        fresh.file = try Manifest(core).nextName(of: part.file)
        fresh.madeAt = now.milliseconds
        fresh.count(nil)
        let salvaged = Folder.exists(path) ? try salvage(part, registry, into: &fresh) : Salvaged()
        // Of the same generation: what was newer than its rows still is.
        let hasLost = fresh.rows < part.rows || !salvaged.lost.isEmpty || fresh.frames == 0
        let sources = hasLost ? try self.sources(of: part, core) : []
        try core.transaction { () throws(StoreError) in
            try Manifest.delete([part.file], core)
            try Manifest.save((fresh.frames > 0 ? [fresh] : []) + sources, core)
            if hasLost { try loss(of: part, fresh, salvaged, sources).write(core) }
            for mended in salvaged.mended {
                try noteMended(
                    part.file, first: mended.key.time, last: mended.until,
                    "a frame of stream \(mended.key.stream) was put right: \(mended.reason)"
                ).write(core)
            }
        }
        try work.remove(path)
        try work.sync(folder: folder.raw)
        for source in sources { report.done.append("\(source.file), which went into \(part.file), is read again") }
        report.done.append(
            fresh.frames > 0
                ? "\(part.file) was replaced by \(fresh.file) with the \(fresh.frames) frames that read\(salvaged.sentence)"
                : "\(part.file) was taken out: nothing of it reads")
    }

    /// What the ledger tells of a file that was replaced by less.
    private func loss(of part: Part, _ fresh: Part, _ salvaged: Salvaged, _ sources: [Part]) -> GivenUp {
        if !sources.isEmpty, sources.reduce(0, { $0 + $1.rows }) >= part.rows {
            return noteMended(
                part.file, first: part.first, last: part.last,
                "it did not read; what went into it is read again: \(sources.map(\.file).joined(separator: ", "))")
        }
        let spans = salvaged.lost.map { ($0.key.time, $0.until) }
        let isKnown = salvaged.isReached && !spans.isEmpty
        var what = isKnown ? "\(counted(spans.count, "frame")) did not read" : "some frames did not read"
        if fresh.frames == 0 { what = "nothing of the file reads" }
        if !salvaged.strangers.isEmpty { what = "\(salvaged.strangersSentence); damaged/ keeps them" }
        return giveUp(
            part.file, retentionClass: part.retentionClass, first: isKnown ? spans.map(\.0).min() : part.first,
            last: isKnown ? spans.map(\.1).max() : part.last, rows: max(0, part.rows - fresh.rows),
            what + (fresh.frames > 0 ? "; the others are in \(fresh.file)" : ""))
    }

    /// The files that were merged into `part` and still lie there, as they are when they are read again: what it has lost they have.
    /// None of a file that was made anew since, without readings that were to go.
    private func sources(of part: Part, _ core: Connection) throws(StoreError) -> [Part] {
        guard part.isSealed else { return [] }
        return try Manifest(core).retired.filter { old in
            old.days.overlaps(part.days) && old.generation < part.generation
                && (old.retiredAt ?? 0) >= part.madeAt && Folder.exists(folder.path(of: old))
        }.map { old in
            var old = old
            old.retiredAt = nil
            return old
        }
    }

    /// What a damaged file came to.
    private struct Salvaged {
        /// Frames that its tables lead to and that do not read.
        var lost: [FrameWalk.Lost] = []
        /// Its tables lead to all of it.
        var isReached = false
        /// Frames that were found in its leaves though nothing leads to them, and those of which a bit was turned back.
        var found = 0
        var mended: [FrameWalk.Lost] = []
        /// Streams whose frames were left out: they are of other devices in core.db.
        var strangers = Strangers()

        var strangersSentence: String {
            "the frames of \(counted(strangers.streams.count, "stream")) are of another store, or of another time of this one"
        }

        /// What follows the number of its frames.
        var sentence: String {
            (found > 0 ? ", \(found) of them found where nothing leads any more" : "")
                + (mended.isEmpty ? "" : ", \(mended.count) of them put right by their check values")
        }
    }

    /// Copies the frames that read into a new file: those that the tables of the damaged one lead to, then what its pages
    /// have beyond them.
    private func salvage(
        _ part: Part, _ registry: SeriesRegistry, into fresh: inout Part
    ) throws(StoreError) -> Salvaged {
        let target = folder.path(of: fresh)
        let draft = fresh.isSealed ? target + ".new" : target
        try work.remove(draft)
        try Folder.makeFile(draft)
        let file = try Connection(
            draft, fresh.isSealed ? .draft(pageBytes: SealJob.dayPageBytes) : .writer(pageBytes: SealJob.dayPageBytes),
            effects: work.effects)
        defer { file.close() }
        if fresh.isSealed {
            try Schema.prepareSealed(file, part.keys)
        } else {
            try Schema.prepareSmall(file, part.keys)
        }
        let damaged = try readable(part)
        defer { if damaged != folder.path(of: part) { unlink(damaged) } }
        let reader = FileReader(damaged, isSealed: part.isSealed, isTolerant: true, effects: nil)
        var salvaged = Salvaged()
        let names = try self.names(part, reader)
        salvaged.strangers = registry.strangers(among: names)
        let walk = try file.transaction { () throws(StoreError) in
            let walk = try takeTables(reader, part, without: salvaged.strangers, into: file)
            salvaged.mended = walk?.mended ?? []
            try StreamName.copy(names, without: salvaged.strangers, into: file)
            var leaves = FrameSalvage(
                part, into: file, reached: walk?.keys ?? [], without: salvaged.strangers)
            if walk.map({ !$0.lost.isEmpty || $0.gap != nil || $0.keys.count < part.frames }) ?? true {
                try leaves.take(from: damaged)
            }
            salvaged.found = leaves.taken
            salvaged.mended += leaves.mended
            return walk
        }
        if !part.isSealed, walk != nil { try takeHours(reader, without: salvaged.strangers, into: file) }
        let result = try FrameWalk(file, part)
        let known = Set(result.keys)
        salvaged.lost = walk?.lost.filter { !known.contains($0.key) } ?? []
        salvaged.isReached = walk != nil && walk?.gap == nil
        guard !result.keys.isEmpty else {
            file.close()
            try work.remove(draft)
            return salvaged
        }
        if !fresh.isSealed { try file.checkpoint() }
        file.close()
        fresh.count(result)
        if fresh.isSealed {
            try work.effects?(Effect(kind: .file, file: draft, sql: "fsync"))
            (fresh.bytes, fresh.sha256) = try Folder.finish(draft)
            try work.rename(draft, to: target)
        }
        try work.sync(folder: folder.raw)
        return salvaged
    }

    /// The frames that the tables of a damaged file lead to; nil where it does not open at all.
    private func takeTables(
        _ reader: FileReader, _ part: Part, without strangers: Strangers, into file: Connection
    ) throws(StoreError) -> FrameWalk? {
        do throws(StoreError) {
            return try reader.read { connection throws(StoreError) in
                try FrameWalk(connection, part) { frame, _ throws(StoreError) in
                    if !strangers.contains(frame.key.stream) { try file.insert(frame) }
                }
            }
        } catch {
            // Of the damaged file, and not of the one that is made.
            guard error.isDamage(of: reader.file) else { throw error }
            return nil
        }
    }

    /// What a file tells of its streams: nothing where its first page, which leads there, is not its own.
    private func names(_ part: Part, _ reader: FileReader) throws(StoreError) -> [Int: StreamName] {
        guard PageFile(folder.path(of: part)).map(hasFirstPage) ?? false else { return [:] }
        do throws(StoreError) {
            return try reader.read { connection throws(StoreError) in try StreamName.all(of: connection) }
        } catch {
            guard error.isDamage(of: reader.file) else { throw error }
            return [:]
        }
    }

    /// The hours of a small file that match their check values; those of the others are made anew by the next seal.
    private func takeHours(
        _ reader: FileReader, without strangers: Strangers, into file: Connection
    ) throws(StoreError) {
        let insert = try file.statement("INSERT OR REPLACE INTO hours VALUES (?, ?, ?)")
        do throws(StoreError) {
            try file.transaction { () throws(StoreError) in
                try reader.read { connection throws(StoreError) in
                    guard try connection.tables().contains("hours") else { return }
                    try connection.rows("SELECT stream AS k, crc, b FROM hours") { row throws(StoreError) in
                        guard RollupRows.isRight(row), !strangers.contains(Int(row.integer("k"))) else { return }
                        insert.bind((0..<3).map { row.value($0) })
                        try insert.run()
                    }
                }
            }
        } catch {
            guard error.isDamage(of: reader.file) else { throw error }
        }
    }

    /// A file that SQLite and a walk over its pages can read: itself, or a copy that has what its WAL holds, and where its first
    /// page is damaged that page from an empty file of the same kind, for all that it says is known.
    private func readable(_ part: Part) throws(StoreError) -> String {
        let path = folder.path(of: part)
        let hasWAL = Folder.size(of: path + "-wal") > 0
        guard hasWAL || PageFile(path).map({ !hasFirstPage($0) }) ?? false else { return path }
        let copy = folder.damaged + "/readable.new"
        for suffix in ["-wal", "-shm", ""] { try work.remove(copy + suffix) }
        _ = try work.copy(path, to: copy, mode: 0o640)
        if hasWAL, let wal = WAL(of: copy, path: path + "-wal") { try WALSalvage(wal).apply(work) }
        guard let pages = PageFile(copy), !hasFirstPage(pages) else { return copy }
        let model = folder.damaged + "/model.new"
        try work.remove(model)
        defer { unlink(model) }
        let empty = try Connection(model, .draft(pageBytes: pages.pageBytes), effects: work.effects)
        if part.isSealed {
            try Schema.prepareSealed(empty, part.keys)
        } else {
            try Schema.prepareSmall(empty, part.keys)
        }
        empty.close()
        guard var page = PageFile(model)?.page(1), page.count == pages.pageBytes else { return copy }
        // Where the header has them: pages of the file, and none of them free.
        page.replaceSubrange(28..<32, with: (0..<4).map { UInt8(truncatingIfNeeded: pages.pageCount >> (24 - 8 * $0)) })
        page.replaceSubrange(32..<40, with: repeatElement(0, count: 8))
        try work.write(page, to: copy, at: 0)
        try work.resize(copy, to: pages.pageCount * Int64(pages.pageBytes))
        return copy
    }

    private func hasFirstPage(_ pages: PageFile) -> Bool {
        pages.page(1).map { first in
            first.starts(with: "SQLite format 3\0".utf8) && (!pages.isChecked || pages.isRight(first, 1))
        } ?? false
    }

    /// A file of rollups with the rows that match their check values, and the others made anew from frames.
    private func replaceRollup(_ year: Int, _ core: Connection) throws(StoreError) {
        let path = folder.rollup(year)
        let file = "rollup-\(year).db"
        if !Folder.exists(path) {
            let span = Folder.span(ofYear: year)
            try giveUp(
                file, first: span.lowerBound, last: span.upperBound - 1, rows: 0,
                "the file was missing; what it told of days whose readings are no longer kept is lost"
            ).write(core)
        }
        try keep(file)
        if Folder.size(of: path + "-wal") > 0 { try keepCopy(file + "-wal") }
        let draft = path + ".new"
        try work.remove(draft)
        try Folder.makeFile(draft)
        let fresh = try Connection(draft, .writer(pageBytes: RollupWriter.pageBytes), effects: work.effects)
        defer { fresh.close() }
        try Schema.prepareRollup(fresh)
        let damaged = PageFile(path).map { pages in
            // What it holds after the rename below.
            TableLeaves(file: pages)
        }
        let rows = try fresh.transaction { () throws(StoreError) in try takeRollups(path, into: fresh) }
        try fresh.checkpoint()
        fresh.close()
        _ = try work.settle(draft)
        // Its WAL first: beside the new file SQLite would apply it.
        for suffix in ["-wal", "-shm"] { unlink(path + suffix) }
        try work.rename(draft, to: path)
        try work.sync(folder: folder.path)
        let made = try recompute(year, core)
        let found = try damaged.map { leaves throws(StoreError) in try takeLeaves(leaves, year) } ?? 0
        report.done.append(
            "\(file) has the \(rows) rows that read, \(made) made anew from frames"
                + (found > 0 ? " and \(found) found where nothing leads any more" : ""))
    }

    private func takeRollups(_ path: String, into fresh: Connection) throws(StoreError) -> Int {
        var rows = 0
        guard Folder.exists(path) else { return rows }
        for table in RollupRows.tables {
            let insert = try fresh.statement("INSERT OR IGNORE INTO \(table) VALUES (?, ?, ?)")
            for order in ["", " DESC"] {
                do throws(StoreError) {
                    try FileReader(path, isTolerant: true, effects: nil).read { old throws(StoreError) in
                        try old.rows("SELECT k, crc, b FROM \(table) ORDER BY k\(order)") { row throws(StoreError) in
                            guard RollupRows.isRight(row) else { return }
                            insert.bind((0..<3).map { row.value($0) })
                            try insert.run()
                            rows += fresh.changes
                        }
                    }
                    break
                } catch {
                    guard error.isDamage(of: path) else { throw error }
                }
            }
        }
        return rows
    }

    /// Rows in leaves that the tables of the damaged file no longer lead to, where frames did not give them anew: what of a row
    /// was replaced is not told, so the one that is of more readings counts.
    private func takeLeaves(_ leaves: TableLeaves, _ year: Int) throws(StoreError) -> Int {
        let file = try Connection(
            folder.rollup(year), .writer(pageBytes: RollupWriter.pageBytes), effects: work.effects)
        defer { file.close() }
        var found: [RollupRows.Place: RollupRows.Found] = [:]
        try leaves.forEach { row throws(StoreError) in
            guard let (place, whole) = RollupRows.whole(row, in: year) else { return }
            let sql = "SELECT 1 FROM \(place.table) WHERE k = ?"
            guard try file.integer(sql, .integer(place.key)) == nil else { return }
            if found[place].map({ $0.readings < whole.readings }) ?? true { found[place] = whole }
        }
        guard !found.isEmpty else { return 0 }
        try file.transaction { () throws(StoreError) in
            for (place, row) in found.sorted(by: { ($0.key.table, $0.key.key) < ($1.key.table, $1.key.key) }) {
                try file.run(
                    "INSERT INTO \(place.table) VALUES (?, ?, ?)", .integer(place.key), .integer(row.crc),
                    .blob(row.blob))
            }
        }
        try file.checkpoint()
        return found.count
    }

    /// Makes the hours and days of sealed days that have no row, from frames; returns how many.
    private func recompute(_ year: Int, _ core: Connection) throws(StoreError) -> Int {
        let manifest = try Manifest(core)
        let frames = SealedFrames(folder, effects: work.effects)
        frames.use(manifest)
        let streams = Int(try core.integer("SELECT count(*) FROM stream") ?? 0)
        var known: [String: Set<Int64>] = [:]
        try FileReader(folder.rollup(year), effects: nil).read { connection throws(StoreError) in
            for table in RollupRows.tables {
                var keys: Set<Int64> = []
                try connection.rows("SELECT k FROM \(table)") { row throws(StoreError) in
                    keys.insert(row.word("k"))
                }
                known[table] = keys
            }
        }
        // Days that nobody asks for harm nothing.
        let localDays = try LocalDays(core) ?? LocalDays()
        let rollups = RollupWriter(folder, work.effects)
        var made = 0
        func isSealed(_ day: Int64) -> Bool { manifest.parts(of: day).contains(where: \.isSealed) }
        for day in manifest.days where isSealed(day) && Folder.year(of: day * FrameKey.dayMilliseconds) == year {
            let begin = day * FrameKey.dayMilliseconds
            let spans = localDays.overlapping(begin..<begin + FrameKey.dayMilliseconds).filter { span in
                span.lowerBound >= FrameKey.times.lowerBound && Folder.year(of: span.lowerBound) == year
                    && isSealed(FrameKey.day(of: span.upperBound - 1))
            }
            for stream in 0..<streams {
                if known["r1h"]?.contains(RollupKey.hours(day: day, stream: stream)) != true {
                    let rows = try frames.rows(of: stream, begin..<begin + FrameKey.dayMilliseconds)
                    if !rows.isEmpty {
                        let hours = RollupRow.hours(rows, day: day)
                        try rollups.put(hours, small: [], stream: stream, day: day, completeBefore: .min)
                        made += 1
                    }
                }
                for span in spans {
                    guard let key = RollupKey.day(span, stream: stream), known["r1d"]?.insert(key).inserted == true
                    else { continue }
                    let rows = try frames.rows(of: stream, span)
                    guard !rows.isEmpty else { continue }
                    try rollups.put(DaySummary.columns(of: rows), stream: stream, day: span)
                    made += 1
                }
            }
        }
        try rollups.finish()
        return made
    }
}
