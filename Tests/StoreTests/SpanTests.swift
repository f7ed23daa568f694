import Basics
import Contract
import Telemetry
import Testing
import TestSupport

@testable import Store

/// Three clocks: time passes, people set the wall clock, and a gateway may be deaf.
private struct Clocks {
    var moment = Moment(noon)

    mutating func pass(_ seconds: Int, isDeaf: Bool = false) {
        let span = Duration.seconds(seconds)
        moment.wall = moment.wall + span
        moment.steady = moment.steady + span
        if !isDeaf { moment.listened = moment.listened + span }
    }

    mutating func set(by span: Duration) { moment.wall = moment.wall + span }

    func stored(steps: Int64) -> StoredClock {
        StoredClock(moment: moment, boot: 1, offset: .zero, unbrokenSince: moment.steady, steps: steps)
    }
}

@Suite("Spans while the wall clock is set")
struct SpanTests {
    let folder = TemporaryFolder()

    /// Forward by 20 minutes, back by an hour, on by decades as on a machine that began in 1970, back to it, and not at all.
    static let steps: [Duration] = [
        .seconds(1200), .seconds(-3600), .seconds(56 * 31_556_952), .seconds(-56 * 31_556_952), .zero,
    ]

    private func record(
        _ journal: Journal, _ from: AlertPhase, _ to: AlertPhase, since: Moment, _ clocks: Clocks
    ) throws {
        let lamp = journal.registry.intern(device: "lamp", profile: "test")!
        let now = clocks.moment
        try journal.record(
            [
                AlertTransition(
                    key: AlertKey(rule: "r", subject: .device(lamp)), severity: .warning, from: from, to: to,
                    at: now.wall, listened: now.listened, steady: now.steady, since: since.wall, value: nil,
                    sentence: "s")
            ], channels: [], now: now.wall, evaluatedThrough: journal.lastJournalID, clock: clocks.stored(steps: 1))
    }

    @Test("an incident lasts as long as time ran, and its moments keep their names", arguments: steps)
    func incident(step: Duration) throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        var clocks = Clocks()
        let archive = try Archive(folder: folder.store)
        let began = clocks.moment
        try record(journal, .inactive, .pending, since: began, clocks)
        clocks.pass(40)
        clocks.set(by: step)
        clocks.pass(20)
        try record(journal, .pending, .firing, since: began, clocks)
        let open = try #require(try archive.incidents(at: clocks.moment.wall + .seconds(5)).incidents.first)
        #expect(open.openSeconds == 65 && open.durationSeconds == nil && open.began == began.wall)
        let alert = try #require(try archive.alerts(at: clocks.moment.wall + .seconds(5)).first)
        #expect(alert.sinceSecondsAgo == 65 && alert.atSecondsAgo == 5)
        clocks.pass(30)
        try record(journal, .firing, .resolved, since: began, clocks)
        let over = try archive.incident(open.id, at: clocks.moment.wall).incident
        #expect(over.durationSeconds == 90 && over.openSeconds == nil)
        #expect(over.began == noon && over.ended == noon + .seconds(90) + step)
        // Who does not say what time it is learns of no age, and of no wrong one.
        #expect(try archive.alerts().first?.atSecondsAgo == nil)
    }

    @Test("a device was heard, and the last commit came, as long ago as time ran since", arguments: steps)
    func heard(step: Duration) throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        var clocks = Clocks()
        var batch = DecodedBatch()
        batch.heard = [Hearing(device: journal.registry.intern(device: "lamp", profile: "test")!, at: noon)]
        _ = try journal.commit(batch, received: 1, at: clocks.moment)
        clocks.pass(60)
        clocks.set(by: step)
        try journal.save(clocks.stored(steps: 1))
        let archive = try Archive(folder: folder.store)
        let now = clocks.moment.wall + .seconds(2)
        let device = try #require(try archive.devices(at: now).first)
        #expect(device.lastHeard == noon && device.lastHeardSecondsAgo == 62)
        let status = try archive.status(at: now)
        #expect(status.lastCommitAt == noon && status.lastCommitSecondsAgo == 62)
    }

    @Test(
        "a store of version 7 tells spans where its clock never took a step, and none where nobody knows",
        arguments: [(0, false), (0, true), (1, false), (1, true)] as [(Int64, Bool)])
    func versionSeven(steps: Int64, isLedForward: Bool) throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        var clocks = Clocks()
        let began = clocks.moment
        try record(journal, .inactive, .firing, since: began, clocks)
        clocks.pass(30)
        try record(journal, .firing, .resolved, since: began, clocks)
        clocks.pass(10)
        try record(journal, .resolved, .firing, since: clocks.moment, clocks)
        clocks.pass(10)
        try journal.save(clocks.stored(steps: steps))
        try journal.becomeVersion7()
        journal.close()
        if isLedForward {
            let journal = try Journal.open(StoreOptions(folder: folder.store))
            #expect(try Schema.version(of: journal.core) == Schema.version)
            journal.close()
        }
        let archive = try Archive(folder: folder.store)
        let all = try archive.incidents(at: clocks.moment.wall).incidents
        #expect(all.map(\.durationSeconds) == [nil, steps == 0 ? 30 : nil])
        #expect(all.map(\.openSeconds) == [steps == 0 ? 10 : nil, nil])
        #expect(try archive.alerts(at: clocks.moment.wall).map(\.sinceSecondsAgo) == [steps == 0 ? 10 : nil])
        #expect(try archive.status(at: clocks.moment.wall).alertsFiring == 1)
        #expect(try StoreCheck.run(folder: folder.store).isGood)
    }

    // MARK: Messages without a reading

    private func note(_ journal: Journal, _ clocks: Clocks) throws {
        var batch = DecodedBatch()
        let device = journal.registry.intern(device: "d", profile: "test")!
        batch.unread = [Unread(device: device, cause: .nothing)]
        batch.heard = [Hearing(device: device, at: clocks.moment.wall)]
        _ = try journal.commit(batch, received: 1, at: clocks.moment)
    }

    private func unread() throws -> RejectsAnswer.Unread {
        try #require(try Archive(folder: folder.store).unread().first { $0.cause == "nothing-read" })
    }

    /// A device that gave a reading once: after an hour of messages without one it stands.
    @Test("a run stands when its time was listened to, whatever the wall clock shows", arguments: steps)
    func run(step: Duration) throws {
        var journal = try Journal.open(StoreOptions(folder: folder.store))
        var clocks = Clocks()
        try journal.put("d", noon, ["voltage": 230])
        try note(journal, clocks)
        clocks.pass(1000)
        clocks.set(by: step)
        try note(journal, clocks)
        // A gateway that is deaf learns nothing of a device.
        clocks.pass(7200, isDeaf: true)
        clocks.pass(2599)
        try note(journal, clocks)
        #expect(try !unread().isStanding)
        journal.close()
        journal = try Journal.open(StoreOptions(folder: folder.store))
        clocks.pass(1)
        try note(journal, clocks)
        #expect(try unread().isStanding)
        #expect(try unread().messagesSinceReading == 4 && unread().lastAt == clocks.moment.wall)
        clocks.pass(60)
        try journal.save(clocks.stored(steps: 1))
        #expect(try unread().listenedSeconds == 60)
        for _ in 0...UnreadTally.stepsMax { try note(journal, clocks) }
        #expect(try journal.core.integer("SELECT last_listened - run_listened FROM unread") == 3_660_000)
        #expect(try unread().isStanding)
    }

    @Test("runs of a store of version 7 go on from the wall clock's spans", arguments: [false, true])
    func olderRun(isFolded: Bool) throws {
        var journal = try Journal.open(StoreOptions(folder: folder.store))
        var clocks = Clocks()
        clocks.pass(500, isDeaf: true)
        try journal.put("d", noon, ["voltage": 230])
        for _ in 0..<(isFolded ? UnreadTally.stepsMax + 1 : 1) { try note(journal, clocks) }
        clocks.pass(3000)
        try note(journal, clocks)
        try journal.save(clocks.stored(steps: 0))
        try journal.becomeVersion7()
        journal.close()
        #expect(try !unread().isStanding)
        journal = try Journal.open(StoreOptions(folder: folder.store))
        clocks.pass(599)
        try note(journal, clocks)
        #expect(try !unread().isStanding)
        clocks.pass(1)
        try note(journal, clocks)
        #expect(try unread().isStanding)
        journal.close()
    }

    @Test("a wall clock a year ahead sums no device that spoke")
    func yearAhead() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        var clocks = Clocks()
        var batch = DecodedBatch()
        let devices = (0..<UnreadTally.rowsMax).map { journal.registry.intern(device: "d\($0)", profile: "test")! }
        batch.unread = devices.map { Unread(device: $0, cause: .nothing) }
        batch.heard = devices.map { Hearing(device: $0, at: noon) }
        _ = try journal.commit(batch, received: devices.count, at: clocks.moment)
        clocks.set(by: .seconds(366 * 86_400))
        for _ in 0...UnreadTally.stepsMax {
            clocks.pass(1)
            try note(journal, clocks)
        }
        let all = try Archive(folder: folder.store).unread()
        #expect(all.count { $0.about == .device } == UnreadTally.rowsMax)
    }
}
