import Basics
import Contract
import Frames
import Glibc
import Telemetry
import Testing
import TestSupport

@testable import Store

/// A store whose files have many pages.
private struct LargeStore {
    let folder = TemporaryFolder()
    let expected: [Model.Key: [Int64: Double]]
    let readings: Int
    var path: String { folder.store }
    let sealed: String
    let small: String

    /// `devices` of a day that is sealed, and of one that is not.
    init(devices: Int = 40, rows: Int = 1000) throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        var random = SeededGenerator(seed: 11)
        for (day, start) in ["2026-03-14T00:00:00Z", "2026-03-15T00:00:00Z"].map(at).enumerated() {
            for piece in 0..<rows / 50 {
                var batch = DecodedBatch()
                for device in 0..<devices {
                    let series = journal.series("lamp-\(device)", "active_power")
                    for row in piece * 50..<piece * 50 + 50 {
                        batch.readings.append(
                            Reading(
                                series: series,
                                observed: start + .milliseconds(row * 60_000 + Int.random(in: 0..<900, using: &random)),
                                value: Double.random(in: 0..<300, using: &random)))
                        journal.registry.closeRow(batch.readings.suffix(1))
                    }
                }
                _ = try journal.commit(batch, received: 1, now: start + .seconds(piece * 3000))
                if piece % 5 == 4 || piece == rows / 50 - 1 {
                    try journal.seal([], now: start + .seconds(piece * 3000))
                }
            }
            guard day == 0 else { continue }
            try journal.compact(now: start + .seconds(86_400 * 2))
            try journal.sweepRetired(now: start + .seconds(86_400 * 3))
        }
        let live = journal.sealed.manifest.live
        sealed = try #require(live.first(where: \.isSealed)?.file)
        small = try #require(live.first { !$0.isSealed }?.file)
        journal.close()
        expected = try contents(folder.store)
        readings = expected.values.reduce(0) { $0 + $1.count }
    }

    func pageBytes(_ file: String) -> Int { PageFile(path + "/" + file)?.pageBytes ?? 0 }

    /// `body` gets the bytes and how many of them a page has.
    func change(_ file: String, _ body: (inout [UInt8], Int) -> Void) {
        var bytes = readFile(path + "/" + file)
        body(&bytes, pageBytes(file))
        chmod(path + "/" + file, 0o640)
        writeFile(path + "/" + file, bytes)
    }

    /// Repairs it; how many readings are lost. None is other than it was.
    func repair(_ what: Comment) throws -> (report: RepairReport, lost: Int) {
        let report = try StoreRepair.run(folder: path, now: noon)
        #expect(report.isGood, "\(what): \(report.remaining)")
        let found = try contents(path)
        var kept = 0
        for (key, points) in found {
            for (time, value) in points {
                #expect(expected[key]?[time] == value, what)
                kept += 1
            }
        }
        let told = try Archive(folder: path).givenUp().reduce(0) { $0 + $1.rows }
        #expect(told == Int64(readings - kept), what)
        return (report, readings - kept)
    }
}

@Suite("Salvage")
struct SalvageTests {
    @Test("a file that is cut short loses what was cut and no more", arguments: [true, false], [true, false])
    func cut(isSealed: Bool, isFilled: Bool) throws {
        let store = try LargeStore()
        let file = isSealed ? store.sealed : store.small
        var share = 0.0
        store.change(file) { bytes, pageBytes in
            let count = bytes.count
            let end = count * 95 / 100
            // The page that the cut goes through may be lost as well.
            share = Double(count - end / pageBytes * pageBytes) / Double(count)
            #expect(count > 20 * pageBytes)
            bytes.removeSubrange(end...)
            if isFilled { bytes.append(contentsOf: repeatElement(0, count: count - end)) }
        }
        let check = try StoreCheck.run(folder: store.path)
        #expect(!check.isGood)
        let (report, lost) = try store.repair("\(isSealed) \(isFilled)")
        #expect(lost > 0)
        // Frames of 1000 rows go as a whole, those over the cut as well.
        #expect(Double(lost) <= Double(store.readings) / 2 * share + 2000, "\(lost): \(report.done)")
        #expect(names(in: store.path + "/damaged") == [DamagedFiles.flat(file)])
    }

    @Test("pages that changed places are put back, and nothing is lost", arguments: [true, false])
    func swapped(isSealed: Bool) throws {
        let store = try LargeStore()
        let file = isSealed ? store.sealed : store.small
        let before = readFile(store.path + "/" + file)
        store.change(file) { bytes, pageBytes in
            for (left, right) in [(3, 7), (4, 9), (10, 11)] {
                for offset in 0..<pageBytes { bytes.swapAt(left * pageBytes + offset, right * pageBytes + offset) }
            }
        }
        #expect(
            try StoreCheck.run(folder: store.path).damage.contains {
                $0.sentence.hasSuffix("what lies there is page 8, and a repair puts it back")
            })
        let (report, lost) = try store.repair("swapped")
        #expect(lost == 0 && report.gaveUp == [])
        #expect(readFile(store.path + "/" + file) == before)
        #expect(report.done.contains { $0.contains("lay in the places of others") }, "\(report.done)")
    }

    @Test("where the tables lead nowhere the leaves give what they have", arguments: [true, false])
    func interior(isFirstGone: Bool) throws {
        let store = try LargeStore()
        for file in [store.sealed, store.small] {
            store.change(file) { bytes, pageBytes in
                // The root of the frames' tree, over its leaves; it is the second page.
                #expect(bytes[pageBytes] == 5)
                for offset in 0..<3000 { bytes[pageBytes + offset] = 0xFF }
                if isFirstGone { for offset in 0..<3000 { bytes[offset] = 0x11 } }
            }
        }
        let (report, lost) = try store.repair("interior")
        #expect(lost == 0, "\(report)")
        #expect(report.done.count { $0.contains("found where nothing leads any more") } == 2, "\(report.done)")
    }

    @Test("rollups that their tables no longer lead to are found, also where their readings are gone")
    func rollups() throws {
        let store = try LargeStore(devices: 200, rows: 100)
        let file = store.path + "/rollup-2026.db"
        func rows() throws -> [String: [Int64: [UInt8]]] { try rollupRows(of: file) }
        let expected = try rows()
        #expect(expected["r1h"]?.count == 200)
        for isCut in [false, true] {
            store.change("rollup-2026.db") { bytes, size in
                #expect(bytes.count > 8 * size)
                if isCut {
                    bytes.removeSubrange((bytes.count - size)...)
                } else {
                    for page in 1..<3 { for offset in 0..<1000 { bytes[page * size + offset] = 0xFF } }
                }
            }
            // Nothing to make them anew from.
            let core = try Connection(store.path + "/core.db", .writer(pageBytes: 4096), effects: nil)
            try core.run("DELETE FROM part WHERE sealed = 1")
            try core.checkpoint()
            core.close()
            unlink(store.path + "/" + store.sealed)
            let report = try StoreRepair.run(folder: store.path, now: noon)
            #expect(report.isGood, "\(report.remaining)")
            let found = try rows()
            for (table, known) in found {
                for (key, blob) in known { #expect(expected[table]?[key] == blob) }
            }
            let missing = expected.values.reduce(0) { $0 + $1.count } - found.values.reduce(0) { $0 + $1.count }
            #expect(isCut ? missing > 0 && missing < 60 : missing == 0, "\(missing): \(report.done)")
        }
    }

    @Test("hours under a key of no day of their year end no reader", arguments: [Int64.max, .min, 0, -1])
    func impossibleKey(key: Int64) throws {
        let store = try LargeStore(devices: 4, rows: 100)
        let path = store.path + "/rollup-2026.db"
        chmod(path, 0o640)
        let file = try Connection(path, .writer(pageBytes: 4096), effects: nil)
        try file.run("UPDATE r1h SET k = ? WHERE k = (SELECT max(k) FROM r1h)", .integer(key))
        try file.checkpoint()
        file.close()
        let archive = try Archive(folder: store.path)
        let request = HistoryRequest(
            device: "lamp-0", since: noon - .seconds(400 * 86_400), until: noon, step: .seconds(3600))
        let counts = try archive.history(request).series.flatMap(\.buckets).map(\.count)
        #expect(counts.reduce(0, +) >= 100)
    }

    @Test("a file without check values of its pages is salvaged too")
    func older() throws {
        let store = try LargeStore(devices: 20)
        let path = store.path + "/" + store.small
        try dump(path, into: path + ".plain", version: 3)
        rename(path + ".plain", path)
        #expect(PageFile(path)?.isChecked == false)
        store.change(store.small) { bytes, size in
            #expect(bytes[size] == 5)
            for offset in 0..<2000 { bytes[size + offset] = 0xFF }
        }
        let (report, lost) = try store.repair("older")
        #expect(lost == 0, "\(report)")
    }

    /// Rows of a page that is in the list of free ones were replaced by others.
    @Test("what a seal has replaced does not come back")
    func stale() throws {
        let folder = TemporaryFolder()
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        var random = SeededGenerator(seed: 4)
        for round in 0..<6 {
            for minute in 0..<700 {
                try journal.put("lamp", seconds(minute * 2), ["voltage": Double.random(in: 0..<300, using: &random)])
            }
            try journal.seal([], now: seconds(2000 + round))
        }
        journal.close()
        let expected = try contents(folder.store)
        let file = folder.store + "/raw/2026-03-15.l0.db"
        var bytes = readFile(file)
        // More than a bit of the root: neither check value tells how to mend it.
        for offset in 0..<600 { bytes[SealJob.dayPageBytes + offset] = 0xFF }
        writeFile(file, bytes)
        let report = try StoreRepair.run(folder: folder.store, now: noon)
        #expect(report.isGood)
        for (key, points) in try contents(folder.store) {
            for (time, value) in points { #expect(expected[key]?[time] == value) }
        }
    }

    @Test("a frame under another series or time than its own stays refused")
    func otherKey() throws {
        let store = try LargeStore(devices: 8, rows: 100)
        var lostBefore = 0
        for move in [Int64(1) << 44, 1, 1 << 20] {
            let core = try Connection(store.path + "/core.db", .immutable, effects: nil)
            let small = try #require(try Manifest(core).live.first { !$0.isSealed }?.file)
            core.close()
            let file = try Connection(store.path + "/" + small, .writer(pageBytes: SealJob.dayPageBytes), effects: nil)
            try file.run("UPDATE frame SET k = k + ? WHERE k = (SELECT max(k) FROM frame)", .integer(move))
            try file.checkpoint()
            file.close()
            let (report, lost) = try store.repair("moved by \(move)")
            lostBefore = try #require(lost > lostBefore ? lost : nil, "moved by \(move)")
            #expect(report.gaveUp.count == 1)
        }
    }
}
