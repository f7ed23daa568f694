import Basics
import Telemetry
import TestSupport
import Testing

@testable import Alerting

private func quantity(_ name: String) -> Quantity { Quantity(named: name)! }

/// Four lamps of two circuits on the roster, each with power, light level and temperature.
private struct Town {
    static let start = Timestamp(milliseconds: 1_772_705_640_000)
    var registry = SeriesRegistry()
    var health = DeviceHealth()
    var book: AlertBook
    var newest: [SeriesID: (value: Double, observed: Timestamp)] = [:]
    var moment = Moment(Self.start)
    var isListening = true
    let roster: Roster
    let site: SiteTime
    /// As a store has it: of each alert its last step and its worst value.
    private var last: [AlertKey: AlertTransition] = [:]
    private var peaks: [AlertKey: AlertPeak] = [:]

    /// `silent`: so many devices more on the roster, of which nothing comes.
    init(_ rules: [AlertRule], site: SiteTime = SiteTime(), silent: Int = 0) {
        var lines: [DeviceIndex: Roster.Line] = [:]
        for number in 0..<4 {
            let lamp = registry.intern(device: "lamp-\(number)", profile: "lamp")!
            for name in ["active_power", "light_level", "control_gear_temperature"] {
                _ = registry.intern(device: lamp, quantity: quantity(name), channel: .none)
            }
            lines[lamp] = Roster.Line(
                entry: RosterEntry(
                    device: "lamp-\(number)", profile: "lamp", area: "Lixia", circuit: number < 3 ? "c-1" : "c-2",
                    cadence: .seconds(60)), since: Self.start)
        }
        for number in 0..<silent {
            let pole = registry.intern(device: "pole-\(number)", profile: "pole")!
            lines[pole] = Roster.Line(
                entry: RosterEntry(device: "pole-\(number)", circuit: "c-9", cadence: .seconds(60)), since: Self.start)
        }
        roster = Roster(lines)
        self.site = site
        book = AlertBook(rules: rules, site: site)
        book.setRoster(roster)
    }

    private var statistics: AlertBook.Statistics {
        let (newest, now) = (newest, moment.wall)
        return AlertBook.Statistics(
            newest: { newest[$0] }, summary: { _, _, _ in nil }, age: { max(.zero, now - $1) }, backlog: { _ in .zero })
    }

    mutating func hear(_ lamp: Int, _ name: String, _ value: Double) -> [AlertTransition] {
        let device = DeviceIndex(rawValue: UInt32(lamp))
        let series = registry.find(device: device, quantity: quantity(name), channel: .none)!
        newest[series] = (value, moment.wall)
        let turn = Turn(
            origin: .live, at: moment, fresh: [Reading(series: series, observed: moment.wall, value: value)],
            heard: [Hearing(device: device, at: moment.wall)])
        let statistics = statistics
        health.absorb(turn, device: { [registry] in registry.series[$0.index].device }, age: statistics.age)
        return kept(book.evaluate(turn, Noticed(), health: health, statistics: statistics, registry: registry))
    }

    mutating func scan(after seconds: Int = 0) -> [AlertTransition] {
        moment.wall = moment.wall + .seconds(seconds)
        moment.steady = moment.steady + .seconds(seconds)
        if isListening { moment.listened = moment.listened + .seconds(seconds) }
        return kept(
            book.scan(
                health: health, statistics: statistics, registry: registry, isListening: isListening, at: moment))
    }

    private mutating func kept(_ transitions: [AlertTransition]) -> [AlertTransition] {
        for transition in transitions {
            last[transition.key] = transition
            peaks[transition.key] = transition.peak
        }
        peaks.merge(book.takePeaks()) { $1 }
        return transitions
    }

    /// Another book, from what is stored.
    mutating func restart() {
        var other = AlertBook(rules: book.rules, site: site)
        other.setRoster(roster)
        for (key, step) in last {
            let state = AlertState(step.to, after: step.from, since: step.since, listened: step.listened)
            other.restore(key, state: state, severity: step.severity, watched: step.watched, peak: peaks[key])
        }
        book = other
    }
}

/// As one reads them: `pending>firing critical`.
private func shown(_ transitions: [AlertTransition]) -> [String] {
    transitions.map { "\($0.from.rawValue)>\($0.to.rawValue) \($0.severity.rawValue)\($0.isNotified ? "" : " silent")" }
}

private func level(
    _ name: String, above: Double? = nil, below: Double? = nil, clear: Double? = nil
) -> DeviceCondition {
    .level(
        Threshold(
            quantity: quantity(name), direction: above == nil ? .below : .above, raise: above ?? below!,
            clear: clear ?? above ?? below!))
}

private func hot(clearHold: Duration = .zero, higher: [Threshold.Level] = []) -> Condition {
    .threshold(
        Threshold(
            quantity: quantity("control_gear_temperature"), direction: .above, raise: 75, clear: 70, hold: .seconds(60),
            clearHold: clearHold, higher: higher))
}

private func rule(_ condition: Condition, _ name: String = "r", times: ActiveTimes? = nil) -> AlertRule {
    AlertRule(name: name, severity: .warning, devices: .all, condition: condition, times: times)
}

private let ladder = hot(higher: [Threshold.Level(severity: .critical, raise: 110, clear: 100)])
/// Told to burn, and takes nothing.
private let dark = DeviceCondition.all([
    level("light_level", above: 50), .not(level("active_power", above: 5, clear: 2)),
])

@Suite("A condition on what a device measures")
struct MeasuredTests {
    private static func above(_ name: String, _ raise: Double, clear: Double) -> Threshold {
        Threshold(quantity: quantity(name), direction: .above, raise: raise, clear: clear)
    }

    @Test("a level counts where the device has the series, and not where it has none")
    func measured() {
        var town = Town([
            rule(
                .composed(
                    Composed(
                        condition: .anyMeasured(
                            "air bad",
                            [
                                Self.above("pm2_5", 100, clear: 95), Self.above("active_power", 100, clear: 95),
                                Self.above("light_level", 50, clear: 40),
                            ]))))
        ])
        #expect(town.hear(0, "active_power", 90).isEmpty)
        #expect(town.hear(0, "light_level", 30).isEmpty)
        let begun = town.hear(0, "active_power", 120)
        #expect(shown(begun) == ["inactive>firing warning"])
        #expect(
            begun.first?.sentence.contains("air bad (active_power above 100 W)") == true,
            "\(begun.map(\.sentence))")
        #expect(town.hear(0, "active_power", 97).isEmpty)
        #expect(shown(town.hear(0, "active_power", 90)) == ["firing>resolved warning"])
        // Of the others one has not spoken yet: nobody knows, and nothing begins.
        #expect(town.hear(1, "light_level", 30).isEmpty)
        #expect(shown(town.hear(1, "light_level", 60)) == ["inactive>firing warning"])
    }
}

@Suite("An alert that clears")
struct ClearingTests {
    private static let start = Moment(Town.start)
    private static let later = Moment(Town.start + .seconds(60))
    private static let since = Town.start + .seconds(-600)

    @Test("each state takes one step on each verdict, with a time to clear and without")
    func table() {
        let now = Self.later
        let (held, fresh) = (Self.start.listened, Self.later.listened)
        let firing = AlertState.firing(since: Self.since)
        let unknown = AlertState.unknown(since: Self.since, wasFiring: true)
        let silent = AlertState.unknown(since: Self.since, wasFiring: false)
        let clearing = AlertState.clearing(since: Self.since, held: held)
        let begun = AlertState.clearing(since: Self.since, held: fresh)
        let anew = AlertState.pending(since: now.wall, held: fresh)
        let pending = AlertState.pending(since: Self.since, held: fresh)
        // From a state: on holds, between, clears and no data; with 0, 60 and 120 seconds to clear.
        let table: [(AlertState, Verdict, [AlertState])] = [
            (.inactive, .holds, [anew, anew, anew]), (.inactive, .between, [.inactive, .inactive, .inactive]),
            (.inactive, .clears, [.inactive, .inactive, .inactive]),
            (.inactive, .noData, [.inactive, .inactive, .inactive]),
            (pending, .holds, [pending, pending, pending]), (pending, .between, [.inactive, .inactive, .inactive]),
            (pending, .clears, [.inactive, .inactive, .inactive]), (pending, .noData, [silent, silent, silent]),
            (firing, .holds, [firing, firing, firing]), (firing, .between, [firing, firing, firing]),
            (firing, .clears, [.inactive, begun, begun]), (firing, .noData, [unknown, unknown, unknown]),
            (clearing, .holds, [firing, firing, firing]), (clearing, .between, [firing, firing, firing]),
            (clearing, .clears, [.inactive, .inactive, clearing]), (clearing, .noData, [unknown, unknown, unknown]),
            (unknown, .holds, [firing, firing, firing]), (unknown, .between, [firing, firing, firing]),
            (unknown, .clears, [.inactive, firing, firing]), (unknown, .noData, [unknown, unknown, unknown]),
            (silent, .holds, [anew, anew, anew]), (silent, .between, [.inactive, .inactive, .inactive]),
            (silent, .clears, [.inactive, .inactive, .inactive]), (silent, .noData, [silent, silent, silent]),
        ]
        for (state, verdict, expected) in table {
            let found = [0, 60, 120].map {
                state.next(verdict, hold: .seconds(120), clearHold: .seconds($0), at: now)
            }
            #expect(found == expected, "\(state) on \(verdict)")
        }
        // A step as it is stored leads back to the state.
        for (state, verdict, expected) in table {
            for after in expected where after != .inactive && after != state {
                let phases = (state.phase(after: .inactive), after.phase(after: state))
                let again = AlertState(phases.1, after: phases.0, since: after.since!, listened: now.listened)
                #expect(again == after, "\(state) on \(verdict)")
            }
        }
    }

    @Test("is silent on the way in and on the way back, and told when it is over; deaf time does not count")
    func clears() {
        var town = Town([rule(hot(clearHold: .seconds(120)))])
        func temperature(_ value: Double) -> [String] { shown(town.hear(0, "control_gear_temperature", value)) }
        #expect(temperature(80) == ["inactive>pending warning silent"])
        #expect(shown(town.scan(after: 60)) == ["pending>firing warning"])
        #expect(temperature(60) == ["firing>clearing warning silent"])
        #expect(shown(town.scan(after: 60)) == [])
        #expect(temperature(72) == ["clearing>firing warning silent"])
        #expect(temperature(60) == ["firing>clearing warning silent"])
        town.isListening = false
        #expect(town.scan(after: 600) == [])
        town.isListening = true
        town.restart()
        #expect(town.scan(after: 119) == [])
        town.restart()
        let end = town.scan(after: 1)
        #expect(shown(end) == ["clearing>resolved warning"] && end.first?.meaning.endReason == .reading)
        #expect(town.book.active.isEmpty)
    }

    @Test("that is no longer heard is told as unknown, and fires for people before it clears again")
    func unknown() {
        var town = Town([rule(hot(clearHold: .seconds(120)))])
        _ = town.hear(0, "control_gear_temperature", 80)
        _ = town.scan(after: 60)
        #expect(shown(town.hear(0, "control_gear_temperature", 60)) == ["firing>clearing warning silent"])
        #expect(shown(town.scan(after: 1000)) == ["clearing>unknown warning"])
        #expect(shown(town.hear(0, "control_gear_temperature", 60)) == ["unknown>firing warning"])
        #expect(shown(town.scan(after: 1)) == ["firing>clearing warning silent"])
    }
}

@Suite("A ladder of levels")
struct LadderTests {
    @Test("is one alert that goes up and down, each step told once, over restarts")
    func climbs() {
        for restarts in [false, true] {
            var town = Town([rule(ladder)])
            func temperature(_ value: Double) -> [AlertTransition] {
                if restarts { town.restart() }
                return town.hear(0, "control_gear_temperature", value)
            }
            #expect(shown(temperature(80)) == ["inactive>pending warning silent"])
            #expect(shown(town.scan(after: 60)) == ["pending>firing warning"])
            let up = temperature(120)
            #expect(shown(up) == ["firing>firing critical"] && up.first?.since == Town.start)
            #expect(up.first?.sentence == "lamp-0: control gear temperature is 120 Cel, beyond 110 Cel: critical now")
            #expect(temperature(101) == [])
            let down = temperature(100)
            #expect(shown(down) == ["firing>firing warning"])
            #expect(
                down.first?.sentence
                    == "lamp-0: control gear temperature is 100 Cel, back at or within 100 Cel: warning now")
            #expect(down.first?.peak?.value == 120)
            #expect(temperature(72) == [])
            #expect(shown(temperature(70)) == ["firing>resolved warning"])
        }
    }

    @Test("a graver level counts at once, whatever the hold of the first, and ends as what it is")
    func atOnce() {
        var town = Town([rule(ladder)])
        let fired = town.hear(0, "control_gear_temperature", 120)
        #expect(shown(fired) == ["inactive>firing critical"])
        #expect(fired.first?.sentence == "lamp-0: control gear temperature is 120 Cel, above 110 Cel")
        #expect(shown(town.scan(after: 1000)) == ["firing>unknown critical"])
        #expect(shown(town.hear(0, "control_gear_temperature", 105)) == ["unknown>firing critical"])
        #expect(shown(town.hear(0, "control_gear_temperature", 60)) == ["firing>resolved critical"])
    }

    @Test("what comes back from clearing at another level is told of that level")
    func clearing() {
        var town = Town([
            rule(
                hot(clearHold: .seconds(60), higher: [Threshold.Level(severity: .critical, raise: 110, clear: 100)]))
        ])
        _ = town.hear(0, "control_gear_temperature", 120)
        #expect(shown(town.hear(0, "control_gear_temperature", 60)) == ["firing>clearing critical silent"])
        town.restart()
        #expect(
            shown(town.hear(0, "control_gear_temperature", 80))
                == ["clearing>firing critical silent", "firing>firing warning"])
    }
}

@Suite("Times of rules")
struct RuleTimesTests {
    @Test("outside of them nothing is raised, what fires ends with that reason, and at their begin it is judged anew")
    func times() {
        // The town begins at 10:14 UTC.
        let times = ActiveTimes([.init(hours: .clock(from: 10 * 60, to: 11 * 60))])
        var town = Town([rule(hot(), times: times), rule(.composed(Composed(condition: dark)), "dark", times: times)])
        _ = town.hear(0, "control_gear_temperature", 80)
        _ = town.hear(0, "light_level", 80)
        #expect(shown(town.hear(0, "active_power", 0)) == ["inactive>firing warning"])
        #expect(shown(town.scan(after: 60)) == ["pending>firing warning"])
        var ended: [AlertTransition] = []
        for _ in 0..<50 {
            ended += town.scan(after: 60)
            _ = town.hear(0, "control_gear_temperature", 90)
            _ = town.hear(0, "active_power", 0)
        }
        #expect(shown(ended) == ["firing>resolved warning", "firing>resolved warning"])
        #expect(ended.allSatisfy { $0.meaning.endReason == .outOfTime })
        #expect(town.book.active.isEmpty)
        #expect(ended.first?.sentence == "lamp-0: the rule does not watch at this time")
        // A day later: the value of the last minute, without another.
        var begun: [AlertTransition] = []
        for minute in 0..<(23 * 60 + 20) {
            begun += town.scan(after: 60)
            if minute == 22 * 60 + 52 { _ = town.hear(0, "control_gear_temperature", 90) }
        }
        #expect(shown(begun.filter { $0.key.rule == "r" }).prefix(1) == ["inactive>pending warning silent"])
    }
}

@Suite("Conditions of several parts")
struct ComposedTests {
    @Test("know yes, no and unknown")
    func truths() {
        for (left, right, all, any) in [
            (Truth.yes, .yes, .yes, .yes), (.yes, .no, .no, .yes), (.no, .no, .no, .no),
            (.yes, .unknown, .unknown, .yes), (.no, .unknown, .no, .unknown), (.unknown, .unknown, .unknown, .unknown),
        ] as [(Truth, Truth, Truth, Truth)] {
            for pair in [[left, right], [right, left]] {
                #expect(Truth.all(pair) == all && Truth.any(pair) == any, "\(pair)")
            }
        }
        #expect(Truth.allCases.map { !$0 } == [.yes, .unknown, .no])
    }

    @Test("fire when all is known to hold, wait while a part is not known, and keep their distance")
    func fires() {
        var town = Town([rule(.composed(Composed(condition: dark)))])
        #expect(town.hear(0, "light_level", 80) == [])
        // What stands behind `not` must be clear before the whole can hold.
        #expect(town.hear(0, "active_power", 3) == [])
        let fired = town.hear(0, "active_power", 1)
        #expect(
            shown(fired) == ["inactive>firing warning"] && fired.first?.key.subject == .device(DeviceIndex(rawValue: 0))
        )
        #expect(fired.first?.sentence == "lamp-0: light_level above 50 % and (not active_power above 5 W)")
        #expect(town.hear(0, "active_power", 4) == [])
        #expect(shown(town.scan(after: 1000)) == ["firing>unknown warning"])
        #expect(shown(town.hear(0, "active_power", 4)) == ["unknown>firing warning"])
        #expect(shown(town.hear(0, "active_power", 6)) == ["firing>resolved warning"])
        #expect(town.hear(1, "active_power", 0) == [])
    }

    @Test("a part that says no ends it, whatever is not known of the others")
    func unknownPart() {
        var town = Town([rule(.composed(Composed(condition: dark, hold: .seconds(60))))])
        _ = town.hear(0, "light_level", 80)
        #expect(shown(town.hear(0, "active_power", 0)) == ["inactive>pending warning silent"])
        #expect(shown(town.scan(after: 60)) == ["pending>firing warning"])
        #expect(shown(town.hear(0, "light_level", 10)) == ["firing>resolved warning"])
    }

    @Test("a group counts the devices of which it holds, and those of which nothing is known as neither")
    func group() {
        let watch = GroupWatch(kind: .circuit, quorum: .atLeast(2), condition: level("active_power", below: 5))
        var town = Town([rule(.group(watch))])
        func power(_ lamp: Int, _ value: Double) -> [AlertTransition] {
            _ = town.hear(lamp, "active_power", value)
            return town.scan(after: 1)
        }
        #expect(power(3, 0) == [] && power(0, 0) == [])
        let fired = power(1, 0)
        #expect(shown(fired) == ["inactive>firing warning"] && fired.first?.key.subject == .circuit("c-1"))
        #expect(fired.first?.sentence == "c-1: 2 of 3 devices: active_power below 5 W")
        #expect(power(2, 0) == [] && town.book.active.values.map(\.peak?.value) == [3])
        #expect(power(2, 50) == [])
        // One holds, one does not, of one nothing is known.
        town.moment.wall = town.moment.wall + .seconds(1000)
        town.moment.steady = town.moment.steady + .seconds(1000)
        town.moment.listened = town.moment.listened + .seconds(1000)
        #expect(shown(power(0, 0)) == ["firing>unknown warning"])
        #expect(power(2, 50) == [])
        #expect(shown(power(1, 50)) == ["unknown>resolved warning"])
    }

    @Test("of a large roster each group has its turn, and waits no longer than for it")
    func turns() {
        let watch = GroupWatch(kind: .circuit, quorum: .atLeast(2), condition: level("active_power", below: 5))
        var town = Town([rule(.group(watch))], silent: 12_000)
        #expect(town.scan(after: 1) == [])
        var waited: [Int] = []
        for (round, power) in [0.0, 50, 0, 50, 0, 50].enumerated() {
            // Another second of the turn each time.
            _ = town.scan(after: 1 + round % 3)
            for lamp in 0..<3 { _ = town.hear(lamp, "active_power", power) }
            let steps = (0..<3).map { _ in shown(town.scan(after: 1)) }
            #expect(steps.flatMap { $0 } == [power == 0 ? "inactive>firing warning" : "firing>resolved warning"])
            waited.append(steps.firstIndex { !$0.isEmpty } ?? 3)
        }
        #expect(Set(waited).count > 1)
    }

    @Test("a share is of all that the rule means, and of the city the alert is about the gateway")
    func share() throws {
        #expect([1, 3, 10, 11].map { GroupWatch.Quorum.share(0.3).needed(of: $0) } == [1, 1, 3, 4])
        #expect(GroupWatch.Quorum.share(1).needed(of: 7) == 7 && GroupWatch.Quorum.atLeast(2).needed(of: 1) == 2)
        let watch = GroupWatch(kind: .city, quorum: .share(0.5), condition: level("active_power", below: 5))
        var town = Town([rule(.group(watch))])
        _ = town.hear(0, "active_power", 0)
        #expect(town.scan(after: 1) == [])
        _ = town.hear(3, "active_power", 0)
        let fired = town.scan(after: 1)
        let step = try #require(fired.first)
        #expect(try Runbook("{name}: {value} of all").filled(step, town.roster, town.registry) == "gateway: 2 of all")
        #expect(
            fired.first?.key.subject == .gateway && fired.first?.sentence == "2 of 4 devices: active_power below 5 W")
    }

    @Test("a run with restarts and one without take the same steps", arguments: 0..<30 as Range<UInt64>)
    func restarts(seed: UInt64) {
        let group = GroupWatch(
            kind: .circuit, quorum: .share(0.6), condition: level("active_power", below: 5, clear: 20),
            hold: .seconds(30), clearHold: .seconds(60))
        let times = ActiveTimes([
            .init(hours: .clock(from: 10 * 60, to: 10 * 60 + 30)), .init(hours: .clock(from: 640, to: 660)),
        ])
        let rules = [
            rule(ladder, "ladder"), rule(hot(clearHold: .seconds(90)), "slow", times: times),
            rule(.composed(Composed(condition: dark, hold: .seconds(45), clearHold: .seconds(45))), "dark"),
            rule(.group(group), "group"),
        ]
        var random = SeededGenerator(seed: seed)
        var (one, other) = (Town(rules), Town(rules))
        var count = 0
        for _ in 0..<400 {
            let lamp = Int.random(in: 0..<4, using: &random)
            let what = Int.random(in: 0..<10, using: &random)
            let seconds = Int.random(in: 1...50, using: &random)
            let value = Double.random(in: 0...1, using: &random)
            func step(_ town: inout Town) -> [AlertTransition] {
                switch what {
                case 0...1: town.hear(lamp, "active_power", value * 30)
                case 2: town.hear(lamp, "light_level", value * 100)
                case 3...5: town.hear(lamp, "control_gear_temperature", 60 + value * 60)
                default: town.scan(after: seconds)
                }
            }
            if Int.random(in: 0..<8, using: &random) == 0 { other.restart() }
            let (left, right) = (step(&one), step(&other))
            count += left.count
            #expect(left == right, "seed \(seed)")
            #expect(one.book.active == other.book.active, "seed \(seed)")
        }
        #expect(count > 20)
    }

    @Test("a changed part is another rule, and levels alone are not another watch")
    func contents() {
        let rules = [
            rule(hot()), rule(hot(clearHold: .seconds(1))), rule(ladder),
            rule(hot(), times: ActiveTimes([.init(hours: .wholeDay)])), rule(.composed(Composed(condition: dark))),
            rule(.composed(Composed(condition: dark, hold: .seconds(1)))),
            rule(.composed(Composed(condition: .not(dark)))),
            rule(.group(GroupWatch(kind: .area, quorum: .atLeast(1), condition: dark))),
            rule(.group(GroupWatch(kind: .city, quorum: .atLeast(1), condition: dark))),
            rule(.group(GroupWatch(kind: .city, quorum: .share(0.5), condition: dark))),
        ]
        #expect(Set(rules.map(\.contentCheck)).count == rules.count)
        #expect(rules[0].watched == rules[1].watched && rules[1].watched == rules[2].watched)
        #expect(rules[4].watched == rules[5].watched && rules[4].watched != rules[6].watched)
    }
}

@Suite("Runbook")
struct RunbookTests {
    @Test("is filled with what the step and the roster know, and nothing where nothing is known")
    func filled() throws {
        let book = try Runbook(
            "{rule} ({severity}) {name}: {quantity} {value} {unit}, {raise}/{clear}; {area}, {circuit} {x y} {")
        var town = Town([rule(ladder)])
        let step = town.hear(0, "control_gear_temperature", 120)[0]
        #expect(
            book.filled(step, town.roster, town.registry)
                == "r (critical) lamp-0: control gear temperature 120 Cel, 110/100; Lixia, c-1 {x y} {")
        let whole = AlertTransition(
            key: AlertKey(rule: "r", subject: .circuit("c-1")), severity: .info, from: .inactive, to: .firing,
            at: Town.start, since: Town.start, value: nil, sentence: Sentence(.findingKnown))
        #expect(
            try Runbook("{name}|{value}|{unit}|{area}|{circuit}").filled(whole, town.roster, town.registry)
                == "c-1|||Lixia|c-1")
    }

    @Test("names the word of a place that there is not")
    func unknown() {
        #expect(throws: Runbook.UnknownPlace(word: "nmae")) { try Runbook("call {nmae}") }
    }
}
