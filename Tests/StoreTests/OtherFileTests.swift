import Basics
import Contract
import Telemetry
import Testing
import TestSupport

@testable import Store

/// A small file that somebody put in the place of the one that core.db knows.
@Suite("Day files that are others")
struct OtherFileTests {
    private let folder = TemporaryFolder()
    private let file = "raw/2026-03-15.l0.db"

    /// A store sealed twice; returns its day file as it was after the first seal.
    private func store(_ path: String, value: Double = 1) throws -> [UInt8] {
        let journal = try Journal.open(StoreOptions(folder: path))
        for second in 0..<20 { try journal.put("lamp", seconds(second), ["voltage": value]) }
        try journal.seal(now: seconds(60))
        let older = readFile(path + "/" + file)
        for second in 20..<50 { try journal.put("lamp", seconds(second), ["voltage": value]) }
        try journal.seal(now: seconds(120))
        journal.close()
        return older
    }

    private func replace(with bytes: [UInt8]) throws {
        for suffix in ["", "-wal", "-shm"] { try Folder.remove(folder.store + "/" + file + suffix) }
        writeFile(folder.store + "/" + file, bytes)
    }

    private func expectRefused() throws {
        let error = StoreError.otherFiles(folder: folder.store, files: [file])
        #expect(throws: error) { try Journal.open(StoreOptions(folder: folder.store)) }
        #expect(throws: error) { try Archive(folder: folder.store) }
        #expect(throws: error) {
            try StoreBackup.run(from: folder.store, to: folder.path + "/backup", now: noon)
        }
        #expect(try StoreCheck.run(folder: folder.store).damage.contains { $0.file == file })
    }

    @Test(
        "an older copy of a day file is refused by start, readers and backup; a repair takes it and tells what is gone")
    func older() throws {
        let older = try store(folder.store)
        #expect(try Archive(folder: folder.store).points("lamp", "voltage").count == 50)
        try replace(with: older)
        try expectRefused()
        let repair = try StoreRepair.run(folder: folder.store, now: noon)
        #expect(repair.isGood && repair.gaveUp.contains { $0.file == file && $0.rows == 30 }, "\(repair)")
        #expect(try Archive(folder: folder.store).points("lamp", "voltage").count == 20)
        try Journal.open(StoreOptions(folder: folder.store)).close()
    }

    @Test("a day file of another store is refused though it has as many rows")
    func foreign() throws {
        _ = try store(folder.store)
        let journal = try Journal.open(StoreOptions(folder: folder.path + "/other"))
        for second in 0..<50 { try journal.put("lamp", seconds(second), ["voltage": 7]) }
        try journal.seal(now: seconds(90))
        journal.close()
        try replace(with: readFile(folder.path + "/other/" + file))
        try expectRefused()
    }

    @Test("a seal that ended before it was noted is no other file")
    func underWay() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        for second in 0..<20 { try journal.put("lamp", seconds(second), ["voltage": 1]) }
        try journal.seal(now: seconds(60))
        // A correction: as many rows as before.
        try journal.put("lamp", seconds(3), ["voltage": 2])
        _ = try journal.beginSeal(state: [], now: seconds(120)).run()
        let crashed = folder.path + "/crashed"
        copyStore(folder.store, to: crashed)
        #expect(try Archive(folder: crashed).points("lamp", "voltage").count == 20)
        try Journal.open(StoreOptions(folder: crashed)).close()
        #expect(try StoreCheck.run(folder: crashed).isGood)
    }
}
