import Alerting
import Basics
import City
import Telemetry
import Testing
import TestSupport
import Windows

@testable import Pipeline

/// Scans that are left out would have changed nothing.
@Suite("Rehearsal of time that is over")
struct RehearsalTests {
    private static let start = Timestamp(iso8601: "2026-03-02T00:00:00Z")!

    /// One of each kind, close enough to what the devices tell that all of them come and go.
    private static let rules: [AlertRule] = {
        func threshold(
            _ name: String, _ quantity: String, _ statistic: Threshold.Statistic, _ window: Int?, _ raise: Double,
            _ clear: Double, hold: Int = 0, stale: Int? = nil, coverage: Double = 0, below: Bool = false
        ) -> AlertRule {
            AlertRule(
                name: name, severity: .warning, devices: .all,
                condition: .threshold(
                    Threshold(
                        quantity: Quantity(named: quantity)!, statistic: statistic, window: window.map { .seconds($0) },
                        direction: below ? .below : .above, raise: raise, clear: clear, hold: .seconds(hold),
                        stale: stale.map { .seconds($0) }, coverageMin: coverage)))
        }
        return [
            threshold("last", "active_power", .last, nil, 60, 50, hold: 90),
            threshold("mean", "active_power", .mean, 300, 50, 45, hold: 60),
            threshold("median", "voltage", .median, 300, 240, 235),
            threshold("max", "voltage", .max, 3600, 250, 245, hold: 600),
            threshold("few", "active_power", .count, 3600, 20, 25, below: true),
            threshold("covered", "voltage", .mean, 3600, 230, 225, coverage: 0.5),
            threshold("lit", "lamp_on", .timeWeightedMean, 3600, 0.5, 0.4),
            threshold("stale", "voltage", .last, nil, 245, 240, stale: 120),
            AlertRule(
                name: "silent", severity: .warning, devices: DeviceSelector(names: ["d-*"]),
                condition: .absence(Absence(cadences: 3, atLeast: .seconds(60)))),
            AlertRule(
                name: "impossible", severity: .info, devices: .all,
                condition: .outOfRange(OutOfRange(clearAfter: .seconds(300)))),
            AlertRule(
                name: "burner", severity: .info, devices: .all,
                condition: .finding(FindingWatch(kinds: [.dayBurner, .lampOut, .flicker], clearAfter: .seconds(900)))),
        ]
    }()

    /// Devices that speak, stop, say that they go, send nonsense and deliver late; a gateway that is deaf at times.
    private struct Play {
        var registry: SeriesRegistry
        var turns: [Turn] = []
        var roster: Roster
        var end: Moment

        init(seed: UInt64) {
            var (random, registry) = (SeededGenerator(seed: seed), SeriesRegistry())
            let quantities = ["active_power", "voltage", "lamp_on"].map { Quantity(named: $0)! }
            var (lines, series) = ([DeviceIndex: Roster.Line](), [[SeriesID]]())
            for number in 0..<6 {
                let device = registry.intern(
                    device: number < 4 ? "d-\(number)" : "e-\(number)", profile: "streetlight")!
                series.append(quantities.map { registry.intern(device: device, quantity: $0, channel: .none)! })
                guard number != 5 else { continue }
                lines[device] = Roster.Line(
                    entry: RosterEntry(
                        device: registry.devices[device.index].name, circuit: "c", latitude: 36.6, longitude: 117,
                        cadence: .seconds([20, 60, 300, 600, 60][number])), since: RehearsalTests.start)
            }
            roster = Roster(lines)
            self.registry = registry
            var moment = Moment(RehearsalTests.start)
            var level = [Double](repeating: 40, count: 6)
            for _ in 0..<200 {
                var passed = Duration.milliseconds(Int64.random(in: 1...40_000, using: &random))
                if Int.random(in: 0..<40, using: &random) == 0 { passed = passed * 60 }
                moment.wall = moment.wall + passed
                moment.steady = moment.steady + passed
                let isDeaf = Int.random(in: 0..<50, using: &random) == 0
                moment.listened = moment.listened + (isDeaf ? passed / 3 : passed)
                var turn = Turn(origin: .live, at: moment)
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let number = Int.random(in: 0..<6, using: &random)
                    let device = DeviceIndex(rawValue: UInt32(number))
                    turn.heard.append(Hearing(device: device, at: moment.wall))
                    if Int.random(in: 0..<25, using: &random) == 0 {
                        turn.statuses.append(
                            DeviceStatus(device: device, isOnline: Bool.random(using: &random), at: moment.wall))
                    }
                    if Int.random(in: 0..<25, using: &random) == 0 {
                        turn.suspects.append(Reading(series: series[number][1], observed: moment.wall, value: 9e9))
                        continue
                    }
                    level[number] = max(0, level[number] + Double.random(in: -25...26, using: &random))
                    let late = Int.random(in: 0..<20, using: &random) == 0 ? Duration.seconds(200) : .zero
                    for (place, value) in [level[number], 200 + level[number] / 1.2, level[number] > 40 ? 1 : 0]
                        .enumerated()
                    {
                        turn.fresh.append(
                            Reading(series: series[number][place], observed: moment.wall - late, value: value.rounded())
                        )
                    }
                }
                turns.append(turn)
            }
            moment.wall = moment.wall + .seconds(4000)
            moment.steady = moment.steady + .seconds(4000)
            moment.listened = moment.listened + .seconds(4000)
            end = moment
        }

        func steps(everySecond: Bool, looksAtAll: Bool = false) -> (steps: [AlertTransition], scans: Int) {
            let pipeline = Pipeline(
                PipelinePlan(lamps: LampRules()), rules: RehearsalTests.rules)
            pipeline.setRoster(roster, registry: registry)
            var rehearsal = Rehearsal(
                pipeline, from: Moment(RehearsalTests.start), everySecond: everySecond, looksAtAll: looksAtAll)
            var steps: [AlertTransition] = []
            for turn in turns { rehearsal.take(turn, registry) { steps += $0 } }
            rehearsal.advance(to: end, registry) { steps += $0 }
            return (steps, rehearsal.scans)
        }
    }

    @Test("leaving out scans gives the steps of a scan each second", arguments: 1...2)
    func equalsEverySecond(seed: Int) {
        let play = Play(seed: UInt64(seed))
        let (plain, all) = play.steps(everySecond: true, looksAtAll: true)
        // As the gateway does: a look each second, at what may have changed.
        #expect(play.steps(everySecond: true).steps == plain, "seed \(seed)")
        let (fast, some) = play.steps(everySecond: false)
        #expect(fast == plain, "seed \(seed)")
        #expect(some < all, "seed \(seed): \(some) of \(all) scans")
        // A rule that never did anything would prove nothing.
        let told = Set(plain.filter(\.isNotified).map(\.key.rule))
        #expect(told.isSuperset(of: ["last", "mean", "median", "stale", "silent", "impossible"]), "\(told)")
    }

    @Test("seconds are counted from the beginning, and a turn on one comes before its scan")
    func grid() {
        var registry = SeriesRegistry()
        let device = registry.intern(device: "d-1", profile: "")!
        let pipeline = Pipeline(PipelinePlan(), rules: Self.rules.filter { $0.name == "silent" })
        pipeline.setRoster(
            Roster([device: Roster.Line(entry: RosterEntry(device: "d-1", cadence: .seconds(20)), since: Self.start)]),
            registry: registry)
        var rehearsal = Rehearsal(pipeline, from: Moment(Self.start))
        var steps: [AlertTransition] = []
        rehearsal.advance(to: Moment(Self.start + .seconds(60)), registry) { steps += $0 }
        #expect(steps.isEmpty)
        rehearsal.advance(to: Moment(Self.start + .seconds(61)), registry) { steps += $0 }
        #expect(steps.map(\.at) == [Self.start + .seconds(60)])
        let back = Self.start + .seconds(70)
        rehearsal.take(
            Turn(origin: .live, at: Moment(back), heard: [Hearing(device: device, at: back)]), registry
        ) { steps += $0 }
        rehearsal.advance(to: Moment(back + .milliseconds(1)), registry) { steps += $0 }
        #expect(steps.map(\.to) == [.firing, .resolved] && steps.last?.at == back)
        #expect(rehearsal.scans < 10)
    }
}
