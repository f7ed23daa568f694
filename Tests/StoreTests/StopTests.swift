import Basics
import Dispatch
import Synchronization
import Telemetry
import Testing
import TestSupport

@testable import Store

@Suite("Work that ends early, and who looks on")
struct StopTests {
    private let folder = TemporaryFolder()

    @Test("a seal and a compaction that are stopped lose nothing")
    func stopped() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        for day in 0..<5 {
            for device in 0..<3 {
                try journal.put("d\(device)", noon + .seconds(86_400 * day), ["voltage": Double(day)], now: noon)
            }
        }
        let stop = StopRequest()
        stop.make()
        let job = try journal.beginSeal(state: [], now: noon)
        #expect(journal.isSealing)
        #expect(throws: StoreError.stopped(folder: folder.store)) { try job.run(stop) }
        journal.close()

        let again = try Journal.open(StoreOptions(folder: folder.store))
        #expect(try Archive(folder: folder.store).points("d2", "voltage").count == 5)
        try again.seal()
        let later = noon + .seconds(86_400 * 20)
        let compaction = try #require(again.nextCompaction(now: later))
        #expect(throws: StoreError.stopped(folder: folder.store)) { try compaction.run(stop) }
        while let job = again.nextCompaction(now: later) { try again.finishCompaction(try job.run(), now: later) }
        again.close()
        #expect(try Archive(folder: folder.store).points("d2", "voltage").count == 5)
        #expect(try StoreCheck.run(folder: folder.store).isGood)
    }

    private final class Progress: Sendable {
        let isReady = Atomic(false)
        let isDone = Atomic(false)
    }

    /// A part that is being written is not damage, and no file that nothing names.
    @Test("a check beside a gateway that seals and compacts alarms nobody")
    func checkBeside() throws {
        let path = folder.store
        let progress = Progress()
        // On a thread of its own: those of the task pool are busy with tests.
        let writer = DispatchQueue(label: "test.writer")
        writer.async {
            defer { progress.isDone.store(true, ordering: .sequentiallyConsistent) }
            do { try Self.write(path, progress) } catch { Issue.record(error) }
        }
        try eventually("there is a store") { progress.isReady.load(ordering: .sequentiallyConsistent) }
        var checks = 0
        repeat {
            let report = try StoreCheck.run(folder: path)
            #expect(report.isGood, "\(report.damage.map(\.sentence))")
            #expect(!report.notes.contains { $0.contains("nothing names this file") }, "\(report.notes)")
            checks += 1
        } while !progress.isDone.load(ordering: .sequentiallyConsistent)
        writer.sync {}
        #expect(checks > 1)
    }

    private static func write(_ path: String, _ progress: Progress) throws {
        let journal = try Journal.open(StoreOptions(folder: path))
        defer { journal.close() }
        try journal.put("d0", noon, ["voltage": 1])
        progress.isReady.store(true, ordering: .sequentiallyConsistent)
        for round in 0..<40 {
            for step in 0..<20 {
                // Also devices that were not known when a check began.
                try journal.put(
                    "d\(round % 7)-\(step)", noon + .seconds(3600 * round + step), ["voltage": Double(step)])
            }
            try journal.seal(now: noon + .seconds(3600 * round))
            let later = noon + .seconds(3600 * round)
            while let job = journal.nextCompaction(now: later) {
                try journal.finishCompaction(try job.run(), now: later)
            }
        }
    }
}
