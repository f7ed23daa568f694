import Basics
import ConfigurationFiles
import Settings
import Telemetry
import Testing
import TestSupport

@testable import Alerting

@Suite("AlertState")
struct AlertStateTests {
    private static let t0 = Timestamp(milliseconds: 1_772_705_640_000)
    private static let start = Moment(t0)
    private static let hold = Duration.seconds(60)

    @Test("a quiet alert stays quiet on anything but a condition that holds")
    func quiet() {
        for verdict in [Verdict.between, .clears, .noData] {
            #expect(AlertState.inactive.next(verdict, hold: Self.hold, at: Self.start) == .inactive)
        }
    }

    @Test("fires after the hold time, not before, and keeps when it began")
    func holds() {
        var state = AlertState.inactive.next(.holds, hold: Self.hold, at: Self.start)
        #expect(state == .pending(since: Self.t0, held: Self.start.listened))
        state = state.next(.holds, hold: Self.hold, at: Moment(Self.t0 + .milliseconds(59_999)))
        #expect(state == .pending(since: Self.t0, held: Self.start.listened))
        state = state.next(.holds, hold: Self.hold, at: Moment(Self.t0 + .seconds(60)))
        #expect(state == .firing(since: Self.t0))
    }

    @Test("a pending alert that leaves the raise level begins anew")
    func pendingEnds() {
        let pending = AlertState.pending(since: Self.t0, held: Self.start.listened)
        #expect(pending.next(.between, hold: Self.hold, at: Self.start) == .inactive)
        #expect(pending.next(.clears, hold: Self.hold, at: Self.start) == .inactive)
    }

    @Test("between the levels a firing alert stays firing")
    func hysteresis() {
        let firing = AlertState.firing(since: Self.t0)
        #expect(firing.next(.between, hold: Self.hold, at: Self.start) == firing)
        #expect(firing.next(.clears, hold: Self.hold, at: Self.start) == .inactive)
        #expect(AlertState.inactive.phase(after: firing) == .resolved)
    }

    @Test("missing data leads to unknown, never to resolved")
    func missing() {
        let unknown = AlertState.firing(since: Self.t0).next(.noData, hold: Self.hold, at: Self.start)
        #expect(unknown == .unknown(since: Self.t0, wasFiring: true))
        #expect(unknown.next(.between, hold: Self.hold, at: Self.start) == .firing(since: Self.t0))
        #expect(unknown.next(.clears, hold: Self.hold, at: Self.start) == .inactive)
        let silent = AlertState.pending(since: Self.t0, held: Self.start.listened).next(
            .noData, hold: Self.hold, at: Self.start)
        let later = Moment(Self.t0 + .seconds(600))
        #expect(silent.next(.holds, hold: Self.hold, at: later) == .pending(since: later.wall, held: later.listened))
        #expect(AlertState.inactive.phase(after: silent) == .inactive)
    }
}

/// Two lamps on the roster, a book, and statistics that the test sets.
private struct Scene {
    var registry = SeriesRegistry()
    var health = DeviceHealth()
    var book: AlertBook
    var newest: [SeriesID: (value: Double, observed: Timestamp)] = [:]
    var moment = Moment(Timestamp(milliseconds: 1_772_705_640_000))
    var now: Timestamp { moment.wall }
    /// Whether the broker is heard; where not, time that passes is no time.
    var isListening = true
    var lamps: [DeviceIndex] = []
    var temperature: [SeriesID] = []

    init(rules: [AlertRule]) {
        book = AlertBook(rules: rules)
        for name in ["lamp-1", "lamp-2"] {
            let lamp = registry.intern(device: name, profile: "lamp")!
            let series = registry.intern(
                device: lamp, quantity: Quantity(named: "control_gear_temperature")!, channel: .none)!
            lamps.append(lamp)
            temperature.append(series)
        }
        var lines: [DeviceIndex: Roster.Line] = [:]
        for lamp in lamps {
            let entry = RosterEntry(
                device: registry.devices[lamp.index].name, profile: "lamp", area: "Lixia", circuit: "circuit-1",
                cadence: .seconds(60))
            lines[lamp] = Roster.Line(entry: entry, since: now)
        }
        book.setRoster(Roster(lines))
    }

    /// As the devices' clocks say.
    var skew = Duration.zero
    var backlog = Duration.zero

    private var statistics: AlertBook.Statistics {
        let (newest, skew, backlog) = (newest, skew, backlog)
        return AlertBook.Statistics(
            newest: { newest[$0] }, summary: { _, _, _ in nil },
            age: { [now] in max(.zero, now - $1 - skew) }, backlog: { _ in backlog })
    }

    mutating func hear(_ lamp: Int, _ value: Double, ago: Duration = .zero) -> [AlertTransition] {
        newest[temperature[lamp]] = (value, now - ago)
        let reading = Reading(series: temperature[lamp], observed: now - ago, value: value)
        return step(fresh: [reading], heard: [Hearing(device: lamps[lamp], at: now)])
    }

    mutating func suspect(_ lamp: Int, _ value: Double, ago: Duration = .zero) -> [AlertTransition] {
        let reading = Reading(series: temperature[lamp], observed: now - ago, value: value)
        return step(suspects: [reading], heard: [Hearing(device: lamps[lamp], at: now)])
    }

    mutating func say(_ lamp: Int, isOnline: Bool, ago: Duration = .zero, isRetained: Bool = false) {
        let status = DeviceStatus(
            device: lamps[lamp], isOnline: isOnline, at: now - ago, heardAt: now, isRetained: isRetained)
        _ = step(statuses: [status], heard: isRetained ? [] : [Hearing(device: lamps[lamp], at: now)])
    }

    private mutating func step(
        fresh: [Reading] = [], suspects: [Reading] = [], statuses: [DeviceStatus] = [], heard: [Hearing]
    ) -> [AlertTransition] {
        let turn = Turn(
            origin: .live, at: moment, fresh: fresh, suspects: suspects, statuses: statuses, heard: heard)
        let statistics = statistics
        health.absorb(turn, device: { [registry] in registry.series[$0.index].device }, age: statistics.age)
        return book.evaluate(turn, Noticed(), health: health, statistics: statistics, registry: registry)
    }

    mutating func scan(after seconds: Int) -> [AlertTransition] {
        pass(seconds)
        return book.scan(
            health: health, statistics: statistics, registry: registry, isListening: isListening, at: moment)
    }

    mutating func pass(_ seconds: Int) {
        moment.wall = moment.wall + .seconds(seconds)
        moment.steady = moment.steady + .seconds(seconds)
        if isListening { moment.listened = moment.listened + .seconds(seconds) }
    }

    /// Somebody sets the wall clock.
    mutating func set(by seconds: Int) { moment.wall = moment.wall + .seconds(seconds) }

    mutating func reload(_ rules: [AlertRule], retired: Set<DeviceIndex> = []) -> [AlertTransition] {
        let known = book.contentChecks
        book = book.with(rules: rules).book
        let ended = book.retire(retired, registry, at: moment)
        health.forget(retired, device: { [registry] in registry.series[$0.index].device })
        return ended
            + book.judgeNew(since: known, health: health, statistics: statistics, registry: registry, at: moment)
    }
}

private let hot = AlertRule(
    name: "hot", severity: .warning, devices: .all,
    condition: .threshold(
        Threshold(
            quantity: Quantity(named: "control_gear_temperature")!, direction: .above, raise: 80, clear: 70,
            hold: .seconds(120))))
private let silent = AlertRule(
    name: "silent", severity: .critical, devices: .all, condition: .absence(Absence(cadences: 3, atLeast: .seconds(60)))
)
private let range = AlertRule(
    name: "range", severity: .info, devices: .all, condition: .outOfRange(OutOfRange(clearAfter: .seconds(300))))

@Suite("AlertBook")
struct AlertBookTests {
    @Test("an alert keeps its worst value until it is over, over missing data, reloads and restarts")
    func peak() {
        var scene = Scene(rules: [hot, range])
        let start = scene.now
        #expect(scene.hear(0, 85).first?.peak == AlertPeak(value: 85, at: start))
        #expect(scene.book.takePeaks().isEmpty)
        scene.pass(60)
        #expect(scene.hear(0, 99).isEmpty)
        let worst = AlertPeak(value: 99, at: start + .seconds(60))
        let told = scene.book.takePeaks()
        #expect(told.values.map { $0 } == [worst] && scene.book.takePeaks().isEmpty)
        scene.pass(60)
        #expect(scene.hear(0, 90).map(\.peak) == [worst])
        #expect(scene.reload([hot, range]).isEmpty)
        #expect(scene.scan(after: 1000).map(\.peak) == [worst])
        // A restart.
        let (key, kept) = (told.keys.first!, scene.book.active[told.keys.first!]!)
        scene.book = AlertBook(rules: [hot, range])
        scene.book.restore(key, state: kept.state, severity: kept.severity, peak: kept.peak)
        #expect(scene.hear(0, 95).map(\.peak) == [worst])
        #expect(scene.hear(0, 60).map(\.peak) == [worst])
        #expect(scene.hear(0, 81).map(\.peak?.value) == [81])
        // Of what cannot be, the further away.
        _ = scene.suspect(1, -70)
        #expect(scene.suspect(1, 155).isEmpty && scene.book.takePeaks().isEmpty)
        #expect(scene.suspect(1, 999).isEmpty && scene.book.takePeaks().values.map(\.value) == [999])
    }

    @Test("threshold: pending, firing after the hold by time alone, resolved at the clear level")
    func threshold() {
        var scene = Scene(rules: [hot])
        #expect(scene.hear(0, 80).isEmpty)
        let pending = scene.hear(0, 85)
        #expect(pending.map(\.to) == [.pending] && !pending[0].isNotified)
        #expect(scene.scan(after: 119).isEmpty)
        let firing = scene.scan(after: 1)
        #expect(firing.map(\.to) == [.firing] && firing[0].since == pending[0].at && firing[0].isNotified)
        #expect(firing[0].sentence == "lamp-1: control gear temperature is 85 Cel, above 80 Cel")
        #expect(scene.hear(0, 75).isEmpty)
        let resolved = scene.hear(0, 70)
        #expect(resolved.map(\.to) == [.resolved] && resolved[0].since == pending[0].at)
        #expect(scene.book.active.isEmpty)
    }

    @Test("a backlog raises nothing, though its device is heard; the first reading of now does")
    func backlog() {
        var scene = Scene(rules: [hot])
        for minute in (10...1440).reversed() {
            scene.backlog = .seconds(minute * 60)
            #expect(scene.hear(0, 90, ago: scene.backlog).isEmpty)
        }
        #expect(scene.scan(after: 1).isEmpty)
        scene.backlog = .zero
        #expect(scene.hear(0, 90).map(\.to) == [.pending])
    }

    @Test("a backlog moves a firing alert to unknown, as what is now is not known")
    func backlogWhileFiring() {
        var scene = Scene(rules: [hot])
        _ = scene.hear(0, 90)
        #expect(scene.scan(after: 120).map(\.to) == [.firing])
        scene.backlog = .seconds(7200)
        #expect(scene.hear(0, 20, ago: scene.backlog).map(\.to) == [.unknown])
        scene.backlog = .zero
        #expect(scene.hear(0, 20).map(\.to) == [.resolved])
    }

    @Test("an old value raises nothing, unless the device's slow clock makes it old")
    func oldValue() {
        var scene = Scene(rules: [hot])
        #expect(scene.hear(0, 90, ago: .seconds(300)).isEmpty)
        scene.skew = .seconds(250)
        #expect(scene.hear(0, 90, ago: .seconds(300)).map(\.to) == [.pending])
        // What it has raised it keeps up while the device is heard.
        scene.skew = .zero
        #expect(scene.scan(after: 120).map(\.to) == [.firing])
    }

    @Test("data that stops moves a firing alert to unknown, and data that comes back decides")
    func unknown() {
        var scene = Scene(rules: [hot])
        _ = scene.hear(0, 90)
        #expect(scene.scan(after: 120).map(\.to) == [.firing])
        #expect(scene.scan(after: 179).isEmpty)
        let unknown = scene.scan(after: 1)
        #expect(unknown.map(\.to) == [.unknown] && unknown[0].isNotified)
        #expect(scene.hear(0, 75).map(\.to) == [.firing])
        #expect(scene.hear(0, 20).map(\.to) == [.resolved])
    }

    @Test("a device is absent after its missed cadences; one that never spoke is named so")
    func absence() {
        var scene = Scene(rules: [silent])
        _ = scene.hear(0, 20)
        #expect(scene.scan(after: 179).isEmpty)
        let absent = scene.scan(after: 1)
        #expect(absent.map(\.to) == [.firing, .firing])
        #expect(absent[0].sentence.hasPrefix("lamp-1 has been silent since 2026-03-05T10:14:00Z"))
        #expect(absent[1].sentence.hasPrefix("nothing was read of lamp-2 since"))
        #expect(scene.scan(after: 600).isEmpty)
        _ = scene.hear(0, 20)
        let back = scene.scan(after: 1)
        #expect(back.map(\.to) == [.resolved] && back[0].sentence == "lamp-1 speaks again")
    }

    @Test("nobody is absent while the gateway does not hear the broker, nor right after it does again")
    func notListening() {
        var scene = Scene(rules: [silent])
        scene.isListening = false
        #expect(scene.scan(after: 10_000).isEmpty)
        scene.isListening = true
        #expect(scene.scan(after: 179).isEmpty)
        #expect(scene.scan(after: 1).count == 2)
    }

    @Test("a device that says it is offline is absent at once")
    func offline() {
        var scene = Scene(rules: [silent])
        _ = scene.hear(0, 20)
        scene.say(0, isOnline: false)
        #expect(scene.scan(after: 1).map(\.sentence) == ["lamp-1 said that it is offline"])
        scene.say(0, isOnline: true)
        _ = scene.hear(0, 20)
        #expect(scene.scan(after: 1).map(\.to) == [.resolved])
    }

    @Test("an impossible value raises at once and clears after plausible ones")
    func outOfRange() {
        var scene = Scene(rules: [range])
        let raised = scene.suspect(0, 999)
        #expect(raised.map(\.to) == [.firing])
        #expect(
            raised[0].sentence == "lamp-1: control gear temperature is 999 Cel, outside the possible -60 to 150 Cel")
        #expect(scene.suspect(0, 998).isEmpty)
        #expect(scene.scan(after: 299).isEmpty, "no plausible reading yet")
        #expect(scene.hear(0, 20).isEmpty)
        #expect(scene.scan(after: 1).map(\.to) == [.resolved])
    }

    @Test(
        "an impossible value is followed by the plausible ones of the present, and follows those that lie ahead",
        arguments: [3600, 8 * 3600, 30 * 86_400, -8 * 3600])
    func outOfRangeUnderWrongClock(step: Int) {
        var scene = Scene(rules: [range])
        scene.set(by: step)
        #expect(scene.suspect(0, 999).map(\.to) == [.firing])
        scene.pass(60)
        scene.set(by: -step)
        _ = scene.hear(0, 20)
        #expect(scene.scan(after: 239).isEmpty)
        #expect(scene.scan(after: 1).map(\.to) == [.resolved])
        scene.set(by: step)
        _ = scene.hear(0, 20)
        scene.set(by: -step)
        #expect(scene.suspect(0, 998).map(\.to) == [.firing])
        // For a rule that did not see it come.
        let other = AlertRule(name: "other", severity: .info, devices: .all, condition: range.condition)
        #expect(scene.reload([range, other]).map(\.key.rule) == ["other"])
    }

    @Test("selectors pick by name, profile and area")
    func selectors() {
        let one = AlertRule(
            name: "one", severity: .info,
            devices: DeviceSelector(names: ["lamp-*2"], profiles: ["lamp"], areas: ["Lixia"]),
            condition: hot.condition)
        var scene = Scene(rules: [one])
        #expect(scene.hear(0, 99).isEmpty)
        #expect(scene.hear(1, 99).count == 1)
    }

    @Test("an alert that fires under a rule of another severity is told again, once, with that one")
    func severity() {
        var scene = Scene(rules: [hot])
        _ = scene.hear(0, 99)
        _ = scene.scan(after: 200)
        let graver = AlertRule(name: hot.name, severity: .critical, devices: hot.devices, condition: hot.condition)
        let told = scene.reload([graver])
        #expect(told.map(\.severity) == [.critical] && told.map(\.to) == [.firing] && told.map(\.from) == [.firing])
        #expect(told.allSatisfy { $0.isNotified && !$0.isBeginning && !$0.isEnd })
        #expect(told.first?.sentence.hasSuffix("by its rule it is critical now") == true)
        #expect(scene.reload([graver]).isEmpty)
        #expect(scene.hear(0, 20).map(\.severity) == [.critical])
    }

    @Test("a reload goes on with alerts that are still about something and ends the others")
    func reload() {
        var scene = Scene(rules: [hot, silent])
        _ = scene.hear(0, 99)
        _ = scene.scan(after: 200)
        let before = scene.book.active
        #expect(before.count == 3)
        let retired = scene.reload([hot])
        #expect(retired.map(\.key.rule) == ["silent", "silent"] && retired.allSatisfy { $0.to == .resolved })
        #expect(scene.book.active.keys.map(\.rule) == ["hot"])
    }

    @Test("stored transitions put an equal book back", arguments: 1...20 as ClosedRange<UInt64>)
    func restore(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var scene = Scene(rules: [hot, silent, range])
        var last: [AlertKey: AlertTransition] = [:]
        var peaks: [AlertKey: AlertPeak] = [:]
        for _ in 0..<200 {
            let lamp = Int.random(in: 0..<2, using: &random)
            let transitions =
                switch Int.random(in: 0..<10, using: &random) {
                case 0: scene.suspect(lamp, 999)
                case 1...4: scene.hear(lamp, Double.random(in: 60...90, using: &random))
                default: scene.scan(after: Int.random(in: 1...100, using: &random))
                }
            for transition in transitions {
                last[transition.key] = transition
                peaks[transition.key] = transition.peak
            }
            peaks.merge(scene.book.takePeaks()) { $1 }
            var restored = AlertBook(rules: scene.book.rules)
            for (key, transition) in last {
                let state = AlertState(
                    transition.to, after: transition.from, since: transition.since, listened: transition.listened)
                restored.restore(
                    key, state: state, severity: transition.severity, watched: transition.watched, peak: peaks[key])
            }
            #expect(restored.active == scene.book.active, "seed \(seed)")
        }
    }
}

@Suite("RuleFile")
struct RuleFileTests {
    private let windows = [Duration.seconds(300), .seconds(3600)]

    @Test("reads every kind of condition")
    func reads() throws {
        let rules = try RuleFile.parse(
            yaml: """
                rules:
                - rule: pm2_5-high
                  severity: critical
                  devices: {profile: air-station}
                  threshold: {quantity: pm2_5, statistic: mean, window: 1h, above: 75, clear: 60, hold: 10m}
                - rule: silent
                  absence: {cadences: 5, at_least: 2m}
                - rule: impossible
                  out_of_range: {clear_after: 1m}
                """, file: "alerts.yaml", windows: { _ in windows })
        #expect(rules.map(\.name) == ["pm2_5-high", "silent", "impossible"])
        guard case .threshold(let threshold) = rules[0].condition else {
            Issue.record("not a threshold")
            return
        }
        #expect(threshold.window == .seconds(3600) && threshold.clear == 60 && threshold.hold == .seconds(600))
        #expect(rules[1].condition == .absence(Absence(cadences: 5, atLeast: .seconds(120))))
    }

    @Test("asks for windows that the quantity has, and statistics that its kind has")
    func windowsOfQuantity() throws {
        func parse(_ threshold: String) -> [String] {
            do {
                let text = "rules:\n- rule: one\n  threshold: {\(threshold)}\n"
                let lamps = Quantity(named: "lamp_on")!
                _ = try RuleFile.parse(
                    yaml: text, file: "alerts.yaml", windows: { $0 == lamps ? [.seconds(86_400)] : windows })
                return []
            } catch {
                return error.list.map { "\($0.key): \($0.expected)" }
            }
        }
        #expect(parse("quantity: lamp_on, statistic: time_weighted_mean, window: 24h, above: 0.9").isEmpty)
        #expect(parse("quantity: active_energy_import, statistic: increase, window: 1h, above: 9").isEmpty)
        // The word of older files.
        #expect(parse("quantity: active_energy_import, statistic: total, window: 1h, above: 9").isEmpty)
        #expect(
            parse("quantity: precipitation, statistic: increase, window: 1h, above: 9") == [
                "rules[0].threshold.statistic: precipitation has no increase: it is a delta; ask for total"
            ])
        #expect(parse("quantity: pm10, statistic: coverage, window: 1h, below: 0.5").isEmpty)
        #expect(
            parse("quantity: lamp_on, statistic: max, window: 1h, above: 0.9") == [
                "rules[0].threshold.window: expected a window that the gateway keeps: 24h"
            ])
        #expect(
            parse("quantity: pm10, statistic: total, window: 1h, above: 9") == [
                "rules[0].threshold.statistic: pm10 has no total: it is a gauge"
            ])
    }

    @Test("reports every mistake at once")
    func mistakes() {
        let text = """
            rules:
            - rule: a b
              severity: high
              threshold: {quantity: pm25, statistic: mean, window: 2h, above: 75, clear: 80}
            - rule: two
              absence: {}
              out_of_range: {}
            - rule: two
              treshold: {quantity: pm10, above: 1, below: 2}
            - rule: three
              threshold: {quantity: pm10, statistic: max, above: 1}
            """
        let expected = [
            "alerts.yaml:2: rules[0].rule: 'a b': expected at most 64 of the letters a-z, A-Z, 0-9, '-', '_' and '.'",
            "alerts.yaml:3: rules[0].severity: 'high': expected one of info, warning, critical",
            "alerts.yaml:4: rules[0].threshold.quantity: 'pm25': expected a quantity of the vocabulary; did you mean 'pm2_5'?",
            "alerts.yaml:4: rules[0].threshold.window: '2h': expected a window that the gateway keeps: 5m, 1h",
            "alerts.yaml:4: rules[0].threshold.clear: '80': expected a level at or below the raise level 75.0",
            "alerts.yaml:5: rules[1]: expected one of threshold, absence, out_of_range, finding, all, any, not, air_quality and group, found absence and out_of_range",
            "alerts.yaml:9: rules[2].treshold: unknown key; did you mean 'threshold'?",
            "alerts.yaml:8: rules[2]: expected one of threshold, absence, out_of_range, finding, all, any, not, air_quality and group, found none",
            "alerts.yaml:11: rules[3].threshold.window: missing: max needs a window, such as 5m",
        ]
        do {
            _ = try RuleFile.parse(yaml: text, file: "alerts.yaml", windows: { _ in windows })
            Issue.record("the mistakes passed")
        } catch {
            #expect(error.list.map(\.description) == expected)
        }
    }
}
