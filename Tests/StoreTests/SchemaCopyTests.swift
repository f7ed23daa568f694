import Basics
import Telemetry
import Testing
import TestSupport

@testable import Store

@Suite("What says what tables there are")
struct SchemaCopyTests {
    private let folder = TemporaryFolder()

    private var core: String { folder.store + "/core.db" }

    /// All rows of all tables of core.db but the ledger, as texts; the journal's, too.
    private func rows(_ store: String) throws -> [String: [String]] {
        let connection = try Connection(store + "/core.db", .readOnly, effects: nil)
        defer { connection.close() }
        var all: [String: [String]] = [:]
        for table in try connection.tables() where table != "given_up" && table != "meta" {
            var columns: [String] = []
            try connection.rows("SELECT name FROM pragma_table_info(?)", .text(table)) { row throws(StoreError) in
                columns.append("quote(" + row.text("name") + ")")
            }
            let line = columns.joined(separator: " || ' ' || ")
            try connection.rows("SELECT \(line) AS line FROM \(table)") { row throws(StoreError) in
                all[table, default: []].append(row.text("line"))
            }
            all[table]?.sort()
        }
        return all
    }

    /// Overwrites pages as a disk does that lost them.
    private func lose(_ numbers: [Int64], of store: String) throws {
        var bytes = readFile(store + "/core.db")
        let size = try #require(PageFile(store + "/core.db")).pageBytes
        for number in numbers {
            let start = Int(number - 1) * size
            for place in start..<start + size { bytes[place] = UInt8(truncatingIfNeeded: place &* 31 >> 3) }
        }
        writeFile(store + "/core.db", bytes)
    }

    @Test("a page of it that is lost costs nothing, each alone and all of them, with and without a WAL")
    func lost() throws {
        let journal = try makeVariedStore(folder.store)
        let crashed = folder.path + "/crashed"
        copyStore(folder.store, to: crashed)
        journal.close()
        let copy = try #require(SchemaCopy(in: Folder(folder.store)))
        let numbers = copy.pages.map(\.number)
        #expect(numbers.contains(1) && numbers.count > 2)
        for origin in [folder.store, crashed] {
            let (expected, readings) = (try rows(origin), try contents(origin))
            #expect(expected["journal"]?.count == 30 && expected.count > 8)
            for lost in numbers.map({ [$0] }) + [numbers] {
                let damaged = folder.path + "/damaged"
                removeTree(damaged)
                copyStore(origin, to: damaged)
                try lose(lost, of: damaged)
                let report = try StoreCheck.run(folder: damaged)
                // Without a first page no other is looked at.
                let outlook =
                    lost.contains(1) && origin == folder.store
                    ? "core.db: " : "a repair takes it from core.schema"
                #expect(report.damage.contains { $0.sentence.contains(outlook) }, "\(lost): \(report.damage)")
                let repair = try StoreRepair.run(folder: damaged, now: noon)
                #expect(repair.isGood && repair.gaveUp == [], "\(lost): \(repair)")
                #expect(repair.done.contains { $0.contains("were taken from core.schema") }, "\(repair.done)")
                #expect(try rows(damaged) == expected, "\(lost) of \(origin)")
                #expect(try contents(damaged) == readings)
                let again = try Journal.open(StoreOptions(folder: damaged))
                try again.put("lamp-1", seconds(500_000), ["voltage": 1])
                again.close()
                #expect(try StoreCheck.run(folder: damaged).damage == [])
            }
        }
    }

    @Test("is kept as it is now: after an upgrade, a repair, and where somebody deleted or spoiled the file")
    func kept() throws {
        func ofCore() throws -> SchemaCopy { try #require(PageFile(core).flatMap { SchemaCopy(of: $0) }) }
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try journal.put("lamp", noon, ["voltage": 230])
        try journal.becomeVersion9()
        journal.close()
        #expect(try SchemaCopy(in: Folder(folder.store)) != ofCore())
        try Journal.open(StoreOptions(folder: folder.store)).close()
        #expect(try SchemaCopy(in: Folder(folder.store)) == ofCore())
        for bytes in [[], [1, 2, 3], Array(readFile(folder.store + "/core.schema").dropLast())] as [[UInt8]] {
            writeFile(folder.store + "/core.schema", bytes)
            #expect(SchemaCopy(in: Folder(folder.store)) == nil)
            try Journal.open(StoreOptions(folder: folder.store)).close()
            #expect(try SchemaCopy(in: Folder(folder.store)) == ofCore())
        }
    }

    @Test("that of another core.db is not put into this one")
    func ofAnother() throws {
        try makeVariedStore(folder.store).close()
        var copy = try #require(SchemaCopy(in: Folder(folder.store)))
        let file = try #require(PageFile(core))
        #expect(copy.contents(of: [copy.pages[1].number], in: file).count == 1)
        copy.cookie += 1
        #expect(copy.contents(of: [copy.pages[1].number], in: file).isEmpty)
        copy.cookie -= 1
        copy.pages[2].content[200] ^= 1
        #expect(copy.contents(of: [copy.pages[1].number], in: file).isEmpty)
    }
}
