import Basics
import City
import Telemetry
import Testing
import TestSupport

private func moment(_ text: String) -> Timestamp { Timestamp(iso8601: text)! }

@Suite("What a lamp should do")
struct LampExpectationTests {
    @Test(
        "follows the sun, with a band in which either is right",
        arguments: [
            (-90.0, LampExpectation.State.on), (-8.01, .on), (-8, .either), (-6, .either), (0, .either), (1, .either),
            (1.01, .off), (75, .off),
        ])
    func followsSun(elevation: Double, state: LampExpectation.State) {
        #expect(LampExpectation().state(sunElevation: elevation, at: moment("2026-03-05T18:00:00Z")) == state)
    }

    @Test("knows nothing of a lamp without a place")
    func withoutPlace() {
        #expect(LampExpectation().state(sunElevation: nil, at: moment("2026-03-05T18:00:00Z")) == .either)
    }

    /// Off from 23:30 to 4:30 of a clock eight hours east, over midnight.
    @Test(
        "keeps the hours of a part-night schedule, by local time",
        arguments: [
            ("2026-03-05T15:19:59Z", LampExpectation.State.on), ("2026-03-05T15:20:01Z", .either),
            ("2026-03-05T15:39:59Z", .either), ("2026-03-05T15:40:00Z", .off), ("2026-03-05T16:00:00Z", .off),
            ("2026-03-05T20:19:59Z", .off), ("2026-03-05T20:21:00Z", .either), ("2026-03-05T20:40:00Z", .on),
        ])
    func partNight(text: String, state: LampExpectation.State) {
        let part = LampExpectation.PartNight(offMinute: 23 * 60 + 30, onMinute: 4 * 60 + 30)
        let expectation = LampExpectation(partNight: part)
        #expect(expectation.state(sunElevation: -40, at: moment(text), offsetSeconds: 28_800) == state)
        #expect(expectation.state(sunElevation: 20, at: moment(text), offsetSeconds: 28_800) == .off)
    }
}

@Suite("The watch over a lamp")
struct LampWatchTests {
    static let night = moment("2026-03-05T18:00:00Z")  // 2 in the morning in Jinan
    static let noon = moment("2026-03-06T04:00:00Z")

    /// Feeds the watch so many reports of a simulated lamp; the newest findings, and at which report each name first
    /// came.
    private func run(
        _ watch: inout LampWatch, _ lamp: inout SimulatedLamp, from start: Timestamp, reports: Int,
        every cadence: Duration = .seconds(60), _ fault: SimulatedLamp.Fault = .none, hasPlace: Bool = true
    ) -> (now: [LampFinding], first: [String: Int]) {
        var (now, first): ([LampFinding], [String: Int]) = ([], [:])
        for index in 0..<reports {
            let at = start + cadence * index
            let elevation = SimulatedLamp.sunElevation(at: at)
            now = watch.step(
                lamp.report(at: at, sunElevation: elevation, fault), sunElevation: hasPlace ? elevation : nil, at: at)
            for finding in now where first[finding.findingKind.rawValue] == nil {
                first[finding.findingKind.rawValue] = index + 1
            }
        }
        return (now, first)
    }

    /// Twenty lamps, a message every two minutes, one in fifty lost: 420,000 reports a season. A third of the drivers is
    /// logarithmic.
    @Test("tells nothing of sound lamps over thirty days", arguments: ["2026-06-10T00:00:00Z", "2026-12-10T00:00:00Z"])
    func soundLamps(start: String) {
        let start = moment(start)
        var lamps = (0..<20).map { SimulatedLamp(seed: $0, curve: $0 % 3 == 0 ? 3 : 1) }
        var watches = [LampWatch](repeating: LampWatch(), count: lamps.count)
        var chance = SeededGenerator(seed: 7)
        var told: [LampFinding] = []
        for turn in 0..<(30 * 720) {
            let at = start + .seconds(120 * turn)
            let elevation = SimulatedLamp.sunElevation(at: at)
            for index in lamps.indices {
                let report = lamps[index].report(at: at, sunElevation: elevation)
                guard Int.random(in: 0..<50, using: &chance) > 0 else { continue }
                told += watches[index].step(
                    report, sunElevation: index % 5 == 4 ? nil : elevation, at: at)
            }
        }
        #expect(told.map(\.sentence) == [])
        // And knows by now what they take, so that the silence is not that of a watch that judges nothing.
        for index in lamps.indices where lamps[index].curve == 1 {
            for level in [50.0, 70, 100] {
                let expected = lamps[index].ratedWatts * (0.08 + 0.92 * level / 100)
                let learned = watches[index].expectedWatts(level: level) ?? 0
                #expect(abs(learned / expected - 1) < 0.01, "lamp \(index) at \(level) %")
            }
        }
    }

    @Test(
        "tells nothing of sound lamps that speak every ten seconds, or every quarter of an hour", arguments: [10, 900])
    func otherCadences(seconds: Int) {
        for seed in 0..<4 as Range<UInt64> {
            var (watch, lamp) = (LampWatch(), SimulatedLamp(seed: seed))
            let told = run(
                &watch, &lamp, from: Self.noon, reports: 3 * 86_400 / seconds, every: .seconds(seconds))
            #expect(told.first == [:])
        }
    }

    struct Injection: CustomTestStringConvertible, Sendable {
        let name: String
        let fault: SimulatedLamp.Fault
        let start: String
        var hasPlace = true
        var testDescription: String { "\(name) at \(start)\(hasPlace ? "" : ", place not known")" }
    }

    /// A sound day before each. The flicker's own rule wants six switchings: they are the sixth to eighth reports.
    @Test(
        "finds each fault by its third report, and ends it by the third sound one",
        arguments: [
            Injection(name: "lamp_out", fault: .out, start: "2026-03-05T11:30:00Z"),
            Injection(name: "lamp_out", fault: .out, start: "2026-03-05T18:00:00Z"),
            Injection(name: "lamp_out", fault: .out, start: "2026-03-05T18:00:00Z", hasPlace: false),
            Injection(name: "day_burner", fault: .burnsByDay, start: "2026-03-05T00:00:00Z"),
            Injection(name: "day_burner", fault: .burnsByDay, start: "2026-03-05T04:00:00Z"),
            Injection(name: "lamp_power", fault: .power(factor: 0.6), start: "2026-03-05T13:00:00Z"),
            Injection(name: "lamp_power", fault: .power(factor: 0.6), start: "2026-03-05T18:00:00Z", hasPlace: false),
            Injection(name: "lamp_power", fault: .power(factor: 1.5), start: "2026-03-05T18:00:00Z"),
        ], 0..<4 as Range<UInt64>)
    func findsFaults(injection: Injection, seed: UInt64) {
        for cadence in [Duration.seconds(10), .seconds(60), .seconds(300)] {
            var (watch, lamp) = (LampWatch(), SimulatedLamp(seed: seed))
            let start = moment(injection.start)
            let before = Int(86_400_000 / cadence.milliseconds)
            let sound = run(
                &watch, &lamp, from: start - cadence * before, reports: before, every: cadence,
                hasPlace: injection.hasPlace)
            #expect(sound.first == [:])
            let faulty = run(
                &watch, &lamp, from: start, reports: 6, every: cadence, injection.fault, hasPlace: injection.hasPlace)
            #expect(faulty.first == [injection.name: 3])
            #expect(faulty.now.map(\.findingKind.rawValue) == [injection.name])
            #expect(faulty.now.first?.since == start)
            let after = run(
                &watch, &lamp, from: start + cadence * 6, reports: 3, every: cadence, hasPlace: injection.hasPlace)
            #expect(after.now == [])
        }
    }

    @Test("finds a flicker with its sixth switching, tells no lamp out beside it, and ends it half an hour after")
    func flicker() {
        var (watch, lamp) = (LampWatch(), SimulatedLamp(seed: 3))
        #expect(run(&watch, &lamp, from: Self.night - .seconds(60 * 120), reports: 120).first == [:])
        let flickering = run(&watch, &lamp, from: Self.night, reports: 20, .flicker)
        #expect(flickering.first == ["flicker": 6])
        #expect(flickering.now.map(\.kind) == [.flicker(switches: 20)])
        #expect(flickering.now.first?.since == Self.night)
        #expect(flickering.now.first?.sentence == "Flickers: has gone on and off 20 times, for 19 min")
        let after = run(&watch, &lamp, from: Self.night + .seconds(60 * 20), reports: 29)
        #expect(after.now.map(\.findingKind) == [.flicker])
        #expect(run(&watch, &lamp, from: Self.night + .seconds(60 * 49), reports: 3).now == [])
    }

    @Test("goes on flickering from the greatest number of switchings that bytes can have")
    func flickersOn() throws {
        var (watch, lamp) = (LampWatch(), SimulatedLamp(seed: 3))
        _ = run(&watch, &lamp, from: Self.night - .seconds(60 * 120), reports: 120)
        _ = run(&watch, &lamp, from: Self.night, reports: 20, .flicker)
        var bytes = watch.bytes
        // Behind the version, the rating, the switchings and three times.
        let place = 4 + 24 + 32 + 24
        #expect(bytes[place] == 20 && bytes[place + 1] == 0)
        (bytes[place], bytes[place + 1]) = (.max, .max)
        var restored = try #require(LampWatch(bytes: bytes))
        let after = run(&restored, &lamp, from: Self.night + .seconds(60 * 20), reports: 4, .flicker)
        #expect(after.now.map(\.kind) == [.flicker(switches: 65_535)])
    }

    @Test("keeps a lamp that is out over the day, until it burns")
    func outOverDay() {
        var watch = LampWatch()
        let dark = LampReport(isOn: true, level: 70, watts: 0, reportsFault: true)
        for minute in 0..<3 { _ = watch.step(dark, sunElevation: -20, at: Self.night + .seconds(60 * minute)) }
        let since = Self.night
        let byDay = LampReport(isOn: false, level: 0, watts: 0.4, reportsFault: false)
        var told: [LampFinding] = []
        for minute in 0..<60 { told = watch.step(byDay, sunElevation: 30, at: Self.noon + .seconds(60 * minute)) }
        #expect(told.map(\.kind) == [.lampOut(watts: 0, level: 70, reportsFault: true)])
        #expect(told.first?.since == since)
        #expect(
            told.first?.sentence
                == "Lamp out: reports a lamp fault, takes 0 W though told to burn at 70 %, for 10 h")
        let burning = LampReport(isOn: true, level: 70, watts: 42, reportsFault: false)
        for minute in 60..<63 { told = watch.step(burning, sunElevation: 30, at: Self.noon + .seconds(60 * minute)) }
        // It was lit by day: that lamp is not out any more.
        #expect(told.map(\.findingKind) == [.dayBurner])
    }

    struct Case: CustomTestStringConvertible, Sendable {
        let what: String
        let report: LampReport
        let elevation: Double?
        let told: [String]
        var testDescription: String { what }
    }

    /// What four equal reports raise.
    @Test(
        "judges each evidence for itself",
        arguments: [
            Case(what: "dark, only power, none", report: .init(watts: 0.3), elevation: -20, told: ["lamp_out"]),
            Case(what: "dark, only power, some", report: .init(watts: 30), elevation: -20, told: []),
            Case(what: "dark, only current, none", report: .init(amperes: 0.001), elevation: -20, told: ["lamp_out"]),
            Case(what: "dark, only the switch, off", report: .init(isOn: false), elevation: -20, told: ["lamp_out"]),
            Case(what: "dark, told 0 %", report: .init(level: 0, watts: 0.4), elevation: -20, told: []),
            Case(
                what: "dark, off, level kept", report: .init(isOn: false, level: 80), elevation: -20, told: ["lamp_out"]
            ),
            Case(
                what: "dark, burns, reports a fault", report: .init(level: 80, watts: 40, reportsFault: true),
                elevation: -20, told: ["lamp_out"]),
            Case(what: "dark, no evidence", report: .init(), elevation: -20, told: []),
            Case(what: "dark, only a level", report: .init(level: 60), elevation: -20, told: []),
            Case(
                what: "no place, told, no power", report: .init(level: 60, watts: 0), elevation: nil, told: ["lamp_out"]
            ),
            Case(what: "no place, not told, no power", report: .init(watts: 0), elevation: nil, told: []),
            Case(what: "no place, burns", report: .init(isOn: true, watts: 50), elevation: nil, told: []),
            Case(what: "twilight, burns", report: .init(isOn: true, watts: 50), elevation: -3, told: []),
            Case(what: "twilight, off", report: .init(isOn: false, level: 0, watts: 0.4), elevation: -3, told: []),
            Case(
                what: "twilight, told, none", report: .init(isOn: true, watts: 0.4), elevation: -3, told: ["lamp_out"]),
            Case(what: "day, burns", report: .init(isOn: true, watts: 50), elevation: 3, told: ["day_burner"]),
            Case(what: "day, only the switch", report: .init(isOn: true), elevation: 3, told: ["day_burner"]),
            Case(
                what: "day, told off, takes power", report: .init(isOn: false, level: 0, watts: 50), elevation: 3,
                told: ["day_burner"]),
            Case(what: "day, only the controller's power", report: .init(watts: 4), elevation: 3, told: []),
            Case(
                what: "day, off, level kept", report: .init(isOn: false, level: 80, watts: 0.4), elevation: 3, told: []),
            Case(
                what: "day, told, no power", report: .init(isOn: true, level: 80, watts: 0), elevation: 3,
                told: ["lamp_out"]),
            Case(
                what: "day, fault flag alone", report: .init(isOn: false, watts: 0, reportsFault: true), elevation: 3,
                told: []),
            Case(what: "meter wired backwards", report: .init(level: 80, watts: -40), elevation: -20, told: []),
            Case(
                what: "nonsense", report: .init(level: .nan, watts: .infinity, amperes: .nan), elevation: .nan, told: []
            ),
            Case(what: "level of 300", report: .init(level: 300, watts: 1e300), elevation: -20, told: []),
        ])
    func evidence(row: Case) {
        var watch = LampWatch()
        var told: [LampFinding] = []
        for minute in 0..<4 {
            told = watch.step(row.report, sunElevation: row.elevation, at: Self.night + .seconds(60 * minute))
            if minute < 2 { #expect(told == []) }
        }
        #expect(told.map(\.findingKind.rawValue) == row.told)
        #expect(LampWatch(bytes: watch.bytes)?.bytes == watch.bytes)
    }

    @Test("a lamp that must burn in the dark is out where it is told 0 %")
    func mustBurn() {
        var rules = LampRules()
        rules.mustBurnInTheDark = true
        var watch = LampWatch()
        var told: [LampFinding] = []
        for minute in 0..<3 {
            told = watch.step(
                LampReport(isOn: false, level: 0, watts: 0.4), sunElevation: -20,
                at: Self.night + .seconds(60 * minute),
                rules: rules)
        }
        #expect(told.map(\.sentence) == ["Lamp out: does not burn, takes 0.4 W though it is dark, for 2 min"])
    }

    @Test("two reports in a row raise nothing, and reports that say nothing do not count between them")
    func persistence() {
        var watch = LampWatch()
        var minute = 0
        func told(_ watts: Double?) -> Bool {
            minute += 1
            let report = LampReport(level: watts == nil ? nil : 100, watts: watts)
            let told = watch.step(report, sunElevation: -20, at: Self.night + .seconds(60 * minute))
            return told.contains { $0.findingKind == .lampOut }
        }
        #expect([60, 0, 0, 60, 0, nil, 0, nil].map(told) == Array(repeating: false, count: 8))
        #expect([0, 60, 60, 0, 60, 60, 60].map(told) == [true, true, true, true, true, true, false])
    }

    @Test("reports that come again or late change nothing; a clock that ran ahead is forgiven")
    func order() {
        var watch = LampWatch()
        let dark = LampReport(level: 100, watts: 0)
        for _ in 0..<5 { #expect(watch.step(dark, sunElevation: -20, at: Self.night) == []) }
        for hour in 1...20 {
            #expect(watch.step(dark, sunElevation: -20, at: Self.night - .seconds(3600 * hour)) == [])
        }
        _ = watch.step(LampReport(), sunElevation: -20, at: Timestamp(milliseconds: .max))
        for minute in 0..<2 { _ = watch.step(dark, sunElevation: -20, at: Self.night + .seconds(60 * minute)) }
        #expect(watch.findings.map(\.findingKind) == [.lampOut])
        _ = watch.step(dark, sunElevation: -20, at: Timestamp(milliseconds: .min))
        #expect(watch.findings.map(\.findingKind) == [.lampOut])
    }

    @Test("takes the rating of the roster, and from then on judges the first night")
    func givenRating() {
        var watch = LampWatch()
        var told: [LampFinding] = []
        for minute in 0..<13 {
            told = watch.step(
                LampReport(level: 50, watts: 20), sunElevation: -20, at: Self.night + .seconds(60 * minute),
                ratedWatts: 90)
            #expect(told.isEmpty == (minute < 12))
        }
        // 90 W x (0.08 + 0.92 x 0.5)
        #expect(told.map(\.sentence) == ["Takes 20 W at 50 % where 48.6 W is usual, 41 % of it, for 2 min"])
    }

    @Test("a spike among the first reports is not learned, and a refitted lamp is learned anew")
    func learning() throws {
        for spike in [0, 1, 12, 39] {
            var watch = LampWatch()
            for minute in 0..<60 {
                let watts = minute == 10 + spike ? 9999.0 : 60
                _ = watch.step(
                    LampReport(level: 100, watts: watts), sunElevation: -20, at: Self.night + .seconds(60 * minute))
            }
            #expect(abs(try #require(watch.expectedWatts(level: 100)) - 60) < 0.01)
            #expect(watch.findings == [])
        }
        var watch = LampWatch()
        for minute in 0..<60 {
            _ = watch.step(LampReport(level: 100, watts: 60), sunElevation: -20, at: Self.night + .seconds(60 * minute))
        }
        for minute in 60..<120 {
            _ = watch.step(LampReport(level: 100, watts: 25), sunElevation: -20, at: Self.night + .seconds(60 * minute))
        }
        #expect(watch.findings.map(\.findingKind) == [.lampPower])
        watch.forgetRating()
        for minute in 120..<180 {
            _ = watch.step(LampReport(level: 100, watts: 25), sunElevation: -20, at: Self.night + .seconds(60 * minute))
        }
        #expect(watch.findings == [])
        #expect(watch.expectedWatts(level: 100) == 25)
    }

    @Test("stays small, goes on from its bytes as if it had never stopped, and refuses others")
    func bytes() throws {
        #expect(MemoryLayout<LampWatch>.stride == 176)
        var (watch, lamp) = (LampWatch(), SimulatedLamp(seed: 5))
        _ = run(&watch, &lamp, from: Self.night - .seconds(172_800), reports: 2880)
        _ = run(&watch, &lamp, from: Self.night, reports: 2, .out)
        let bytes = watch.bytes
        #expect(bytes.count == 150)
        var restored = try #require(LampWatch(bytes: bytes))
        #expect(restored.bytes == watch.bytes)
        let third = Self.night + .seconds(120)
        let report = LampReport(level: 50, watts: 0)
        #expect(
            restored.step(report, sunElevation: -20, at: third).map(\.findingKind) == [.lampOut])
        #expect(watch.step(report, sunElevation: -20, at: third) == restored.findings)
        for count in 0..<bytes.count { #expect(LampWatch(bytes: Array(bytes.prefix(count))) == nil) }
        #expect(LampWatch(bytes: bytes + [0]) == nil)
        // Whatever is taken of spoilt bytes must go on without a crash.
        var chance = SeededGenerator(seed: 11)
        var taken = 0
        for _ in 0..<5000 {
            var spoilt = bytes
            for _ in 0..<Int.random(in: 1...4, using: &chance) {
                spoilt[Int.random(in: 4..<bytes.count, using: &chance)] = UInt8.random(in: 0...255, using: &chance)
            }
            guard var other = LampWatch(bytes: spoilt) else { continue }
            taken += 1
            let told = other.step(report, sunElevation: -20, at: third)
            #expect(told.allSatisfy { !$0.sentence.isEmpty })
            #expect(LampWatch(bytes: other.bytes) != nil)
        }
        #expect(taken > 100)
    }
}

@Suite("The watch over a circuit")
struct CircuitTests {
    static let now = moment("2026-03-05T18:00:00Z")
    typealias Lamp = CircuitLamp<Int>

    /// Lamps by minutes since they went down; nil is well.
    private func lamps(_ down: [Int?], silent: Bool = false) -> [Lamp] {
        down.enumerated().map { index, minutes in
            let since = Self.now - .seconds(60 * (minutes ?? 0))
            let condition: Lamp.Condition =
                minutes == nil ? .well : silent && index % 2 == 0 ? .silent(since: since) : .out(since: since)
            return Lamp(id: index, condition: condition, heard: minutes == nil || !silent ? Self.now : since)
        }
    }

    struct Case: CustomTestStringConvertible, Sendable {
        let what: String
        let down: [Int?]
        let isFeeder: Bool
        let held: [Int]
        let own: [Int]
        var testDescription: String { what }
    }

    @Test(
        "one lamp is a lamp, many at once are the feeder",
        arguments: [
            Case(what: "none", down: [], isFeeder: false, held: [], own: []),
            Case(what: "all well", down: [nil, nil, nil], isFeeder: false, held: [], own: []),
            Case(what: "one, just now", down: [1, nil, nil, nil], isFeeder: false, held: [0], own: []),
            Case(what: "one, settled", down: [6, nil, nil, nil], isFeeder: false, held: [], own: [0]),
            Case(what: "two of two", down: [7, 7], isFeeder: false, held: [], own: [0, 1]),
            Case(what: "three of three", down: [5, 5, 4], isFeeder: true, held: [], own: []),
            Case(what: "three of six", down: [0, 0, 0, nil, nil, nil], isFeeder: true, held: [], own: []),
            Case(
                what: "three of seven", down: [6, 0, 6, nil, nil, nil, nil], isFeeder: false, held: [1], own: [0, 2]),
            Case(
                what: "one by one, over days", down: [6, 700, 1400, nil, nil], isFeeder: false, held: [],
                own: [0, 1, 2]),
            Case(
                what: "one of long ago, and the feeder", down: [700, 3, 3, 1, nil], isFeeder: true, held: [], own: [0]),
            Case(
                what: "one after the other for half an hour", down: [24, 20, 14, 10, 9, 8, nil], isFeeder: true,
                held: [],
                own: []),
            Case(what: "fifteen minutes apart", down: [20, 10, 5], isFeeder: true, held: [], own: []),
            Case(what: "more than fifteen", down: [22, 11, 6], isFeeder: false, held: [], own: [0, 1, 2]),
        ])
    func verdicts(row: Case) {
        let verdict = CircuitRules(cadence: .seconds(10)).verdict(lamps(row.down), at: Self.now)
        #expect((verdict.feeder != nil) == row.isFeeder)
        #expect(verdict.held == row.held)
        #expect(verdict.own == row.own)
        let down = row.down.indices.filter { row.down[$0] != nil }
        #expect(Set(verdict.explained + verdict.held + verdict.own) == Set(down))
    }

    @Test("counts lamps that fell silent with those that are out, and says so")
    func silence() throws {
        let verdict = CircuitRules(cadence: .seconds(10)).verdict(
            lamps([12, 12, 11, 12, nil, nil], silent: true), at: Self.now)
        let fault = try #require(verdict.feeder)
        #expect((fault.out, fault.silent, fault.lamps) == (2, 2, 6))
        #expect(
            fault.sentence(at: Self.now)
                == "Feeder fault: 4 of 6 lamps are down (2 out, 2 silent), for 12 min")
    }

    @Test("a fault that stands does so until a quarter is left, and for days")
    func standing() {
        let rules = CircuitRules(cadence: .seconds(10))
        let down: [Int?] = [30, 30, 30] + Array(repeating: nil, count: 9)
        #expect(rules.verdict(lamps(down), at: Self.now).feeder == nil)
        #expect(rules.verdict(lamps(down), at: Self.now, standing: true).feeder != nil)
        #expect(rules.verdict(lamps(down + [nil]), at: Self.now, standing: true).feeder == nil)
        let long = lamps([5000, 5000, 4999, 5000], silent: true)
        #expect(rules.verdict(long, at: Self.now, standing: true).feeder?.lamps == 4)
    }

    @Test("lamps not heard for a day before it do not count")
    func forgotten() {
        var all = lamps([5, 5, 5])
        for index in 0..<10 {
            let since = Self.now - .seconds(10 * 86_400 + index * 7200)
            all.append(Lamp(id: 3 + index, condition: .silent(since: since), heard: since))
        }
        let verdict = CircuitRules(cadence: .seconds(10)).verdict(all, at: Self.now)
        #expect(verdict.feeder?.lamps == 3)
        #expect(verdict.explained == [0, 1, 2])
        #expect(verdict.own == Array(3..<13))
    }

    /// Twenty lamps of a circuit that speak by turns every 10 s; all go out between two of their reports.
    @Test("no lamp is told by itself while a feeder fails, and the feeder is")
    func feederFails() {
        let rules = CircuitRules(cadence: .seconds(10))
        var lamps = (0..<20).map { SimulatedLamp(seed: $0) }
        var watches = [LampWatch](repeating: LampWatch(), count: 20)
        var heard = [Timestamp](repeating: Self.now, count: 20)
        var (feederTold, ownTold): (Timestamp?, [Int]) = (nil, [])
        let failure = Self.now + .milliseconds(603_000)
        for round in 0..<120 {
            for index in 0..<20 {
                let at = Self.now + .milliseconds(round * 10_000 + index * 500)
                let report = lamps[index].report(at: at, sunElevation: -40, at >= failure ? .out : .none)
                _ = watches[index].step(report, sunElevation: -40, at: at)
                heard[index] = at
                let circuit = watches.indices.map { place -> Lamp in
                    let out = watches[place].findings.first { $0.findingKind == .lampOut }
                    return Lamp(id: place, condition: out.map { .out(since: $0.since) } ?? .well, heard: heard[place])
                }
                let verdict = rules.verdict(circuit, at: at, standing: feederTold != nil)
                ownTold += verdict.own
                if verdict.feeder != nil, feederTold == nil { feederTold = at }
            }
        }
        #expect(ownTold == [])
        #expect(feederTold.map { $0 - failure < .seconds(31) } == true)
    }
}
