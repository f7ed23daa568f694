import Basics
import Contract
import Foundation
import Frames
import Telemetry
import Testing
import TestSupport

@testable import Store

/// Files of frames of another store, or of another time of this one: their streams have ids that mean other devices here.
@Suite("Day files of strangers")
struct StrangerTests {
    private let folder = TemporaryFolder()
    private let begin = at("2026-04-01T00:00:00Z")
    private let now = at("2026-04-20T00:00:00Z")

    /// Days of ten readings of each device; the last `open` of them in small files.
    @discardableResult
    private func fill(
        _ path: String, _ devices: [String], days: Range<Int>, open: Int = 1, value: Double = 1
    ) throws -> Model {
        var model = Model()
        for day in days {
            let journal = try Journal.open(StoreOptions(folder: path))
            let items = (0..<10).flatMap { index in
                devices.map { device in
                    Model.Item(
                        key: Model.Key(device: device, quantity: "voltage"),
                        time: (begin + .seconds(day * 86_400 + index * 2000)).milliseconds, value: value)
                }
            }
            _ = model.apply(items)
            let later = begin + .seconds((day + 1) * 86_400 + 8 * 3600)
            _ = try journal.commit(journal.batch(items), received: 1, now: later)
            try journal.seal(now: later)
            if day < days.upperBound - open { try journal.compact(now: later) }
            _ = try journal.upkeep(now: later)
            journal.close()
        }
        return model
    }

    private func files(_ path: String) -> [String] { names(in: path + "/raw").filter { $0.hasSuffix(".db") } }

    /// Without those that went into others.
    private func live(_ path: String) throws -> [String] {
        try FileReader(path + "/core.db", effects: nil).read { core throws(StoreError) in
            try Manifest(core).live.map { String($0.file.dropFirst(4)) }
        }
    }

    private func copy(_ from: String, _ to: String) throws {
        try? FileManager.default.removeItem(atPath: to)
        try FileManager.default.copyItem(atPath: from, toPath: to)
    }

    private func everyByte(_ path: String) -> [String: [UInt8]] {
        Dictionary(
            uniqueKeysWithValues: (["core.db"] + files(path).map { "raw/" + $0 }).map {
                ($0, readFile(path + "/" + $0))
            })
    }

    @Test(
        "a file put beside the store's own is refused, told, and set aside by a repair; no device gets its readings",
        arguments: [0, 1])
    func beside(open: Int) throws {
        let model = try fill(folder.store, ["lamp-1", "lamp-2"], days: 0..<3)
        let other = TemporaryFolder()
        try fill(other.store, ["pump-7", "pump-8", "pump-9"], days: 6..<7, open: open, value: 230)
        let stray = try #require(files(other.store).first)
        try copy("\(other.store)/raw/\(stray)", "\(folder.store)/raw/\(stray)")
        let before = everyByte(folder.store)
        let error = StoreError.otherFiles(folder: folder.store, files: ["raw/\(stray)"])
        #expect(throws: error) { try Journal.open(StoreOptions(folder: folder.store)).close() }
        let damage = try StoreCheck.run(folder: folder.store).damage
        #expect(damage.contains { $0.file == "raw/\(stray)" && $0.sentence.contains("of another store") }, "\(damage)")
        #expect(everyByte(folder.store) == before, "nothing is touched")
        let repair = try StoreRepair.run(folder: folder.store, now: now)
        #expect(repair.done.contains { $0.contains(stray) && $0.contains("of another store") }, "\(repair.done)")
        #expect(!repair.done.contains { $0.contains("stand-ins") }, "\(repair.done)")
        #expect(names(in: folder.store + "/damaged").contains { $0.contains(stray) })
        #expect(!files(folder.store).contains(stray))
        // The frames of the third stream are of no device that core.db knows; with the others they were put aside.
        #expect(try contents(folder.store) == model.points)
        #expect(repair.remaining == [], "\(repair.remaining)")
        try Journal.open(StoreOptions(folder: folder.store)).close()
    }

    @Test(
        "a file in the place of one that core.db names gives none of its readings to another device", arguments: [0, 1])
    func instead(open: Int) throws {
        var model = try fill(folder.store, ["lamp-1", "lamp-2"], days: 0..<3, open: open)
        let other = TemporaryFolder()
        try fill(other.store, ["pump-7", "lamp-2"], days: 0..<3, open: open, value: 230)
        let name = try #require(try live(folder.store).last)
        #expect(try live(other.store).contains(name))
        try FileManager.default.removeItem(atPath: "\(folder.store)/raw/\(name)")
        try copy("\(other.store)/raw/\(name)", "\(folder.store)/raw/\(name)")
        let damage = try StoreCheck.run(folder: folder.store).damage
        #expect(
            damage.contains { $0.sentence.contains("of another device than core.db says") && $0.devices == ["lamp-1"] },
            "\(damage)")
        let repair = try StoreRepair.run(folder: folder.store, now: now)
        #expect(repair.remaining == [], "\(repair.remaining)")
        // What went into a sealed file still lies there, and is read again.
        #expect(
            repair.gaveUp.contains { $0.detail.contains("1 stream are of another store") } == (open > 0), "\(repair)")
        let points = try contents(folder.store)
        let first = Model.Key(device: "lamp-1", quantity: "voltage")
        #expect(points[first]?.values.allSatisfy { $0 == 1 } == true)
        let gone = Set(model.points[first]!.keys).subtracting(points[first]!.keys)
        #expect(gone.count == (open == 0 ? 0 : 10), "the file's own are gone")
        // Both stores call the second stream by the same name: what reads of it counts.
        model.points[first] = nil
        #expect(Set(points.keys) == Set(model.points.keys).union([first]))
    }

    @Test("of a file from another time of the store what still fits is taken in, and nothing else")
    func otherTime() throws {
        let model = try fill(folder.store, ["lamp-1"], days: 0..<3)
        let clone = TemporaryFolder()
        copyStore(folder.store, to: clone.store)
        let own = try fill(folder.store, ["lamp-1", "lamp-2"], days: 3..<4)
        let late = try fill(clone.store, ["lamp-1", "pump-7"], days: 5..<6)
        let stray = try #require(files(clone.store).last)
        try copy("\(clone.store)/raw/\(stray)", "\(folder.store)/raw/\(stray)")
        let repair = try StoreRepair.run(folder: folder.store, now: now)
        #expect(repair.remaining == [], "\(repair.remaining)")
        var expected = model.points.merging(own.points) { $0.merging($1) { $1 } }
        let lamp = Model.Key(device: "lamp-1", quantity: "voltage")
        expected[lamp]!.merge(late.points[lamp]!) { $1 }
        #expect(try contents(folder.store) == expected)
        #expect(names(in: folder.store + "/damaged").contains { $0.contains(stray) })
        #expect(repair.gaveUp.contains { $0.detail.contains("1 stream are of another store") }, "\(repair.gaveUp)")
    }

    @Test("a core.db of another store beside the files of this one is no reason to put those aside")
    func otherCore() throws {
        let model = try fill(folder.store, ["lamp-1", "lamp-2"], days: 0..<3)
        let other = TemporaryFolder()
        try fill(other.store, ["pump-7", "pump-8"], days: 10..<12)
        try copy(other.store + "/core.db", folder.store + "/core.db")
        let before = everyByte(folder.store)
        #expect(throws: StoreError.self) { try Journal.open(StoreOptions(folder: folder.store)).close() }
        for _ in 0..<2 {
            #expect {
                _ = try StoreRepair.run(folder: folder.store, now: now)
            } throws: { error in
                if case .otherCore? = error as? StoreError { true } else { false }
            }
        }
        #expect(everyByte(folder.store).filter { $0.key != "core.db" } == before.filter { $0.key != "core.db" })
        try FileManager.default.removeItem(atPath: folder.store + "/core.db")
        let repair = try StoreRepair.run(folder: folder.store, now: now)
        #expect(repair.remaining == [], "\(repair.remaining)")
        #expect(try contents(folder.store) == model.points)
    }

    @Test("a damaged page of names takes no reading from its device")
    func damagedNames() throws {
        let devices = (0..<40).map { "lamp-\($0)" }
        let model = try fill(folder.store, devices, days: 0..<2, open: 0)
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try journal.sweepRetired(now: now)
        journal.close()
        let path = "\(folder.store)/raw/\(try #require(try live(folder.store).last))"
        let names = try FileReader(path, isSealed: true, effects: nil).read { file throws(StoreError) in
            try StreamName.all(of: file)
        }
        let crc = try #require(names[20]).crc
        var bytes = readFile(path)
        let place = try #require(
            bytes.indices.last { bytes[$0...].starts(with: withUnsafeBytes(of: crc.bigEndian) { Array($0) }) })
        // Two bits, which is more than a repair turns back.
        bytes[place] ^= 1
        bytes[place + 3] ^= 1
        chmod(path, 0o640)
        writeFile(path, bytes)
        #expect(try !StoreCheck.run(folder: folder.store).isGood)
        let repair = try StoreRepair.run(folder: folder.store, now: now)
        #expect(repair.isGood && repair.gaveUp.isEmpty, "\(repair)")
        #expect(try contents(folder.store) == model.points)
    }

    @Test("without any names left, files of two stores are not mixed")
    func nameless() throws {
        let model = try fill(folder.store, ["lamp-1"], days: 0..<3)
        let other = TemporaryFolder()
        try fill(other.store, ["pump-7"], days: 1..<2, open: 0, value: 230)
        let stray = try #require(files(other.store).first)
        try copy("\(other.store)/raw/\(stray)", "\(folder.store)/raw/\(stray.replacing(".g1.", with: ".g0."))")
        for name in ["core.db", "catalogue.cache"] {
            try FileManager.default.removeItem(atPath: folder.store + "/" + name)
        }
        let repair = try StoreRepair.run(folder: folder.store, now: now)
        #expect(repair.remaining == [], "\(repair.remaining)")
        let points = try contents(folder.store)
        #expect(points.count == 1 && points.first?.value == model.points.first?.value, "\(points)")
        // Stand-ins contradict no file.
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try journal.compact(now: now)
        journal.close()
        #expect(try StoreCheck.run(folder: folder.store).isGood)
        #expect(try contents(folder.store).first?.value == model.points.first?.value)
    }

    @Test(
        "names go with what a seal, a compaction, a forgetting and a repair write; new columns are of the same stream")
    func kept() throws {
        try fill(folder.store, ["lamp-1", "lamp-2"], days: 0..<2)
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        let later = begin + .seconds(86_400 + 3600)
        try journal.put("lamp-1", later, ["voltage": 2, "current": 1], now: later)
        try journal.seal(now: later)
        let request = ForgetRequest(device: "lamp-2", since: begin, until: begin + .seconds(4000))
        _ = try journal.forget(request, by: "test", now: now)
        try journal.compact(now: now)
        let registry = journal.registry
        let parts = journal.sealed.manifest.live
        journal.close()
        #expect(!parts.isEmpty)
        for part in parts {
            let (names, streams) = try FileReader(folder.store + "/" + part.file, effects: nil).read {
                file throws(StoreError) in
                var streams: Set<Int> = []
                try file.rows("SELECT k FROM frame") { row throws(StoreError) in
                    streams.insert(FrameKey(rawValue: row.word("k"), part.keys).stream)
                }
                return (try StreamName.all(of: file), streams)
            }
            #expect(Set(names.keys) == streams && !streams.isEmpty, "\(part.file)")
            for (stream, name) in names { #expect(registry.name(ofStream: stream, columns: name.columns) == name) }
        }
        #expect(try StoreCheck.run(folder: folder.store).isGood)
    }

    @Test("what went into a sealed file that does not read is read again while it lies there; nothing is given up")
    func sources() throws {
        let model = try fill(folder.store, ["lamp-1", "lamp-2"], days: 0..<1, open: 1)
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        let small = try #require(journal.sealed.manifest.live.first)
        let later = begin + .seconds(2 * 86_400)
        try journal.compact(now: later)
        let sealed = try #require(journal.sealed.manifest.live.first)
        journal.close()
        #expect(sealed.isSealed && files(folder.store).contains(String(small.file.dropFirst(4))))
        writeFile(folder.store + "/" + sealed.file, [UInt8](repeating: 0, count: 20_000))
        let repair = try StoreRepair.run(folder: folder.store, now: now)
        #expect(repair.isGood && repair.gaveUp.isEmpty, "\(repair)")
        #expect(repair.done.contains { $0.contains("is read again") }, "\(repair.done)")
        #expect(try Archive(folder: folder.store).givenUp().allSatisfy { $0.rows == 0 })
        let again = try Journal.open(StoreOptions(folder: folder.store))
        _ = try again.upkeep(now: now + .seconds(3600))
        try again.compact(now: now)
        again.close()
        #expect(try contents(folder.store) == model.points)
        #expect(try StoreCheck.run(folder: folder.store).isGood)
    }
}
