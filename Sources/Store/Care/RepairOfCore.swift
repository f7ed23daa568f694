import Basics
import Frames
import Glibc
import Telemetry

// What of core.db reads, put together anew.
extension StoreRepairer {
    func repairCore(_ found: [StoreDamage]) throws(StoreError) {
        let damage = found.filter { $0.file == "core.db" }
        guard damage.allSatisfy({ $0.kind == .journal || $0.kind == .newest }) else {
            try rebuildCore()
            return try finishCore()
        }
        guard !damage.isEmpty else { return }
        let core = try Connection(folder.core, .writer(pageBytes: Journal.corePageBytes), effects: work.effects)
        defer { core.close() }
        try Schema.prepareCore(core)
        try core.transaction { () throws(StoreError) in try takeJournal(core, into: core) }
        try core.checkpoint()
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
            // Of one that had not a byte there is nothing to take over, and one sentence says so.
            let isEmpty = Folder.size(of: folder.core) == 0
            if isEmpty {
                isManifestWhole = false
                lostStory = .rebuilt
                try giveUp("core.db", first: nil, last: nil, rows: 0, Self.emptySentence).write(core)
            }
            let hasLostNames = try takeTables(strict, tolerant, into: core, isEmpty: isEmpty)
            try dropImpossible(core)
            if try core.integer("SELECT count(*) FROM snapshot") == 0 {
                try core.run("DELETE FROM meta WHERE key IN ('snapshot_generation', 'snapshot_journal')")
            }
            try core.run(Schema.countersRow)
            try mendNames(strict, tolerant, into: core, hasLostSome: hasLostNames, isEmpty: isEmpty)
            do throws(StoreError) {
                if !isEmpty {
                    try tolerant.read { connection throws(StoreError) in try takeJournal(connection, into: core) }
                }
            } catch {
                guard error.isDamage(of: folder.core) else { throw error }
                try giveUp("core.db", first: nil, last: nil, rows: 0, "the journal could not be found: \(error)")
                    .write(core)
            }
            try Meta.manifestVersion.write(try Meta.manifestVersion.read(core) + 1, core)
            // Before it takes the place of the old one: an interrupted repair does not come back to this.
            if let lostStory { try LostStory.write(lostStory, at: now, core) }
        }
        try core.checkpoint()
        core.close()
        _ = try work.settle(draft)
        try work.rename(draft, to: folder.readyCore)
        try work.sync(folder: folder.path)
    }

    /// Takes over all tables but the journal; whether names of the catalogue did not read.
    private func takeTables(
        _ strict: FileReader, _ tolerant: FileReader, into core: Connection, isEmpty: Bool
    ) throws(StoreError) -> Bool {
        var hasLostNames = false
        let absent = isEmpty ? Set(CoreTables.names) : try absentTables(strict)
        for table in CoreTables.names where table != "journal" && !absent.contains(table) {
            let (isWhole, unsure) = try take(table, strict, tolerant, into: core)
            if CoreTables.story.contains(table), !isWhole { lostStory = .rebuilt }
            if ["device", "stream", "series"].contains(table), !isWhole { hasLostNames = true }
            if table == "part", !isWhole { isManifestWhole = false }
            if table == "snapshot", !isWhole { try core.run("DELETE FROM snapshot") }
            if !isWhole {
                report.done.append(
                    "core.db: table \(table) was taken over as far as it reads; \(unsure) of its rows lay on a "
                        + "damaged page and may be wrong")
                try giveUp("core.db", first: nil, last: nil, rows: 0, "table \(table) did not read to its end")
                    .write(core)
            }
        }
        return hasLostNames
    }

    /// Numbers that no gateway wrote would end whoever reckons with them.
    private func dropImpossible(_ core: Connection) throws(StoreError) {
        let numbers = try Meta.dropImpossible(core)
        if numbers > 0 {
            report.done.append("core.db: \(numbers) numbers of the table meta could not be right and begin anew")
        }
        let parts = try Manifest.dropImpossible(core)
        guard parts > 0 else { return }
        isManifestWhole = false
        report.done.append(
            "core.db: \(parts) rows of the manifest could not be right; their files are looked for in raw/")
    }

    static let emptySentence =
        "there was none: readings that waited in its journal, newest readings, alerts and their stories, rejects and this ledger "
        + "of before are lost; day files and their figures are not"

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

    /// Takes over the rows of a table: those on good pages from both ends, then, as they read, those on damaged ones.
    private func take(
        _ table: String, _ strict: FileReader, _ tolerant: FileReader, into core: Connection
    ) throws(StoreError) -> (isWhole: Bool, unsure: Int) {
        var columns: [String] = []
        var keys: [(place: Int64, name: String)] = []
        try core.rows("SELECT name, pk FROM pragma_table_info(?)", .text(table)) { row throws(StoreError) in
            columns.append(row.text("name"))
            if row.integer("pk") > 0 { keys.append((row.integer("pk"), row.text("name"))) }
        }
        let list = columns.joined(separator: ", ")
        let sources = try sources(of: columns, table, strict)
        // As its tree is ordered: a walk from the other end then reaches what lies behind a damaged page.
        let key = keys.isEmpty ? "rowid" : keys.sorted { $0.place < $1.place }.map(\.name).joined(separator: ", ")
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
            if table == "latest" { try core.run("CREATE TEMP TABLE sure AS SELECT series FROM latest") }
            let (isEnd, count) = try pass(tolerant, key)
            unsure = count
            if !isEnd { unsure += try pass(tolerant, down).1 }
            if table == "latest" {
                try core.run(
                    "UPDATE latest SET top = ? WHERE series NOT IN (SELECT series FROM sure)",
                    .integer(Self.unsureTop))
                try core.run("DROP TABLE sure")
            }
        } else if key != "rowid", table != "reject_count", table != "unread" {
            // A page of the tree that leads to nowhere reads well and is short: the other order must find as many.
            isWhole = try pass(strict, down) == (true, 0)
        }
        if unique != nil { try core.run("DROP INDEX snapshot_once") }
        return (isWhole, unsure)
    }

    // Long: table by table, in the order of what refers to what.
    /// Puts an empty row in the place of each journal row that does not read or is missing: ids have no gaps.
    private func takeJournal(_ old: Connection, into core: Connection) throws(StoreError) {
        let isOther = old !== core
        let first = try Meta.sealedThrough.read(core) + 1
        var ids: [Int64] = []
        var failure: StoreError?
        for order in ["", " DESC"] {
            do throws(StoreError) {
                try old.rows("SELECT id FROM journal WHERE id >= ? ORDER BY id\(order)", .integer(first)) {
                    row throws(StoreError) in ids.append(row.integer("id"))
                }
                failure = nil
                break
            } catch {
                guard error.isDamage(of: old.file) else { throw error }
                failure = error
            }
        }
        if ids.isEmpty, let failure {
            return try giveUp("core.db", first: nil, last: nil, rows: 0, "the journal could not be found: \(failure)")
                .write(core)
        }
        for id in ids where !Meta.possible.contains(id) && !isOther {
            try core.run("DELETE FROM journal WHERE id = ?", .integer(id))
            try giveUp(
                "core.db", first: nil, last: nil, rows: 0, "a row of the journal had the id \(id), which is none"
            )
            .write(core)
        }
        ids = Set(ids.filter(Meta.possible.contains)).sorted()
        guard let last = ids.last, last - first < Int64(ids.count) + 1_000_000 else { return }
        var registry = SeriesRegistry()
        try Catalogue.load(core, into: &registry)
        var lost: [Int64] = []
        var moment: Moment?
        var (since, until): (Int64?, Int64?)
        var turn = Turn(origin: .live, at: Moment(Timestamp(milliseconds: 0)))
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
                moment = turn.moment
                if !lost.isEmpty, until == nil { until = now }
                guard isOther else { continue }
                try core.run(
                    "INSERT INTO journal VALUES (?, ?, ?, ?, ?)", .integer(id), .integer(now), count, .integer(check),
                    .blob(bytes))
                continue
            }
            if lost.isEmpty { since = moment?.wall.milliseconds }
            // Up to the first good one behind the last of them.
            until = nil
            lost.append(id)
            if !bytes.isEmpty { try keepBytes(bytes, "journal-row-\(id)") }
            let stand = moment ?? Moment(self.now)
            let empty = Self.emptyTurn(at: stand)
            try core.run(
                "INSERT OR REPLACE INTO journal VALUES (?, ?, 0, ?, ?)", .integer(id),
                .integer(stand.wall.milliseconds),
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

    func keepBytes(_ bytes: [UInt8], _ name: String) throws(StoreError) {
        let path = folder.damaged + "/" + name + ".hex"
        try work.write(bytes.hex + "\n", to: path)
        report.done.append("what reads of it is kept as damaged/\(name).hex")
    }

    private static func emptyTurn(at moment: Moment) -> [UInt8] {
        var writer = ByteWriter()
        TurnCodec.begin(.live, at: moment, into: &writer)
        writer.reserve(2)
        writer.put(byte: 0)
        writer.put(byte: 0)
        TurnCodec.end(suspects: [], statuses: [], heard: [], now: moment.wall, into: &writer)
        return writer.withBytes { Array($0) }
    }

    /// What to read for columns of a table: themselves, and what stands for one in a version that had it not yet.
    private func sources(of columns: [String], _ table: String, _ old: FileReader) throws(StoreError) -> String {
        var known: Set<String> = []
        do throws(StoreError) {
            try old.read { connection throws(StoreError) in
                try connection.rows("SELECT name FROM pragma_table_info(?)", .text(table)) { row throws(StoreError) in
                    known.insert(row.text("name"))
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
}
