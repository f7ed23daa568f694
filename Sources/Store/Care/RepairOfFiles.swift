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
        for part in try Manifest(core).live where files.contains(part.file) || files.contains(part.file + "-wal") {
            try replace(part, core)
        }
        for year in try Manifest(core).rollups.union(folder.rollupYears()).sorted() {
            let file = "rollup-\(year).db"
            if files.contains(file) || files.contains(file + "-wal") { try replaceRollup(year, core) }
        }
        try repairNewest(check.behind, core)
        try core.checkpoint()
    }

    private func replace(_ part: Part, _ core: Connection) throws(StoreError) {
        let path = folder.path(of: part)
        try keep(part.file)
        if Folder.size(of: path + "-wal") > 0 { try keepCopy(part.file + "-wal") }
        var fresh = part
        fresh.file = try Manifest(core).nextName(of: part.file)
        fresh.madeAt = now.milliseconds
        fresh.count(nil)
        var walk: FrameWalk?
        if Folder.exists(path) { walk = try salvage(part, into: &fresh) }
        // Of the same generation: what was newer than its rows still is.
        let lostRows = max(0, part.rows - fresh.rows)
        let spans = walk?.lost.map { ($0.key.time, $0.until) } ?? []
        let isKnown = walk != nil && walk?.gap == nil && !spans.isEmpty
        let first = isKnown ? spans.map(\.0).min() : part.first
        let last = isKnown ? spans.map(\.1).max() : part.last
        try core.transaction { () throws(StoreError) in
            try Manifest.delete([part.file], core)
            if fresh.frames > 0 { try Manifest.save([fresh], core) }
            if lostRows > 0 || !spans.isEmpty || walk == nil {
                let detail =
                    walk == nil
                    ? "nothing of the file reads"
                    : "\(spans.count) frames did not read; the others are in \(fresh.file)"
                try giveUp(
                    part.file, retentionClass: part.retentionClass, first: first, last: last, rows: lostRows, detail
                ).write(core)
            }
        }
        try work.remove(path)
        try work.sync(folder: folder.raw)
        report.done.append(
            fresh.frames > 0
                ? "\(part.file) was replaced by \(fresh.file) with the \(fresh.frames) frames that read"
                : "\(part.file) was taken out: nothing of it reads")
    }

    /// Copies the frames that read into a new file; nil where the damaged one does not open at all.
    private func salvage(_ part: Part, into fresh: inout Part) throws(StoreError) -> FrameWalk? {
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
        let insert = try file.statement("INSERT OR REPLACE INTO frame VALUES (?, ?, ?, ?, NULL, ?, ?)")
        let damaged = try readable(part)
        defer { if damaged != folder.path(of: part) { unlink(damaged) } }
        let reader = FileReader(damaged, isSealed: part.isSealed, isTolerant: true, effects: nil)
        let walk: FrameWalk?
        do throws(StoreError) {
            walk = try file.transaction { () throws(StoreError) in
                try reader.read { connection throws(StoreError) in
                    try FrameWalk(connection, part) { frame, _ throws(StoreError) in
                        insert.bind([
                            .integer(frame.key.rawValue), .integer(frame.span), .integer(frame.count),
                            .integer(frame.version), .integer(frame.crc), .blob(frame.blob),
                        ])
                        try insert.run()
                    }
                }
            }
        } catch {
            // Of the damaged file, and not of the one that is made.
            guard error.isDamage(of: damaged) else { throw error }
            walk = nil
        }
        if !part.isSealed, walk != nil { try takeHours(reader, into: file) }
        guard let walk, !walk.keys.isEmpty else {
            file.close()
            try work.remove(draft)
            return walk
        }
        if !fresh.isSealed { try file.checkpoint() }
        file.close()
        fresh.count(walk)
        if fresh.isSealed {
            try work.effects?(Effect(kind: .file, file: draft, sql: "fsync"))
            (fresh.bytes, fresh.sha256) = try Folder.finish(draft)
            try work.rename(draft, to: target)
        }
        try work.sync(folder: folder.raw)
        return walk
    }

    /// The hours of a small file that match their check values; those of the others are made anew by the next seal.
    private func takeHours(_ reader: FileReader, into file: Connection) throws(StoreError) {
        let insert = try file.statement("INSERT OR REPLACE INTO hours VALUES (?, ?, ?)")
        do throws(StoreError) {
            try file.transaction { () throws(StoreError) in
                try reader.read { connection throws(StoreError) in
                    guard try connection.tables().contains("hours") else { return }
                    try connection.rows("SELECT stream AS k, crc, b FROM hours") { row throws(StoreError) in
                        guard RollupRows.isRight(row) else { return }
                        insert.bind((0..<3).map { row.value($0) })
                        try insert.run()
                    }
                }
            }
        } catch {
            guard error.isDamage(of: reader.file) else { throw error }
        }
    }

    /// A file with a damaged first page does not open, though all that it says is known: the copy that this returns has
    /// that page from an empty file of the same kind. Else the file itself.
    private func readable(_ part: Part) throws(StoreError) -> String {
        let path = folder.path(of: part)
        let sizes = [SealJob.dayPageBytes, CompactionJob.smallPageBytes]
        guard Folder.size(of: path + "-wal") == 0, !sizes.contains(where: { Self.hasRightPage(path, 1, bytes: $0) })
        else { return path }
        // A page matches its check value only at its own length.
        let bytes = sizes.first { size in (2...4).contains { Self.hasRightPage(path, $0, bytes: size) } } ?? sizes[0]
        let (model, copy) = (folder.damaged + "/model.new", folder.damaged + "/readable.new")
        try work.remove(model)
        defer { unlink(model) }
        let empty = try Connection(model, .draft(pageBytes: bytes), effects: work.effects)
        if part.isSealed {
            try Schema.prepareSealed(empty, part.keys)
        } else {
            try Schema.prepareSmall(empty, part.keys)
        }
        empty.close()
        guard var page = Self.read(model, bytes), page.count == bytes else { return path }
        // Where the header has them: pages of the file, and none of them free.
        let pages = UInt32(Folder.size(of: path) / Int64(bytes))
        page.replaceSubrange(28..<32, with: (0..<4).map { UInt8(truncatingIfNeeded: pages >> (24 - 8 * $0)) })
        page.replaceSubrange(32..<40, with: repeatElement(0, count: 8))
        _ = try work.copy(path, to: copy, mode: 0o640)
        let descriptor = open(copy, O_WRONLY | O_CLOEXEC)
        defer { close(descriptor) }
        guard pwrite(descriptor, page, bytes, 0) == bytes else {
            throw .ioError(file: copy, detail: Folder.reason(errno))
        }
        return copy
    }

    private static func hasRightPage(_ path: String, _ number: Int64, bytes: Int) -> Bool {
        guard let pages = read(path, Int(number) * bytes), pages.count == Int(number) * bytes else { return false }
        return pages[((Int(number) - 1) * bytes)...].withUnsafeBytes { PageChecks.isRight($0, number: number) }
    }

    private static func read(_ path: String, _ count: Int) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: count)
        let got = pread(descriptor, &bytes, count, 0)
        return got >= 0 ? Array(bytes[..<got]) : nil
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
        let rows = try fresh.transaction { () throws(StoreError) in try takeRollups(path, into: fresh) }
        try fresh.checkpoint()
        fresh.close()
        _ = try work.settle(draft)
        // Its WAL first: beside the new file SQLite would apply it.
        for suffix in ["-wal", "-shm"] { unlink(path + suffix) }
        try work.rename(draft, to: path)
        try work.sync(folder: folder.path)
        let made = try recompute(year, core)
        report.done.append("\(file) has the \(rows) rows that read, and \(made) made anew from frames")
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
                    keys.insert(row.integer("k"))
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
