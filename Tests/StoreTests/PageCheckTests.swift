import Basics
import CSQLite
import Foundation
import Glibc
import Telemetry
import Testing
import TestSupport

@testable import Store

@Suite("Page checks")
struct PageCheckTests {
    private let folder = TemporaryFolder()

    private var core: String { folder.store + "/core.db" }
    private var day: String { folder.store + "/raw/2026-03-15.l0.db" }

    /// A store with some of everything, closed: no WAL is left.
    private func makeStore() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        for minute in 0..<300 {
            try journal.put(
                "lamp-\(minute % 7)", seconds(minute * 60), ["active_power": Double(minute) * 1.37, "voltage": 230])
        }
        try journal.seal((0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 2) })
        for minute in 300..<320 { try journal.put("lamp-8", seconds(minute * 60), ["voltage": Double(minute)]) }
        journal.close()
    }

    private func pageBytes(_ bytes: [UInt8]) -> Int { Int(bytes[16]) << 8 | Int(bytes[17]) << 16 & 0x1_0000 }

    private func wrongPages(_ file: String) throws -> (bad: [Int64], pages: Int64) {
        try Connection(file, .immutable, effects: nil).badPages(isWritten: false)
    }

    /// Each page: its first bytes, its last (the check value among them), and some between.
    @Test("a flipped bit is noticed in every page, wherever it is", arguments: ["core.db", "raw/2026-03-15.l0.db"])
    func everyPage(name: String) throws {
        try makeStore()
        let file = folder.store + "/" + name
        let bytes = readFile(file)
        let size = pageBytes(bytes)
        #expect(bytes[20] == 8)
        #expect(try wrongPages(file) == ([], Int64(bytes.count / size)))
        var random = SeededGenerator(seed: 5)
        let flipped = folder.path + "/flipped.db"
        for page in 0..<bytes.count / size {
            let offsets =
                [0, 1, 8, 99, size - 9, size - 8, size - 4, size - 1, 20]
                + (0..<6).map { _ in Int.random(in: 0..<size, using: &random) }
            for offset in offsets {
                let bit = Int.random(in: 0..<8, using: &random)
                var damaged = bytes
                damaged[page * size + offset] ^= 1 << bit
                writeFile(flipped, damaged)
                if page > 0 {
                    #expect(try wrongPages(flipped).bad == [Int64(page + 1)], "page \(page + 1), \(offset), bit \(bit)")
                } else {
                    // The first page says what the file is; some flips keep SQLite from opening it at all.
                    #expect(throws: StoreError.self, "page 1, \(offset), bit \(bit)") {
                        let connection = try Connection(flipped, .immutable, effects: nil)
                        _ = try connection.integer("SELECT count(*) FROM sqlite_schema")
                    }
                }
            }
        }
    }

    @Test("what reads a damaged page fails with its number; what does not, answers")
    func sentence() throws {
        try makeStore()
        var bytes = readFile(core)
        let size = pageBytes(bytes)
        let reader = try Connection(core, .immutable, effects: nil)
        let root = Int(try #require(try reader.integer("SELECT rootpage FROM sqlite_schema WHERE name = 'latest'")))
        bytes[(root - 1) * size + size / 2] ^= 4
        writeFile(core, bytes)
        let connection = try Connection(core, .immutable, effects: nil)
        #expect(
            throws: StoreError.corrupt(file: core, detail: "page \(root) does not match its check value")
        ) { _ = try connection.integer("SELECT max(ts) FROM latest") }
        #expect(try connection.integer("SELECT count(*) FROM device") == 8)
        let tolerant = try Connection(core, .immutable, isTolerant: true, effects: nil)
        #expect(try tolerant.integer("SELECT count(*) FROM device") == 8)
        #expect(tolerant.wrongPage == nil)
        #expect(try tolerant.integer("SELECT count(*) FROM latest") == 14)
        #expect(tolerant.wrongPage == Int64(root))
    }

    @Test("a page in another's place, one cut short and one of zeros are noticed")
    func misplaced() throws {
        try makeStore()
        let bytes = readFile(core)
        let size = pageBytes(bytes)
        let damaged = folder.path + "/damaged.db"
        func found(_ change: (inout [UInt8]) -> Void) throws -> [Int64] {
            var copy = bytes
            change(&copy)
            writeFile(damaged, copy)
            return try wrongPages(damaged).bad
        }
        #expect(try found { $0.replaceSubrange(2 * size..<3 * size, with: bytes[3 * size..<4 * size]) } == [3])
        #expect(try found { $0.replaceSubrange(4 * size..<5 * size, with: repeatElement(0, count: size)) } == [5])
        #expect(try found { $0.removeLast(10) } == [Int64(bytes.count / size)])
    }

    /// The way the store's files were made before: the same tables, nothing reserved.
    @Test("a file without room for check values is read and written as it is")
    func older() throws {
        try makeStore()
        let points = try Archive(folder: folder.store).points("lamp-3", "active_power")
        for file in [core, day] {
            let plain = file + ".plain"
            try dump(file, into: plain, version: file == core ? Schema.version : Schema.dayVersion)
            #expect(readFile(plain)[20] == 0)
            rename(plain, file)
        }
        #expect(try wrongPages(core) == ([], 0))
        #expect(try Archive(folder: folder.store).points("lamp-3", "active_power") == points)
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try journal.put("lamp-3", seconds(-60), ["active_power": 1])
        try journal.seal()
        journal.close()
        #expect(try wrongPages(core) == ([], 0))
        #expect(try wrongPages(day) == ([], 0))
        #expect(
            try Archive(folder: folder.store).points("lamp-3", "active_power") == [Point(seconds(-60), 1)] + points)
        for file in [core, day] { try raw(file) { #expect(text($0, "PRAGMA integrity_check") == "ok") } }
    }

    @Test("SQLite without the layer reads the files")
    func standard() throws {
        try makeStore()
        for (file, table, count) in [(core, "device", "8"), (day, "frame", "7")] {
            try raw(file) { database in
                #expect(text(database, "PRAGMA integrity_check") == "ok")
                #expect(text(database, "SELECT count(*) FROM \(table)") == count)
            }
        }
    }

    @Test("a WAL with a reader of the same process, and check values after each checkpoint")
    func readers() throws {
        let file = folder.path + "/x.db"
        let writer = try Connection(file, .writer(pageBytes: 4096), effects: nil)
        try writer.run("CREATE TABLE t(id INTEGER PRIMARY KEY, b BLOB)")
        let reader = try Connection(file, .readOnly, effects: nil)
        for round in 1...40 {
            try writer.transaction { () throws(StoreError) in
                for _ in 0..<20 { try writer.run("INSERT INTO t(b) VALUES (randomblob(3000))") }
                try writer.run("DELETE FROM t WHERE id % 7 = ?", .integer(Int64(round % 7)))
            }
            #expect(
                try reader.integer("SELECT count(*) FROM t WHERE length(b) = 3000")
                    == writer.integer("SELECT count(*) FROM t"))
            if round % 10 == 0 {
                try writer.checkpoint()
                #expect(try reader.badPages().bad == [])
                #expect(try reader.badPages().pages > 10)
            }
        }
        reader.close()
        writer.close()
        #expect(readFile(file)[20] == 8)
        #expect(try wrongPages(file).bad == [])
    }

    @Test("a rollback journal and VACUUM keep the check values", arguments: [1, 200])
    func rollbackJournal(cachePages: Int) throws {
        let file = folder.path + "/x.db"
        let writer = try Connection(file, .writer(pageBytes: 16_384), effects: nil)
        try writer.run("PRAGMA cache_size = \(cachePages)")
        var mode = ""
        try writer.rows("PRAGMA journal_mode = DELETE") { row throws(StoreError) in mode = row.text("journal_mode") }
        #expect(mode == "delete")
        try writer.run("CREATE TABLE t(id INTEGER PRIMARY KEY, b BLOB)")
        // Pages that are freed in the transaction that made them may never be written.
        for round in 0..<6 {
            try? writer.transaction { () throws(StoreError) in
                for _ in 0..<40 { try writer.run("INSERT INTO t(b) VALUES (randomblob(30000))") }
                try writer.run("DELETE FROM t WHERE id % 3 = 0")
                if round % 3 == 2 { throw .busy(file: file) }
                for _ in 0..<20 { try writer.run("INSERT INTO t(b) VALUES (randomblob(3000))") }
            }
        }
        #expect(try writer.badPages().bad == [])
        try writer.run("VACUUM")
        #expect(try writer.badPages().bad == [])
        #expect(try writer.badPages().pages > 10)
        #expect(try writer.integer("SELECT count(*) FROM t WHERE id % 3 = 0") ?? 0 > 0)
        writer.close()
        #expect(readFile(file)[20] == 8)
    }

    // MARK: SQLite without the layer

    private func raw(_ file: String, _ body: (OpaquePointer?) throws -> Void) throws {
        var database: OpaquePointer?
        #expect(sqlite3_open_v2(file, &database, SQLITE_OPEN_READONLY, "unix") == SQLITE_OK)
        defer { sqlite3_close_v2(database) }
        try body(database)
    }

    private func text(_ database: OpaquePointer?, _ sql: String) -> String {
        var statement: OpaquePointer?
        sqlite3_prepare_v2(database, sql, -1, &statement, nil)
        defer { sqlite3_finalize(statement) }
        guard sqlite3_step(statement) == SQLITE_ROW, let text = sqlite3_column_text(statement, 0) else { return "" }
        return String(cString: text)
    }
}

/// Copies tables and rows into a file that reserves nothing.
func dump(_ file: String, into plain: String, version: Int) throws {
    var database: OpaquePointer?
    #expect(
        sqlite3_open_v2(plain, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix") == SQLITE_OK)
    defer { sqlite3_close_v2(database) }
    sqlite3_exec(database, "ATTACH '\(file)' AS old", nil, nil, nil)
    var statements: [String] = []
    var statement: OpaquePointer?
    sqlite3_prepare_v2(
        database,
        """
        SELECT sql FROM old.sqlite_schema WHERE sql IS NOT NULL
        UNION ALL SELECT 'INSERT INTO main.' || name || ' SELECT * FROM old.' || name FROM old.sqlite_schema
        WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
        """, -1, &statement, nil)
    while sqlite3_step(statement) == SQLITE_ROW {
        statements.append(String(cString: sqlite3_column_text(statement, 0)))
    }
    sqlite3_finalize(statement)
    for sql in statements + [
        "PRAGMA application_id = \(Schema.applicationID)",
        "PRAGMA user_version = \(version)",
    ] {
        #expect(sqlite3_exec(database, sql, nil, nil, nil) == SQLITE_OK, "\(sql)")
    }
}
