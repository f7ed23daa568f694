import Basics
import Frames
import Glibc
import Telemetry
import Testing
import TestSupport

@testable import Store

@Suite("Check and repair")
struct RepairTests {
    private let folder = TemporaryFolder()

    /// Every database file that is used, and its WAL.
    private func files(_ store: String) throws -> [String] {
        let archive = try Connection(store + "/core.db", .readOnly, effects: nil)
        let retired = try Manifest(archive).retired.map(\.file)
        archive.close()
        return (names(in: store) + names(in: store + "/raw").map { "raw/" + $0 }).filter {
            Folder.size(of: store + "/" + $0) > 0 && $0.contains(".db") && !$0.hasSuffix("-shm")
                && !retired.contains($0)
        }
    }

    /// The first file of readings in use.
    private func live(isSealed: Bool) throws -> String {
        let core = try Connection(folder.store + "/core.db", .immutable, effects: nil)
        return try #require(try Manifest(core).live.first { $0.isSealed == isSealed }?.file)
    }

    private func flip(_ file: String, _ random: inout SeededGenerator) -> Int {
        var bytes = readFile(file)
        // Behind the newest commit of a WAL lies what is left of an earlier round, and means nothing.
        let end =
            file.hasSuffix("-wal")
            ? WAL(of: String(file.dropLast(4))).map { 32 + $0.frames.count * (24 + $0.pageBytes) } : nil
        let offset = Int.random(in: 0..<(end ?? bytes.count), using: &random)
        bytes[offset] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        chmod(file, 0o640)
        writeFile(file, bytes)
        return offset
    }

    @Test("a store without damage is found good, running or not, and a repair leaves it alone")
    func good() throws {
        let journal = try makeVariedStore(folder.store)
        let beside = try StoreCheck.run(folder: folder.store)
        #expect(beside.damage == [] && beside.notes == [] && beside.isRunning)
        #expect(beside.rows > 200 && beside.frames > 8 && beside.journalRows == 30 && beside.pages > 3)
        #expect(throws: StoreError.locked(folder: folder.store, pid: getpid())) {
            try StoreRepair.run(folder: folder.store, now: noon)
        }
        let crashed = folder.path + "/crashed"
        copyStore(folder.store, to: crashed)
        journal.close()
        for store in [folder.store, crashed] {
            let expected = try contents(store)
            let report = try StoreCheck.run(folder: store)
            #expect(report.damage == [] && report.notes == [] && !report.isRunning, "\(store)")
            #expect(report.rows == beside.rows)
            let repair = try StoreRepair.run(folder: store, now: noon)
            #expect(repair.found == [] && repair.done == [] && repair.isGood)
            #expect(!Folder.exists(store + "/damaged"))
            #expect(try contents(store) == expected)
        }
        writeFile(folder.store + "/raw/other.db", [1])
        #expect(try StoreCheck.run(folder: folder.store).notes.count == 1)
        #expect(throws: StoreError.noStore(folder: folder.path)) { try StoreCheck.run(folder: folder.path) }
    }

    /// One flipped bit in each file in turn. What the store answers after the repair is what it held, or less.
    @Test("a flipped bit anywhere is found and taken out, and the rest answers", arguments: 0..<24 as Range<UInt64>)
    func flips(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let journal = try makeVariedStore(folder.store)
        let expected = try contents(folder.store)
        // Half of them as a crash leaves them, with a WAL.
        let crashed = folder.path + "/crashed"
        copyStore(folder.store, to: crashed)
        journal.close()
        let origin = seed % 2 == 0 ? folder.store : crashed
        for file in try files(origin) {
            let damaged = folder.path + "/damaged"
            removeTree(damaged)
            copyStore(origin, to: damaged)
            let offset = flip(damaged + "/" + file, &random)
            let place = "seed \(seed), \(file) at \(offset)"
            let report = try StoreCheck.run(folder: damaged)
            #expect(!report.isGood || !report.notes.isEmpty, "\(place) is not found")
            let repair = try StoreRepair.run(folder: damaged, now: noon)
            #expect(repair.remaining == [], "\(place): \(repair)")
            #expect(repair.found == report.damage)
            if !repair.found.isEmpty { #expect(!names(in: damaged + "/damaged").isEmpty, "\(place)") }
            var lost = 0
            let found = try contents(damaged)
            for (key, points) in expected {
                for (time, value) in points {
                    guard let now = found[key]?[time] else {
                        lost += 1
                        continue
                    }
                    // Where a correction was lost, what it corrected shows again.
                    if now != value { lost += 1 }
                }
            }
            for (key, points) in found {
                let known = Set((expected[key] ?? [:]).keys)
                #expect(known.isSuperset(of: points.keys), "\(place): \(key) was never so")
            }
            if lost > 0 { #expect(!repair.gaveUp.isEmpty, "\(place): \(lost) were lost without a word") }
            // Damage in a file of frames costs some frames of few devices, and nothing in core.db costs a frame.
            #expect(lost <= 70, "\(place): lost \(lost)")
            let again = try Journal.open(StoreOptions(folder: damaged))
            try again.put("lamp-1", seconds(500_000), ["voltage": 1])
            try again.seal([], now: seconds(500_000))
            try again.compact(now: seconds(900_000))
            again.close()
            #expect(try StoreCheck.run(folder: damaged).damage == [], "\(place)")
        }
    }

    @Test("names on a damaged page of core.db are taken from the cache of the catalogue")
    func namesFromCache() throws {
        let journal = try makeVariedStore(folder.store)
        try journal.seal(now: seconds(500_000))
        journal.close()
        let expected = try contents(folder.store)
        let bytes = readFile(folder.store + "/core.db")
        var tables: Set<String> = []
        for page in 1..<bytes.count / Journal.corePageBytes {
            let damaged = folder.path + "/damaged"
            removeTree(damaged)
            copyStore(folder.store, to: damaged)
            var core = bytes
            for place in 100..<2000 { core[page * Journal.corePageBytes + place] ^= 0x55 }
            writeFile(damaged + "/core.db", core)
            let repair = try StoreRepair.run(folder: damaged, now: noon)
            #expect(repair.isGood, "page \(page + 1): \(repair)")
            #expect(try contents(damaged) == expected, "page \(page + 1): \(repair)")
            for table in ["device", "stream", "series"]
            where repair.gaveUp.contains(where: { $0.detail.hasPrefix("table \(table) ") }) { tables.insert(table) }
            #expect(!repair.done.contains { $0.contains("stand-ins") }, "page \(page + 1): \(repair.done)")
        }
        #expect(tables == ["device", "stream", "series"])
    }

    @Test("a cache of another store gives no names")
    func otherCache() throws {
        let journal = try makeVariedStore(folder.store)
        try journal.seal(now: seconds(500_000))
        journal.close()
        let other = folder.path + "/other"
        let stranger = try Journal.open(StoreOptions(folder: other))
        for number in 0..<20 { try stranger.put("stranger-\(number)", noon, ["voltage": 1]) }
        try stranger.seal()
        stranger.close()
        var refused = 0
        writeFile(folder.store + "/catalogue.cache", readFile(other + "/catalogue.cache"))
        let bytes = readFile(folder.store + "/core.db")
        for page in 1..<bytes.count / Journal.corePageBytes {
            let damaged = folder.path + "/damaged"
            removeTree(damaged)
            copyStore(folder.store, to: damaged)
            var core = bytes
            core[page * Journal.corePageBytes + 3000] ^= 0x55
            writeFile(damaged + "/core.db", core)
            let repair = try StoreRepair.run(folder: damaged, now: noon)
            #expect(repair.isGood)
            // Where core.db does not tell of which seal it is, the cache is all that there is.
            guard !repair.gaveUp.contains(where: { $0.detail.hasPrefix("table meta ") }) else { continue }
            refused += 1
            #expect(!(try contents(damaged).keys.contains { $0.device.hasPrefix("stranger") }), "page \(page + 1)")
        }
        #expect(refused > 10)
    }

    @Test("a table that an older version did not have is not told to be lost")
    func olderVersion() throws {
        let old = try OldStore(6)
        let store = old.folder.store
        let journal = try Journal.open(StoreOptions(folder: store))
        try journal.becomeVersion3()
        journal.close()
        let core = store + "/core.db"
        var bytes = readFile(core)
        bytes[bytes.count - 2000] ^= 1
        writeFile(core, bytes)
        let repair = try StoreRepair.run(folder: store, now: noon)
        #expect(repair.found.contains { $0.file == "core.db" } && repair.isGood)
        #expect(!repair.gaveUp.contains { $0.detail.contains("steps_given_up") }, "\(repair.gaveUp)")
        #expect(try contents(store) == old.expected)
        let again = try Connection(core, .immutable, effects: nil)
        #expect(try Schema.version(of: again) == Schema.version)
    }

    @Test("damage says which device and when, in a sentence")
    func sentences() throws {
        try makeVariedStore(folder.store).close()
        let sealed = String(try live(isSealed: true).dropFirst(4))
        let path = folder.store + "/raw/" + sealed
        let reader = try Connection(path, .immutable, effects: nil)
        var (blob, key): ([UInt8], FrameKey) = ([], FrameKey(rawValue: 0, .since1970))
        try reader.rows("SELECT k, b FROM frame ORDER BY k LIMIT 1 OFFSET 3") { row throws(StoreError) in
            (key, blob) = (FrameKey(rawValue: row.word("k"), .since1970), row.withBlob("b") { Array($0) })
        }
        reader.close()
        var bytes = readFile(path)
        let start = try #require(bytes.indices.last { bytes[$0...].starts(with: blob) })
        // More than one bit: that one would be turned back.
        bytes[start + blob.count / 2] ^= 0x33
        chmod(path, 0o640)
        writeFile(path, bytes)
        let report = try StoreCheck.run(folder: folder.store)
        #expect(report.damage.map(\.kind) == [.file, .page, .frame])
        let frame = report.damage[2]
        #expect(frame.devices == ["lamp-\(key.stream)"])
        #expect(frame.since == Timestamp(milliseconds: key.time))
        #expect(frame.until ?? frame.since! > frame.since!)
        #expect(frame.sentence.contains("its check value is wrong"))
        #expect(report.damage[1].sentence.contains("does not match its check value"))

        let before = try contents(folder.store)
        let repair = try StoreRepair.run(folder: folder.store, now: noon)
        #expect(repair.isGood)
        #expect(try contents(folder.store) == before)
        #expect(repair.gaveUp.count == 1 && repair.gaveUp[0].why == .damage && repair.gaveUp[0].rows > 0)
        #expect(repair.gaveUp[0].first == frame.since && repair.gaveUp[0].last == frame.until)
        #expect(names(in: folder.store + "/damaged") == ["raw-" + sealed])
        #expect(readFile(folder.store + "/damaged/raw-" + sealed) == bytes)
        #expect(names(in: folder.store + "/raw").contains(sealed.replacing(".db", with: ".r1.db")))
    }

    @Test("rollups that do not read are made anew from frames, and are what they were", arguments: [0, 1, 2])
    func rollups(damage: Int) throws {
        var options = StoreOptions(folder: folder.store)
        options.days = ZoneSample.berlin.days
        let journal = try Journal.open(options)
        // Over a day of 23 hours.
        let start = at("2026-03-27T12:00:00Z")
        for step in 0..<300 {
            try journal.put(
                "lamp-\(step % 3)", start + .seconds(step * 720), ["active_power": Double(step % 17) / 10])
        }
        try journal.seal([], now: start + .seconds(300_000))
        try journal.compact(now: start + .seconds(400_000))
        journal.close()
        let file = folder.store + "/rollup-2026.db"
        func rows() throws -> [String: [Int64: [UInt8]]] { try rollupRows(of: file) }
        let expected = try rows()
        #expect(expected["r1h"]?.count == 9 && expected["r1d"]?.count ?? 0 > 5)
        var bytes = readFile(file)
        switch damage {
        case 0: bytes = Array("no database".utf8)
        case 1: bytes[2 * RollupWriter.pageBytes - 30] ^= 4
        default: bytes[RollupWriter.pageBytes + 4] ^= 1
        }
        writeFile(file, bytes)
        #expect(try !StoreCheck.run(folder: folder.store).isGood)
        let repair = try StoreRepair.run(folder: folder.store, now: noon)
        #expect(repair.isGood && repair.gaveUp == [])
        #expect(try rows() == expected)
        #expect(names(in: folder.store + "/damaged") == ["rollup-2026.db"])
    }

    @Test("a missing file and one that nothing reads of are taken out of the manifest")
    func missing() throws {
        try makeVariedStore(folder.store).close()
        let sealed = String(try live(isSealed: true).dropFirst(4))
        let small = String(try live(isSealed: false).dropFirst(4))
        unlink(folder.store + "/raw/" + sealed)
        writeFile(folder.store + "/raw/" + small, Array("not a database at all".utf8))
        let report = try StoreCheck.run(folder: folder.store)
        #expect(Set(report.damage.map(\.file)) == ["raw/" + sealed, "raw/" + small])
        let repair = try StoreRepair.run(folder: folder.store, now: noon)
        #expect(repair.isGood && repair.gaveUp.count == 2)
        #expect(names(in: folder.store + "/damaged") == ["raw-" + small])
        try Journal.open(StoreOptions(folder: folder.store)).close()
    }

    /// Acknowledged commits behind a damaged WAL frame would vanish without a word.
    @Test("a WAL that ends before its end is damage, a torn last commit is not")
    func wal() throws {
        let journal = try makeVariedStore(folder.store)
        let crashed = folder.path + "/crashed"
        copyStore(folder.store, to: crashed)
        journal.close()
        let wal = crashed + "/core.db-wal"
        let frame = 24 + 4096
        let frames = try #require(WAL(of: crashed + "/core.db")).frames.count
        #expect(frames > 20)
        // What lies behind is left of an earlier round.
        let bytes = Array(readFile(wal).prefix(32 + frames * frame))
        for offset in [32 + 3 * frame + 100, 32 + 5 * frame + 2, 32 + 7 * frame + 9, 32 + 8 * frame + 20, 10, 17] {
            var damaged = bytes
            damaged[offset] ^= 2
            writeFile(wal, damaged)
            #expect(try StoreCheck.run(folder: crashed).damage.contains { $0.kind == .wal }, "\(offset)")
        }
        writeFile(wal, Array(bytes.dropLast(1000)))
        #expect(try StoreCheck.run(folder: crashed).damage == [])
        var torn = bytes
        for offset in 512..<1024 { torn[bytes.count - offset] = 0xA5 }
        writeFile(wal, torn)
        #expect(WAL(of: crashed + "/core.db")?.isTorn == true)
        writeFile(wal, bytes)
        #expect(WAL(of: crashed + "/core.db").map { $0.isTorn || $0.isDamaged } == false)
    }

    @Test("a repair that fails anywhere can be run again", arguments: ["core.db", "raw/"])
    func failures(name: String) throws {
        try makeVariedStore(folder.store).close()
        let origin = folder.path + "/origin"
        copyStore(folder.store, to: origin)
        var random = SeededGenerator(seed: 3)
        for file in try files(origin) where file.hasPrefix(name) {
            if file == "core.db" {
                // A page of the catalogue, in the middle.
                var bytes = readFile(origin + "/core.db")
                let reader = try Connection(folder.store + "/core.db", .immutable, effects: nil)
                let root = Int(try reader.integer("SELECT rootpage FROM sqlite_schema WHERE name = 'series'") ?? 0)
                bytes[(root - 1) * 4096 + 4000] ^= 1
                writeFile(origin + "/core.db", bytes)
            } else {
                _ = flip(origin + "/" + file, &random)
            }
        }
        try failRepairs(of: origin, in: folder.path + "/damaged", atMost: 60)
    }
}

/// The disk fails at up to about so many effects of a repair in turn, from the first on. Repaired again, the store holds
/// what it does after a repair that nothing disturbed.
func failRepairs(of origin: String, in damaged: String, atMost count: Int) throws {
    copyStore(origin, to: damaged)
    let failure = StoreError.ioError(file: "x", detail: "test")
    let saboteur = Saboteur()
    saboteur.arm(.max, failure)
    let whole = try StoreRepair.run(folder: damaged, now: noon, effects: saboteur.hook)
    #expect(whole.isGood && !whole.found.isEmpty)
    let expected = try contents(damaged)
    let ledger = try Archive(folder: damaged).givenUp().map(\.detail)
    let steps = saboteur.count
    for step in stride(from: 0, to: steps, by: max(1, steps / count)) {
        removeTree(damaged)
        copyStore(origin, to: damaged)
        saboteur.arm(step, failure)
        #expect(throws: failure, "step \(step)") {
            try StoreRepair.run(folder: damaged, now: noon, effects: saboteur.hook)
        }
        let again = try StoreRepair.run(folder: damaged, now: noon)
        #expect(again.isGood, "step \(step)")
        #expect(try contents(damaged) == expected, "step \(step)")
        #expect(try Archive(folder: damaged).givenUp().map(\.detail) == ledger, "step \(step)")
        try Journal.open(StoreOptions(folder: damaged)).close()
    }
}
