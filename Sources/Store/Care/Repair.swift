public import Basics
import Frames
import Glibc
import Telemetry

/// What a repair has found, done and given up.
public struct RepairReport: Sendable, Hashable, Codable {
    public var folder: String
    /// What the check before it found.
    public var found: [StoreDamage]
    /// What was done, a sentence each.
    public var done: [String] = []
    /// What is lost, as the ledger of the store has it now.
    public var gaveUp: [GivenUp] = []
    /// What the check after it finds; empty when all is well again.
    public var remaining: [StoreDamage] = []

    public var isGood: Bool { remaining.isEmpty }
}

/// Where a repair keeps what was damaged. Nothing in it is ever used or removed by us again.
enum DamagedFiles {
    static let folderName = "damaged"
}

/// Takes damage out of a store that nobody has open, and keeps all that reads.
public enum StoreRepair {
    /// Sets damaged files aside in `damaged/`, puts files with what reads of them in their place, and writes what is
    /// lost into the ledger. Of a damaged WAL every commit that reads is taken over before. Throws `.locked` while a gateway has the store.
    ///
    /// After a failure or a crash it may be run again; until it has ended well a gateway may refuse to start.
    public static func run(
        folder: String, now: Timestamp, progress: (StoreProgress) -> Void = { _ in }
    ) throws(StoreError) -> RepairReport {
        try run(folder: folder, now: now, effects: nil, progress: progress)
    }

    static func run(
        folder path: String, now: Timestamp, effects: EffectHook?, progress: (StoreProgress) -> Void = { _ in }
    ) throws(StoreError) -> RepairReport {
        let folder = Folder(path)
        if !Folder.exists(folder.readyCore) { try folder.checkReadable() }
        let lock = try FolderLock(folder)
        defer { _ = lock }
        let repair = StoreRepairer(folder, FileWork(effects: effects), now)
        try repair.finishCore()
        let before = StoreChecker(folder, isRunning: false)
        repair.report.found = try before.run(progress).damage
        guard !repair.report.found.isEmpty else { return repair.report }
        try repair.work.makeFolder(folder.damaged)
        var damage = repair.report.found
        if try repair.salvageWALs() { damage = try StoreChecker(folder, isRunning: false).run(progress).damage }
        try repair.repairCore(damage)
        try repair.repairFiles(progress)
        try repair.keepWALs()
        repair.report.remaining = try StoreChecker(folder, isRunning: false).run(progress).damage
        return repair.report
    }
}

extension Folder {
    /// A rebuilt core.db that is whole, and waits to take the place of the damaged one.
    var readyCore: String { core + ".ready" }
}

private final class StoreRepairer {
    let folder: Folder
    let work: FileWork
    let now: Timestamp
    var report: RepairReport

    init(_ folder: Folder, _ work: FileWork, _ now: Timestamp) {
        self.folder = folder
        self.work = work
        self.now = now
        report = RepairReport(folder: folder.path, found: [])
    }

    /// Keeps a file in `damaged/` under a name of its own; it stays where it is, too.
    private func keep(_ file: String) throws(StoreError) {
        let path = folder.path + "/" + file
        guard Folder.exists(path) else { return }
        var number = 1
        while true {
            let copy = folder.damaged + "/" + flat(file) + (number == 1 ? "" : ".\(number)")
            // Kept by a repair that was interrupted.
            if FileStamp(copy) != nil, FileStamp(copy) == FileStamp(path) { return }
            guard Folder.exists(copy) else {
                if try !work.link(path, to: copy) { _ = try work.copy(path, to: copy, mode: 0o440) }
                try work.sync(folder: folder.damaged)
                report.done.append("\(file) is kept as damaged/\(FileWork.parts(of: copy).name)")
                return
            }
            number += 1
        }
    }

    private func giveUp(
        _ file: String, retentionClass: String = "", first: Int64?, last: Int64?, rows: Int64, _ detail: String
    ) -> GivenUp {
        let entry = GivenUp(
            at: now, why: .damage, file: file, retentionClass: retentionClass,
            first: first.map { Timestamp(milliseconds: $0) } ?? now,
            last: last.map { Timestamp(milliseconds: $0) } ?? now, rows: rows, bytes: 0, detail: detail)
        report.gaveUp.append(entry)
        return entry
    }

    // MARK: WALs

    /// Takes over what damaged WALs hold, before SQLite opens a file and writes over it. False where there is none.
    func salvageWALs() throws(StoreError) -> Bool {
        var hasSalvaged = false
        for file in folder.databasesWithWAL() {
            let path = folder.path + "/" + file
            guard let wal = WAL(of: path), wal.isDamaged else { continue }
            let salvage = WALSalvage(wal)
            try salvage.apply(work)
            unlink(path + "-shm")
            try work.rename(wal.path, to: wal.path + Folder.salvagedSuffix)
            try work.sync(folder: FileWork.parts(of: path).parent)
            report.done.append("\(file)-wal: \(salvage.sentence)")
            hasSalvaged = true
        }
        return hasSalvaged
    }

    /// Moves the WALs that were taken over to `damaged/`, and what they may have lost into the ledger.
    func keepWALs() throws(StoreError) {
        let files = folder.salvagedWALs()
        guard !files.isEmpty else { return }
        let core = try Connection(folder.core, .writer(pageBytes: Journal.corePageBytes), effects: work.effects)
        defer { core.close() }
        for file in files {
            let name = String(file.dropLast(Folder.salvagedSuffix.count))
            let copy = freeName(for: name)
            let database = folder.path + "/" + name.dropLast("-wal".count)
            if let loss = WAL(of: database, path: folder.path + "/" + file).map({ WALSalvage($0) })?.loss {
                let place = "kept as damaged/\(copy): "
                // A repair may have been interrupted between the entry and the move.
                let isKnown =
                    try core.integer(
                        "SELECT count(*) FROM given_up WHERE file = ?1 AND substr(detail, 1, length(?2)) = ?2",
                        .text(name), .text(place)) ?? 0 > 0
                if !isKnown {
                    try giveUp(name, first: nil, last: nil, rows: 0, place + loss).write(core)
                    try core.checkpoint()
                }
            }
            try work.rename(folder.path + "/" + file, to: folder.damaged + "/" + copy)
            try work.sync(folder: folder.damaged)
            report.done.append("\(name) is kept as damaged/\(copy)")
        }
    }

    /// A name in `damaged/` that nothing has yet.
    private func freeName(for file: String) -> String {
        var number = 1
        while Folder.exists("\(folder.damaged)/\(flat(file)).\(number)") { number += 1 }
        return "\(flat(file)).\(number)"
    }

    /// In `damaged/` there are no folders.
    private func flat(_ file: String) -> String { String(file.map { $0 == "/" ? "-" : $0 }) }

    // MARK: core.db

    func repairCore(_ found: [StoreDamage]) throws(StoreError) {
        let damage = found.filter { $0.file == "core.db" }
        guard damage.allSatisfy({ $0.kind == .journal }) else {
            try rebuildCore()
            return try finishCore()
        }
        // What core.db has lost the end of may give an id to another one.
        CatalogueCache.remove(in: folder)
        guard !damage.isEmpty else { return }
        let core = try Connection(folder.core, .writer(pageBytes: Journal.corePageBytes), effects: work.effects)
        defer { core.close() }
        try Schema.prepareCore(core)
        try core.transaction { () throws(StoreError) in try takeJournal(core, into: core) }
        try core.checkpoint()
    }

    private func keepCopy(_ file: String) throws(StoreError) {
        let name = freeName(for: file)
        _ = try work.copy(folder.path + "/" + file, to: "\(folder.damaged)/\(name)", mode: 0o440)
        try work.sync(folder: folder.damaged)
        report.done.append("\(file) is kept as damaged/\(name)")
    }

    /// Makes a new core.db with all that reads of the old one.
    private func rebuildCore() throws(StoreError) {
        let draft = folder.core + ".new"
        try work.remove(draft)
        try Folder.makeFile(draft)
        let core = try Connection(draft, .writer(pageBytes: Journal.corePageBytes), effects: work.effects)
        defer { core.close() }
        try Schema.prepareCore(core)
        let strict = FileReader(folder.core, effects: nil)
        let tolerant = FileReader(folder.core, isTolerant: true, effects: nil)
        try core.transaction { () throws(StoreError) in
            try core.run("DELETE FROM counters")
            var isManifestWhole = true
            let absent = try absentTables(strict)
            for table in CoreTables.names where table != "journal" && !absent.contains(table) {
                let (isWhole, unsure) = try take(table, strict, tolerant, into: core)
                if table == "part" { isManifestWhole = isWhole }
                if table == "snapshot", !isWhole { try core.run("DELETE FROM snapshot") }
                if !isWhole {
                    report.done.append(
                        "core.db: table \(table) was taken over as far as it reads; \(unsure) of its rows lay on a "
                            + "damaged page and may be wrong")
                    try giveUp("core.db", first: nil, last: nil, rows: 0, "table \(table) did not read to its end")
                        .write(core)
                }
            }
            if try core.integer("SELECT count(*) FROM snapshot") == 0 {
                try core.run("DELETE FROM meta WHERE key IN ('snapshot_generation', 'snapshot_journal')")
            }
            try core.run("INSERT OR IGNORE INTO counters VALUES (1, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)")
            if !isManifestWhole { try adoptFiles(core) }
            var catalogue = CatalogueRepair(folder, core)
            try catalogue.recall(from: strict)
            try catalogue.fill()
            report.done += catalogue.done
            do throws(StoreError) {
                try tolerant.read { connection throws(StoreError) in try takeJournal(connection, into: core) }
            } catch {
                guard error.isDamage(of: folder.core) else { throw error }
                try giveUp("core.db", first: nil, last: nil, rows: 0, "the journal could not be found: \(error)")
                    .write(core)
            }
            try Meta.manifestVersion.write(try Meta.manifestVersion.read(core) + 1, core)
        }
        try core.checkpoint()
        core.close()
        _ = try work.settle(draft)
        try work.rename(draft, to: folder.readyCore)
        try work.sync(folder: folder.path)
    }

    /// Tables that an older version did not have, so that none of them is told to be lost; none where that does not read.
    private func absentTables(_ old: FileReader) throws(StoreError) -> Set<String> {
        do throws(StoreError) {
            return try old.read { connection throws(StoreError) in
                guard try Schema.version(of: connection) < Schema.version else { return [] }
                return Set(CoreTables.names).subtracting(try connection.tables())
            }
        } catch {
            guard error.isDamage(of: folder.core) else { throw error }
            return []
        }
    }

    /// Puts a rebuilt core.db into its place; `Journal.open` refuses a folder where this is still to be done.
    func finishCore() throws(StoreError) {
        guard Folder.exists(folder.readyCore) else { return }
        CatalogueCache.remove(in: folder)
        try work.makeFolder(folder.damaged)
        try keep("core.db")
        // It belongs to the old file: beside the new one SQLite would apply it.
        try keep("core.db-wal")
        try work.remove(folder.core)
        try work.rename(folder.readyCore, to: folder.core)
        try work.sync(folder: folder.path)
        report.done.append("core.db was built anew from what reads of it")
    }

    private static let order = [
        "meta": "key", "part": "file", "floor": "class", "snapshot": "rowid",
        "reject_count": "device, reason", "latest": "series", "steps_given_up": "alert",
    ]

    /// Takes over the rows of a table: those on good pages from both ends, then, as they read, those on damaged ones.
    private func take(
        _ table: String, _ strict: FileReader, _ tolerant: FileReader, into core: Connection
    ) throws(StoreError) -> (isWhole: Bool, unsure: Int) {
        var columns: [String] = []
        try core.rows("SELECT name FROM pragma_table_info(?)", .text(table)) { row throws(StoreError) in
            columns.append(row.text("name"))
        }
        let list = columns.joined(separator: ", ")
        let sources = try sources(of: columns, table, strict)
        let key = Self.order[table] ?? "id"
        let down = key.split(separator: ", ").map { $0 + " DESC" }.joined(separator: ", ")
        // A snapshot has no key: a row that was taken is known by its place in it.
        let unique = table == "snapshot" ? "CREATE UNIQUE INDEX snapshot_once ON snapshot(generation, chunk)" : nil
        if let unique { try core.run(unique) }
        let marks = columns.map { _ in "?" }.joined(separator: ", ")
        let insert = try core.statement("INSERT OR IGNORE INTO \(table)(\(list)) VALUES (\(marks))")
        /// Whether it came to the end, and the rows that were new.
        func pass(_ reader: FileReader, _ order: String) throws(StoreError) -> (Bool, Int) {
            var count = 0
            do throws(StoreError) {
                try reader.read { connection throws(StoreError) in
                    try connection.rows("SELECT \(sources) FROM \(table) ORDER BY \(order)") { row throws(StoreError) in
                        insert.bind(columns.indices.map { row.value($0) })
                        try insert.run()
                        count += core.changes
                    }
                }
                return (true, count)
            } catch {
                guard error.isDamage(of: folder.core) else { throw error }
                return (false, count)
            }
        }
        var isWhole = try pass(strict, key).0
        var unsure = 0
        if !isWhole {
            _ = try pass(strict, down)
            let (isEnd, count) = try pass(tolerant, key)
            unsure = count
            if !isEnd { unsure += try pass(tolerant, down).1 }
        } else if key != "rowid", table != "reject_count" {
            // A page of the tree that leads to nowhere reads well and is short: the other order must find as many.
            isWhole = try pass(strict, down) == (true, 0)
        }
        if unique != nil { try core.run("DROP INDEX snapshot_once") }
        return (isWhole, unsure)
    }

    /// What to read for columns of a table: themselves, and what stands for one in a version that had it not yet.
    private func sources(of columns: [String], _ table: String, _ old: FileReader) throws(StoreError) -> String {
        var known: Set<String> = []
        do throws(StoreError) {
            try old.read { connection throws(StoreError) in
                try connection.rows("SELECT name FROM pragma_table_info(?)", .text(table)) { row throws(StoreError) in
                    known.insert(row.text(0))
                }
            }
        } catch {
            guard error.isDamage(of: folder.core) else { throw error }
        }
        // With nothing known the table is lost in any case, and is told to be.
        guard !known.isEmpty else { return columns.joined(separator: ", ") }
        return columns.map { known.contains($0) ? $0 : Schema.sourceOfNewColumn["\(table).\($0)"] ?? $0 }
            .joined(separator: ", ")
    }

    /// Names again the files of frames that no readable row of the manifest names.
    private func adoptFiles(_ core: Connection) throws(StoreError) {
        let known = Set(try Manifest(core).live.map(\.file) + Manifest(core).retired.map(\.file))
        for name in Folder.names(in: folder.raw).sorted() where name.hasSuffix(".db") && !known.contains("raw/" + name)
        {
            // 2026-03-15[_2026-03-16][.class].g3[.r1].db, or l0 for a small file.
            let words = name.dropLast(3).split(separator: ".").map(String.init)
            let days = words[0].split(separator: "_").compactMap { Timestamp(iso8601: $0 + "T00:00:00Z") }
            guard let first = days.first, let last = days.last, last >= first,
                let place = words.lastIndex(where: {
                    ($0.hasPrefix("g") || $0.hasPrefix("l")) && Int64($0.dropFirst()) != nil
                }),
                place > 0, let generation = Int64(words[place].dropFirst())
            else { continue }
            let path = folder.raw + "/" + name
            var part = Part(
                file: "raw/" + name,
                days: FrameKey.day(of: first.milliseconds)...FrameKey.day(of: last.milliseconds),
                retentionClass: place == 2 ? words[1] : "", generation: generation,
                isSealed: words[place].hasPrefix("g"), first: .max, last: .min, spanMax: 0, frames: 0, rows: 0,
                madeAt: now.milliseconds)
            guard
                (try? FileReader(path, isTolerant: true, effects: nil).read { connection throws(StoreError) in
                    part.count(try FrameWalk(connection, part))
                }) != nil, part.frames > 0
            else { continue }
            if part.isSealed { (part.bytes, part.sha256) = try Folder.digest(path) }
            try Manifest.save([part], core)
            report.done.append("\(part.file) was taken into the manifest again")
        }
    }

    /// Puts an empty row in the place of each journal row that does not read or is missing: ids have no gaps.
    private func takeJournal(_ old: Connection, into core: Connection) throws(StoreError) {
        let isOther = old !== core
        let first = try Meta.sealedThrough.read(core) + 1
        var ids: [Int64] = []
        for order in ["", " DESC"] {
            do throws(StoreError) {
                try old.rows("SELECT id FROM journal WHERE id >= ? ORDER BY id\(order)", .integer(first)) {
                    row throws(StoreError) in ids.append(row.integer("id"))
                }
                break
            } catch {
                guard error.isDamage(of: old.file) else { throw error }
            }
        }
        ids = Set(ids).sorted()
        guard let last = ids.last, last - first < Int64(ids.count) + 1_000_000 else { return }
        var registry = SeriesRegistry()
        try Catalogue.load(core, into: &registry)
        var lost: [Int64] = []
        var moment: Int64?
        var (since, until): (Int64?, Int64?)
        var turn = Turn(origin: .live, now: Timestamp(milliseconds: 0))
        for id in first...last {
            var now: Int64?
            var bytes: [UInt8] = []
            var (count, check): (SQLValue, Int64) = (.null, 0)
            do throws(StoreError) {
                try old.rows("SELECT n, crc, b FROM journal WHERE id = ?", .integer(id)) { row throws(StoreError) in
                    (count, check, bytes) = (row.value("n"), row.integer("crc"), row.withBlob("b") { Array($0) })
                }
                let isRight = bytes.withUnsafeBytes { bytes in
                    CRC32C.check(key: id, bytes) == check
                        && (try? TurnCodec.decode(bytes, registry: registry, into: &turn)) != nil
                }
                if isRight { now = turn.now.milliseconds }
            } catch {
                guard error.isDamage(of: old.file) else { throw error }
            }
            if let now {
                moment = now
                if !lost.isEmpty, until == nil { until = now }
                guard isOther else { continue }
                try core.run(
                    "INSERT INTO journal VALUES (?, ?, ?, ?, ?)", .integer(id), .integer(now), count, .integer(check),
                    .blob(bytes))
                continue
            }
            if lost.isEmpty { since = moment }
            lost.append(id)
            if !bytes.isEmpty { try keepBytes(bytes, "journal-row-\(id)") }
            let stand = moment ?? self.now.milliseconds
            let empty = Self.emptyTurn(at: Timestamp(milliseconds: stand))
            try core.run(
                "INSERT OR REPLACE INTO journal VALUES (?, ?, 0, ?, ?)", .integer(id), .integer(stand),
                .integer(empty.withUnsafeBytes { CRC32C.check(key: id, $0) }), .blob(empty))
        }
        guard !lost.isEmpty else { return }
        try core.run("UPDATE counters SET damaged_rows = damaged_rows + ?", .integer(Int64(lost.count)))
        let list = lost.prefix(20).map { "\($0)" }.joined(separator: ", ") + (lost.count > 20 ? ", …" : "")
        try giveUp(
            "core.db", first: since, last: until ?? now.milliseconds, rows: 0,
            "\(lost.count) rows of the journal did not read: \(list); the times are those of receiving"
        ).write(core)
    }

    private func keepBytes(_ bytes: [UInt8], _ name: String) throws(StoreError) {
        let path = folder.damaged + "/" + name + ".hex"
        try work.write(bytes.hex + "\n", to: path)
        report.done.append("what reads of it is kept as damaged/\(name).hex")
    }

    private static func emptyTurn(at now: Timestamp) -> [UInt8] {
        var writer = ByteWriter()
        TurnCodec.begin(.live, now: now, into: &writer)
        writer.reserve(2)
        writer.put(byte: 0)
        writer.put(byte: 0)
        TurnCodec.end(suspects: [], statuses: [], heard: [], now: now, into: &writer)
        return writer.withBytes { Array($0) }
    }

    // MARK: Files

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
        for year in folder.rollupYears() {
            let file = "rollup-\(year).db"
            if files.contains(file) || files.contains(file + "-wal") { try replaceRollup(year, core) }
        }
        try core.checkpoint()
    }

    private func replace(_ part: Part, _ core: Connection) throws(StoreError) {
        let path = folder.path(of: part)
        try keep(part.file)
        if Folder.size(of: path + "-wal") > 0 { try keepCopy(part.file + "-wal") }
        var fresh = part
        fresh.file = nextName(of: part.file, try Manifest(core))
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
        if fresh.isSealed { try Schema.prepareSealed(file) } else { try Schema.prepareSmall(file) }
        let insert = try file.statement("INSERT OR REPLACE INTO frame VALUES (?, ?, ?, ?, NULL, ?, ?)")
        let damaged = try readable(part)
        defer { if damaged != folder.path(of: part) { unlink(damaged) } }
        let reader = FileReader(damaged, isSealed: part.isSealed, isTolerant: true, effects: nil)
        let walk: FrameWalk?
        do throws(StoreError) {
            walk = try file.transaction { () throws(StoreError) in
                try reader.read { connection throws(StoreError) in
                    try FrameWalk(connection, part) { frame throws(StoreError) in
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
        if part.isSealed { try Schema.prepareSealed(empty) } else { try Schema.prepareSmall(empty) }
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

    /// `raw/2026-03-15.g1.db` becomes `raw/2026-03-15.g1.r1.db`, that one `r2`.
    private func nextName(of file: String, _ manifest: Manifest) -> String {
        let known = Set((manifest.live + manifest.retired).map(\.file))
        var words = file.dropLast(3).split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        var number = 1
        if let last = words.last, last.hasPrefix("r"), let before = Int(last.dropFirst()) {
            words.removeLast()
            number = before + 1
        }
        let base = words.joined(separator: ".")
        while known.contains("\(base).r\(number).db") { number += 1 }
        return "\(base).r\(number).db"
    }

    /// A file of rollups with the rows that match their check values, and the others made anew from frames.
    private func replaceRollup(_ year: Int, _ core: Connection) throws(StoreError) {
        let path = folder.rollup(year)
        let file = "rollup-\(year).db"
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
                span.lowerBound >= FrameKey.epoch && Folder.year(of: span.lowerBound) == year
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

extension StoreError {
    /// Whether it is this file that does not read.
    func isDamage(of file: String) -> Bool {
        switch self {
        case .corrupt(file, _), .sqlite(file, _, _), .foreign(file, _): true
        default: false
        }
    }
}

extension Part {
    /// Takes the numbers of a walk over its file; nil for an empty one.
    fileprivate mutating func count(_ walk: FrameWalk?) {
        (first, last, spanMax, frames, rows, bytes, sha256) = (.max, .min, 0, 0, 0, 0, [])
        guard let walk else { return }
        first = walk.first
        last = walk.last
        spanMax = walk.spanMax
        frames = Int64(walk.keys.count)
        rows = walk.rows
    }
}
