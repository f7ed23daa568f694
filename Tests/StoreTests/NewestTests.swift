import Basics
import Contract
import Telemetry
import Testing
import TestSupport

@testable import Store

@Suite("The newest readings in check and repair")
struct NewestTests {
    private let folder = TemporaryFolder()
    private var damaged: String { folder.path + "/damaged" }

    /// Of 400 series in sealed and small files: one with a ghost ahead, one that stands for long, one column that stopped.
    private func makeStore() throws -> Journal {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try journal.put("old", noon - .seconds(20 * 86_400), ["voltage": 7], now: noon)
        try journal.put("stopped", noon - .seconds(3 * 86_400), ["voltage": 8, "current": 9], now: noon)
        for number in 0..<200 {
            try journal.put(
                "lamp-\(number)", seconds(number), ["active_power": Double(number) * 1.37, "voltage": 230], now: noon)
        }
        try journal.put("lamp-3", noon + .seconds(400 * 86_400), ["voltage": 666], now: noon)
        try journal.seal(now: noon)
        try journal.compact(now: noon + .seconds(3 * 86_400))
        try journal.put("lamp-3", seconds(500), ["voltage": 231], now: seconds(500))
        try journal.put("stopped", seconds(501), ["voltage": 10], now: seconds(501))
        try journal.seal(now: seconds(600))
        try journal.put("lamp-4", seconds(700), ["voltage": 232], now: seconds(700))
        return journal
    }

    /// The rows of `latest` by device and quantity: a repair may give a lost series another id.
    private func rows(_ store: String) throws -> [String: [String]] {
        let core = try Connection(store + "/core.db", .readOnly, effects: nil)
        defer { core.close() }
        var rows: [String: [String]] = [:]
        try core.rows(
            """
            SELECT device.name AS device, quantity, ts, v, coalesce(top, ts) AS top FROM latest
                JOIN series ON series.id = latest.series JOIN device ON device.id = series.device
            """
        ) { row throws(StoreError) in
            rows["\(row.text("device")) \(row.text("quantity"))"] = [
                "\(row.integer("ts"))", "\(row.real("v"))", "\(row.integer("top"))",
            ]
        }
        return rows
    }

    /// What a store has that is not as expected.
    private func difference(_ store: String, _ expected: [String: [String]]) throws -> [String] {
        let rows = try rows(store)
        return Set(rows.keys).union(expected.keys).sorted().filter { rows[$0] != expected[$0] }.map {
            "\($0): \(rows[$0] ?? []), not \(expected[$0] ?? [])"
        }
    }

    private func change(_ store: String, _ sql: String) throws {
        let core = try Connection(
            store + "/core.db", .writer(pageBytes: Journal.corePageBytes), effects: nil)
        defer { core.close() }
        try core.run(sql)
        try core.checkpoint()
    }

    @Test("a damaged page of core.db costs no newest reading that day files have")
    func pages() throws {
        try makeStore().close()
        let expected = try rows(folder.store)
        let answers = try Archive(folder: folder.store).latest().map { "\($0.device) \($0.quantity) \($0.value)" }
        #expect(expected.count == 403)
        #expect(expected["lamp-3 voltage"]?[1...] == ["231.0", "\((noon + .seconds(400 * 86_400)).milliseconds)"])
        #expect(expected["stopped current"]?[1] == "9.0")
        let bytes = readFile(folder.store + "/core.db")
        var cured = 0
        // Of a page of rows all is wrong, and of the page above it the way.
        for page in 1..<bytes.count / Journal.corePageBytes {
            removeTree(damaged)
            copyStore(folder.store, to: damaged)
            var core = bytes
            for place in stride(from: 20, to: 4000, by: 3) { core[page * Journal.corePageBytes + place] ^= 0x55 }
            writeFile(damaged + "/core.db", core)
            let repair = try StoreRepair.run(folder: damaged, now: seconds(700))
            #expect(repair.isGood, "page \(page + 1): \(repair)")
            guard repair.gaveUp.contains(where: { $0.detail.hasPrefix("table latest ") }) else { continue }
            cured += 1
            #expect(
                repair.done.contains { $0.contains("made anew from day files") }, "page \(page + 1): \(repair.done)")
            let lost = try difference(damaged, expected)
            #expect(lost == [], "page \(page + 1): \(repair.done)")
            let found = try Archive(folder: damaged).latest().map { "\($0.device) \($0.quantity) \($0.value)" }
            let isJournalLost = repair.gaveUp.contains { $0.detail.contains("journal") }
            let gone = isJournalLost ? ["lamp-4 voltage 232.0", "lamp-4 voltage 230.0"] : []
            #expect(Set(found).symmetricDifference(answers) == Set(gone), "page \(page + 1): \(repair.gaveUp)")
        }
        #expect(cured >= 3)
    }

    @Test(
        "rows that are missing or old are found and made anew, and nothing is given up for it",
        arguments: [
            "DELETE FROM latest", "DELETE FROM latest WHERE series % 7 = 3",
            "UPDATE latest SET ts = ts - 86400000, v = 1, top = top - 86400000 WHERE series % 2 = 0",
        ])
    func behind(_ sql: String) throws {
        try makeStore().close()
        let expected = try rows(folder.store)
        try change(folder.store, sql)
        // What waits in the journal alone is not missing.
        let report = try StoreCheck.run(folder: folder.store)
        #expect(report.damage.map(\.kind) == [.newest])
        let damage = try #require(report.damage.first)
        #expect(damage.file == "core.db" && damage.devices.contains("lamp-10"))
        #expect(damage.sentence.contains("later readings of"))
        let repair = try StoreRepair.run(folder: folder.store, now: seconds(700))
        #expect(repair.isGood && repair.gaveUp == [])
        let lost = try difference(folder.store, expected)
        #expect(lost == [])
        #expect(try Archive(folder: folder.store).givenUp() == [])
        let again = try Journal.open(StoreOptions(folder: folder.store))
        #expect(try Archive(folder: folder.store).latest().first { $0.device == "lamp-4" }?.value == 4 * 1.37)
        try again.seal(now: seconds(800))
        again.close()
        #expect(try StoreCheck.run(folder: folder.store).damage == [])
    }

    @Test("files that are ahead because a seal ended before it was noted are no damage")
    func interruptedSeal() throws {
        let journal = try makeStore()
        _ = try journal.beginSeal(state: [], now: seconds(800)).run()
        #expect(try StoreCheck.run(folder: folder.store).damage == [])
        copyStore(folder.store, to: damaged)
        journal.close()
        #expect(try StoreCheck.run(folder: damaged).damage == [])
        try change(damaged, "DELETE FROM latest WHERE series < 4")
        #expect(try StoreRepair.run(folder: damaged, now: seconds(800)).isGood)
    }

    @Test("in stores of earlier versions nothing is behind", arguments: [1, 3, 6])
    func older(version: Int) throws {
        let old = try OldStore(version == 3 ? 6 : version)
        if version == 3 {
            let journal = try Journal.open(StoreOptions(folder: old.folder.store))
            try journal.becomeVersion3()
            journal.close()
        }
        #expect(try StoreCheck.run(folder: old.folder.store).damage == [])
    }

    @Test("a repair of them that fails anywhere can be run again")
    func failures() throws {
        try makeStore().close()
        try change(folder.store, "DELETE FROM latest WHERE series % 2 = 0")
        try failRepairs(of: folder.store, in: damaged, atMost: 30)
    }
}
