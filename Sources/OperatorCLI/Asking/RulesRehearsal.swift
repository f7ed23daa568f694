import Alerting
import Basics
import ConfigurationFiles
import Desk
import Pipeline
import Store
import Telemetry
import Windows

/// Rules run over what a store has: the same pipeline as the gateway's, turn by turn.
struct RulesRehearsal {
    let archive: Archive
    let configuration: GatewayConfiguration
    let files: LoadedFiles
    let since: Timestamp
    let until: Timestamp
    /// Readings that were looked at.
    private(set) var readings = 0

    init(
        _ archive: Archive, _ configuration: GatewayConfiguration, _ files: LoadedFiles, since: Timestamp,
        until: Timestamp
    ) {
        self.archive = archive
        self.configuration = configuration
        self.files = files
        self.since = since
        self.until = until
    }

    /// How much earlier it begins, for windows to fill and watchers to learn.
    static func runUp(_ rules: [AlertRule]) -> Duration {
        rules.map { rule -> Duration in
            switch rule.condition {
            case .threshold(let threshold): (threshold.window ?? .zero) + threshold.hold + .seconds(3600)
            case .absence(let absence): absence.atLeast + .seconds(3600)
            case .outOfRange: .seconds(3600)
            // The profile of the day takes a week.
            case .finding: .seconds(7 * 86_400)
            case .composed(let composed): longest(rule) + composed.hold + .seconds(3600)
            case .group(let group): longest(rule) + group.hold + .seconds(3600)
            }
        }.max() ?? .zero
    }

    private static func longest(_ rule: AlertRule) -> Duration {
        rule.condition.thresholds.compactMap(\.window).max() ?? .zero
    }

    /// Runs several sets of rules, each with what its file says of messages, side by side over one reading of the store. Returns
    /// the episodes of each.
    mutating func run(
        _ sets: [(rules: [AlertRule], desk: DeskRules)], progress: (Timestamp) -> Void
    ) throws -> [RehearsedEpisodes] {
        let registry = archive.registry
        let all = sets.flatMap(\.rules)
        let start = since - Self.runUp(all)
        let roster = try roster(from: start)
        var plan = configuration.plan
        plan.hasWatchers = all.contains { if case .finding = $0.condition { true } else { false } }
        plan.windows = Self.windows(of: plan.windows, for: all)
        var rehearsals: [Rehearsal] = []
        for set in sets {
            let pipeline = Pipeline(plan, rules: set.rules)
            pipeline.setRoster(roster, registry: registry)
            rehearsals.append(Rehearsal(pipeline, from: Moment(start)))
        }
        var book = AlertBook(rules: all)
        book.setRoster(roster)
        let wanted = book.judgedBy(registry)
        var episodes = sets.map {
            RehearsedEpisodes(DeskPlan(configuration.notifications, $0.desk), since: since)
        }
        // Where nobody is heard for longer, nobody listens.
        let quietMax = Staleness.allowance(cadence: roster.lines.values.map(\.entry.cadence).min())
        var moment = Moment(start)
        var known = registry
        var desk = Self.deskPlace(rehearsals[0].pipeline, known)
        try archive.forEachTurn(
            PastTurnsRequest(
                since: start, until: until, series: wanted.series, devices: wanted.devices,
                quietMax: quietMax)
        ) { turn in
            readings += turn.fresh.count
            moment = turn.moment
            // Names that came while this ran.
            if archive.registry.seriesCount != known.seriesCount {
                known = archive.registry
                desk = Self.deskPlace(rehearsals[0].pipeline, known)
            }
            for place in rehearsals.indices {
                rehearsals[place].take(turn, known) { episodes[place].take($0, desk) }
                episodes[place].wait(until: moment, desk)
            }
            progress(turn.now)
        }
        // Time after the last turn counts as listened only so far as somebody would have been heard.
        let rest = max(.zero, until - moment.wall)
        let listened = min(rest, quietMax)
        let end = Moment(wall: moment.wall + rest, steady: moment.steady + rest, listened: moment.listened + listened)
        for place in rehearsals.indices {
            rehearsals[place].advance(to: end, known) { episodes[place].take($0, desk) }
            episodes[place].wait(until: end, desk)
            let active = rehearsals[place].pipeline.book.active
            episodes[place].finish { active[$0]?.peak?.value }
        }
        return episodes
    }

    private static func deskPlace(_ pipeline: Pipeline, _ registry: SeriesRegistry) -> DeskPlace {
        let site = pipeline.book.site
        return DeskPlace(pipeline.roster, registry, days: site.days, isNight: site.isNight)
    }

    /// That of the site; a device is awaited from the beginning on, or from when the roster named it first.
    private func roster(from start: Timestamp) throws -> Roster {
        let constants = files.constants
        let known = Roster(try archive.expectedDevices(), constants: constants)
        return Roster(
            known.lines.mapValues { line in
                Roster.Line(
                    entry: line.entry, since: line.since,
                    awaited: SteadyTime(milliseconds: max(start, line.since).milliseconds))
            }
        ).with(labels: files.labels)
    }

    /// Only those that rules ask for: the others would be filled for nobody.
    private static func windows(of plan: WindowPlan, for rules: [AlertRule]) -> WindowPlan {
        var lengths: [Quantity: Set<Duration>] = [:]
        for threshold in rules.flatMap(\.condition.thresholds) {
            if let window = threshold.window { lengths[threshold.quantity, default: []].insert(window) }
        }
        return WindowPlan(
            [plan.windows[0]],
            quantities: Dictionary(
                uniqueKeysWithValues: lengths.map { quantity, lengths in
                    (quantity, plan.windows(of: quantity).filter { lengths.contains($0.length) })
                }))
    }
}
