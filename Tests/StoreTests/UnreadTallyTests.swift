import Basics
import Contract
import Telemetry
import Testing
import TestSupport

@testable import Store

@Suite("What is counted of messages without a reading")
struct UnreadTallyTests {
    let folder = TemporaryFolder()

    private func open(_ change: (inout StoreOptions) -> Void = { _ in }) throws(StoreError) -> Journal {
        var options = StoreOptions(folder: folder.store)
        change(&options)
        return try Journal.open(options)
    }

    private func batch(_ journal: Journal, _ notes: [(device: String?, cause: Unread.Cause)]) -> DecodedBatch {
        var batch = DecodedBatch()
        for note in notes {
            let device = note.device.map { journal.registry.intern(device: $0, profile: "test")! }
            batch.unreadTopics += Array("t/\(note.device ?? "none")".utf8)
            let topic = batch.unreadTopics.count - "t/\(note.device ?? "none")".utf8.count..<batch.unreadTopics.count
            batch.unread.append(Unread(device: device, cause: note.cause, topic: topic))
            if let device { batch.heard.append(Hearing(device: device, at: noon)) }
        }
        return batch
    }

    @discardableResult
    private func note(
        _ journal: Journal, _ device: String?, _ cause: Unread.Cause, second: Int = 0
    ) throws(StoreError) -> Commit {
        try journal.commit(batch(journal, [(device, cause)]), received: 1, now: seconds(second))
    }

    private func told(_ of: String? = nil) throws -> [String] {
        try Archive(folder: folder.store).unread().filter { of == nil || $0.device == of }.map {
            "\($0.device ?? $0.about.rawValue) \($0.cause) \($0.messages)/\($0.messagesSinceReading)\($0.isStanding ? " standing" : "") \($0.topic)"
        }
    }

    @Test("is there for readers at once, and after a restart, folded or not")
    func survives() throws {
        var journal = try open()
        try note(journal, "d", .nothing, second: 1)
        try note(journal, nil, .rejected(.unknownTopic), second: 2)
        try note(journal, "d", .nothing, second: 3)
        let expected = ["d nothing-read 2/2 standing t/d", "nobody unknown-topic 1/1 t/none"]
        #expect(try told() == expected)
        journal.close()
        journal = try open()
        for second in 4..<4 + UnreadTally.stepsMax { try note(journal, "d", .status, second: second) }
        let folded = try told()
        #expect(folded.contains("d status-only \(UnreadTally.stepsMax)/\(UnreadTally.stepsMax) standing t/d"))
        #expect(folded.filter { !$0.contains("status-only") } == expected)
        #expect(try journal.core.integer("SELECT count(*) FROM unread") == 3)
        #expect(try journal.core.integer("SELECT count(*) FROM unread_step") ?? 0 < UnreadTally.stepsMax)
        journal.close()
        #expect(try told() == folded)
        let first = try #require(try Archive(folder: folder.store).unread().first { $0.cause == "nothing-read" })
        #expect(first.since == seconds(1) && first.lastAt == seconds(3) && first.sinceReading == seconds(1))
        #expect(try StoreCheck.run(folder: folder.store).isGood)
    }

    @Test("a reading ends the run, and an imported one does not")
    func runs() throws {
        let journal = try open()
        for second in 0..<3 { try note(journal, "d", .nothing, second: second) }
        var names = NamedReadings()
        Array("d".utf8).withUnsafeBytes { device in
            names.append(
                device: device, channel: UnsafeRawBufferPointer(start: nil, count: 0),
                quantity: Quantity(named: "voltage")!, observed: seconds(-100), value: 230, line: 1)
        }
        _ = try journal.commit(imported: names, profile: "test", by: "kim", at: Moment(seconds(3)))
        #expect(try told() == ["d nothing-read 3/3 t/d"])
        try journal.put("d", seconds(4), ["voltage": 231])
        #expect(try told() == ["d nothing-read 3/0 t/d"])
        for second in [5, 6, 3700] { try note(journal, "d", .nothing, second: second) }
        #expect(try told() == ["d nothing-read 6/3 standing t/d"])
        #expect(try Archive(folder: folder.store).devices(at: seconds(3701)).map(\.health) == [.unread])
        try journal.put("d", seconds(3702), ["voltage": 231])
        #expect(try Archive(folder: folder.store).devices(at: seconds(3703)).map(\.health) == [.ok])
        journal.close()
    }

    @Test("what was there already is counted by device too: a clock that stands is no device that is read")
    func duplicates() throws {
        let journal = try open()
        try journal.put("d", noon, ["voltage": 230, "active_power": 1])
        for second in [1, 2, 7200] {
            try journal.put("d", noon, ["voltage": 230, "active_power": 1], now: seconds(second))
        }
        #expect(try told() == ["d duplicate 3/3 standing "])
        // Another value at that time is kept in its place, and the clock stands all the same.
        for second in [7201, 7202, 14_400] {
            try journal.put("d", noon, ["voltage": Double(second)], now: seconds(second))
        }
        #expect(try told() == ["d corrected 3/3 standing ", "d duplicate 3/3 standing "])
        try journal.put("d", seconds(14_401), ["voltage": 231], now: seconds(14_401))
        #expect(try told() == ["d corrected 3/0 ", "d duplicate 3/0 "])
    }

    @Test("a device that spoke and gave no reading is told from one that never spoke and one that is read")
    func health() throws {
        let journal = try open()
        _ = journal.registry.intern(device: "never", profile: "test")
        try note(journal, "spoke", .status)
        try journal.put("read", noon, ["voltage": 230])
        let answers = try Archive(folder: folder.store).devices(at: seconds(1))
        #expect(
            answers.map { "\($0.device) \($0.health.rawValue)" } == [
                "never never-heard", "spoke nothing-read", "read ok",
            ])
        // It may yet speak.
        #expect(try Archive(folder: folder.store).status().devicesUnread == 0)
        try journal.put("read", seconds(700), ["voltage": 230])
        #expect(try Archive(folder: folder.store).status().devicesUnread == 1)
    }

    @Test("a million devices take the room of four thousand, and none of their messages is lost")
    func isBounded() throws {
        let journal = try open()
        let (perCommit, commits) = (1000, 8)
        for commit in 0..<commits {
            let notes = (0..<perCommit).map {
                (device: Optional("d\(commit * perCommit + $0)"), cause: Unread.Cause.nothing)
            }
            _ = try journal.commit(batch(journal, notes), received: perCommit, now: seconds(commit))
        }
        let all = try Archive(folder: folder.store).unread()
        #expect(all.count == UnreadTally.rowsMax + 1)
        #expect(all.reduce(0) { $0 + $1.messages } == Int64(perCommit * commits))
        let others = try #require(all.first { $0.about == .others })
        #expect(others.messages == Int64(perCommit * commits - UnreadTally.rowsMax) && others.device == nil)
        // A week later those that were mended give their places up; their messages stay counted.
        for step in 0...UnreadTally.stepsMax { try note(journal, "new", .nothing, second: 8 * 86_400 + step) }
        let later = try Archive(folder: folder.store).unread()
        #expect(later.contains { $0.device == "new" })
        #expect(later.reduce(0) { $0 + $1.messages } == Int64(perCommit * commits + UnreadTally.stepsMax + 1))
        journal.close()
        #expect(try Archive(folder: folder.store).unread() == later)
    }

    @Test("a commit that the disk refuses counts nothing")
    func refused() throws {
        let saboteur = Saboteur()
        let journal = try open { $0.effects = saboteur.hook }
        try note(journal, "d", .nothing)
        var failures = 0
        for target in 0..<50 {
            saboteur.arm(target, .ioError(file: "test", detail: "test"))
            let isCommitted = (try? note(journal, "d", .nothing, second: 1)) != nil
            saboteur.disarm()
            if isCommitted { break }
            failures += 1
            #expect(try told() == ["d nothing-read 1/1 standing t/d"], "effect \(target)")
        }
        #expect(failures > 0)
        #expect(try told() == ["d nothing-read 2/2 standing t/d"])
    }

    @Test("a store of version 6 has none, answers, and steps forward")
    func stepsForward() throws {
        var journal = try open()
        try journal.put("d", noon, ["voltage": 230])
        try journal.becomeVersion6()
        journal.close()
        #expect(try told() == [])
        #expect(try Archive(folder: folder.store).devices(at: seconds(1)).map(\.health) == [.ok])
        journal = try open()
        try note(journal, "d", .nothing)
        #expect(try told() == ["d nothing-read 1/1 t/d"])
        journal.close()
    }

    @Test(
        "who gave readings before is let off as long as it might be silent",
        arguments: [
            // Cause, messages, seconds from the first to the last, ever read, cadence, standing.
            (.nothing, 1, 0, false, nil, true), (.status, 1, 0, false, nil, true), (.nothing, 0, 0, false, nil, false),
            (.nothing, 2, 7200, true, nil, false), (.nothing, 3, 3599, true, nil, false),
            (.nothing, 3, 3600, true, nil, true), (.nothing, 3, 300, true, 60, true),
            (.nothing, 3, 299, true, 60, false), (.nothing, 3, 3600, true, 3600, false),
            (.status, 1000, 1_000_000, true, nil, false), (.rejected(.unusableTime), 3, 3600, true, nil, true),
            (.duplicate, 3, 3600, true, nil, true),
        ] as [(Unread.Cause, Int64, Int, Bool, Int?, Bool)])
    func law(cause: Unread.Cause, messages: Int64, span: Int, hasEverRead: Bool, cadence: Int?, expected: Bool) {
        #expect(
            Unread.isStanding(
                cause, messages: messages, over: .seconds(span), hasEverRead: hasEverRead,
                cadence: cadence.map { .seconds($0) }) == expected)
    }

    @Test("who has only just said that it is there may yet speak")
    func firstWord() {
        func standing(_ messages: Int64, age: Int, cadence: Duration? = nil) -> Bool {
            Unread.isStanding(
                .status, messages: messages, over: .zero, age: .seconds(age), hasEverRead: false, cadence: cadence)
        }
        #expect(!standing(1, age: 5) && !standing(2, age: 599) && standing(1, age: 600) && standing(3, age: 5))
        let allowance = Int(Staleness.allowance(cadence: .seconds(60)).milliseconds / 1000)
        #expect(
            !standing(1, age: allowance - 1, cadence: .seconds(60))
                && standing(1, age: allowance, cadence: .seconds(60)))
        #expect(Unread.isStanding(.nothing, messages: 1, over: .zero, age: .zero, hasEverRead: false, cadence: nil))
    }
}
