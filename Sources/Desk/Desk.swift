import Basics
public import Telemetry

/// Who is told of which alert, and when: steps of alerts, deeds and time go in, decisions come out.
///
/// For each alert that is up and each recipient the desk knows what the recipient was told, and tells it where that is not
/// what is: at once, or when what holds it back is over. So a recipient sees the end of all that it saw the beginning of, what
/// is held back is not forgotten, and a restart goes on from the two words that the store keeps of each.
///
/// Pure: time and places come as arguments. The same steps at the same moments give the same decisions, over restarts too.
public struct Desk: Sendable {
    /// Who is told, and what is told once.
    public private(set) var plan: DeskPlan
    /// Those that are not over.
    public private(set) var silences: [Silence] = []

    /// One alert that is up, or of whose end somebody is still to be told.
    struct Episode: Sendable {
        var actual: Shown
        /// When it fired.
        var began: SteadyTime
        var isTaken = false
        /// Its cause ended then.
        var causeEnded: SteadyTime?
        /// By recipient.
        var standings: [Standing]
    }

    /// What one recipient knows of one alert.
    struct Standing: Hashable, Sendable {
        var seen = Shown.nothing
        var hold: Hold?
    }

    var open: [AlertKey: Episode] = [:]
    /// Those of which something is held back.
    private var held: Set<AlertKey> = []
    /// No hold of them ends by itself before; nil where none does.
    package private(set) var nextDue: SteadyTime?
    private var causes: CauseTable
    var flaps: FlapTable
    /// What was in force when all that is held was last looked at.
    private var lastForce: Force?

    /// What holds alerts back beside other alerts and their own time.
    private struct Force: Equatable {
        var silences: [Int64]
        var maintenance: [String]
        /// By the roster.
        var workedOn: Set<DeviceIndex>
        /// By recipient.
        var routes: [[Bool]]
    }

    /// With nothing up.
    public init(_ plan: DeskPlan) {
        self.plan = plan
        causes = CauseTable(plan.causes)
        flaps = FlapTable(plan.flapping)
    }

    // MARK: What happens

    /// Takes steps of alerts in order, and returns what becomes of them.
    public mutating func take(_ steps: [AlertTransition], _ place: DeskPlace) -> [DeskDecision] {
        guard !plan.recipients.isEmpty else { return [] }
        var decisions: [DeskDecision] = []
        var first = 0
        while first < steps.count {
            // What one turn brought is one moment: a cause among it explains the rest, in whatever order they stand.
            var end = first
            while end < steps.count, steps[end].steady == steps[first].steady, steps[end].at == steps[first].at {
                note(steps[end], place)
                end += 1
            }
            let moment = Moment(
                wall: steps[first].at, steady: steps[first].steady, listened: steps[first].listened)
            let force = force(at: moment, place)
            for index in first..<end { reconcile(steps[index].key, step: index, force, place, moment, &decisions) }
            if causes.takeChanges() { reconcileHeld(force, place, moment, &decisions) }
            first = end
        }
        return decisions
    }

    /// What time alone changes; to be called about once a second.
    public mutating func tick(_ place: DeskPlace, at now: Moment) -> [DeskDecision] {
        var decisions: [DeskDecision] = []
        silences.removeAll { $0.isOver(at: now) }
        let force = force(at: now, place)
        for key in flaps.settled(at: now.steady) { reconcile(key, step: nil, force, place, now, &decisions) }
        if lastForce != force || nextDue.map({ $0 <= now.steady }) ?? false {
            lastForce = force
            reconcileHeld(force, place, now, &decisions)
        }
        return decisions
    }

    /// Somebody has taken the alert: it goes to nobody whose turn would have come later.
    public mutating func noteTaken(_ key: AlertKey, _ place: DeskPlace, at now: Moment) -> [DeskDecision] {
        guard open[key] != nil else { return [] }
        open[key]?.isTaken = true
        var decisions: [DeskDecision] = []
        reconcile(key, step: nil, force(at: now, place), place, now, &decisions)
        return decisions
    }

    /// Replaces the silences; one that is over by now is left out. The next `tick` tells what that changes.
    public mutating func setSilences(_ silences: [Silence], at now: Moment) {
        self.silences = silences.filter { !$0.isOver(at: now) }
        lastForce = nil
    }

    // MARK: Steps

    private mutating func note(_ step: AlertTransition, _ place: DeskPlace) {
        let before = open[step.key]?.actual ?? .nothing
        guard let actual = step.shown(before) else { return }
        if before == .nothing, actual != .nothing {
            if open[step.key] == nil {
                open[step.key] = Episode(
                    actual: actual, began: step.steady,
                    standings: Array(repeating: Standing(), count: plan.recipients.count))
            } else {
                open[step.key]?.began = step.steady
            }
            open[step.key]?.isTaken = false
            open[step.key]?.causeEnded = nil
            flaps.begin(step.key, at: step.steady)
        }
        open[step.key]?.actual = actual
        causes.note(step.key, isUp: actual != .nothing, place)
    }

    private mutating func reconcileHeld(
        _ force: Force, _ place: DeskPlace, _ now: Moment, _ decisions: inout [DeskDecision]
    ) {
        nextDue = nil
        // A set has no order, and the same steps must give the same decisions in the same order.
        for key in held.sorted() { reconcile(key, step: nil, force, place, now, &decisions) }
    }

    private mutating func reconcile(
        _ key: AlertKey, step: Int?, _ force: Force, _ place: DeskPlace, _ now: Moment,
        _ decisions: inout [DeskDecision]
    ) {
        guard var episode = open[key] else { return }
        let cause = causes.cause(of: key, place)
        if cause != nil {
            episode.causeEnded = nil
        } else if episode.causeEnded == nil, episode.standings.contains(where: { $0.hold?.reason == .cause }) {
            episode.causeEnded = now.steady
        }
        let target = flaps.isFlapping(key) ? episode.actual.flapping(episode) : episode.actual
        let waits = causes.waits(for: key, place)
        var isHeld = false
        for index in episode.standings.indices {
            let before = episode.standings[index]
            var after = before
            let wish = wish(
                Case(key: key, episode: episode, target: target, recipient: index, cause: cause, waits: waits), force,
                place, now)
            switch wish {
            case .none: after.hold = nil
            case .tell: after = Standing(seen: target)
            case .hold(let hold): after.hold = hold
            }
            if let hold = after.hold {
                isHeld = true
                if let due = hold.due { nextDue = min(nextDue ?? due, due) }
            }
            guard after != before else { continue }
            episode.standings[index] = after
            let recipient = plan.recipients[index]
            let verdict: DeskDecision.Verdict =
                switch wish {
                case .tell:
                    .told(
                        target, in: recipient.grouping?.group(of: key, target.severity ?? before.seen.severity, place))
                case .hold(let hold): .held(hold)
                case .none: .over
                }
            decisions.append(
                DeskDecision(
                    key: key, step: step, recipient: recipient.name, verdict: verdict, seen: after.seen, at: now))
        }
        if isHeld { held.insert(key) } else { held.remove(key) }
        let isSettled = target == .nothing && !isHeld && episode.standings.allSatisfy { $0.seen == .nothing }
        open[key] = isSettled ? nil : episode
    }

    // MARK: One recipient

    /// What a recipient is told of an alert now, and by which it is decided.
    private struct Case {
        var key: AlertKey
        var episode: Episode
        var target: Shown
        var recipient: Int
        var cause: AlertKey?
        /// See `CauseTable.waits`.
        var waits: (wait: Duration, settle: Duration)?

        var seen: Shown { episode.standings[recipient].seen }
    }

    private enum Wish {
        case none, tell
        case hold(Hold)
    }

    private func wish(_ asked: Case, _ force: Force, _ place: DeskPlace, _ now: Moment) -> Wish {
        let recipient = plan.recipients[asked.recipient]
        guard recipient.isNews(asked.target, after: asked.seen) else { return .none }
        let isBeginning = asked.seen == .nothing
        let waiting = asked.episode.standings[asked.recipient].hold
        // One that comes and goes, and is gone just now: whoever knows nothing of it hears of it when it is up.
        if isBeginning, asked.episode.actual == .nothing { return waiting.map { .hold($0) } ?? .none }
        var ways: [Int] = []
        if isBeginning {
            let severity = asked.target.severity ?? .info
            ways = recipient.routes.indices.filter { recipient.routes[$0].means(asked.key, severity, place) }
            guard !ways.isEmpty else { return .none }
            if let hold = explained(asked, place, now) { return .hold(hold) }
        }
        if let hold = silenced(asked.key, force, place) { return .hold(hold) }
        guard isBeginning else { return .tell }
        let open = ways.filter { force.routes[asked.recipient][$0] }
        guard !open.isEmpty else { return .hold(Hold(.outOfTime)) }
        let after = open.map { recipient.routes[$0].after }.min() ?? .zero
        guard after > .zero else { return .tell }
        if asked.episode.isTaken { return .hold(Hold(.taken)) }
        // One that comes and goes is waited for once, and not from each time on.
        var due = asked.episode.began + after
        if case .flapping = asked.target, let waiting, waiting.reason == .escalation { due = waiting.due ?? due }
        return now.steady >= due ? .tell : .hold(Hold(.escalation, due: due))
    }

    private func explained(_ asked: Case, _ place: DeskPlace, _ now: Moment) -> Hold? {
        if let cause = asked.cause {
            return Hold(.cause, by: "\(cause.rule) \(cause.subject.name(in: place.registry))")
        }
        if let ended = asked.episode.causeEnded, let settle = asked.waits?.settle, now.steady < ended + settle {
            return Hold(.settling, due: ended + settle)
        }
        if let wait = asked.waits?.wait, now.steady < asked.episode.began + wait {
            return Hold(.awaitingCause, due: asked.episode.began + wait)
        }
        return nil
    }

    private func silenced(_ key: AlertKey, _ force: Force, _ place: DeskPlace) -> Hold? {
        for silence in silences
        where force.silences.contains(silence.id) && silence.selection.means(key, place.roster, place.registry) {
            return Hold(silence.selection.alert == nil ? .silenced : .shelved, by: "\(silence.id)")
        }
        for window in plan.maintenance
        where force.maintenance.contains(window.name) && window.selection.means(key, place.roster, place.registry) {
            return Hold(.maintenance, by: window.name)
        }
        if !force.workedOn.isEmpty, Self.concerns(key.subject, only: force.workedOn, place) {
            return Hold(.maintenance, by: "roster")
        }
        return nil
    }

    /// Whether all devices that a subject is about are among these.
    private static func concerns(_ subject: Subject, only devices: Set<DeviceIndex>, _ place: DeskPlace) -> Bool {
        let concerned =
            switch subject {
            case .series(_, let device), .device(let device): [device]
            case .circuit(let name): place.roster.devices(onCircuit: name)
            case .area(let name): place.roster.devices(inArea: name)
            case .gateway, .broker: [DeviceIndex]()
            }
        return !concerned.isEmpty && devices.isSuperset(of: concerned)
    }

    private func force(at now: Moment, _ place: DeskPlace) -> Force {
        Force(
            silences: silences.filter { $0.isInForce(at: now) }.map(\.id),
            maintenance: plan.maintenance.filter { place.isIn($0.times, at: now.wall) }.map(\.name),
            workedOn: place.roster.devicesInMaintenance(at: now.wall),
            routes: plan.recipients.map { $0.routes.map { place.isIn($0.times, at: now.wall) } })
    }

    // MARK: Going on

    /// Takes up what the store kept, under a plan that may be another: of recipients that it has no more nothing is left.
    ///
    /// `up` are the alerts that fire, or did when their data stopped, `began` when they did first, `taken` those of them that
    /// somebody took; `beginnings` when alerts fired lately, rising.
    public mutating func restore(
        _ plan: DeskPlan, standings: [StoredStanding], up: [AlertKey: Shown], began: [AlertKey: SteadyTime],
        taken: Set<AlertKey>, beginnings: [(key: AlertKey, at: SteadyTime)], silences: [Silence], _ place: DeskPlace,
        at now: Moment
    ) {
        self = Desk(plan)
        let places = Dictionary(
            plan.recipients.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        for beginning in beginnings { flaps.begin(beginning.key, at: beginning.at) }
        for stored in standings {
            guard let index = places[stored.recipient] else { continue }
            var episode =
                open[stored.key]
                ?? Episode(
                    actual: up[stored.key] ?? .nothing, began: began[stored.key] ?? now.steady,
                    isTaken: taken.contains(stored.key),
                    standings: Array(repeating: Standing(), count: plan.recipients.count))
            episode.standings[index] = Standing(seen: stored.seen, hold: stored.hold)
            if let hold = stored.hold {
                held.insert(stored.key)
                if hold.reason == .settling, let due = hold.due,
                    let settle = causes.waits(for: stored.key, place)?.settle
                {
                    episode.causeEnded = due - settle
                }
            }
            if case .flapping = stored.seen { flaps.goOn(stored.key, at: now.steady) }
            open[stored.key] = episode
        }
        for (key, shown) in up {
            causes.note(key, isUp: true, place)
            guard open[key] == nil else { continue }
            // Nobody was to be told of it, or it fired before there was anybody.
            open[key] = Episode(
                actual: shown, began: began[key] ?? now.steady, isTaken: taken.contains(key),
                standings: Array(repeating: Standing(), count: plan.recipients.count))
        }
        _ = causes.takeChanges()
        setSilences(silences, at: now)
    }

    /// How many alerts are held back from somebody.
    var heldCount: Int { held.count }
}

extension Recipient {
    /// Whether what is differs from what was told in a way that it asks for.
    fileprivate func isNews(_ target: Shown, after seen: Shown) -> Bool {
        switch (seen, target) {
        case (.firing(let old), .firing(let new)): new > old || new < old && tellsLower
        case (.unknown, .unknown), (.nothing, .nothing), (.flapping, .flapping): false
        case (.nothing, _), (.firing, _), (.unknown, _), (.flapping, _): true
        }
    }
}

extension Shown {
    /// The same as of one that comes and goes; of one that is gone for now by what was told of it.
    fileprivate func flapping(_ episode: Desk.Episode) -> Shown {
        let told = episode.standings.compactMap { $0.seen.severity }.max()
        return (severity ?? told).map { .flapping($0) } ?? .nothing
    }
}

extension AlertTransition {
    /// What there is to tell once the step is taken; nil where it changes nothing of that.
    fileprivate func shown(_ before: Shown) -> Shown? {
        switch to {
        case .firing: .firing(severity)
        case .unknown: before == .nothing ? nil : .unknown(severity)
        case .resolved, .inactive: before == .nothing ? nil : .nothing
        // People count one that is clearing as firing.
        case .pending, .clearing: nil
        }
    }
}
