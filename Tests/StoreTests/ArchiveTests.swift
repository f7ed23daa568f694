import Basics
import Contract
import Foundation
import Telemetry
import Testing
import TestSupport

@testable import Store

@Suite("Archive")
struct ArchiveTests {
    private let folder = TemporaryFolder()

    private func open() throws -> Journal { try Journal.open(StoreOptions(folder: folder.store)) }

    @Test("a reader sees every commit, through seals and with the writer gone and back")
    func follows() throws {
        var journal = try open()
        let archive = try Archive(folder: folder.store)
        var expected: [Point] = []
        func check(_ what: Comment) throws {
            let found = try archive.points("lamp", "active_power")
            #expect(found == expected, what)
        }
        func put(_ second: Int) throws {
            try journal.put("lamp", seconds(second), ["active_power": Double(second)])
            expected.append(Point(seconds(second), Double(second)))
        }
        for round in 0..<3 {
            try put(round * 100)
            try check("beside the writer")
            let job = try journal.beginSeal(state: [], now: noon)
            try put(round * 100 + 1)
            let days = try job.run()
            try check("between the steps of a seal")
            try journal.finishSeal(days)
            try check("after a seal")
            try put(round * 100 + 2)
            journal.close()
            try check("without a writer")
            journal = try open()
            try check("with the writer back")
        }
    }

    @Test("reading without a writer leaves no file behind")
    func leavesNothing() throws {
        let journal = try open()
        try journal.put("lamp", noon, ["active_power": 1])
        try journal.seal()
        try journal.put("lamp", seconds(1), ["active_power": 2])
        journal.close()
        let archive = try Archive(folder: folder.store)
        #expect(try archive.points("lamp", "active_power").count == 2)
        #expect(names(in: folder.store) == ["catalogue.cache", "core.db", "core.schema", "lock", "pin", "raw"])
        #expect(names(in: folder.store + "/raw") == ["2026-03-15.l0.db"])
    }

    @Test("answers are the same with the cache of the catalogue, without it, and whatever is wrong with it")
    func cache() throws {
        let journal = try open()
        for step in 0..<40 {
            try journal.put(
                "lamp-\(step % 7)", seconds(step), ["active_power": Double(step), "voltage": 230 - Double(step)])
        }
        try journal.saveRoster(
            [RosterEntry(device: "never-spoke", profile: "lamp", cadence: .seconds(60))], now: noon)
        try journal.seal()
        let sealed = readFile(folder.store + "/catalogue.cache")
        let stamp = try CatalogueCache.Stamp(
            sealedThrough: Meta.sealedThrough.read(journal.core), rosterVersion: Meta.rosterVersion.read(journal.core))
        let cache = try #require(CatalogueCache(in: Folder(folder.store), stamp))
        #expect(cache.registry.devices.map(\.name) == journal.registry.devices.map(\.name))
        #expect(cache.registry.series == journal.registry.series && cache.newest.count == 14)
        // What came after the seal is not in it.
        try journal.put("lamp-8", seconds(100), ["active_power": 1])
        try journal.put("lamp-0", seconds(101), ["frequency": 50])
        func answers() throws -> [LatestAnswer] { try Archive(folder: folder.store).latest() }
        let expected = try answers()
        #expect(expected.count == 16)
        for index in sealed.indices {
            var bytes = sealed
            bytes[index] ^= 0x10
            writeFile(folder.store + "/catalogue.cache", bytes)
            #expect(CatalogueCache(in: Folder(folder.store), stamp) == nil, "byte \(index)")
        }
        #expect(try answers() == expected)
        writeFile(folder.store + "/catalogue.cache", Array(sealed.prefix(sealed.count / 2)))
        #expect(try answers() == expected)
        try journal.put("lamp-1", seconds(200), ["active_power": 7])
        let newer = try answers()
        try journal.seal(now: seconds(300))
        #expect(try answers() == newer)
        // One of an older seal.
        writeFile(folder.store + "/catalogue.cache", sealed)
        #expect(try answers() == newer)
        CatalogueCache.remove(in: Folder(folder.store))
        #expect(try answers() == newer)
        journal.close()
        #expect(try StoreCheck.run(folder: folder.store).isGood)
    }

    @Test("a reader that came while nobody wrote notices a writer, and one that came and went")
    func noticesWriter() throws {
        var journal = try open()
        try journal.put("lamp", noon, ["active_power": 0])
        try journal.seal()
        journal.close()
        let archive = try Archive(folder: folder.store)
        for round in 1...4 {
            #expect(try archive.points("lamp", "active_power").count == round)
            journal = try open()
            try journal.put("lamp", seconds(round), ["active_power": Double(round)])
            if round == 2 { try journal.seal() }
            if round == 3 { #expect(try archive.points("lamp", "active_power").count == 4) }
            journal.close()
        }
    }

    @Test("a store that crashed answers before the gateway is back")
    func crashed() throws {
        let journal = try open()
        try journal.put("lamp", noon, ["active_power": 1])
        let copy = folder.path + "/copy"
        copyStore(folder.store, to: copy)
        #expect(names(in: copy).contains("core.db-wal"))
        #expect(try Archive(folder: copy).points("lamp", "active_power") == [Point(noon, 1)])
        journal.close()
    }

    @Test("buckets lie on the step's grid and agree with the points", arguments: 0..<10 as Range<UInt64>)
    func buckets(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let journal = try open()
        for minute in 0..<200 {
            let value = Double(Int.random(in: -500...500, using: &random)) / 10
            try journal.put(
                "lamp", seconds(minute * 600 + .random(in: 0..<600, using: &random)), ["active_power": value])
            if minute % 60 == 59 { try journal.seal() }
        }
        let archive = try Archive(folder: folder.store)
        let (since, until) = (seconds(1234), seconds(100_000))
        let points = try archive.history(
            HistoryRequest(device: "lamp", quantity: "active_power", since: since, until: until)
        ).series[0].points
        #expect(points.allSatisfy { since <= $0.observed && $0.observed < until })
        #expect(points.count > 100)
        let step: Duration = .seconds(3600)
        let buckets = try archive.history(
            HistoryRequest(device: "lamp", since: since, until: until, step: step)
        ).series[0].buckets
        let groups = Dictionary(grouping: points) { $0.observed.milliseconds / 3_600_000 }
        #expect(buckets.map(\.start.milliseconds) == groups.keys.sorted().map { $0 * 3_600_000 })
        for bucket in buckets {
            let values = groups[bucket.start.milliseconds / 3_600_000]!.map(\.value)
            let mean = values.reduce(0, +) / Double(values.count)
            let variance = values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(values.count)
            #expect(bucket.count == values.count)
            #expect(bucket.min == values.min())
            #expect(bucket.max == values.max())
            #expect(bucket.last == values.last)
            #expect(abs(bucket.sum! - values.reduce(0, +)) < 1e-9)
            #expect(abs(bucket.mean - mean) < 1e-9)
            #expect(abs(bucket.standardDeviation - variance.squareRoot()) < 1e-9)
        }
        // Page by page gives the same.
        for step in [nil, step] {
            var paged: [String] = []
            var next: Timestamp? = since
            while let from = next {
                let page = try archive.history(
                    HistoryRequest(device: "lamp", since: from, until: until, step: step, limit: 7)
                ).series[0]
                #expect(page.points.count + page.buckets.count <= 7)
                paged += page.points.map { "\($0)" } + page.buckets.map { "\($0)" }
                next = page.next
            }
            let whole = try archive.history(
                HistoryRequest(device: "lamp", since: since, until: until, step: step)
            ).series[0]
            #expect(paged == whole.points.map { "\($0)" } + whole.buckets.map { "\($0)" })
        }
    }

    @Test("history and latest tell channels and quantities apart")
    func channels() throws {
        let journal = try open()
        var batch = DecodedBatch()
        for (index, channel) in ["", "l1", "l2"].enumerated() {
            batch.readings.append(
                Reading(
                    series: journal.series("meter", "active_power", channel), observed: noon, value: Double(index)))
        }
        batch.readings.append(Reading(series: journal.series("meter", "voltage"), observed: noon, value: 230))
        journal.registry.closeRow(batch.readings[...])
        _ = try journal.commit(batch, received: 1, now: noon)
        try journal.put("other", noon, ["voltage": 231])
        let archive = try Archive(folder: folder.store)
        func values(_ quantity: String?, _ channel: String?) throws -> [Double] {
            try archive.history(
                HistoryRequest(
                    device: "meter", quantity: quantity, channel: channel, since: noon, until: seconds(1))
            ).series.flatMap { $0.points.map(\.value) }
        }
        #expect(try values(nil, nil) == [0, 1, 2, 230])
        #expect(try values("active_power", nil) == [0, 1, 2])
        #expect(try values("active_power", "") == [0])
        #expect(try values(nil, "l2") == [2])
        #expect(throws: StoreError.noSuchDevice(name: "nobody", nearest: nil)) {
            try archive.history(HistoryRequest(device: "nobody", since: noon, until: seconds(1)))
        }
        #expect(try archive.latest(DeviceFilter(device: "meter")).map(\.channel) == [nil, "l1", "l2", nil])
        #expect(try archive.latest(DeviceFilter(quantity: "voltage")).map(\.device) == ["meter", "other"])
        #expect(try archive.latest(DeviceFilter(device: "o?her")).map(\.value) == [231])
        #expect(throws: StoreError.noSuchDevice(name: "none*", nearest: nil)) {
            try archive.latest(DeviceFilter(device: "none*"))
        }
        #expect(throws: StoreError.noSuchDevice(name: "metre", nearest: "meter")) {
            try archive.latest(DeviceFilter(device: "metre"))
        }
        try journal.seal()
        #expect(try archive.latest(DeviceFilter(device: "meter")).map(\.value) == [0, 1, 2, 230])
    }

    @Test("the status counts what there is, under the keys of the interface")
    func status() throws {
        let journal = try open()
        try journal.put("lamp", noon, ["active_power": 1, "voltage": 2])
        try journal.put("lamp", noon, ["active_power": 1, "voltage": 3])
        try journal.seal()
        try journal.put("lamp", seconds(60), ["active_power": 1], now: seconds(61))
        let status = try Archive(folder: folder.store).status()
        #expect(status.received == 3)
        #expect(status.committed == 3)
        #expect(status.duplicates == 1)
        #expect(status.corrected == 1)
        #expect(status.devices == 1)
        #expect(status.series == 2)
        #expect(status.journalID == 3)
        #expect(status.journalRows == 1)
        #expect(status.journalBytes == Int64(journal.journalBytes))
        #expect(status.lastCommitAt == seconds(61))
        #expect(status.oldestDay == "2026-03-15")
        #expect(status.storeBytes > 8192)
        let encoder = JSONEncoder()
        let text = String(decoding: try encoder.encode(status), as: UTF8.self)
        for key in ["\"devices_expected\":0", "\"last_commit_at\":\"2026-03-15T12:01:01Z\"", "\"journal_rows\":1"] {
            #expect(text.contains(key), "\(key) in \(text)")
        }
        #expect(try JSONDecoder().decode(StatusAnswer.self, from: Data(text.utf8)) == status)
    }

    @Test("a replay that a seal overtakes is told so")
    func overtaken() throws {
        let journal = try open()
        for second in 0..<3 { try journal.put("lamp", seconds(second), ["active_power": 1]) }
        let archive = try Archive(folder: folder.store)
        var count = 0
        #expect(throws: StoreError.sealedMeanwhile(folder: folder.store)) {
            try archive.replayTail(after: 0) { _ in
                count += 1
                if count == 1 { try journal.seal() }
            }
        }
        try archive.replayTail(after: try #require(try archive.stateSnapshot()?.journalID)) { _ in count += 100 }
        #expect(count == 1)
    }

    @Test("a full disk is told apart, nothing is lost, and there is no need to restart")
    func diskFull() throws {
        let journal = try open()
        try journal.put("lamp", noon, ["active_power": 0])
        let pages = try journal.core.integer("PRAGMA page_count")!
        try journal.core.run("PRAGMA max_page_count = \(pages + 1)")
        var committed: [Point] = [Point(noon, 0)]
        var failed: Int?
        for second in 1..<200 {
            do throws(StoreError) {
                try journal.put("lamp", seconds(second), ["active_power": Double(second)])
                committed.append(Point(seconds(second), Double(second)))
            } catch {
                #expect(error.isDiskFull, "\(error)")
                failed = second
                break
            }
        }
        let second = try #require(failed)
        let archive = try Archive(folder: folder.store)
        #expect(try archive.points("lamp", "active_power") == committed)
        #expect(journal.counters.committed == Int64(committed.count))
        try journal.core.run("PRAGMA max_page_count = 100000")
        #expect(try journal.put("lamp", seconds(second), ["active_power": Double(second)]).turn.fresh.count == 1)
        committed.append(Point(seconds(second), Double(second)))
        #expect(try archive.points("lamp", "active_power") == committed)
    }
}
