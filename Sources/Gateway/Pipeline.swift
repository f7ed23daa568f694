import Alerting
import Store
import Telemetry
import Windows

/// The pure heart of the gateway: what readings and time do to windows, device health and alerts.
///
/// No clock, no file, no socket. Replay after a restart runs the same code with the times that the journal kept.
/// Owned by the ingest thread.
final class Pipeline {
    private(set) var windows: WindowTable
    private(set) var health = DeviceHealth()
    private(set) var book: AlertBook
    private var touched: [SeriesID] = []
    /// By series: the turn in which it was last touched, so that each stands in `touched` once.
    private var touchedIn: [UInt32] = []
    private var turn: UInt32 = 0

    init(plan: WindowPlan, rules: [AlertRule]) {
        windows = WindowTable(plan: plan)
        book = AlertBook(rules: rules)
    }

    /// Resumes from the state that a snapshot kept; false when the bytes are not one, and then nothing changed.
    func restore(_ state: [UInt8]) -> Bool {
        guard let parts = PipelineState(bytes: state), let health = DeviceHealth(state: parts.health),
            let windows = WindowTable(state: parts.windows, plan: self.windows.plan)
        else { return false }
        self.windows = windows
        self.health = health
        return true
    }

    func state() -> [UInt8] { PipelineState(windows: windows.state(), health: health.state()).bytes }

    func restore(_ alerts: [(key: AlertKey, state: AlertState, severity: Severity)]) {
        for alert in alerts { book.restore(alert.key, state: alert.state, severity: alert.severity) }
    }

    func setRoster(_ entries: [(device: DeviceIndex, entry: RosterEntry, since: Timestamp)]) {
        book.setRoster(entries)
    }

    // MARK: The turn

    /// Takes in one turn's readings. Returns how many were too old for every window.
    ///
    /// Where nobody was heard the readings were imported, and `evaluate` has nothing to judge: the newest value of a
    /// series would be taken for news although it is last month's.
    @discardableResult
    func absorb(
        fresh: [Reading], suspects: [Reading], statuses: [DeviceStatus],
        heard: [(device: DeviceIndex, at: Timestamp)], registry: SeriesRegistry
    ) -> Int {
        turn &+= 1
        touched.removeAll(keepingCapacity: true)
        while touchedIn.count < registry.seriesCount { touchedIn.append(0) }
        for hearing in heard { health.hear(hearing.device, at: hearing.at) }
        for status in statuses { health.note(status) }
        for reading in suspects { health.noteSuspect(reading.series, at: reading.observed) }
        var late = 0
        let isLive = !heard.isEmpty
        for reading in fresh {
            if !windows.add(reading) { late += 1 }
            if isLive, touchedIn[reading.series.index] != turn {
                touchedIn[reading.series.index] = turn
                touched.append(reading.series)
            }
        }
        return late
    }

    /// Judges the series that the last `absorb` touched.
    func evaluate(suspects: [Reading], registry: SeriesRegistry, at now: Timestamp) -> [AlertTransition] {
        book.evaluate(
            touched: touched, suspects: suspects, health: health, statistics: statistics(at: now), registry: registry,
            at: now)
    }

    /// Judges what time alone changes; to be called about once a second.
    func scan(registry: SeriesRegistry, listeningSince: Timestamp?, at now: Timestamp) -> [AlertTransition] {
        book.scan(
            health: health, statistics: statistics(at: now), registry: registry, listeningSince: listeningSince,
            at: now)
    }

    /// Takes new rules and ends the alerts that are about nothing any more.
    func reload(rules: [AlertRule], registry: SeriesRegistry, at now: Timestamp) -> [AlertTransition] {
        book = book.with(rules: rules)
        return book.retire(registry, at: now)
    }

    /// The summaries of all windows of one series that are not empty, shortest window first.
    func summaries(of series: SeriesID, at now: Timestamp) -> [WindowSummary] {
        windows.plan.windows.indices.compactMap { windows.summary(of: series, window: $0, at: now) }
    }

    /// Two rules on the two sides of one statistic ask for the same summary, one after the other: it is made once.
    private func statistics(at now: Timestamp) -> AlertBook.Statistics {
        var last: (series: SeriesID, length: Duration, quantiles: Bool, summary: WindowSummary?)?
        return AlertBook.Statistics(
            newest: { [unowned self] series in windows.newest(of: series).map { ($0.value, $0.observed) } },
            summary: { [unowned self] series, length, quantiles in
                if let last, last.series == series, last.length == length, last.quantiles == quantiles {
                    return last.summary
                }
                let summary = windows.plan.index(of: length).flatMap {
                    windows.summary(of: series, window: $0, at: now, quantiles: quantiles)
                }
                last = (series, length, quantiles, summary)
                return summary
            })
    }
}
