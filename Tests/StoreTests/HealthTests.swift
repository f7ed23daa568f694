import Basics
import Contract
import Telemetry
import Testing
import TestSupport

@testable import Store

@Suite("Health")
struct HealthTests {
    private let folder = TemporaryFolder()
    private static let hour: Int64 = 3_600_000

    private static func at(_ hours: Double) -> Timestamp { noon + .milliseconds(Int64(hours * Double(hour))) }

    private func roster(_ journal: Journal, _ lives: [String: ServiceLife] = [:], at hours: Double = 0) throws {
        let names = ["a", "b", "c", "d"]
        try journal.saveRoster(
            names.map {
                RosterEntry(
                    device: $0, area: $0 < "c" ? "north" : "south", circuit: "f-1", cadence: .seconds(600),
                    service: lives[$0] ?? ServiceLife())
            }, at: Moment(Self.at(hours)))
    }

    /// A reading in the middle of each of these hours after noon.
    private func speak(_ journal: Journal, _ device: String, _ hours: some Sequence<Int>) throws {
        for hour in hours { try journal.put(device, Self.at(Double(hour) + 0.5), ["voltage": 230]) }
    }

    private func health(_ request: HealthRequest, at hours: Double) throws -> HealthAnswer {
        try Archive(folder: folder.store).health(request, at: Self.at(hours))
    }

    @Test("hours without a reading are not heard, sealed or not, and nothing else is counted")
    func available() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try roster(journal)
        try speak(journal, "a", 0..<20)
        try speak(journal, "b", (0..<20).filter { $0 % 4 != 1 })
        try journal.seal(now: Self.at(20))
        try speak(journal, "c", 0..<10)
        // Of no roster: nobody waits for it.
        try speak(journal, "stranger", [3])
        let answer = try health(HealthRequest(since: Self.at(0), cells: 10), at: 20)
        #expect(answer.rows.map(\.name) == ["south", "north", ""])
        #expect(answer.rows.map(\.available) == [0.25, 0.875, nil])
        #expect(answer.rows.map(\.devices) == [2, 2, 1])
        #expect(answer.rows.map(\.strip) == ["??????????", "?-?-?-?-?-", "          "])
        #expect(answer.total.available == 45.0 / 80 && answer.total.devices == 5)
        #expect(answer.cellSeconds == 7200 && answer.since == noon && answer.until == Self.at(20))
        #expect(answer.damaged == [])
        let byDevice = try health(
            HealthRequest(filter: DeviceFilter(area: "north"), group: .device, since: Self.at(0), cells: 5, top: 1),
            at: 20)
        #expect(byDevice.rows.map(\.name) == ["b"] && byDevice.total.devices == 2)
        #expect(byDevice.rows[0].available == 0.75 && byDevice.rows[0].strip == "?????")
        journal.close()
    }

    @Test("one that speaks seldom is heard as long as its cadence allows, also from before the span")
    func seldom() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try journal.saveRoster(
            [RosterEntry(device: "air", cadence: .seconds(7200))], at: Moment(Self.at(0)))
        try speak(journal, "air", [0, 9])
        // Three cadences: 6 hours.
        let answer = try health(HealthRequest(group: .city, since: Self.at(2), cells: 10), at: 12)
        #expect(answer.rows[0].strip == "----???---")
        #expect(answer.rows[0].available == 0.7)
        journal.close()
    }

    @Test("time before and after a device's service, and maintenance, do not count")
    func service() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        let lives = [
            "a": ServiceLife(deployed: Self.at(4)), "b": ServiceLife(retired: Self.at(6)),
            "c": ServiceLife(maintenance: [Self.at(2)..<Self.at(8)]), "d": ServiceLife(isPlanned: true),
        ]
        try roster(journal, lives)
        // Nobody waits for one before its day.
        #expect(try journal.expectedDevices().map(\.entry.device) == ["b", "c"])
        try roster(journal, lives, at: 4)
        #expect(try journal.expectedDevices().map(\.entry.device) == ["a", "b", "c"])
        let change = try journal.saveRoster(
            lives.keys.sorted().map { RosterEntry(device: $0, cadence: .seconds(600), service: lives[$0]!) },
            at: Moment(Self.at(6)))
        #expect(change.retired.map { journal.registry.devices[$0.index].name } == ["b"])
        #expect(try journal.expectedDevices().map(\.entry.service) == [lives["a"], lives["c"]])
        try speak(journal, "a", 4..<10)
        try speak(journal, "b", 0..<3)
        try speak(journal, "c", [0, 1, 8])
        let answer = try health(HealthRequest(group: .device, since: Self.at(0), cells: 10), at: 10)
        let rows = Dictionary(uniqueKeysWithValues: answer.rows.map { ($0.name, $0) })
        #expect(rows["a"]?.available == 1 && rows["a"]?.strip == "    ------")
        #expect(rows["b"]?.available == 0.5 && rows["b"]?.strip == "---???    " && rows["b"]?.devices == 0)
        #expect(rows["c"]?.available == 0.75 && rows["c"]?.strip == "--mmmmmm-?")
        #expect(rows["d"]?.available == nil && rows["d"]?.strip == "          ")
        #expect(answer.planned == 1 && answer.retired == 1 && answer.total.devices == 2)
        #expect(try health(HealthRequest(group: .city), at: 5).rows[0].maintenance == 1)
        #expect(try health(HealthRequest(group: .city), at: 5).rows[0].strip == nil)
        journal.close()
    }

    @Test("an alert that fired shows, and of those that fire now what holds them back")
    func firing() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try roster(journal)
        for device in ["a", "b", "c", "d"] { try speak(journal, device, 0..<10) }
        func alert(_ device: String, from: Double, to: Double?) throws {
            let key = AlertKey(rule: "hot", subject: .device(journal.registry.device(named: device)!))
            func step(_ was: AlertPhase, _ became: AlertPhase, _ hours: Double) throws {
                _ = try journal.record(
                    [
                        AlertTransition(
                            key: key, severity: .warning, from: was, to: became, at: Self.at(hours),
                            since: Self.at(from),
                            value: nil, sentence: "hot")
                    ], channels: [], now: Self.at(hours), evaluatedThrough: journal.lastJournalID)
            }
            try step(.inactive, .firing, from)
            if let to { try step(.firing, .resolved, to) }
        }
        try alert("a", from: 2, to: 4)
        try alert("b", from: 8.5, to: nil)
        try alert("c", from: 8.5, to: nil)
        let id = try #require(try journal.core.integer("SELECT id FROM alert WHERE device = 2"))
        try journal.core.run(
            "INSERT INTO standing(alert, recipient, seen, hold, detail) VALUES (?, 'duty', 'nothing', 'silenced', '1')",
            .integer(id))
        let answer = try health(HealthRequest(since: Self.at(0), cells: 10), at: 10)
        #expect(answer.rows.map(\.name) == ["north", "south"])
        #expect(answer.rows.map(\.strip) == ["--##----##", "--------##"])
        #expect(answer.rows.map(\.firing) == [1, 0] && answer.rows.map(\.silenced) == [0, 1])
        #expect(answer.rows.map(\.ok) == [1, 1] && answer.total.available == 1)
        journal.close()
    }

    @Test("what nobody has is refused with what is nearest")
    func unknown() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try roster(journal)
        journal.close()
        #expect(throws: StoreError.noSuchCircuit(name: "f-2", nearest: "f-1")) {
            try health(HealthRequest(circuit: "f-2"), at: 1)
        }
        #expect(throws: StoreError.noSuchArea(name: "nort", nearest: "north")) {
            try health(HealthRequest(filter: DeviceFilter(area: "nort")), at: 1)
        }
    }

    @Test("a store of an older version has no days of service, and all of its devices are meant to run")
    func older() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try roster(journal)
        try speak(journal, "a", 0..<4)
        try journal.becomeVersion9()
        journal.close()
        let answer = try health(HealthRequest(since: Self.at(0), cells: 4), at: 4)
        #expect(answer.total.devices == 4 && answer.total.available == 0.25)
        try Journal.open(StoreOptions(folder: folder.store)).close()
        #expect(try health(HealthRequest(since: Self.at(0), cells: 4), at: 4) == answer)
    }
}
