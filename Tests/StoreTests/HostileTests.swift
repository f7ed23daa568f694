import Basics
import Contract
import Frames
import Glibc
import Telemetry
import Testing
import TestSupport

@testable import Store

/// Files whose pages are right and whose numbers are not: of a fault in a program, or of somebody who wrote them so.
@Suite("Hostile files")
struct HostileTests {
    private let folder = TemporaryFolder()

    @Test("counters that somebody wrote up to the edge count on, and end no gateway")
    func counters() throws {
        let first = try Journal.open(StoreOptions(folder: folder.store))
        try first.put("lamp", noon, ["voltage": 230])
        try first.core.run("UPDATE counters SET received = ?1, committed = ?1, rejected = ?1", .integer(.max))
        first.close()
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        defer { journal.close() }
        try journal.put("lamp", noon + .seconds(1), ["voltage": 231])
        #expect(journal.counters.committed > Meta.possible.upperBound)
    }

    private static func value(_ random: inout SeededGenerator) -> SQLValue {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: .integer(.max)
        case 1: .integer(.min)
        case 2: .integer(-1)
        case 3: .integer(Int64.random(in: .min ... .max, using: &random))
        case 4: .integer(1 << Int64.random(in: 0..<63, using: &random))
        case 5: .integer(.max - Int64.random(in: 0..<100, using: &random))
        case 6: .real([Double.infinity, -1e300, 0.5, 1e18].randomElement(using: &random)!)
        case 7:
            .text(
                ["", "x", "9223372036854775807", "../../etc", "\u{0}", "raw/2026-03-15.l0.db"].randomElement(
                    using: &random)!)
        case 8:
            .blob((0..<Int.random(in: 0..<60, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) })
        default: .null
        }
    }

    /// Puts such a value into some column of some row; what the table does not take is tried again.
    private func spoil(_ file: String, _ random: inout SeededGenerator) throws -> String {
        let connection = try Connection(file, .writer(pageBytes: 4096), effects: nil)
        defer { connection.close() }
        try connection.run("PRAGMA ignore_check_constraints = 1")
        let tables = try connection.tables()
        for _ in 0..<200 {
            let table = tables.randomElement(using: &random)!
            var columns: [String] = []
            try connection.rows("SELECT name FROM pragma_table_info(?)", .text(table)) { row throws(StoreError) in
                columns.append(row.text("name"))
            }
            let column = columns.randomElement(using: &random)!
            let count = try connection.integer("SELECT count(*) FROM \(table)") ?? 0
            guard count > 0 else { continue }
            var keys: [SQLValue] = []
            let offset = Int64.random(in: 0..<count, using: &random)
            // Any key that names one row; of tables without a rowid the first column is it, or part of it.
            try connection.rows("SELECT * FROM \(table) LIMIT 1 OFFSET ?", .integer(offset)) { row throws(StoreError) in
                keys.append(row.value(0))
            }
            let value = Self.value(&random)
            do throws(StoreError) {
                try connection.run("UPDATE OR FAIL \(table) SET \(column) = ? WHERE \(columns[0]) IS ?", value, keys[0])
            } catch {
                continue
            }
            if connection.changes > 0 {
                try connection.checkpoint()
                return "\(table).\(column) = \(value)"
            }
        }
        return "nothing"
    }

    /// Whatever fails must fail with an error.
    private func use(_ store: String, _ what: String) -> [Model.Key: [Int64: Double]]? {
        func attempt<R>(_ body: () throws -> R) -> R? {
            do {
                return try body()
            } catch {
                #expect(error is StoreError || error is Refusal, "\(what): \(error)")
                return nil
            }
        }
        _ = attempt { try StoreCheck.run(folder: store) }
        let found = attempt { () -> [Model.Key: [Int64: Double]] in
            let archive = try Archive(folder: store)
            let found = try contents(store, archive)
            _ = try archive.latest()
            _ = try archive.status()
            for device in ["lamp-0", "lamp-3"] {
                _ = try archive.history(HistoryRequest(device: device, since: noon, until: seconds(400_000)))
                for step in [3600, 86_400] {
                    _ = try archive.history(
                        HistoryRequest(device: device, since: noon, until: seconds(400_000), step: .seconds(step)))
                }
            }
            _ = try archive.query(QueryRequest(since: noon, until: seconds(400_000), step: .seconds(3600)))
            return found
        }
        _ = attempt { try Archive(folder: store).givenUp() }
        _ = attempt { try Archive(folder: store).rejects() }
        _ = attempt { try Archive(folder: store).devices(at: noon) }
        _ = attempt { try StoreBackup.run(from: store, to: store + ".backup", now: noon) }
        removeTree(store + ".backup")
        return found
    }

    private func write(_ store: String, _ what: String) {
        do {
            let journal = try Journal.open(StoreOptions(folder: store))
            defer { journal.close() }
            for step in 0..<8 {
                try journal.put("lamp-\(step)", seconds(step * 720 + 1), ["voltage": 1], now: seconds(300_000))
            }
            try journal.seal([1], now: seconds(300_000))
            _ = try journal.upkeep(now: seconds(300_001))
            try journal.compact(now: seconds(900_000))
        } catch {
            #expect(error is StoreError, "\(what): \(error)")
        }
    }

    @Test(
        "numbers of any kind in any column crash nobody, and no reading is told that was never there",
        arguments: 0..<8 as Range<UInt64>)
    func columns(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        try makeVariedStore(folder.store).close()
        let expected = try contents(folder.store)
        let core = try Connection(folder.store + "/core.db", .immutable, effects: nil)
        let live = try Manifest(core).live
        core.close()
        let files = ["core.db", "core.db", "core.db"] + live.map(\.file) + ["rollup-2026.db"]
        for (round, file) in files.enumerated() {
            let damaged = folder.path + "/damaged"
            removeTree(damaged)
            copyStore(folder.store, to: damaged)
            chmod(damaged + "/" + file, 0o640)
            let what = "seed \(seed), round \(round), \(file): \(try spoil(damaged + "/" + file, &random))"
            let found = use(damaged, what)
            if file != "core.db" {
                // Where a correction does not read, what it corrected shows again.
                for (key, points) in found ?? [:] {
                    for (time, value) in points where expected[key]?[time] != value {
                        let first = Double((time - noon.milliseconds) / 720_000) * 1.37
                        #expect(expected[key]?[time] != nil && value == first, "\(what): \(key) \(time) \(value)")
                    }
                }
            }
            let copy = folder.path + "/copy"
            removeTree(copy)
            copyStore(damaged, to: copy)
            write(copy, what)
            do {
                let repair = try StoreRepair.run(folder: damaged, now: noon)
                #expect(repair.isGood || file == "core.db", "\(what): \(repair.remaining)")
            } catch {
                #expect(error != .locked(folder: damaged, pid: getpid()), "\(what)")
            }
            _ = use(damaged, what)
            write(damaged, what)
        }
    }

    /// The check values of pages are made right again, so that SQLite and the store take them for what was written.
    @Test("bytes of any kind in any page crash nobody", arguments: 0..<6 as Range<UInt64>)
    func pages(seed: UInt64) throws {
        var random = SeededGenerator(seed: 100 + seed)
        try makeVariedStore(folder.store).close()
        let core = try Connection(folder.store + "/core.db", .immutable, effects: nil)
        let live = try Manifest(core).live
        core.close()
        for file in ["core.db", "core.db"] + live.map(\.file) + ["rollup-2026.db"] {
            let damaged = folder.path + "/damaged"
            removeTree(damaged)
            copyStore(folder.store, to: damaged)
            let path = damaged + "/" + file
            chmod(path, 0o640)
            let size = try #require(PageFile(path)).pageBytes
            var bytes = readFile(path)
            let page = Int.random(in: 0..<bytes.count / size, using: &random)
            let count = Int.random(in: 1...64, using: &random)
            let start = page * size + Int.random(in: 0..<size - 100, using: &random)
            for place in start..<start + count { bytes[place] = UInt8.random(in: 0...255, using: &random) }
            if seed % 2 == 0 {
                bytes[page * size..<(page + 1) * size].withUnsafeMutableBytes {
                    PageChecks.seal($0, number: Int64(page + 1))
                }
            }
            writeFile(path, bytes)
            let what = "seed \(seed), \(file), \(count) bytes at \(start)"
            _ = use(damaged, what)
            let copy = folder.path + "/copy"
            removeTree(copy)
            copyStore(damaged, to: copy)
            write(copy, what)
            _ = try? StoreRepair.run(folder: damaged, now: noon)
            _ = use(damaged, what)
            write(damaged, what)
        }
    }

    /// Where the pages of a file begin that hold several rows or keys.
    private func fullPages(_ bytes: [UInt8], _ size: Int) -> [Int] {
        (0..<bytes.count / size).map { $0 * size }.filter { start in
            // SQLite's file format, 1.6: the kind of a page, and how many cells it has.
            let header = start == 0 ? 100 : start
            return [2, 5, 10, 13].contains(bytes[header]) && Int(bytes[header + 3]) << 8 | Int(bytes[header + 4]) >= 2
        }
    }

    /// A walk that goes on from the last key that it saw would never end there.
    @Test(
        "rows that stand the wrong way round in their page are walked once",
        arguments: ["core.db", "a small file", "rollup-2026.db"])
    func wrongOrder(kind: String) throws {
        var random = SeededGenerator(seed: 7)
        try makeVariedStore(folder.store).close()
        let small = try #require(names(in: folder.store + "/raw").first { $0.contains(".l") && $0.hasSuffix(".db") })
        let file = kind == "a small file" ? "raw/" + small : kind
        let path = folder.store + "/" + file
        let size = try #require(PageFile(path)).pageBytes
        let whole = readFile(path)
        var pages = Array(fullPages(whole, size).shuffled(using: &random).prefix(12))
        if file == "core.db" {
            let core = try Connection(path, .immutable, effects: nil)
            defer { core.close() }
            let root = try core.integer("SELECT rootpage FROM sqlite_schema WHERE name = 'journal'")
            pages.append(Int(try #require(root) - 1) * size)
        }
        #expect(pages.count > 2)
        for start in pages {
            var bytes = whole
            let header = start == 0 ? 100 : start
            let count = Int(bytes[header + 3]) << 8 | Int(bytes[header + 4])
            let first = header + ([2, 5].contains(bytes[header]) ? 12 : 8)
            let cells = (0..<count).map { [bytes[first + 2 * $0], bytes[first + 2 * $0 + 1]] }
            for (cell, place) in zip(cells.reversed(), 0...) {
                bytes[first + 2 * place..<first + 2 * place + 2] = cell[...]
            }
            bytes[start..<start + size].withUnsafeMutableBytes { PageChecks.seal($0, number: Int64(start / size + 1)) }
            let what = "\(file), page \(start / size + 1) with \(count) cells"
            let damaged = folder.path + "/damaged"
            let copy = folder.path + "/copy"
            for place in [damaged, copy] {
                removeTree(place)
                copyStore(folder.store, to: place)
                chmod(place + "/" + file, 0o640)
                writeFile(place + "/" + file, bytes)
            }
            _ = use(damaged, what)
            write(copy, what)
            _ = try? StoreRepair.run(folder: damaged, now: noon)
            _ = use(damaged, what)
            write(damaged, what)
        }
    }

    @Test("a span that no frame has is passed over by a seal, and told")
    func span() throws {
        for span in [Int64.max, .min, -1, 1 << 62] {
            let store = folder.path + "/\(span)"
            let journal = try Journal.open(StoreOptions(folder: store))
            for device in ["a", "b"] {
                for minute in 0..<30 { try journal.put(device, seconds(minute), ["voltage": 1]) }
            }
            try journal.seal()
            journal.close()
            let path = store + "/raw/2026-03-15.l0.db"
            let file = try Connection(path, .writer(pageBytes: SealJob.dayPageBytes), effects: nil)
            try file.run("UPDATE frame SET span = ? WHERE k = (SELECT max(k) FROM frame)", .integer(span))
            try file.checkpoint()
            file.close()
            let again = try Journal.open(StoreOptions(folder: store))
            for device in ["a", "b"] { try again.put(device, seconds(100), ["voltage": 2]) }
            try again.seal()
            again.close()
            #expect(try !StoreCheck.run(folder: store).isGood)
            #expect(try StoreRepair.run(folder: store, now: noon).isGood)
            #expect(try contents(store).values.map(\.count) == [31, 31], "\(span)")
        }
    }
}
