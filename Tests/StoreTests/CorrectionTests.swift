import Basics
import Contract
import Synchronization
import Telemetry
import Testing
import TestSupport

@testable import Store

/// What stood where a correction stands, and who wrote it.
@Suite("Corrections")
struct CorrectionTests {
    private let folder = TemporaryDirectory()
    private let start = seconds(0)

    private func journal() throws -> Journal { try Journal.open(StoreOptions(folder: folder.path + "/store")) }

    private func corrections(_ request: CorrectionsRequest = CorrectionsRequest(limit: 10_000)) throws
        -> [CorrectionsAnswer.Entry]
    {
        try Archive(folder: folder.path + "/store").corrections(request).corrections
    }

    private func imported(_ values: [(device: String, second: Int, value: Double)]) -> NamedReadings {
        var readings = NamedReadings()
        for (line, one) in values.enumerated() {
            Array(one.device.utf8).withUnsafeBytes { name in
                readings.append(
                    device: name, channel: UnsafeRawBufferPointer(start: nil, count: 0),
                    quantity: Quantity(named: "voltage")!, observed: seconds(one.second), value: one.value, line: line)
            }
        }
        return readings
    }

    private func batch(_ journal: Journal, _ device: String, _ values: [(second: Int, value: Double)]) -> DecodedBatch {
        var batch = DecodedBatch()
        let index = journal.registry.intern(device: device, profile: "lamps")!
        let series = journal.registry.intern(device: index, quantity: Quantity(named: "voltage")!, channel: .none)!
        for one in values {
            batch.readings.append(Reading(series: series, observed: seconds(one.second), value: one.value))
            journal.registry.closeRow(batch.readings.suffix(1))
        }
        return batch
    }

    private func seal(_ journal: Journal, at now: Timestamp) throws {
        try journal.finishSeal(try journal.beginSeal(state: [], now: now).run())
    }

    @Test(
        "a value that somebody imports over another one keeps that one and his login, also over day files and restarts")
    func imports() throws {
        do {
            let journal = try journal()
            _ = try journal.commit(batch(journal, "lamp-1", [(0, 230), (1, 231)]), received: 2, now: seconds(2))
            _ = try journal.commit(
                imported: imported([("lamp-1", 0, 99), ("lamp-1", 1, 231), ("lamp-2", 0, 1)]), profile: "p", by: "lei",
                at: Moment(seconds(3)))
            try seal(journal, at: seconds(4))
            _ = try journal.commit(
                imported: imported([("lamp-1", 0, 100)]), profile: "p", by: "kim", at: Moment(seconds(5)))
            journal.close()
        }
        _ = try journal()
        let found = try corrections()
        #expect(found.map(\.was) == [99, 230])
        #expect(found.map(\.became) == [100, 99])
        #expect(found.map(\.by) == ["kim", "lei"])
        #expect(found.map(\.observed) == [seconds(0), seconds(0)])
        #expect(found.map(\.at) == [seconds(5), seconds(3)])
        #expect(found.allSatisfy { $0.device == "lamp-1" && $0.quantity == "voltage" && $0.unit == "V" })
    }

    @Test("of a device that says its own readings anew the last ones are kept, and it throws out nobody else's")
    func devices() throws {
        let journal = try journal()
        _ = try journal.commit(batch(journal, "quiet", [(0, 1)]), received: 1, now: seconds(1))
        _ = try journal.commit(batch(journal, "quiet", [(0, 2)]), received: 1, now: seconds(1))
        _ = try journal.commit(
            imported: imported([("quiet", 0, 3)]), profile: "p", by: "lei", at: Moment(seconds(1)))
        let many = (0..<100).map { (second: $0, value: 5.0) }
        _ = try journal.commit(batch(journal, "loud", many), received: 1, now: seconds(2))
        for round in 0..<5 {
            let anew = many.map { (second: $0.second, value: Double(10 + round)) }
            _ = try journal.commit(batch(journal, "loud", anew), received: 1, now: seconds(3 + round))
        }
        let found = try corrections()
        #expect(found.count(where: { $0.device == "loud" }) == CorrectionLog.ofDeviceMax)
        #expect(found.filter { $0.device == "loud" }.allSatisfy { $0.became == 14 && $0.was == 13 && $0.by == nil })
        #expect(found.filter { $0.device == "quiet" }.map(\.was) == [2, 1])
        #expect(journal.counters.corrected == 502)
        journal.close()
        // The same after a start, which reads back what is kept.
        let again = try self.journal()
        _ = try again.commit(batch(again, "loud", [(0, 99)]), received: 1, now: seconds(20))
        let kept = try corrections()
        #expect(kept.count == CorrectionLog.ofDeviceMax + 2)
        #expect(kept.first?.became == 99)
    }

    @Test("of all devices no more are kept than there is room for, the newest")
    func room() throws {
        let journal = try journal()
        let devices = CorrectionLog.ofDevicesMax / 8
        for value in [1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] {
            var all = DecodedBatch()
            for device in 0..<devices { all.readings += batch(journal, "lamp-\(device)", [(0, value)]).readings }
            _ = try journal.commit(all, received: 1, now: seconds(Int(value)))
        }
        let count = try journal.core.integer("SELECT count(*) FROM correction") ?? 0
        #expect(count <= CorrectionLog.ofDevicesMax)
        #expect(count >= Int64(CorrectionLog.ofDevicesMax - 2 * devices))
        #expect(try corrections(CorrectionsRequest(limit: 1)).first?.became == 11)
    }

    @Test("an answer goes on where the one before ended, by device, by time and by who it was")
    func questions() throws {
        let journal = try journal()
        _ = try journal.commit(batch(journal, "lamp-1", [(0, 1), (1, 1), (2, 1)]), received: 1, now: seconds(3))
        _ = try journal.commit(batch(journal, "lamp-1", [(0, 2), (1, 2), (2, 2)]), received: 1, now: seconds(4))
        _ = try journal.commit(
            imported: imported([("lamp-1", 0, 3)]), profile: "p", by: "lei", at: Moment(seconds(5)))
        let archive = try Archive(folder: folder.path + "/store")
        let first = try archive.corrections(CorrectionsRequest(device: "lamp-*", limit: 3))
        #expect(first.corrections.map(\.became) == [3, 2, 2])
        let rest = try archive.corrections(CorrectionsRequest(device: "lamp-1", before: first.next))
        #expect(rest.corrections.map(\.observed) == [seconds(0)])
        #expect(rest.next == nil)
        #expect(try archive.corrections(CorrectionsRequest(since: seconds(5))).corrections.map(\.became) == [3])
        #expect(try archive.corrections(CorrectionsRequest(isByPeople: true)).corrections.map(\.by) == ["lei"])
        #expect(throws: StoreError.self) { try archive.corrections(CorrectionsRequest(device: "lapm-1")) }
        journal.close()
    }

    @Test("a commit that fails leaves no correction, and the next one counts on")
    func failure() throws {
        let fails = Mutex(false)
        var options = StoreOptions(folder: folder.path + "/store")
        options.effects = { effect throws(StoreError) in
            if effect.sql == "COMMIT", fails.withLock({ $0 }) { throw .corrupt(file: effect.file, detail: "test") }
        }
        let journal = try Journal.open(options)
        _ = try journal.commit(batch(journal, "lamp-1", [(0, 1)]), received: 1, now: seconds(1))
        fails.withLock { $0 = true }
        #expect(throws: StoreError.self) {
            try journal.commit(batch(journal, "lamp-1", [(0, 2)]), received: 1, now: seconds(2))
        }
        fails.withLock { $0 = false }
        #expect(try corrections().isEmpty)
        _ = try journal.commit(batch(journal, "lamp-1", [(0, 2)]), received: 1, now: seconds(4))
        #expect(try corrections().map(\.was) == [1])
        journal.close()
    }
}
