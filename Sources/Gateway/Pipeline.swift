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
    private(set) var clocks = DeviceClocks()
    private(set) var book: AlertBook
    private var touched: [SeriesID] = []
    /// By series: the turn in which it was last touched, so that each stands in `touched` once.
    private var touchedIn: [UInt32] = []
    private var turn: UInt32 = 0
    /// Of the devices on the roster.
    private var cadences: [DeviceIndex: Duration] = [:]

    init(plan: WindowPlan, rules: [AlertRule]) {
        windows = WindowTable(plan: plan)
        book = AlertBook(rules: rules)
    }

    /// Resumes from the state that a snapshot kept; false when the bytes are not one, and then nothing changed. The roster
    /// must be set already: a device's cadence decides how fine the panes of its windows are.
    func restore(_ state: [UInt8], registry: SeriesRegistry) -> Bool {
        guard let parts = PipelineState(bytes: state), let health = DeviceHealth(state: parts.health),
            let clocks = parts.clocks.isEmpty ? DeviceClocks() : DeviceClocks(state: parts.clocks),
            let windows = WindowTable(
                state: parts.windows, plan: self.windows.plan,
                traits: { number in
                    guard number < registry.seriesCount else { return nil }
                    let series = registry.series[number]
                    return SeriesTraits(quantity: series.quantity, cadence: cadences[series.device])
                })
        else { return false }
        self.windows = windows
        self.health = health
        self.clocks = clocks
        return true
    }

    func state() -> [UInt8] {
        PipelineState(windows: windows.state(), health: health.state(), clocks: clocks.state()).bytes
    }

    func restore(_ alerts: [(key: AlertKey, state: AlertState, severity: Severity)]) {
        for alert in alerts { book.restore(alert.key, state: alert.state, severity: alert.severity) }
    }

    func setRoster(
        _ entries: [(device: DeviceIndex, entry: RosterEntry, since: Timestamp)], registry: SeriesRegistry
    ) {
        book.setRoster(entries)
        cadences = Dictionary(entries.map { ($0.device, $0.entry.cadence) }, uniquingKeysWith: { $1 })
        for place in 0..<windows.seriesCount {
            windows.setCadence(cadences[registry.series[place].device], of: SeriesID(rawValue: UInt32(place)))
        }
    }

    // MARK: The turn

    /// Takes in one turn's readings, as of `now`. Returns how many no window took: too old for all, or of the future.
    ///
    /// Where nobody was heard the readings were imported, and `evaluate` has nothing to judge: the newest value of a
    /// series would be taken for news although it is last month's.
    @discardableResult
    func absorb(
        fresh: [Reading], suspects: [Reading], statuses: [DeviceStatus],
        heard: [(device: DeviceIndex, at: Timestamp)], registry: SeriesRegistry, at now: Timestamp
    ) -> Int {
        turn &+= 1
        touched.removeAll(keepingCapacity: true)
        while touchedIn.count < registry.seriesCount { touchedIn.append(0) }
        for hearing in heard { health.hear(hearing.device, at: hearing.at) }
        for status in statuses { health.note(status) }
        for reading in suspects { health.noteSuspect(reading.series, at: reading.observed) }
        while windows.seriesCount < registry.seriesCount {
            let series = registry.series[windows.seriesCount]
            windows.open(series.quantity, cadence: cadences[series.device])
        }
        var untaken = 0
        let isLive = !heard.isEmpty
        if isLive { clocks.absorb(fresh: fresh, heard: heard, registry: registry) }
        for reading in fresh {
            switch windows.add(reading, at: now) {
            case .taken, .revised: break
            case .tooOld, .fenced: untaken += 1
            }
            if isLive, touchedIn[reading.series.index] != turn {
                touchedIn[reading.series.index] = turn
                touched.append(reading.series)
            }
        }
        return untaken
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
    func summaries(of series: SeriesID, at now: Timestamp) -> [WindowSummary] { windows.summaries(of: series, at: now) }

    /// Two rules on the two sides of one statistic ask for the same summary, one after the other: it is made once.
    private func statistics(at now: Timestamp) -> AlertBook.Statistics {
        var last: (series: SeriesID, length: Duration, quantiles: Bool, summary: WindowSummary?)?
        return AlertBook.Statistics(
            newest: { [unowned self] series in windows.newest(of: series) },
            summary: { [unowned self] series, length, quantiles in
                if let last, last.series == series, last.length == length, last.quantiles == quantiles {
                    return last.summary
                }
                let summary = windows.summary(of: series, over: length, at: now, quantiles: quantiles)
                last = (series, length, quantiles, summary)
                return summary
            },
            clock: { [unowned self] device in (clocks.skew(of: device) ?? .zero, clocks.backlog(of: device)) })
    }
}
