import Basics
import Contract
import Telemetry
import Testing
import TestSupport

@testable import Store

/// Pages of the catalogue and of alerts that are lost while much waits in the journal, as on the first day of a site.
@Suite("Names that are lost")
struct LostNamesTests {
    private let folder = TemporaryFolder()
    private var core: String { folder.store + "/core.db" }
    private static let devices = 400

    /// A seal after the first device, then the others, and an alert about one of them.
    private func makeStore() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try journal.put("lamp-0", noon, ["voltage": 230])
        try journal.seal()
        for device in 1..<Self.devices {
            try journal.put("lamp-\(device)", seconds(device), ["voltage": 230, "active_power": Double(device)])
        }
        let device = try #require(journal.registry.device(named: "lamp-399"))
        let series = journal.registry.series(of: device)[0]
        _ = try journal.record(
            [
                AlertTransition(
                    key: AlertKey(rule: "high", subject: .series(series, of: device)), severity: .warning,
                    from: .inactive,
                    to: .firing, at: noon, since: noon, value: 250, sentence: "high")
            ], channels: [], now: noon, evaluatedThrough: journal.lastJournalID)
        journal.close()
    }

    /// The pages of a table: its root first.
    private func pages(of table: String) throws -> [Int64] {
        let connection = try Connection(core, .immutable, effects: nil)
        defer { connection.close() }
        let root = try #require(
            try connection.integer("SELECT rootpage FROM sqlite_schema WHERE name = ?", .text(table)))
        let file = try #require(PageFile(core))
        let page = try #require(file.page(root))
        guard page[0] == 5 else { return [root] }
        let cells = Int(page[3]) << 8 | Int(page[4])
        let places = (0..<cells).map { Int(page[12 + 2 * $0]) << 8 | Int(page[13 + 2 * $0]) }
        return [root] + (places + [8]).map { Int64(page.number($0)) }
    }

    private func lose(_ page: Int64, of store: String) throws {
        var bytes = readFile(store + "/core.db")
        let size = try #require(PageFile(store + "/core.db")).pageBytes
        for place in Int(page - 1) * size..<Int(page) * size { bytes[place] = UInt8(truncatingIfNeeded: place &* 7) }
        writeFile(store + "/core.db", bytes)
    }

    private func readings(_ store: String) throws -> [Double] {
        let archive = try Archive(folder: store)
        var values: [Double] = []
        try archive.withSnapshot { _ in }
        for series in archive.registry.series.indices {
            try archive.forEachReading(
                of: SeriesID(rawValue: UInt32(series)), since: Timestamp(milliseconds: .min),
                until: Timestamp(milliseconds: .max)
            ) { _, value in
                values.append(value)
                return true
            }
        }
        return values.sorted()
    }

    @Test("no reading that waits goes with them, and the gateway starts", arguments: ["device", "series"])
    func readingsStay(table: String) throws {
        try makeStore()
        let expected = try readings(folder.store)
        #expect(expected.count == 2 * Self.devices - 1)
        let pages = try pages(of: table)
        #expect(pages.count > 2)
        for (place, page) in pages.enumerated() {
            let store = folder.path + "/lost"
            removeTree(store)
            copyStore(folder.store, to: store)
            try lose(page, of: store)
            #expect(try !StoreCheck.run(folder: store).isGood)
            let repair = try StoreRepair.run(folder: store, now: noon)
            #expect(repair.isGood, "\(table) \(page): \(repair)")
            let found = try readings(store)
            #expect(found == expected, "\(table) \(page): \(found.count)")
            let devices = try Archive(folder: store).devices(at: noon)
            // Of a page that only leads to others the rows are found.
            let nameless = devices.count { $0.device.hasPrefix("unreadable") }
            if place == 0 || table != "device" { #expect(nameless == 0, "\(table) \(page)") }
            if nameless > 0 {
                #expect(repair.gaveUp.contains { $0.rows > 0 && $0.detail.contains("stand-ins have their readings") })
            }
            #expect(try Archive(folder: store).alerts().map(\.rule) == ["high"])
            let journal = try Journal.open(StoreOptions(folder: store))
            #expect(try journal.alertStates().count == 1)
            try journal.put("lamp-1", seconds(500_000), ["voltage": 1])
            try journal.seal([], now: seconds(500_000))
            journal.close()
            #expect(try StoreCheck.run(folder: store).damage == [])
            #expect(try readings(store).count == expected.count + 1)
        }
    }

    @Test(
        "rows of alerts that no reader takes are found, taken out and told",
        arguments: [
            "UPDATE alert SET phase = 'fired'", "UPDATE alert SET series = 900000", "UPDATE alert SET device = -7",
            "UPDATE alert SET subject = 'lamp'", "UPDATE transition SET became = 'x'",
            "UPDATE incident SET severity = ''",
        ])
    func strangeRows(change: String) throws {
        try makeStore()
        let writer = try Connection(core, .writer(pageBytes: 4096), effects: nil)
        try writer.run(change)
        try writer.checkpoint()
        writer.close()
        #expect(try !StoreCheck.run(folder: folder.store).isGood)
        let repair = try StoreRepair.run(folder: folder.store, now: noon)
        #expect(repair.isGood)
        #expect(repair.gaveUp.contains { $0.rows == 1 && $0.detail.contains("words or numbers that are none") })
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        _ = try journal.alertStates()
        _ = try journal.firedSince()
        journal.close()
        let archive = try Archive(folder: folder.store)
        for alert in try archive.alerts() { _ = try archive.alert(alert.id) }
        _ = try archive.incidents()
    }

    @Test("a table that is told to have other columns is found and made anew, and the rest stays")
    func columns() throws {
        #expect(CoreTables.columns["device"]?.count == 16)
        #expect(Set(CoreTables.columns.keys) == Set(CoreTables.names))
        try makeStore()
        let writer = try Connection(core, .writer(pageBytes: 4096), effects: nil)
        try writer.run("ALTER TABLE alert RENAME COLUMN sentence_values TO sentence_valuer")
        try writer.checkpoint()
        writer.close()
        #expect(
            try StoreCheck.run(folder: folder.store).damage.map(\.sentence).contains {
                $0.contains("table alert lacks")
            })
        let repair = try StoreRepair.run(folder: folder.store, now: noon)
        #expect(repair.isGood)
        #expect(try readings(folder.store).count == 2 * Self.devices - 1)
        try Journal.open(StoreOptions(folder: folder.store)).close()
    }

    @Test("an alert whose steps are lost is as it is")
    func stepsLost() throws {
        try makeStore()
        let writer = try Connection(core, .writer(pageBytes: 4096), effects: nil)
        try writer.run("DELETE FROM transition")
        try writer.checkpoint()
        writer.close()
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        #expect(try journal.alertStates().map(\.phase) == [.firing])
        journal.close()
    }

    @Test("the span of rows that are lost ends behind the last of them")
    func span() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        for second in 0..<20 { try journal.put("lamp", seconds(second * 60), ["voltage": Double(second)]) }
        journal.close()
        let writer = try Connection(core, .writer(pageBytes: 4096), effects: nil)
        try writer.run("UPDATE journal SET crc = crc + 1 WHERE id IN (3, 12)")
        try writer.checkpoint()
        writer.close()
        let repair = try StoreRepair.run(folder: folder.store, now: seconds(9999))
        let entry = try #require(repair.gaveUp.first { $0.detail.hasPrefix("2 rows of the journal") })
        #expect(entry.first == seconds(60) && entry.last == seconds(12 * 60), "\(entry)")
    }
}
