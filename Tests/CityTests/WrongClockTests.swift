import Basics
import Telemetry
import Testing

@testable import City

private typealias Scene = Telemetry.Scene

@Suite("Roads and lamps under a wall clock that is set")
struct WrongClockTests {
    private static let start = Timestamp(iso8601: "2026-03-02T00:00:00Z")!

    /// Devices that leave their time to the gateway.
    private struct Trial {
        var registry = SeriesRegistry()
        var noticed = Noticed()
        private(set) var series: [String: [SeriesID]] = [:]
        private var lines: [DeviceIndex: Roster.Line] = [:]

        var roster: Roster { Roster(lines) }

        mutating func enrol(_ name: String, _ quantities: [Quantity], constants: [String: String] = [:]) throws {
            let interned = registry.intern(device: name, profile: "trial")
            let device = try #require(interned)
            lines[device] = Roster.Line(
                entry: RosterEntry(
                    device: name, profile: "trial", area: "North", latitude: 36.67, longitude: 117,
                    cadence: .seconds(600), constants: constants), since: start)
            series[name] = try quantities.map {
                let series = registry.intern(device: device, quantity: $0, channel: .none)
                return try #require(series)
            }
        }

        /// One turn, so long after the start, with one message of each.
        mutating func turn(
            _ watcher: some Watcher, after passed: Duration, ahead: Duration, _ values: [(String, [Double])]
        ) -> [Finding] {
            let steady = SteadyTime(milliseconds: start.milliseconds) + passed
            let wall = start + passed + ahead
            let readings = values.flatMap { name, values in
                zip(series[name]!, values).map { Reading(series: $0, observed: wall, value: $1) }
            }
            let scene = Scene(
                registry: registry, newest: { _ in nil }, age: { _, _ in .zero }, silence: { _ in .zero })
            noticed = Noticed()
            watcher.watch(
                Turn(origin: .live, at: Moment(wall: wall, steady: steady, listened: steady), fresh: readings), scene,
                &noticed)
            return noticed.findings
        }
    }

    /// Days since the start on which a loss of the first of six segments is told.
    private func daysOfLoss(_ ahead: (Duration) -> Duration) throws -> Set<Int64> {
        var trial = Trial()
        for number in 0..<6 {
            try trial.enrol("road-\(number)", [.dcPower, .solarIrradiance], constants: ["rated_watts": "1000"])
        }
        let table = RoadTable(localOffsetSeconds: 8 * 3600)
        table.setRoster(trial.roster, registry: trial.registry)
        var days: Set<Int64> = []
        for step in 0..<(9 * 48) {
            let passed = Duration.seconds(step * 1800)
            let light = (0..<16).contains(step % 48) ? 800.0 : 0
            let told = trial.turn(
                table, after: passed, ahead: ahead(passed),
                (0..<6).map {
                    ("road-\($0)", [$0 == 0 && passed >= .seconds(4 * 86_400) ? light * 0.6 : light, light])
                })
            if told.contains(where: { $0.kind == .yieldLoss }) { days.insert(passed.milliseconds / 86_400_000) }
        }
        return days
    }

    @Test(
        "a loss of yield is told after the same days, whatever the clock had shown before",
        arguments: [30 * 86_400, 3 * 86_400, -30 * 86_400])
    func loss(by seconds: Int) throws {
        let calm = try daysOfLoss { _ in .zero }
        #expect(calm == [6, 7, 8])
        // For a day and a half, over two midnights.
        let wrong = try daysOfLoss { passed in
            (.seconds(86_400)..<Duration.seconds(3 * 86_400 - 43_200)).contains(passed) ? .seconds(seconds) : .zero
        }
        #expect(wrong == calm)
    }

    @Test("the air of an area is that of the present, though a station's clock ran ahead")
    func air() throws {
        var trial = Trial()
        try trial.enrol("air", [.airTemperature, .relativeHumidity])
        try trial.enrol("road", [.roadSurfaceTemperature])
        let table = RoadTable(localOffsetSeconds: 0)
        table.setRoster(trial.roster, registry: trial.registry)
        _ = trial.turn(table, after: .zero, ahead: .seconds(86_400), [("air", [20, 30])])
        let told = trial.turn(table, after: .seconds(60), ahead: .zero, [("air", [0, 99]), ("road", [-3])])
        #expect(told.map(\.kind) == [.icing])
    }

    /// What a lamp tells that burns, or does not, at each step of ten minutes; on its own it has no time.
    private func kinds(_ minutes: Range<Int>, from start: Duration, burns: (Int) -> Bool, _ ahead: (Int) -> Duration)
        throws -> [Int: [Finding.Kind]]
    {
        var trial = Trial()
        try trial.enrol("lamp", [.activePower, .lightCommand])
        let table = LampTable(rules: LampRules())
        table.setRoster(trial.roster, registry: trial.registry)
        var told: [Int: [Finding.Kind]] = [:]
        for minute in minutes {
            let found = trial.turn(
                table, after: start + .seconds(60 * minute), ahead: ahead(minute),
                [("lamp", burns(minute) ? [40, 100] : [0, 100])])
            told[minute] = found.map(\.kind)
        }
        return told
    }

    /// 21 h in Jinan; in March it is dark there.
    private static let evening = Duration.seconds(13 * 3600)

    @Test(
        "no lamp burns by day for a clock that is set, and each is followed once it is set back", arguments: [12, -7])
    func lamp(hours: Int) throws {
        let told = try kinds(0..<120, from: Self.evening, burns: { $0 < 60 }) {
            (10..<40).contains($0) ? .seconds(hours * 3600) : .zero
        }
        for minute in 0..<62 { #expect(told[minute] == [], "minute \(minute)") }
        for minute in 62..<120 { #expect(told[minute] == [.lampOut], "minute \(minute)") }
    }

    @Test("a clock that stays where it was set is believed after an hour")
    func stays() throws {
        let told = try kinds(0..<120, from: Self.evening, burns: { _ in true }) {
            $0 < 10 ? .zero : .seconds(12 * 3600)
        }
        for minute in 0..<70 { #expect(told[minute] == [], "minute \(minute)") }
        for minute in 74..<120 { #expect(told[minute] == [.dayBurner], "minute \(minute)") }
    }

    @Test("what is known of the clock goes on from its bytes; a table of the version before has none")
    func bytes() throws {
        var trial = Trial()
        try trial.enrol("lamp", [.activePower, .lightCommand])
        func table(_ state: [UInt8]? = nil) -> LampTable {
            let table = LampTable(rules: LampRules())
            table.setRoster(trial.roster, registry: trial.registry)
            if let state { #expect(table.resume(state, registry: trial.registry)) }
            return table
        }
        let first = table()
        _ = trial.turn(first, after: Self.evening, ahead: .zero, [("lamp", [40, 100])])
        _ = trial.turn(first, after: Self.evening + .seconds(60), ahead: .seconds(43_200), [("lamp", [40, 100])])
        let state = first.state()
        let second = table(state)
        #expect(second.state() == state)
        // A version, and three times of the clock behind it.
        let old = [1, 0, 0, 0] + state[28...]
        var third = trial
        for minute in 2..<8 {
            let passed = Self.evening + .seconds(60 * minute)
            #expect(trial.turn(second, after: passed, ahead: .seconds(43_200), [("lamp", [40, 100])]) == [])
        }
        let before = table(Array(old))
        var told: [Finding] = []
        for minute in 2..<8 {
            let passed = Self.evening + .seconds(60 * minute)
            told = third.turn(before, after: passed, ahead: .seconds(43_200), [("lamp", [40, 100])])
        }
        #expect(told.map(\.kind) == [.dayBurner])
        for count in 0..<state.count {
            #expect(!LampTable(rules: LampRules()).resume(Array(state[..<count]), registry: trial.registry))
        }
    }
}
