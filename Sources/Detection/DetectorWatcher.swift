import Basics
public import Telemetry

/// The detectors of single series as the plan wants them: anomalies against what a series usually does, and the rules of
/// plausibility.
public final class DetectorWatcher: Watcher {
    /// `detectors`; never changes.
    public static let stateName = "detectors"

    private let plan: DetectionPlan
    private var table = DetectorTable()
    private var roster = Roster()
    private var witness = GapWitness()
    /// By series: how far it is settled.
    private var settled: [Settled] = []

    private enum Settled: UInt8 {
        case no
        /// It is watched as the plan says, be that not at all.
        case yes
        /// And its gaps are told.
        case tellsGaps
    }

    /// Series are settled when they first speak: a name of which nothing comes costs no memory.
    public init(plan: DetectionPlan) { self.plan = plan }

    /// Settles every series anew, by the cadence that the roster now gives.
    public func setRoster(_ roster: Roster, registry: SeriesRegistry) {
        self.roster = roster
        settleAnew(registry)
    }

    /// Each fresh reading in the order of the turn; late ones are passed over.
    public func watch(_ turn: Turn, _ scene: Scene, _ noticed: inout Noticed) {
        makeRoom(scene.registry)
        for reading in turn.fresh where settled[reading.series.index] == .no && scene.hasWindows(reading.series) {
            settle(reading.series, scene.registry)
        }
        // History that somebody brings has its own times.
        let isLive = turn.origin == .live
        table.add(turn.fresh, at: turn.now, registry: scene.registry, &noticed) { reading, anomaly in
            defer { if isLive, settled[reading.series.index] == .tellsGaps { witness.note(reading, at: turn.moment) } }
            return anomaly.map { !isLive || witness.believes($0, of: reading, at: turn.moment) } ?? true
        }
    }

    private func makeRoom(_ registry: SeriesRegistry) {
        let missing = registry.seriesCount - settled.count
        if missing > 0 { settled.append(contentsOf: repeatElement(.no, count: missing)) }
    }

    /// Those that are watched already at once, the others when they speak.
    private func settleAnew(_ registry: SeriesRegistry) {
        settled = Array(repeating: .no, count: registry.seriesCount)
        for series in table.watched where series.index < registry.seriesCount { settle(series, registry) }
    }

    /// Watches a series as the plan says and as often as the roster expects it.
    private func settle(_ id: SeriesID, _ registry: SeriesRegistry) {
        let series = registry.series[id.index]
        let settings = plan.settings(for: series.quantity, cadence: roster.cadence(of: series.device))
        settled[id.index] = settings?.interval != nil && settings?.rules?.toldOfGaps == true ? .tellsGaps : .yes
        if let settings {
            table.watch(id, settings)
        } else if table.settings(of: id) != nil {
            table.watch(id, DetectorSettings(tier: nil))
        }
    }

    /// Each series that is watched.
    public func forget(_ order: Forgotten, registry: SeriesRegistry) -> Set<Subject> {
        makeRoom(registry)
        let known = order.series.sorted().filter { $0.index < registry.seriesCount }
        for series in known where settled[series.index] == .no { settle(series, registry) }
        let watched = known.filter { table.settings(of: $0) != nil }
        for series in watched { table.forget(series) }
        return Set(watched.map { .series($0, of: registry.series[$0.index].device) })
    }

    /// As `DetectorTable.state`.
    public func state() -> [UInt8] { table.state() }

    /// What was learnt is kept; how each series is watched follows the plan.
    public func resume(_ state: [UInt8], registry: SeriesRegistry) -> Bool {
        guard let table = DetectorTable(state: state, seriesEnd: registry.seriesCount) else { return false }
        self.table = table
        settleAnew(registry)
        return true
    }
}

extension DetectorTable {
    /// Takes the readings of a turn: what they give away, and what was told before and still holds. `believes` is asked of each
    /// reading, with what it gave away.
    mutating func add(
        _ readings: [Reading], at now: Timestamp, registry: SeriesRegistry, _ noticed: inout Noticed,
        believes: (Reading, Anomaly?) -> Bool
    ) {
        guard seriesCount > 0 else { return }
        for reading in readings {
            let anomaly = add(reading, at: now)
            if believes(reading, anomaly), let anomaly {
                noticed.findings.append(Finding(anomaly, registry: registry))
                continue
            }
            let standing = standing(reading.series)
            guard standing.flat || standing.line else { continue }
            let subject = Subject.series(reading.series, of: registry.series[reading.series.index].device)
            if standing.flat {
                noticed.standing.append(.init(kind: .flatLine, subject: subject, at: reading.observed))
            }
            if standing.line {
                noticed.standing.append(.init(kind: .straightLine, subject: subject, at: reading.observed))
            }
        }
    }
}
