import Basics
import Contract
import Frames
import Glibc
import Telemetry
import Testing
import TestSupport

@testable import Store

@Suite("Journal")
struct JournalTests {
    private let folder = TemporaryFolder()

    private func open(_ change: (inout StoreOptions) -> Void = { _ in }) throws -> Journal {
        var options = StoreOptions(folder: folder.store)
        change(&options)
        return try Journal.open(options)
    }

    private func counts(_ commit: Commit) -> [Int] {
        [commit.turn.fresh.count, commit.duplicates, commit.turn.corrections.count]
    }

    // MARK: Opening

    @Test("a new store has the layout, permissions and pragmas of the design")
    func layout() throws {
        let journal = try open()
        try journal.put("lamp", noon, ["active_power": 1])
        #expect(
            names(in: folder.store).filter { !$0.hasSuffix("-shm") } == [
                "core.db", "core.db-wal", "core.schema", "lock", "open", "pin", "raw",
            ])
        func mode(_ name: String) -> UInt32 {
            var status = stat()
            stat(folder.store + name, &status)
            return status.st_mode & 0o7777
        }
        #expect(mode("") == 0o2750)
        #expect(mode("/raw") == 0o2750)
        for name in ["/core.db", "/core.db-wal", "/lock"] { #expect(mode(name) == 0o640, "\(name)") }
        #expect(try journal.core.integer("PRAGMA synchronous") == 2)
        try journal.seal()
        #expect(names(in: folder.store + "/raw") == ["2026-03-15.l0.db"])
        #expect(mode("/raw/2026-03-15.l0.db") == 0o640)
        journal.close()
        #expect(mode("/catalogue.cache") == 0o640)
        #expect(names(in: folder.store) == ["catalogue.cache", "core.db", "core.schema", "lock", "pin", "raw"])
    }

    @Test("a second journal on the folder is refused with the process that has it")
    func locked() throws {
        let journal = try open()
        #expect(throws: StoreError.locked(folder: folder.store, pid: getpid())) { try open() }
        #expect("\(StoreError.locked(folder: "/x", pid: 7))".contains("in use by process 7"))
        journal.close()
        try open().close()
    }

    @Test("one connection writes a file, through seals and compactions")
    func oneWriter() throws {
        let journal = try open()
        let core = folder.store + "/core.db"
        #expect(throws: StoreError.writtenTwice(file: core)) {
            try Connection(core, .writer(pageBytes: 4096), effects: nil)
        }
        try journal.put("lamp", noon, ["active_power": 1])
        for _ in 0..<2 {
            try journal.seal()
            let later = noon + .seconds(86_400)
            if let job = journal.nextCompaction(now: later) {
                try journal.finishCompaction(try job.run(), now: later)
            }
        }
        journal.close()
        // Every writer has let go.
        for file in [core, folder.store + "/rollup-2026.db"]
            + names(in: folder.store + "/raw").map({
                folder.store + "/raw/" + $0
            }) where file.hasSuffix(".db") && !file.contains(".g")
        {
            try Connection(file, .writer(pageBytes: 4096), effects: nil).close()
        }
        #expect(try Archive(folder: folder.store).points("lamp", "active_power") == [Point(noon, 1)])
    }

    @Test("a folder that cannot be is refused with its reason")
    func unusableFolder() throws {
        #expect(throws: StoreError.parentMissing(folder: folder.path + "/a/b")) {
            try Journal.open(StoreOptions(folder: folder.path + "/a/b"))
        }
        writeFile(folder.path + "/file", [])
        #expect(throws: StoreError.notAFolder(path: folder.path + "/file")) {
            try Journal.open(StoreOptions(folder: folder.path + "/file"))
        }
        #expect(throws: StoreError.notAFolder(path: folder.path + "/file/x")) {
            try Journal.open(StoreOptions(folder: folder.path + "/file/x"))
        }
        mkdir(folder.store, 0o750)
        mkdir(folder.store + "/lock", 0o750)
        do throws(StoreError) {
            _ = try Journal.open(StoreOptions(folder: folder.store))
            Issue.record("opened a folder whose lock is a folder")
        } catch {
            guard case .notWritable(folder.store + "/lock", _) = error else {
                Issue.record("\(error)")
                return
            }
        }
        #expect(throws: StoreError.noStore(folder: folder.path)) { try Archive(folder: folder.path) }
    }

    @Test("a newer schema and another program's database are refused")
    func foreign() throws {
        try open().close()
        try Connection(folder.store + "/core.db", .writer(pageBytes: 4096), effects: nil).run(
            "PRAGMA user_version = \(Schema.version + 1)")
        #expect(throws: StoreError.schemaTooNew(found: Schema.version + 1, supported: Schema.version)) { try open() }
        #expect(throws: StoreError.schemaTooNew(found: Schema.version + 1, supported: Schema.version)) {
            try Archive(folder: folder.store)
        }
        try Connection(folder.store + "/core.db", .writer(pageBytes: 4096), effects: nil).run(
            "PRAGMA application_id = 5")
        #expect(throws: StoreError.foreign(file: folder.store + "/core.db", applicationID: 5)) { try open() }
        writeFile(folder.store + "/core.db", Array("not a database, but long enough to be looked at".utf8))
        #expect(throws: StoreError.self) { try open() }
    }

    // MARK: Committing

    @Test("what was committed is found after a restart, and once")
    func reopen() throws {
        var journal = try open()
        let first = try journal.put("lamp", noon, ["active_power": 40.5, "voltage": 230.1])
        #expect(first.turn.journalID == 1)
        #expect(counts(first) == [2, 0, 0])
        try journal.put("lamp", seconds(60), ["active_power": 41])
        journal.close()
        journal = try open()
        #expect(journal.lastJournalID == 2)
        #expect(journal.counters.committed == 3)
        #expect(counts(try journal.put("lamp", noon, ["active_power": 40.5, "voltage": 230.1])) == [0, 2, 0])
        let archive = try Archive(folder: folder.store)
        #expect(try archive.points("lamp", "active_power") == [Point(noon, 40.5), Point(seconds(60), 41)])
        #expect(try archive.points("lamp", "voltage") == [Point(noon, 230.1)])
    }

    @Test("a duplicate counts once: in a batch, across batches, seals and restarts")
    func duplicates() throws {
        var journal = try open()
        var batch = DecodedBatch()
        let series = journal.series("lamp", "active_power")
        let reading = Reading(series: series, observed: noon, value: 5)
        batch.readings = [reading, reading]
        journal.registry.closeRow(batch.readings[...])
        #expect(counts(try journal.commit(batch, received: 2, now: noon)) == [1, 1, 0])
        #expect(counts(try journal.commit(batch, received: 2, now: noon)) == [0, 2, 0])
        let job = try journal.beginSeal(state: [], now: noon)
        #expect(counts(try journal.commit(batch, received: 2, now: noon)) == [0, 2, 0])
        let days = try job.run()
        #expect(counts(try journal.commit(batch, received: 2, now: noon)) == [0, 2, 0])
        try journal.finishSeal(days)
        #expect(counts(try journal.commit(batch, received: 2, now: noon)) == [0, 2, 0])
        journal.close()
        journal = try open()
        #expect(counts(try journal.commit(batch, received: 2, now: noon)) == [0, 2, 0])
        #expect(journal.counters.duplicates == 11)
        #expect(journal.counters.received == 12)
        #expect(try Archive(folder: folder.store).points("lamp", "active_power") == [Point(noon, 5)])
    }

    @Test("another value at the same time corrects it, wherever the first one lies")
    func corrections() throws {
        var journal = try open()
        for value in 1...3 { try journal.put("lamp", noon, ["active_power": Double(value)]) }
        #expect(journal.counters.corrected == 2)
        func points() throws -> [Point] { try Archive(folder: folder.store).points("lamp", "active_power") }
        #expect(try points() == [Point(noon, 3)])
        try journal.seal()
        #expect(try points() == [Point(noon, 3)])
        let commit = try journal.put("lamp", noon, ["active_power": 4])
        #expect(counts(commit) == [0, 0, 1])
        #expect(try points() == [Point(noon, 4)])
        // Also of the newest, at once, and over a reader that was there before; an earlier one's is none of its business.
        let archive = try Archive(folder: folder.store)
        #expect(try archive.latest().map(\.value) == [4])
        try journal.put("lamp", seconds(9), ["active_power": 9])
        try journal.seal()
        try journal.put("lamp", noon, ["active_power": 5])
        #expect(try archive.latest().map(\.value) == [9])
        try journal.put("lamp", seconds(9), ["active_power": 8])
        #expect(try archive.latest().map(\.value) == [8])
        try journal.put("lamp", noon, ["active_power": 4])
        #expect(try archive.latest().map(\.value) == [8])
        journal.close()
        journal = try open()
        #expect(counts(try journal.put("lamp", noon, ["active_power": 4])) == [0, 1, 0])
        try journal.seal()
        #expect(try points() == [Point(noon, 4), Point(seconds(9), 8)])
        #expect(try Archive(folder: folder.store).latest().map(\.value) == [8])
    }

    @Test("a value that its row lacked is fresh and joins it, also when the row is sealed")
    func joinsRow() throws {
        let journal = try open()
        try journal.put("lamp", noon, ["active_power": 1, "voltage": 2])
        try journal.put("lamp", seconds(1), ["active_power": 1])
        #expect(counts(try journal.put("lamp", seconds(1), ["voltage": 7])) == [1, 0, 0])
        try journal.put("lamp", seconds(2), ["active_power": 1])
        try journal.seal()
        let late = try journal.put("lamp", seconds(2), ["active_power": 1, "voltage": 8])
        #expect(counts(late) == [1, 1, 0])
        let archive = try Archive(folder: folder.store)
        let expected = [Point(noon, 2), Point(seconds(1), 7), Point(seconds(2), 8)]
        #expect(try archive.points("lamp", "voltage") == expected)
        try journal.seal()
        #expect(try archive.points("lamp", "voltage") == expected)
        #expect(try archive.points("lamp", "active_power").count == 3)
        #expect(journal.counters.late == 0)
    }

    @Test("a column that came later fits into frames that lack it")
    func laterColumn() throws {
        let journal = try open()
        try journal.put("lamp", noon, ["active_power": 1])
        try journal.seal()
        try journal.put("lamp", seconds(1), ["active_power": 1, "voltage": 2])
        #expect(counts(try journal.put("lamp", noon, ["active_power": 1, "voltage": 3])) == [1, 1, 0])
        try journal.seal()
        #expect(try Archive(folder: folder.store).points("lamp", "voltage") == [Point(noon, 3), Point(seconds(1), 2)])
    }

    @Test("late readings go to the file of their day, and one at a frame's start keeps that frame")
    func lateDay() throws {
        let journal = try open()
        for minute in 0..<300 { try journal.put("lamp", seconds(minute * 60), ["active_power": Double(minute)]) }
        try journal.seal()
        // Exactly the first time of the sealed frame, with a column that the frame has not.
        try journal.put("lamp", noon, ["voltage": 9])
        let yesterday = noon - .seconds(86_400)
        #expect(try journal.put("lamp", yesterday, ["active_power": 7]).late == 1)
        try journal.seal()
        #expect(names(in: folder.store + "/raw") == ["2026-03-14.l0.db", "2026-03-15.l0.db"])
        let points = try Archive(folder: folder.store).points("lamp", "active_power")
        #expect(points.count == 301)
        #expect(points[0] == Point(yesterday, 7))
        #expect(try Archive(folder: folder.store).points("lamp", "voltage") == [Point(noon, 9)])
        #expect(try Archive(folder: folder.store).status().oldestDay == "2026-03-14")
    }

    @Test("frames hold at most 1024 rows and end at midnight, and small ones grow together")
    func frameSizes() throws {
        let journal = try open()
        let evening = at("2026-03-15T23:00:00Z")
        for second in 0..<5000 { try journal.put("lamp", evening + .seconds(second), ["active_power": Double(second)]) }
        try journal.seal()
        for hour in 0..<5 {
            try journal.put("lamp", evening + .seconds(10_000 + hour * 3600), ["active_power": 1])
            try journal.seal()
        }
        func frames(_ day: String) throws -> [Int64] {
            var rows: [Int64] = []
            let file = try Connection(folder.store + "/raw/\(day).l0.db", .readOnly, effects: nil)
            try file.rows("SELECT n, k, span FROM frame ORDER BY k") { row throws(StoreError) in
                rows.append(row.integer("n"))
                let first = FrameKey(rawValue: row.word("k"), .since1970).time
                #expect(FrameKey.day(of: first) == FrameKey.day(of: first + row.integer("span")))
            }
            return rows
        }
        #expect(try frames("2026-03-15") == [1024, 1024, 1024, 528])
        #expect(try frames("2026-03-16") == [1024, 376, 5])
    }

    @Test("a reading that no frame can hold becomes a reject, and its neighbours are kept")
    func refused() throws {
        let journal = try open()
        var batch = DecodedBatch()
        let power = journal.series("lamp", "active_power")
        let voltage = journal.series("lamp", "voltage")
        let old = at("1969-12-31T00:00:00Z")
        batch.readings = [
            Reading(series: power, observed: old, value: 1), Reading(series: voltage, observed: old, value: 1),
            Reading(series: power, observed: noon, value: .nan), Reading(series: voltage, observed: noon, value: 2),
        ]
        journal.registry.closeRow(batch.readings[...])
        let commit = try journal.commit(batch, received: 1, now: noon)
        #expect(commit.turn.fresh.map(\.value) == [2])
        #expect(journal.counters.rejected == 3)
        let rejects = try Archive(folder: folder.store).rejects().rejects
        #expect(rejects.map(\.reason) == ["implausible", "implausible", "implausible"])
        #expect(
            rejects.last?.detail.hasSuffix("observed at 1969-12-31T00:00:00Z, outside 1970-01-01 to 2109-05-15") == true
        )
        #expect(rejects.last?.device == "lamp")
    }

    @Test("series of suspects and names without readings are durable and in their places")
    func suspects() throws {
        var journal = try open()
        var batch = DecodedBatch()
        // The suspect's series is older than that of the reading, and gets the later column.
        let suspect = journal.series("lamp", "voltage")
        let power = journal.series("lamp", "active_power")
        batch.readings = [Reading(series: power, observed: noon, value: 1)]
        journal.registry.closeRow(batch.readings[...])
        batch.suspects = [Reading(series: suspect, observed: noon, value: 99_999)]
        batch.statuses = [DeviceStatus(device: journal.registry.device(named: "lamp")!, isOnline: true, at: noon)]
        batch.heard = [Hearing(device: journal.registry.device(named: "lamp")!, at: noon)]
        _ = try journal.commit(batch, received: 1, now: noon)
        let streams = journal.registry.streams
        #expect(streams.map(\.columns) == [[power, suspect]])
        journal.close()
        journal = try open()
        #expect(journal.registry.streams == streams)
        var turns: [Turn] = []
        try journal.replay { turns.append($0) }
        #expect(turns.map(\.suspects) == [batch.suspects])
        #expect(turns.map(\.statuses) == [batch.statuses])
        #expect(turns[0].heard.map(\.device) == batch.heard.map(\.device))
    }

    @Test("a replay hands on the lists that were fresh, in their order, with their times")
    func replayEqualsLive() throws {
        var journal = try open()
        var random = SeededGenerator(seed: 11)
        let quantities = Quantity.all.prefix(5).map(\.name)
        var live: [(id: Int64, now: Timestamp, fresh: [Reading])] = []
        for turn in 0..<60 {
            var batch = DecodedBatch()
            for _ in 0..<Int.random(in: 0...8, using: &random) {
                let device = "d\(Int.random(in: 0...3, using: &random))"
                let first = batch.readings.count
                let time = seconds(Int.random(in: 0...40, using: &random))
                for name in quantities.shuffled(using: &random).prefix(Int.random(in: 1...5, using: &random)) {
                    let value = Double(Int.random(in: 0...2, using: &random))
                    batch.readings.append(Reading(series: journal.series(device, name), observed: time, value: value))
                }
                journal.registry.closeRow(batch.readings[first...])
                batch.heard.append(Hearing(device: journal.registry.device(named: device)!, at: seconds(turn)))
            }
            let commit = try journal.commit(batch, received: 1, now: seconds(turn))
            if !batch.heard.isEmpty { live.append((commit.turn.journalID, seconds(turn), commit.turn.fresh)) }
            if turn == 20 {
                try journal.seal([1, 2, 3], now: seconds(turn))
                live.removeAll()
            }
            // Steps 1 and 2 of a seal that a crash keeps from ending.
            if turn == 40 { _ = try journal.beginSeal(state: [9], now: seconds(turn)).run() }
        }
        journal.close()
        journal = try open()
        #expect(journal.snapshot?.bytes == [1, 2, 3])
        var index = 0
        func check(_ turn: Turn) {
            #expect(turn.journalID == live[index].id)
            #expect(turn.now == live[index].now)
            #expect(turn.fresh == live[index].fresh)
            index += 1
        }
        try journal.replay(check)
        #expect(index == live.count)
        let archive = try Archive(folder: folder.store)
        index = 0
        try archive.replayTail(after: try archive.stateSnapshot()?.journalID ?? 0, check)
        #expect(index == live.count)
    }

    @Test("a damaged journal row is skipped, reported and counted once")
    func damagedRow() throws {
        var journal = try open()
        for second in 0..<5 { try journal.put("lamp", seconds(second), ["active_power": Double(second)]) }
        try journal.core.run("UPDATE journal SET b = zeroblob(30) WHERE id = 3")
        journal.close()
        for _ in 0..<2 {
            journal = try open()
            #expect(journal.damage.count == 1)
            #expect(journal.counters.damagedRows == 1)
            var ids: [Int64] = []
            try journal.replay { ids.append($0.journalID) }
            #expect(ids == [1, 2, 4, 5])
            #expect(try Archive(folder: folder.store).points("lamp", "active_power").count == 4)
            journal.close()
        }
        journal = try open()
        #expect(try journal.put("lamp", seconds(2), ["active_power": 2]).turn.fresh.count == 1)
    }

    @Test("rejects keep within their budget, oldest first, and stay counted")
    func rejectBudget() throws {
        var journal = try open { $0.rejectBytesMax = 5000 }
        for number in 0..<20 {
            var batch = DecodedBatch()
            Array("site/\(number)".utf8).withUnsafeBytes { topic in
                [UInt8](repeating: 0xFF, count: 400).withUnsafeBytes { payload in
                    batch.rejects = [
                        Reject(
                            reason: number % 4 == 0 ? .malformed : .noRule, detail: "test", topic: topic,
                            payload: payload, receivedAt: seconds(number))
                    ]
                }
            }
            _ = try journal.commit(batch, received: 1, now: seconds(number))
        }
        #expect(journal.counters.rejected == 20)
        #expect(journal.counters.rejectsDropped == 10)
        journal.close()
        journal = try open { $0.rejectBytesMax = 5000 }
        let answer = try Archive(folder: folder.store).rejects(RejectsRequest(limit: 3))
        #expect(answer.rejects.map(\.topic) == ["site/19", "site/18", "site/17"])
        #expect(answer.rejects[0].payloadHex?.count == 800)
        #expect(answer.rejects[0].payload == nil)
        #expect(answer.counts.map(\.count) == [15, 5])
        #expect(
            try Archive(folder: folder.store).rejects(RejectsRequest(reason: .rejected(.malformed))).counts.map(\.count)
                == [5])
    }

    @Test("one device that sends nothing else throws out its own rejects, over restarts and a disk that failed too")
    func rejectQuota() throws {
        func reject(_ device: DeviceIndex?, _ number: Int, _ reason: Reject.Reason = .malformed) -> Reject {
            Array("site/\(number)".utf8).withUnsafeBytes { topic in
                [UInt8](repeating: 0xFF, count: 400).withUnsafeBytes { payload in
                    Reject(
                        reason: reason, detail: "test", topic: topic, payload: payload, receivedAt: seconds(number),
                        device: device)
                }
            }
        }
        let saboteur = Saboteur()
        var journal = try open { ($0.rejectBytesMax, $0.effects) = (40_000, saboteur.hook) }
        func commit(_ rejects: [Reject], _ at: Int) throws {
            var batch = DecodedBatch()
            batch.rejects = rejects
            _ = try journal.commit(batch, received: rejects.count, now: seconds(at))
        }
        let devices = (0..<10).map { journal.registry.intern(device: "d\($0)", profile: "test")! }
        for (number, device) in devices.enumerated() { try commit([reject(device, number)], number) }
        let noisy = journal.registry.intern(device: "noisy", profile: "test")!
        for number in 0..<40 {
            if number == 20 {
                journal.close()
                journal = try open { ($0.rejectBytesMax, $0.effects) = (40_000, saboteur.hook) }
            }
            let rejects = (0..<50).map { reject(noisy, 100 + number * 50 + $0, .noRule) }
            if number == 30 {
                saboteur.arm(3, .diskFull(file: "test", detail: "test"))
                #expect(throws: StoreError.self) { try commit(rejects, 100 + number) }
                saboteur.disarm()
            }
            try commit(rejects, 100 + number)
        }
        let kept = try Archive(folder: folder.store).rejects(RejectsRequest(limit: 1000)).rejects
        for number in 0..<10 { #expect(kept.contains { $0.device == "d\(number)" }, "\(number)") }
        // The newest of the one that filled it.
        let own = kept.filter { $0.device == "noisy" }.map(\.topic)
        #expect(own == (0..<own.count).map { "site/\(2099 - $0)" } && own.count > 60)
        #expect(journal.counters.rejected == 2010)
        #expect(journal.counters.rejectsDropped == Int64(2010 - kept.count))
        #expect(try Archive(folder: folder.store).status().rejectsDropped == journal.counters.rejectsDropped)
        journal.close()
    }

    @Test("a turn without anything new writes no row")
    func emptyTurn() throws {
        let journal = try open()
        try journal.put("lamp", noon, ["active_power": 1])
        let commit = try journal.commit(DecodedBatch(), received: 0, now: seconds(1))
        #expect(commit.turn.journalID == 1)
        #expect(journal.journalRows == 1)
    }

    // MARK: Sealing

    @Test("a seal is due by age and by size, and not during one")
    func sealDue() throws {
        var journal = try open()
        #expect(!journal.sealIsDue(now: noon))
        try journal.put("lamp", noon, ["active_power": 1])
        #expect(!journal.sealIsDue(now: seconds(7199)))
        #expect(journal.sealIsDue(now: seconds(7200)))
        let job = try journal.beginSeal(state: [], now: seconds(7200))
        #expect(!journal.sealIsDue(now: seconds(9000)))
        try journal.put("lamp", seconds(7300), ["active_power": 1])
        try journal.finishSeal(try job.run())
        #expect(!journal.sealIsDue(now: seconds(7400)))
        journal.close()
        journal = try open { $0.journalBytesMax = 10 }
        #expect(journal.sealIsDue(now: seconds(7400)))
        #expect(journal.journalRows == 1)
    }

    @Test("a large state survives a seal and the next one replaces it")
    func state() throws {
        var journal = try open()
        #expect(journal.snapshot == nil)
        try journal.put("lamp", noon, ["active_power": 1])
        let large = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        try journal.seal(large)
        journal.close()
        journal = try open()
        #expect(journal.snapshot == StateSnapshot(journalID: 1, bytes: large))
        try journal.seal([7])
        #expect(try Archive(folder: folder.store).stateSnapshot() == StateSnapshot(journalID: 1, bytes: [7]))
        try journal.seal([])
        journal.close()
        #expect(try open().snapshot == StateSnapshot(journalID: 1, bytes: []))
    }

    @Test("a flipped bit in a day file costs its frame and nothing else", arguments: 0..<40 as Range<UInt64>)
    func flippedBit(seed: UInt64) throws {
        let journal = try open()
        for device in ["a", "b", "c"] {
            for minute in 0..<30 { try journal.put(device, seconds(minute * 60), ["active_power": Double(minute)]) }
        }
        try journal.seal()
        journal.close()
        let file = folder.store + "/raw/2026-03-15.l0.db"
        var flip: (offset: Int, bit: UInt8) = (0, 0)
        // In the blob of the middle frame, found by its bytes.
        let reader = try Connection(file, .immutable, effects: nil)
        var blob: [UInt8] = []
        try reader.rows("SELECT b FROM frame ORDER BY k LIMIT 1 OFFSET 1") { row throws(StoreError) in
            blob = row.withBlob("b") { Array($0) }
        }
        reader.close()
        var bytes = readFile(file)
        let start = try #require(
            bytes.indices.last { $0 + blob.count <= bytes.count && bytes[$0..<$0 + blob.count] == blob[...] })
        var random = SeededGenerator(seed: seed)
        flip = (start + Int.random(in: 0..<blob.count, using: &random), .random(in: 0..<8, using: &random))
        bytes[flip.offset] ^= 1 << flip.bit
        writeFile(file, bytes)

        let archive = try Archive(folder: folder.store)
        var missing = 0
        for device in ["a", "b", "c"] {
            let answer = try archive.history(
                HistoryRequest(device: device, since: noon, until: seconds(86_400)))
            #expect(answer.damaged.contains { $0.contains("page ") })
            if answer.damaged.count == 1 {
                #expect(answer.series[0].points.map(\.value) == (0..<30).map(Double.init))
            } else {
                #expect(answer.series[0].points.isEmpty)
                #expect(answer.damaged.count == 2)
                missing += 1
            }
        }
        #expect(missing == 1)
        // The journal goes on over the damage.
        let again = try open()
        for device in ["a", "b", "c"] { try again.put(device, seconds(90), ["active_power": 5]) }
        try again.seal()
        let points = try ["a", "b", "c"].map { try Archive(folder: folder.store).points($0, "active_power").count }
        #expect(points.allSatisfy { $0 == 31 || $0 == 1 }, "\(points)")
    }

    // MARK: Alerts

    private func transition(
        _ journal: Journal, _ from: AlertPhase, _ to: AlertPhase, _ second: Int, device: String = "lamp"
    ) -> AlertTransition {
        AlertTransition(
            key: AlertKey(
                rule: "lamp-out",
                subject: Subject(
                    device: journal.registry.device(named: device)!, series: journal.series(device, "active_power"))),
            severity: .critical, from: from, to: to,
            at: seconds(second), since: seconds(0), value: Double(second), sentence: "power is \(second) W")
    }

    @Test("alerts, acknowledgements and the outbox survive a restart")
    func alerts() throws {
        var journal = try open()
        try journal.put("lamp", noon, ["active_power": 1])
        let id = try journal.record(
            [transition(journal, .inactive, .pending, 1), transition(journal, .pending, .firing, 2)],
            channels: ["mail", "webhook"], now: seconds(2), evaluatedThrough: 1)
        #expect(id == [1, 1])
        try journal.add(.init(.acknowledged, at: seconds(3), by: "duty", note: "on my way"), toAlert: 1)
        #expect(throws: StoreError.noSuchAlert(id: 2)) {
            try journal.add(.init(.acknowledged, at: seconds(3), by: "duty", note: ""), toAlert: 2)
        }
        var pending = try ["mail", "webhook"].flatMap {
            try journal.pendingNotifications(on: $0, atMost: 10, now: Moment(seconds(2)))
        }
        #expect(pending.map(\.channel) == ["mail", "webhook"])
        #expect(pending[0].transition == transition(journal, .pending, .firing, 2))
        #expect(pending[0].quantity?.name == "active_power")
        try journal.mark(
            delivered: [pending[0].id],
            failed: [FailedNotification(id: pending[1].id, error: "refused", nextAttempt: seconds(60))],
            now: seconds(4))
        journal.close()

        journal = try open()
        #expect(journal.evaluatedThrough == 1)
        #expect(try journal.pendingNotifications(on: "mail", atMost: 10, now: Moment(seconds(60))).isEmpty)
        #expect(try journal.pendingNotifications(on: "webhook", atMost: 10, now: Moment(seconds(59))).isEmpty)
        pending = try journal.pendingNotifications(on: "webhook", atMost: 10, now: Moment(seconds(60)))
        #expect(pending.map(\.attempts) == [1])
        let states = try journal.alertStates()
        #expect(states.map(\.phase) == [.firing])
        #expect(states[0].since == seconds(0))
        #expect(states[0].at == seconds(2))
        #expect(states[0].value == 2)
        #expect(states[0].acknowledgement == .init(at: seconds(3), by: "duty", note: "on my way"))
        #expect(states[0].key == transition(journal, .pending, .firing, 2).key)

        // The incident goes on through unknown with its acknowledgement; a new one starts without.
        try journal.record(
            [transition(journal, .firing, .unknown, 5), transition(journal, .unknown, .firing, 6)], channels: [],
            now: seconds(6), evaluatedThrough: 1)
        #expect(try journal.alertStates()[0].acknowledgement != nil)
        try journal.record(
            [transition(journal, .firing, .resolved, 7), transition(journal, .resolved, .firing, 8)], channels: [],
            now: seconds(8), evaluatedThrough: 1)
        #expect(try journal.alertStates()[0].acknowledgement == nil)

        let archive = try Archive(folder: folder.store)
        let story = try archive.alert(1)
        #expect(story.transitions.map(\.to) == [.pending, .firing, .unknown, .firing, .resolved, .firing])
        #expect(story.transitions[1].notifications.map(\.channel) == ["mail", "webhook"])
        #expect(story.transitions[1].notifications[0].deliveredAt == seconds(4))
        #expect(story.transitions[1].notifications[1].error == "refused")
        #expect(story.alert.quantity == "active_power")
        #expect(story.alert.unit == "W")
        #expect(try archive.alerts(AlertsRequest(phase: .firing, device: "la*")).count == 1)
        #expect(try archive.alerts(AlertsRequest(phase: .resolved)).isEmpty)
        #expect(throws: StoreError.noSuchAlert(id: 5)) { try archive.alert(5) }
        let status = try archive.status()
        #expect(status.alertsFiring == 1)
        #expect(status.outboxPending == 1)
        #expect(try archive.devices(at: noon).map(\.firingAlerts) == [1])
    }

    @Test("the roster keeps since when a device is expected, and devices that never spoke are known")
    func roster() throws {
        var journal = try open()
        try journal.put("spoke", noon, ["active_power": 1])
        func entry(_ name: String) -> RosterEntry {
            RosterEntry(
                device: name, profile: "roster", area: "north", circuit: "c1", latitude: 36.6, longitude: 117,
                cadence: .seconds(60))
        }
        #expect(try journal.saveRoster([entry("spoke"), entry("silent"), entry("")], now: seconds(1)).refused == [""])
        journal.close()
        journal = try open()
        try journal.saveRoster([entry("silent"), entry("new")], now: seconds(50))
        let expected = try journal.expectedDevices()
        #expect(expected.map(\.entry) == [entry("silent"), entry("new")])
        #expect(expected.map(\.since) == [seconds(1), seconds(50)])
        #expect(journal.registry.devices.map(\.profile) == ["test", "roster", "roster"])
        let archive = try Archive(folder: folder.store)
        let devices = try archive.devices(at: noon)
        #expect(devices.map(\.device) == ["spoke", "silent", "new"])
        #expect(devices.map(\.expected) == [false, true, true])
        #expect(devices.map(\.lastHeard) == [noon, nil, nil])
        #expect(devices.map(\.series) == [1, 0, 0])
        #expect(devices[1].cadenceSeconds == 60)
        #expect(
            try archive.devices(DeviceFilter(device: "s*", area: "north"), at: noon).map(\.device) == [
                "spoke", "silent",
            ])
        #expect(try archive.devices(DeviceFilter(profile: "test"), at: noon).map(\.device) == ["spoke"])
        // Last heard and status stay after the journal has forgotten them.
        var batch = DecodedBatch()
        batch.statuses = [DeviceStatus(device: DeviceIndex(rawValue: 1), isOnline: false, at: seconds(70))]
        batch.heard = [Hearing(device: DeviceIndex(rawValue: 1), at: seconds(70))]
        _ = try journal.commit(batch, received: 1, now: seconds(70))
        for _ in 0..<2 {
            let silent = try Archive(folder: folder.store).devices(DeviceFilter(device: "silent"), at: noon)
            #expect(silent.map(\.lastHeard) == [seconds(70)])
            #expect(silent.map(\.lastStatus) == ["offline"])
            try journal.seal()
        }
    }

    @Test("messages that later ones are read by are kept by topic, in order, until one without payload ends them")
    func remembers() throws {
        var journal = try open()
        func commit(_ topic: String, _ payload: String, _ second: Int) throws {
            var batch = DecodedBatch()
            batch.remembered.append(
                RememberedMessage(topic: Array(topic.utf8), payload: Array(payload.utf8), receivedAt: seconds(second)))
            _ = try journal.commit(batch, received: 0, now: seconds(second))
        }
        func found() throws -> [String] {
            try journal.remembered().map {
                "\(String(decoding: $0.topic, as: UTF8.self)) \(String(decoding: $0.payload, as: UTF8.self))"
            }
        }
        try commit("node", "birth 1", 1)
        try commit("node/device", "birth 1", 1)
        try commit("other", "x", 2)
        // The same again changes nothing, not even its place.
        try commit("node", "birth 1", 3)
        journal.close()
        journal = try open()
        #expect(try found() == ["node birth 1", "node/device birth 1", "other x"])
        try commit("node", "birth 2", 4)
        try commit("other", "", 5)
        #expect(try found() == ["node/device birth 1", "node birth 2"])
    }
}
