import Basics
import Contract
import Foundation
import Telemetry
import Testing
import TestSupport

@testable import Store

@Suite("A store that is gone, or older than its files")
struct LostStoreTests {
    private let folder = TemporaryFolder()
    private var mark: String { folder.store + ".mark" }

    private func give(_ value: Double, _ minute: Int, device: String = "d", isSealed: Bool = true) throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        let time = noon + .seconds(60 * minute)
        try journal.put(device, time, ["voltage": value], now: time)
        if isSealed { try journal.seal(now: time) }
        journal.close()
    }

    private func alert(_ rule: String, _ journal: Journal, phase: AlertPhase = .firing) throws -> Int64 {
        let key = AlertKey(rule: rule, subject: .gateway)
        return try journal.record(
            [
                AlertTransition(
                    key: key, severity: .warning, from: .inactive, to: phase, at: noon, since: noon, value: nil,
                    sentence: Sentence(words: "x"))
            ], channels: ["mqtt"], now: noon, evaluatedThrough: 0)[0]
    }

    @Test("a folder that is gone or empty is no first start", arguments: [true, false])
    func gone(isEmpty: Bool) throws {
        try give(1, 0)
        removeTree(folder.store)
        if isEmpty { mkdir(folder.store, 0o750) }
        for _ in 0..<2 {
            #expect {
                try Journal.open(StoreOptions(folder: folder.store)).close()
            } throws: { error in
                error as? StoreError == .storeGone(folder: folder.store, mark: mark)
                    && "\(error)".contains("echo anew > \(mark)")
            }
            #expect(names(in: folder.store) == [], "nothing is made")
        }
        writeFile(mark, Array("anew\n".utf8))
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        #expect(journal.isNew)
        #expect(try journal.lostStory?.cause == .begunAnew && journal.retainedWords == .owed)
        #expect(try alert("r", journal) > 100_000_000)
        journal.close()
        let again = try Journal.open(StoreOptions(folder: folder.store))
        #expect(!again.isNew)
        again.close()
        // Said where the store is there, the word is not for another day.
        writeFile(mark, Array("anew".utf8))
        try Journal.open(StoreOptions(folder: folder.store)).close()
        removeTree(folder.store)
        #expect(throws: StoreError.self) { try Journal.open(StoreOptions(folder: folder.store)).close() }
        writeFile(mark, Array("\u{FEFF}'Anew'\r\n".utf8))
        try Journal.open(StoreOptions(folder: folder.store)).close()
    }

    @Test("a first start, and one on a store of before there were marks, ask nothing")
    func first() throws {
        try give(1, 0)
        unlink(mark)
        try give(2, 1)
        #expect(Folder.exists(mark))
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        #expect(try journal.lostStory == nil && journal.retainedWords == .unread)
        #expect(try [alert("a", journal), alert("b", journal), alert("a", journal)] == [1, 2, 1])
        try journal.raiseNumbers(above: 40)
        try journal.raiseNumbers(above: 20)
        #expect(try alert("c", journal) == 41)
        #expect(try alert("d", journal) == 42)
        journal.close()
    }

    @Test(
        "an old core.db whose small files have grown since is refused, and mended by one repair",
        arguments: ["later", "earlier", "other device"])
    func oldCopy(of what: String) throws {
        try give(20, 0)
        let old = readFile(folder.store + "/core.db")
        try give(42, what == "earlier" ? -90 : 90, device: what == "other device" ? "e" : "d")
        let expected = try contents(folder.store)
        writeFile(folder.store + "/core.db", old)
        for _ in 0..<2 {
            #expect {
                try Journal.open(StoreOptions(folder: folder.store)).close()
            } throws: { error in
                guard case .outgrown(_, let files)? = error as? StoreError else { return false }
                return files.count == 1 && "\(error)".contains("baotu store repair")
            }
        }
        #expect(try StoreCheck.run(folder: folder.store).damage.contains { $0.sentence.contains("it is an old copy") })
        let now = noon + .seconds(7200)
        let report = try StoreRepair.run(folder: folder.store, now: now)
        #expect(report.remaining == [] && report.gaveUp.contains { $0.detail.contains("old copy") }, "\(report)")
        #expect(try contents(folder.store) == expected)
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        #expect(try journal.lostStory == LostStory(at: now, cause: .oldCopy))
        journal.close()
        #expect(try contents(folder.store) == expected)
        #expect(try StoreCheck.run(folder: folder.store).damage == [])
        let heard = try Archive(folder: folder.store).devices(at: now).last?.lastHeard
        #expect(heard == noon + .seconds(what == "earlier" ? 0 : 5400))
    }

    @Test("files that a seal has grown before it was noted are no sign of an old copy")
    func interruptedSeal() throws {
        try give(20, 0)
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        for minute in 1..<5 { try journal.put("d", noon + .seconds(60 * minute), ["voltage": 1]) }
        _ = try journal.beginSeal(state: [], now: noon).run()
        journal.close()
        #expect(try StoreCheck.run(folder: folder.store).damage == [])
        let again = try Journal.open(StoreOptions(folder: folder.store))
        #expect(again.journalRows == 4)
        again.close()
    }

    @Test("a backup that was made beside a gateway that sealed meanwhile starts, and knows that it is one")
    func backup() throws {
        try give(20, 0)
        let core = readFile(folder.store + "/core.db")
        try give(42, 90)
        // As the copy of core.db is the first file of a backup.
        let newer = folder.path + "/newer"
        copyStore(folder.store, to: newer)
        writeFile(newer + "/core.db", core)
        writeFile(newer + "/restored", Array("\(noon.milliseconds)\n".utf8))
        #expect(try StoreCheck.run(folder: newer).damage.allSatisfy { !$0.sentence.contains("old copy") })
        for _ in 0..<2 {
            let journal = try Journal.open(StoreOptions(folder: newer))
            #expect(try journal.lostStory == LostStory(at: noon, cause: .restored))
            journal.close()
        }
        #expect(!Folder.exists(newer + "/restored"))
    }

    @Test("a device of which all readings were taken out is blamed for nothing, until others come")
    func forgotten() throws {
        try give(20, 0)
        try give(21, 1, device: "other")
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        let now = noon + .seconds(600)
        let request = ForgetRequest(device: "d", since: noon - .seconds(60), until: now)
        #expect(try journal.forget(request, by: "anna", now: now) != nil)
        journal.close()
        let again = try Journal.open(StoreOptions(folder: folder.store))
        defer { again.close() }
        var batch = DecodedBatch()
        let device = try #require(again.registry.device(named: "d"))
        batch.unread = [Unread(device: device, cause: .rejected(.implausible))]
        batch.heard = [Hearing(device: device, at: now)]
        _ = try again.commit(batch, received: 1, now: now)
        let archive = try Archive(folder: folder.store)
        func health() throws -> [Health] { try archive.devices(at: now).map(\.health) }
        #expect(try health() == [.forgotten, .ok])
        #expect(try archive.devices(at: now).map(\.forgottenAt) == [now, nil])
        let unread = try archive.unread()
        #expect(unread.map(\.forgottenAt) == [now] && unread.map(\.isStanding) == [false])
        #expect(unread.map(\.hasEverRead) == [true])
        try again.put("d", now + .seconds(1), ["voltage": 5])
        #expect(try health() == [.ok, .ok] && archive.devices(at: now).map(\.forgottenAt) == [nil, nil])
    }
}
