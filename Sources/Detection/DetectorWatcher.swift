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
    /// By series, as far as they are settled.
    private var tellsGaps: [Bool] = []
    /// Series below this are watched as the plan says.
    private var settledCount = 0

    /// Series are settled by the first roster or turn that brings them.
    public init(plan: DetectionPlan) { self.plan = plan }

    /// Settles every series anew, by the cadence that the roster now gives.
    public func setRoster(_ roster: Roster, registry: SeriesRegistry) {
        self.roster = roster
        settledCount = 0
        settle(registry)
    }

    /// Each fresh reading in the order of the turn; late ones are passed over.
    public func watch(_ turn: Turn, _ scene: Scene, _ noticed: inout Noticed) {
        settle(scene.registry)
        // History that somebody brings has its own times.
        let isLive = turn.origin == .live
        table.add(turn.fresh, at: turn.now, registry: scene.registry, &noticed) { reading, anomaly in
            defer { if isLive, tellsGaps[reading.series.index] { witness.note(reading, at: turn.moment) } }
            return anomaly.map { !isLive || witness.believes($0, of: reading, at: turn.moment) } ?? true
        }
    }

    /// Watches series as the plan says and as often as the roster expects them.
    private func settle(_ registry: SeriesRegistry) {
        while settledCount < registry.seriesCount {
            let id = SeriesID(rawValue: UInt32(settledCount))
            let series = registry.series[settledCount]
            settledCount += 1
            if tellsGaps.count < settledCount { tellsGaps.append(false) }
            let settings = plan.settings(for: series.quantity, cadence: roster.cadence(of: series.device))
            tellsGaps[id.index] = settings?.interval != nil && settings?.rules?.toldOfGaps == true
            if let settings {
                table.watch(id, settings)
            } else if table.settings(of: id) != nil {
                table.watch(id, DetectorSettings(tier: nil))
            }
        }
    }

    /// Each series that is watched.
    public func forget(_ order: Forgotten, registry: SeriesRegistry) -> Set<Subject> {
        let watched = order.series.filter { $0.index < registry.seriesCount && table.settings(of: $0) != nil }
        for series in watched { table.forget(series) }
        return Set(watched.map { .series($0, of: registry.series[$0.index].device) })
    }

    /// As `DetectorTable.state`.
    public func state() -> [UInt8] { table.state() }

    /// What was learnt is kept; how each series is watched follows the plan.
    public func resume(_ state: [UInt8], registry: SeriesRegistry) -> Bool {
        guard let table = DetectorTable(state: state, seriesEnd: registry.seriesCount) else { return false }
        self.table = table
        settledCount = 0
        settle(registry)
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
