package import Basics
package import Alerting
package import City
package import Detection
package import Telemetry
package import Windows

/// The pure heart of the gateway: what readings and time do to windows, device health and alerts.
///
/// No clock, no file, no socket. Replay after a restart runs the same code with the times that the journal kept.
/// Owned by the ingest thread.
package final class Pipeline {
    package private(set) var windows: WindowTable
    package private(set) var health = DeviceHealth()
    package private(set) var clocks = DeviceClocks()
    package private(set) var book: AlertBook
    package private(set) var detectors = DetectorTable()
    package private(set) var peers: PeerTable
    package private(set) var lamps: LampTable
    package private(set) var roads: RoadTable
    private let detection: DetectionPlan
    /// Series below this are watched as the plan says.
    private var settledSeries = 0
    /// What the last `absorb` noticed.
    package private(set) var findings: [Finding] = []
    private var touched: [SeriesID] = []
    /// By series: the turn in which it was last touched, so that each stands in `touched` once.
    private var touchedIn: [UInt32] = []
    private var turn: UInt32 = 0
    private var roster: [DeviceIndex: RosterEntry] = [:]

    package init(_ plan: PipelinePlan, rules: [AlertRule]) {
        windows = WindowTable(plan: plan.windows)
        detection = plan.detection
        peers = PeerTable(plan: plan.peers)
        lamps = LampTable(rules: plan.lamps)
        roads = RoadTable(localOffsetSeconds: plan.lamps.offsetSeconds)
        book = AlertBook(rules: rules)
    }

    /// Resumes from the state that a snapshot kept; false when the bytes are not one, and then nothing changed. The roster
    /// must be set already: a device's cadence decides how fine the panes of its windows are.
    package func restore(_ state: [UInt8], registry: SeriesRegistry) -> Bool {
        guard let parts = PipelineState(bytes: state), let health = DeviceHealth(state: parts.health),
            let clocks = parts.clocks.isEmpty ? DeviceClocks() : DeviceClocks(state: parts.clocks),
            let windows = WindowTable(
                state: parts.windows, plan: self.windows.plan,
                traits: { number in
                    guard number < registry.seriesCount else { return nil }
                    let series = registry.series[number]
                    return SeriesTraits(quantity: series.quantity, cadence: roster[series.device]?.cadence)
                }),
            let learnt = DetectionState(bytes: parts.detectors), let detectors = DetectorTable(state: learnt.table)
        else { return false }
        // One after the other into copies: what is refused changes nothing.
        var (peers, lamps, roads) = (peers, lamps, roads)
        guard peers.resume(learnt.peers), lamps.resume(learnt.lamps, registry: registry),
            roads.resume(learnt.roads, registry: registry)
        else { return false }
        (self.peers, self.lamps, self.roads) = (peers, lamps, roads)
        self.windows = windows
        self.health = health
        self.clocks = clocks
        self.detectors = detectors
        settledSeries = 0
        settleDetectors(registry)
        return true
    }

    package func state() -> [UInt8] {
        PipelineState(
            windows: windows.state(), health: health.state(), clocks: clocks.state(),
            detectors: DetectionState(
                table: detectors.state(), peers: peers.state(), lamps: lamps.state(),
                roads: roads.state()
            ).bytes
        ).bytes
    }

    package func restore(_ alerts: [(key: AlertKey, state: AlertState, severity: Severity)]) {
        for alert in alerts { book.restore(alert.key, state: alert.state, severity: alert.severity) }
    }

    package func setRoster(
        _ entries: [(device: DeviceIndex, entry: RosterEntry, since: Timestamp)], registry: SeriesRegistry
    ) {
        book.setRoster(entries)
        roster = Dictionary(entries.map { ($0.device, $0.entry) }, uniquingKeysWith: { $1 })
        peers.setRoster(roster)
        lamps.setRoster(roster)
        roads.setRoster(roster)
        for place in 0..<windows.seriesCount {
            windows.setCadence(roster[registry.series[place].device]?.cadence, of: SeriesID(rawValue: UInt32(place)))
        }
        settledSeries = 0
        settleDetectors(registry)
    }

    /// Watches series as the plan says and as often as the roster expects them.
    private func settleDetectors(_ registry: SeriesRegistry) {
        while settledSeries < registry.seriesCount {
            let id = SeriesID(rawValue: UInt32(settledSeries))
            let series = registry.series[settledSeries]
            settledSeries += 1
            let settings = detection.settings(for: series.quantity, cadence: roster[series.device]?.cadence)
            if let settings {
                detectors.watch(id, settings)
            } else if detectors.settings(of: id) != nil {
                detectors.watch(id, DetectorSettings(tier: nil))
            }
        }
    }

    // MARK: The turn

    /// Takes in one turn's readings, as of `now`. Returns how many no window took: too old for all, or of the future.
    ///
    /// Where nobody was heard the readings were imported, and `evaluate` has nothing to judge: the newest value of a
    /// series would be taken for news although it is last month's.
    @discardableResult
    package func absorb(
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
            windows.open(series.quantity, cadence: roster[series.device]?.cadence)
        }
        settleDetectors(registry)
        findings.removeAll(keepingCapacity: true)
        var untaken = 0
        let isLive = !heard.isEmpty
        if isLive { clocks.absorb(fresh: fresh, heard: heard, registry: registry) }
        for reading in fresh {
            switch windows.add(reading, at: now) {
            case .taken, .revised: break
            case .tooOld, .fenced: untaken += 1
            }
            guard isLive else { continue }
            if let anomaly = detectors.add(reading) {
                findings.append(Finding(anomaly, registry: registry))
            } else if detectors.isStandingStill(reading.series) {
                let device = registry.series[reading.series.index].device
                for kind in [Finding.Kind.flatLine, .straightLine] {
                    health.renew(kind, device: device, series: reading.series, at: reading.observed)
                }
            }
            if touchedIn[reading.series.index] != turn {
                touchedIn[reading.series.index] = turn
                touched.append(reading.series)
            }
        }
        if isLive {
            watchCity(fresh, registry, at: now)
            comparePeers(registry, at: now)
        }
        for finding in findings { health.note(finding) }
        return untaken
    }

    private func watchCity(_ fresh: [Reading], _ registry: SeriesRegistry, at now: Timestamp) {
        var found: [Finding] = []
        var start = 0
        while start < fresh.count {
            // The readings of one message that share device and time stand together.
            let device = registry.series[fresh[start].series.index].device
            var end = start + 1
            while end < fresh.count, fresh[end].observed == fresh[start].observed,
                registry.series[fresh[end].series.index].device == device
            {
                end += 1
            }
            lamps.absorb(fresh[start..<end], of: device, registry: registry) { found.append($0) }
            roads.absorb(fresh[start..<end], of: device, registry: registry) { found.append($0) }
            start = end
        }
        lamps.judgeCircuits(heard: { [health] in health.lastHeard($0) }, at: now) { found.append($0) }
        findings += found
    }

    private func comparePeers(_ registry: SeriesRegistry, at now: Timestamp) {
        let (told, standing) = peers.round(
            newest: { [unowned self] in windows.newest(of: $0) }, registry: registry, at: now)
        for series in standing {
            health.note(.peers, device: registry.series[series.index].device, series: series, at: now)
        }
        findings += told.map { Finding($0, registry: registry) }
    }

    /// Judges the series that the last `absorb` touched.
    package func evaluate(suspects: [Reading], registry: SeriesRegistry, at now: Timestamp) -> [AlertTransition] {
        book.evaluate(
            touched: touched, suspects: suspects, findings: findings, health: health, statistics: statistics(at: now),
            registry: registry, at: now)
    }

    /// Judges what time alone changes; to be called about once a second.
    package func scan(registry: SeriesRegistry, listeningSince: Timestamp?, at now: Timestamp) -> [AlertTransition] {
        book.scan(
            health: health, statistics: statistics(at: now), registry: registry, listeningSince: listeningSince,
            at: now)
    }

    /// Takes new rules and ends the alerts that are about nothing any more.
    package func reload(rules: [AlertRule], registry: SeriesRegistry, at now: Timestamp) -> [AlertTransition] {
        book = book.with(rules: rules)
        return book.retire(registry, at: now)
    }

    /// The summaries of all windows of one series that are not empty, shortest window first.
    package func summaries(of series: SeriesID, at now: Timestamp) -> [WindowSummary] {
        windows.summaries(of: series, at: now)
    }

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

/// What was learnt of single series, of peers, of lamps and of roads, side by side in the pipeline's state.
private struct DetectionState {
    var table: [UInt8]
    var peers: [UInt8]
    var lamps: [UInt8]
    var roads: [UInt8]

    init(table: [UInt8], peers: [UInt8], lamps: [UInt8], roads: [UInt8]) {
        self.table = table
        self.peers = peers
        self.lamps = lamps
        self.roads = roads
    }

    var bytes: [UInt8] {
        var writer = StateWriter()
        for block in [table, peers, lamps, roads] { writer.append(block: block) }
        return writer.bytes
    }

    /// Of no bytes, those of a gateway that watched nothing yet; nil where the bytes are no state.
    init?(bytes: [UInt8]) {
        guard !bytes.isEmpty else {
            self.init(
                table: DetectorTable().state(), peers: PeerTable(plan: PeerPlan()).state(),
                lamps: LampTable(rules: LampRules()).state(), roads: RoadTable(localOffsetSeconds: 0).state())
            return
        }
        var reader = StateReader(bytes)
        guard let table = reader.nextBlock(), let peers = reader.nextBlock(), let lamps = reader.nextBlock(),
            let roads = reader.nextBlock(), reader.isAtEnd
        else { return nil }
        self.init(table: table, peers: peers, lamps: lamps, roads: roads)
    }
}
