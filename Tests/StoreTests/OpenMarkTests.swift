import Basics
import Contract
import Foundation
import Telemetry
import Testing
import TestSupport

@testable import Store

@Suite("A WAL that a killed gateway left, and that is not as it left it")
struct OpenMarkTests {
    /// A store as a kill leaves it: the files of an open one, copied.
    private func killed(_ folder: TemporaryFolder, commits: Int = 20) throws -> String {
        let path = folder.store + ".killed"
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        for second in 0..<commits { try journal.put("d", noon + .seconds(second), ["voltage": Double(second)]) }
        try FileManager.default.copyItem(atPath: folder.store, toPath: path)
        journal.close()
        return path
    }

    private func count(_ path: String) throws -> Int { try Archive(folder: path).points("d", "voltage").count }

    enum Trouble: CaseIterable, Sendable {
        case gone, emptied, halved, lastCommitCut, goneWithIndex
    }

    @Test("commits that are gone are told by a start, a reader, a check and the ledger", arguments: Trouble.allCases)
    func told(trouble: Trouble) throws {
        let folder = TemporaryFolder()
        let path = try killed(folder)
        let wal = path + "/core.db-wal"
        let bytes = try Data(contentsOf: URL(filePath: wal))
        switch trouble {
        case .gone: try FileManager.default.removeItem(atPath: wal)
        case .emptied: try Data().write(to: URL(filePath: wal))
        case .halved: try bytes.prefix(bytes.count / 2).write(to: URL(filePath: wal))
        case .lastCommitCut: try bytes.prefix(bytes.count - 4096).write(to: URL(filePath: wal))
        case .goneWithIndex:
            try FileManager.default.removeItem(atPath: wal)
            try FileManager.default.removeItem(atPath: path + "/core.db-shm")
        }
        for look in 0..<2 {
            #expect(throws: StoreError.self, "look \(look)") { try Journal.open(StoreOptions(folder: path)).close() }
            #expect {
                _ = try Archive(folder: path)
            } throws: { error in
                guard case .walDamaged(wal, let detail)? = error as? StoreError else { return false }
                return detail.contains("gone") || detail.contains("cut")
            }
            #expect(try StoreCheck.run(folder: path).damage.contains { $0.file == "core.db-wal" && $0.kind == .wal })
        }
        let report = try StoreRepair.run(folder: path, now: noon)
        #expect(report.remaining == [], "\(report.remaining)")
        #expect(report.gaveUp.contains { $0.file == "core.db-wal" }, "\(report)")
        try Journal.open(StoreOptions(folder: path)).close()
        #expect(try Archive(folder: path).givenUp().contains { $0.file == "core.db-wal" })
        #expect(try count(path) < 20)
    }

    @Test("a WAL as a kill leaves it is none of this, nor is one after a clean end")
    func whole() throws {
        let folder = TemporaryFolder()
        let path = try killed(folder)
        #expect(try StoreCheck.run(folder: path).damage == [])
        #expect(try count(path) == 20)
        try Journal.open(StoreOptions(folder: path)).close()
        #expect(try count(path) == 20)
        #expect(!names(in: path).contains(OpenMark.fileName))
        #expect(try StoreCheck.run(folder: path).damage == [])
        #expect(try count(folder.store) == 20)
    }

    @Test("a start that is refused for another reason leaves the WAL to the next one")
    func refused() throws {
        let folder = TemporaryFolder()
        let path = try killed(folder)
        let other = TemporaryFolder()
        let journal = try Journal.open(StoreOptions(folder: other.store))
        try journal.put("stranger", noon + .seconds(3600), ["voltage": 1])
        try journal.seal()
        journal.close()
        let stray = try #require(names(in: other.store + "/raw").first { $0.hasSuffix(".db") })
        try FileManager.default.copyItem(atPath: "\(other.store)/raw/\(stray)", toPath: "\(path)/raw/\(stray)")
        for look in 0..<3 {
            #expect("look \(look)") {
                try Journal.open(StoreOptions(folder: path)).close()
            } throws: { error in
                if case .otherFiles? = error as? StoreError { true } else { false }
            }
        }
        try FileManager.default.removeItem(atPath: "\(path)/raw/\(stray)")
        try Journal.open(StoreOptions(folder: path)).close()
        #expect(try count(path) == 20)
        #expect(!names(in: path).contains { $0.hasPrefix("core.db-") })
    }

    @Test("an end that cannot be noted leaves the WAL, and the next start finds nothing missing")
    func endUnnoted() throws {
        let folder = TemporaryFolder()
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        for second in 0..<20 { try journal.put("d", noon + .seconds(second), ["voltage": Double(second)]) }
        let mark = folder.store + "/" + OpenMark.fileName
        let word = try Data(contentsOf: URL(filePath: mark))
        // Neither written nor taken away, as where no descriptor is left on a disk that fails.
        try FileManager.default.removeItem(atPath: mark)
        try FileManager.default.createDirectory(atPath: mark + "/within", withIntermediateDirectories: true)
        journal.close()
        #expect(names(in: folder.store).contains("core.db-wal"))
        try FileManager.default.removeItem(atPath: mark)
        try word.write(to: URL(filePath: mark))
        #expect(try StoreCheck.run(folder: folder.store).damage == [])
        try Journal.open(StoreOptions(folder: folder.store)).close()
        #expect(try count(folder.store) == 20)
        #expect(!names(in: folder.store).contains { $0.hasPrefix("core.db-") })
    }

    enum Obstacle: CaseIterable, Sendable {
        /// Cannot be opened: a link to itself. Opened, and no call reads it: a folder.
        case walClosed, walUnread, indexClosed, markClosed, markUnread, rawClosed
    }

    /// A call of the kernel that fails, for want of descriptors or by a disk that stumbles, is no sign of anything missing.
    @Test(
        "what cannot be read just now is told as that, and once it can be, all of it is there",
        arguments: Obstacle.allCases)
    func unread(obstacle: Obstacle) throws {
        let folder = TemporaryFolder()
        let path = try killed(folder)
        let file =
            switch obstacle {
            case .walClosed, .walUnread: path + "/core.db-wal"
            case .indexClosed: path + "/core.db-shm"
            case .markClosed, .markUnread: path + "/" + OpenMark.fileName
            case .rawClosed: path + "/raw"
            }
        let files = FileManager.default
        try files.moveItem(atPath: file, toPath: path + ".aside")
        switch obstacle {
        case .walUnread, .markUnread: try files.createDirectory(atPath: file, withIntermediateDirectories: false)
        default: try files.createSymbolicLink(atPath: file, withDestinationPath: file)
        }
        func isTold(_ error: any Error) -> Bool {
            switch error as? StoreError {
            case .notReadable(file, _), .ioError(file, _): true
            default: false
            }
        }
        #expect { try Journal.open(StoreOptions(folder: path)).close() } throws: { isTold($0) }
        #expect { _ = try Archive(folder: path) } throws: { isTold($0) }
        if [.markClosed, .markUnread].contains(obstacle) {
            #expect(try StoreCheck.run(folder: path).damage.contains { $0.file == "core.db-wal" && $0.kind == .wal })
        }
        try files.removeItem(atPath: file)
        try files.moveItem(atPath: path + ".aside", toPath: file)
        #expect(try StoreCheck.run(folder: path).damage == [])
        #expect(try count(path) == 20)
        try Journal.open(StoreOptions(folder: path)).close()
        #expect(try count(path) == 20)
    }

    @Test("what the index says of an earlier start of the machine counts for nothing")
    func anotherBoot() throws {
        let folder = TemporaryFolder()
        let path = try killed(folder)
        try Data("11111111-2222-3333-4444-555555555555".utf8).write(to: URL(filePath: path + "/" + OpenMark.fileName))
        try Data().write(to: URL(filePath: path + "/core.db-wal"))
        try Journal.open(StoreOptions(folder: path)).close()
        #expect(try count(path) == 0)
    }
}
