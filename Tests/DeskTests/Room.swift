import Basics
import Desk
import Telemetry
import TestSupport

/// 2026-03-15T12:00:00Z
let noon = Timestamp(milliseconds: 1_773_576_000_000)

/// A desk with a small city, told what happens line by line. Time goes by in seconds, each with its tick.
///
/// Devices `lamp-1` to `lamp-3` are on circuit `c-1`, `lamp-4` to `lamp-6` on `c-2`, both in area `West`; `air-1` is in `East`.
struct Room {
    var registry = SeriesRegistry()
    private var roster: Roster
    var plan: DeskPlan
    var desk: Desk
    /// What the store would have kept.
    var standings: [AlertKey: [String: StoredStanding]] = [:]
    var up: [AlertKey: (phase: AlertPhase, severity: Severity)] = [:]
    var taken: Set<AlertKey> = []
    var began: [AlertKey: SteadyTime] = [:]
    var beginnings: [(key: AlertKey, at: SteadyTime)] = []
    var silences: [Silence] = []
    /// How far the wall clock is ahead of the others.
    var wallAhead = Duration.zero
    private var second = 0
    /// What was told and held back: `3 duty: firing out lamp-1`.
    private(set) var log: [String] = []

    init(_ plan: DeskPlan) {
        self.plan = plan
        desk = Desk(plan)
        var lines: [DeviceIndex: Roster.Line] = [:]
        for number in 1...6 {
            let device = registry.intern(device: "lamp-\(number)", profile: "lamp")!
            lines[device] = Roster.Line(
                entry: RosterEntry(
                    device: "lamp-\(number)", profile: "lamp", area: "West", circuit: number < 4 ? "c-1" : "c-2",
                    cadence: .seconds(60)), since: noon)
        }
        let air = registry.intern(device: "air-1", profile: "air")!
        lines[air] = Roster.Line(
            entry: RosterEntry(device: "air-1", profile: "air", area: "East", cadence: .seconds(60)), since: noon)
        roster = Roster(lines)
    }

    private var place: DeskPlace {
        DeskPlace(roster, registry, days: LocalDays(offsetSeconds: 0), isNight: { _ in false })
    }

    var now: Moment {
        let steady = SteadyTime(milliseconds: noon.milliseconds + Int64(second) * 1000)
        return Moment(
            wall: Timestamp(milliseconds: steady.milliseconds) + wallAhead, steady: steady, listened: steady)
    }

    /// Plays `second event`, and goes on to the end.
    mutating func play(_ events: [String], until end: Int) {
        for event in events {
            let words = event.split(separator: " ").map(String.init)
            go(to: Int(words[0])!)
            happen(Array(words.dropFirst()))
        }
        go(to: end)
    }

    /// One turn in which several alerts take a step.
    mutating func happen(together events: [String]) {
        let steps = events.map { step($0.split(separator: " ").map(String.init)) }
        note(desk.take(steps, place))
    }

    mutating func go(to end: Int) {
        while second < end {
            second += 1
            note(desk.tick(place, at: now))
        }
    }

    private mutating func happen(_ words: [String]) {
        switch words[0] {
        case "take":
            let key = key(words[1], words[2])
            taken.insert(key)
            note(desk.noteTaken(key, place, at: now))
        case "silence":
            // silence N rule=… seconds
            let selection = Silence.Selection(rules: [String(words[2].dropFirst("rule=".count))])
            silences.append(
                Silence(
                    id: Int64(words[1])!, selection: selection, begins: now.wall,
                    ends: now.wall + .seconds(Int(words[3])!),
                    endsSteady: now.steady + .seconds(Int(words[3])!), by: "li", reason: "works"))
            desk.setSilences(silences, at: now)
            note(desk.tick(place, at: now))
        case "unsilence":
            silences.removeAll { $0.id == Int64(words[1])! }
            desk.setSilences(silences, at: now)
            note(desk.tick(place, at: now))
        case "works":
            // works lamp-1,lamp-2 seconds
            var lines = roster.lines
            for name in words[1].split(separator: ",") {
                lines[registry.device(named: String(name))!]!.entry.service.maintenance = [
                    now.wall..<now.wall + .seconds(Int(words[2])!)
                ]
            }
            roster = Roster(lines)
            note(desk.tick(place, at: now))
        case "clock": wallAhead += .seconds(Int(words[1])!)
        case "restart": restart()
        default: note(desk.take([step(words)], place))
        }
    }

    /// `fire out lamp-1 critical`, `end out lamp-1`, `lose out lamp-1` (its data stop).
    private mutating func step(_ words: [String]) -> AlertTransition {
        let key = key(words[1], words[2])
        let before = up[key]
        let severity = words.count > 3 ? Severity(rawValue: words[3])! : before?.severity ?? .warning
        let to: AlertPhase =
            switch words[0] {
            case "fire": .firing
            case "end": .resolved
            case "lose": .unknown
            default: preconditionFailure("no such event: \(words)")
            }
        let from = before?.phase ?? .inactive
        up[key] = to == .resolved ? nil : (to, severity)
        if to == .resolved { taken.remove(key) }
        if from == .inactive {
            beginnings.append((key, now.steady))
            began[key] = now.steady
            taken.remove(key)
        }
        return AlertTransition(
            key: key, severity: severity, from: from, to: to, at: now.wall, listened: now.listened, steady: now.steady,
            since: now.wall, value: nil, sentence: Sentence(words: "x"))
    }

    func key(_ rule: String, _ name: String) -> AlertKey {
        let subject: Subject =
            name.hasPrefix("c-")
            ? .circuit(name)
            : ["West", "East"].contains(name)
                ? .area(name)
                : name == "gateway" ? .gateway : .device(registry.device(named: name)!)
        return AlertKey(rule: rule, subject: subject)
    }

    /// As a gateway that ends and begins again.
    mutating func restart() {
        desk = Desk(DeskPlan())
        desk.restore(
            plan, standings: standings.values.flatMap(\.values),
            up: up.mapValues {
                $0.phase == .unknown ? .unknown($0.severity) : .firing($0.severity)
            }, began: began, taken: taken, beginnings: beginnings.filter { now.steady - $0.at <= plan.memory },
            silences: silences,
            place, at: now)
    }

    private mutating func note(_ decisions: [DeskDecision]) {
        for decision in decisions {
            let about = "\(decision.key.rule) \(decision.key.subject.name(in: registry))"
            let hold: Hold?
            switch decision.verdict {
            case .told(let shown, let group):
                hold = nil
                log.append(
                    "\(second) \(decision.recipient): \(shown == .nothing ? "over" : shown.word) \(about)"
                        + (group.map { " in \($0.name)" } ?? ""))
            case .held(let held):
                hold = held
                log.append(
                    "\(second) (\(decision.recipient): \(about) \(held.reason.rawValue)"
                        + (held.detail.isEmpty ? ")" : " \(held.detail))"))
            case .over:
                hold = nil
                log.append("\(second) (\(decision.recipient): \(about) gone)")
            }
            standings[decision.key, default: [:]][decision.recipient] =
                decision.seen == .nothing && hold == nil
                ? nil
                : StoredStanding(
                    key: decision.key, recipient: decision.recipient, seen: decision.seen, hold: hold)
        }
    }

    /// Without what was held back.
    var told: [String] { log.filter { !$0.contains("(") } }
}
