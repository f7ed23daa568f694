import Basics
import Contract
import Telemetry
import Testing

@testable import Store

@Suite("Import into the journal")
struct JournalImportTests {
    private let folder = TemporaryFolder()

    private typealias Row = (device: String, channel: String, quantity: String, observed: Timestamp, value: Double)

    private func readings(_ rows: [Row]) -> NamedReadings {
        var readings = NamedReadings()
        for (index, row) in rows.enumerated() {
            Array(row.device.utf8).withUnsafeBytes { device in
                Array(row.channel.utf8).withUnsafeBytes { channel in
                    readings.append(
                        device: device, channel: channel, quantity: Quantity(named: row.quantity)!,
                        observed: row.observed, value: row.value, line: index + 2)
                }
            }
        }
        return readings
    }

    @Test("series of one device share a stream, whether they come side by side or one after another")
    func streams() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        defer { journal.close() }
        let rows: [Row] =
            ["voltage", "current", "active_power"].flatMap { quantity in
                (0..<10).map { ("a", "", quantity, seconds($0), 1) }
            } + (0..<10).flatMap { step in ["voltage", "current"].map { ("b", "l1", $0, seconds(step), 2) } }
        let (commit, receipt) = try journal.commit(
            imported: readings(rows), profile: "old", by: "kim", at: Moment(seconds(100)))
        #expect(receipt.fresh == 50)
        #expect(commit.turn.fresh.count == 50)
        #expect(journal.registry.streamCount == 2)
        #expect(journal.registry.devices.map(\.profile) == ["old", "old"])
        #expect(journal.counters.received == 0)
        #expect(journal.counters.committed == 50)
    }

    @Test("what cannot be kept is refused with its line, and the rest is kept")
    func refusals() throws {
        var options = StoreOptions(folder: folder.store)
        options.limits.devicesMax = 2
        options.limits.seriesMax = 2
        let journal = try Journal.open(options)
        defer { journal.close() }
        let rows: [Row] = [
            ("a", "", "voltage", seconds(0), 1), ("a", "", "voltage", at("1969-12-31T23:59:59.999Z"), 1),
            ("a", "", "voltage", seconds(3600), 1), ("a", "", "voltage", seconds(3601), 1),
            ("a", "", "voltage", seconds(1), .nan), ("", "", "voltage", seconds(1), 1),
            (String(repeating: "x", count: 129), "", "voltage", seconds(1), 1), ("b", "", "voltage", seconds(0), 1),
            ("c", "", "voltage", seconds(0), 1), ("a", "", "current", seconds(0), 1),
            ("a", "\n", "voltage", seconds(0), 1),
        ]
        let receipt = try journal.commit(imported: readings(rows), profile: "p", by: "kim", at: Moment(seconds(0)))
            .receipt
        #expect(receipt.fresh == 3)
        #expect(receipt.refused == 8)
        #expect(receipt.refusals.map(\.line) == [3, 5, 6, 7, 8, 10, 11, 12])
        let sentences = receipt.refusals.map(\.sentence)
        #expect(
            sentences[0].hasPrefix(
                "observed: '1969-12-31T23:59:59.999Z': expected a time from 1970-01-01 to an hour from now"))
        #expect(sentences[2] == "value: 'nan': expected a finite number")
        #expect(sentences[3].hasPrefix("expected a name of 1 to 128 bytes"))
        #expect(sentences[5] == "'c' is new and the limit of 2 devices is reached")
        #expect(sentences[6] == "'a' is new and the limit of 2 series is reached")
        // Refusals beyond those that are told are counted.
        let many = readings((0..<100).map { ("d\($0)", "", "voltage", seconds(0), 1) })
        let more = try journal.commit(imported: many, profile: "p", by: "kim", at: Moment(seconds(0))).receipt
        #expect(more.refused == 100)
        #expect(more.refusals.count == ImportReceipt.refusalsMax)
    }

    @Test("what retention would give up at once is refused, and the receipt says so")
    func tooOld() throws {
        var options = StoreOptions(folder: folder.store)
        options.retention.raw = .seconds(30 * 86_400)
        let journal = try Journal.open(options)
        defer { journal.close() }
        _ = try journal.upkeep(now: noon)
        let rows: [Row] = [("a", "", "voltage", at("2013-03-01T00:00:00Z"), 1), ("a", "", "voltage", noon, 2)]
        let receipt = try journal.commit(imported: readings(rows), profile: "p", by: "kim", at: Moment(noon)).receipt
        #expect(receipt.fresh == 1 && receipt.refused == 1)
        #expect(
            receipt.refusals.map(\.sentence) == [
                "observed: '2013-03-01T00:00:00Z': a day that is no longer kept, as store.retention says"
            ])
    }

    @Test("nobody is heard by it, live or replayed")
    func heardByNobody() throws {
        do {
            let journal = try Journal.open(StoreOptions(folder: folder.store))
            defer { journal.close() }
            _ = try journal.commit(
                imported: readings([("a", "", "voltage", seconds(0), 1)]), profile: "p", by: "kim",
                at: Moment(seconds(9)))
        }
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        defer { journal.close() }
        var turns = 0
        try journal.replay { turn in
            turns += 1
            #expect(turn.fresh.count == 1)
            #expect(turn.heard.isEmpty && turn.statuses.isEmpty)
        }
        #expect(turns == 1)
    }
}
