import Basics
import Contract
import Telemetry
import Testing
import TestSupport

@testable import Store

@Suite("Stores of older versions")
struct MigrationTests {
    @Test("a store of version 1 answers before a gateway has led it forward")
    func readsOld() throws {
        let old = try OldStore(1)
        #expect(try contents(old.folder.store) == old.expected)
        #expect(try Archive(folder: old.folder.store).status().oldestDay == "2026-03-12")
    }

    @Test("a store of version 1 steps forward on start and keeps everything")
    func stepsForward() throws {
        let old = try OldStore(1)
        var journal = try Journal.open(StoreOptions(folder: old.folder.store))
        #expect(try Schema.version(of: journal.core) == Schema.version)
        #expect(try contents(old.folder.store) == old.expected)
        #expect(try journal.alertStates().count == 1)
        #expect(try journal.expectedDevices().map(\.entry.device) == ["silent"])
        // Old and new frames share a file.
        try journal.put("d0", noon + .seconds(1), ["active_power": 5])
        try journal.seal()
        journal.close()
        journal = try Journal.open(StoreOptions(folder: old.folder.store))
        var expected = old.expected
        expected[Model.Key(device: "d0", quantity: "active_power"), default: [:]][noon.milliseconds + 1000] = 5
        #expect(try contents(old.folder.store) == expected)
    }

    @Test("a store of version 1 has the days of UTC until a gateway names others")
    func otherDays() throws {
        let old = try OldStore(1)
        let archive = try Archive(folder: old.folder.store)
        let times = old.expected.values.flatMap(\.keys)
        func days() throws -> [SeriesHistory.Bucket] {
            try archive.query(
                QueryRequest(
                    since: Timestamp(milliseconds: times.min()!), until: Timestamp(milliseconds: times.max()! + 1),
                    step: .seconds(86_400))
            ).groups.flatMap(\.buckets)
        }
        func hours(_ days: [SeriesHistory.Bucket]) -> Set<Int64> {
            Set(days.map { $0.start.milliseconds % 86_400_000 / 3_600_000 })
        }
        let before = try days()
        #expect(hours(before) == [0] && before.reduce(0) { $0 + $1.count } == 491)
        var options = StoreOptions(folder: old.folder.store)
        options.days = ZoneSample.santiago.days
        try Journal.open(options).close()
        let after = try days()
        #expect(hours(after) == [3] && after.reduce(0) { $0 + $1.count } == 491)
        options.days = LocalDays()
        try Journal.open(options).close()
        #expect(try days() == before)
    }

    @Test("a store of version 3 steps forward, and its alerts may lose old steps")
    func stepsForwardFromThree() throws {
        let folder = TemporaryFolder()
        var options = StoreOptions(folder: folder.store)
        options.retention.alerts = .seconds(86_400)
        var journal = try Journal.open(options)
        let device = journal.registry.intern(device: "lamp", profile: "test")!
        for (second, from, to) in [(0, AlertPhase.inactive, AlertPhase.firing), (1, .firing, .resolved)] {
            let transition = AlertTransition(
                key: AlertKey(rule: "r", subject: .device(device)), severity: .info, from: from, to: to,
                at: seconds(second), since: noon, value: nil, sentence: "s")
            try journal.record([transition], channels: [], now: noon, evaluatedThrough: 0)
        }
        try journal.becomeVersion3()
        journal.close()
        let archive = try Archive(folder: folder.store)
        #expect(try archive.alert(1).transitions.count == 2 && archive.alert(1).toldSince == nil)
        journal = try Journal.open(options)
        #expect(try Schema.version(of: journal.core) == Schema.version)
        #expect(try journal.upkeep(now: seconds(100_000)).alertSteps?.rows == 1)
        #expect(try archive.alert(1).toldSince == seconds(1))
        journal.close()
        #expect(try StoreCheck.run(folder: folder.store).isGood)
    }
}
