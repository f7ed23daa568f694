public import Basics
public import Telemetry

/// Every alert that is not inactive, and the step of each at every evaluation.
///
/// Pure: time, readings and summaries come as arguments. What it returns is all that changed; storing the returned
/// transitions and giving them back to `restore` makes an equal book.
public struct AlertBook: Sendable {

    /// In the order of the rules file, in which they are judged.
    public let rules: [AlertRule]
    /// Those that are not inactive.
    public private(set) var active = ActiveAlerts()
    /// How many of the active alerts are about each series: most series have none, and need no look-up by key.
    private var activeCounts: [UInt16] = []
    var selection = Selection()
    /// Whose clock and sun `times` of rules go by.
    public internal(set) var site: SiteTime
    /// By rule: whether it was in force at the last scan; empty before the first.
    var wasInForce: [Bool] = []
    /// Whose worst value has changed since it was last told of.
    var untoldPeaks: Set<AlertKey> = []

    /// What a round of judging goes by.
    struct Facts {
        let health: DeviceHealth
        let statistics: Statistics
        let registry: SeriesRegistry
        let now: Moment
    }

    /// One threshold rule on one series, as plain numbers: what every reading is judged by is copied without counting
    /// references. (6 values a message with 3 such rules: 1.9 µs a message with the rules themselves.)
    struct Watch: Sendable {
        var rule: Int
        var device: DeviceIndex
        var statistic: Threshold.Statistic
        var window: Duration?
        var isAbove: Bool
        var raise: Double
        var clear: Double
        var staleMilliseconds: Int64
        var coverageMin: Double

        /// `allowance`: after so many milliseconds without a word nothing is known of the device, where the rule does not say.
        init(_ threshold: Threshold, rule: Int, of device: DeviceIndex, _ allowance: Int64) {
            self.rule = rule
            self.device = device
            statistic = threshold.statistic
            window = threshold.window
            isAbove = threshold.direction == .above
            raise = threshold.raise
            clear = threshold.clear
            staleMilliseconds = threshold.stale?.milliseconds ?? allowance
            coverageMin = threshold.coverageMin
        }
    }

    /// By series, where its watches lie; filled when a series is first seen.
    var watchesOfSeries: [Range<Int>] = []
    var watches: [Watch] = []
    /// By series: the turn in which its watches last judged it.
    var judgedIn: [UInt32] = []
    var turnCount: UInt32 = 0
    /// When the gateway last noticed what it has itself.
    var ownNoticed: [Finding.Kind: SteadyTime] = [:]
    let absenceRules: [Int]
    /// By place in `absenceRules`, once they were judged by this roster.
    var absences: [AbsenceWatch] = []
    var memory = ScanMemory()
    /// However quiet it is, each alert that is up is looked at so often.
    public var lookAgain = Duration.seconds(30)
    let rangeRules: [Int]
    let findingRules: [Int]
    let groupRules: [Int]
    /// By series: the rules of which it may change a condition of several parts; empty where there are none.
    var partsOfSeries: [[Int]] = []
    /// By device: its series of which such a rule asks.
    var partSeriesOfDevice: [[SeriesID]] = []
    /// Groups of which readings came since the last scan; nil: nobody knows of which.
    var touchedGroups: Set<AlertKey>?
    /// In the time that the gateway listened, in seconds; nil before the first scan.
    var groupsScanned: Int64?
    /// Of each group asked for since the roster was set.
    var groupMembers: [AlertKey: [DeviceIndex]] = [:]
    private let hasParts: Bool
    let ruleIndex: [ByteName: Int]

    /// Names should differ: alerts are kept by the name of their rule and their subject.
    public init(rules: [AlertRule], site: SiteTime = SiteTime()) {
        self.rules = rules
        self.site = site
        ruleIndex = Dictionary(
            rules.enumerated().map { (ByteName($1.name), $0) }, uniquingKeysWith: { first, _ in first })
        absenceRules = rules.indices.filter { if case .absence = rules[$0].condition { true } else { false } }
        rangeRules = rules.indices.filter { if case .outOfRange = rules[$0].condition { true } else { false } }
        groupRules = rules.indices.filter { if case .group = rules[$0].condition { true } else { false } }
        hasParts = rules.contains { !$0.condition.parts.isEmpty }
        findingRules = rules.indices.filter { if case .finding = rules[$0].condition { true } else { false } }
    }

    /// Replaces the earlier roster; `isNight`, where it is given, says when the sun is down over it.
    public mutating func setRoster(_ roster: Roster, isNight: (@Sendable (Timestamp) -> Bool)? = nil) {
        selection.roster = roster
        if let isNight { site.isNight = isNight }
        // Selectors ask the roster for the area, and a series goes stale by its cadence.
        watchesOfSeries.removeAll(keepingCapacity: true)
        watches.removeAll(keepingCapacity: true)
        partsOfSeries.removeAll(keepingCapacity: true)
        partSeriesOfDevice.removeAll(keepingCapacity: true)
        groupMembers.removeAll()
        touchedGroups = nil
        lookAtAbsences()
        memory = ScanMemory()
    }

    /// Puts one alert back as it was stored; `watched` is empty where an earlier version stored it.
    public mutating func restore(
        _ key: AlertKey, state: AlertState, severity: Severity, watched: String = "", peak: AlertPeak? = nil
    ) {
        set(key, state == .inactive ? nil : Active(state: state, severity: severity, watched: watched, peak: peak))
    }

    mutating func setPeak(_ peak: AlertPeak, of key: AlertKey) {
        active.change(key) { $0.peak = peak }
        untoldPeaks.insert(key)
    }

    mutating func set(_ key: AlertKey, _ alert: Active?) {
        let before = active.set(key, alert)
        if alert == nil { noteEnd(of: key) }
        guard let series = key.subject.series else { return }
        while activeCounts.count <= series.index { activeCounts.append(0) }
        switch (before != nil, alert != nil) {
        case (false, true): activeCounts[series.index] += 1
        case (true, false): activeCounts[series.index] -= 1
        case (true, true), (false, false): break
        }
    }

    /// For steps of ladders, which change nothing else.
    mutating func setSeverity(_ severity: Severity, of key: AlertKey) {
        active.change(key) { $0.severity = severity }
    }

    mutating func setNextLook(_ due: Int64, of key: AlertKey) {
        active.change(key) { $0.next.due = due }
    }

    func hasActiveAlert(_ series: SeriesID) -> Bool {
        series.index < activeCounts.count && activeCounts[series.index] > 0
    }

    /// Alerts in this phase; 0 of those that a book does not keep, inactive and resolved.
    public func count(of phase: AlertPhase) -> Int {
        active.values.count { $0.state.phase(after: .inactive) == phase }
    }

    // MARK: Evaluation

    /// Judges the series that a turn brought readings of, and what was noticed in it.
    public mutating func evaluate(
        _ turn: Turn, _ noticed: Noticed, health: DeviceHealth, statistics: Statistics, registry: SeriesRegistry
    ) -> [AlertTransition] {
        var transitions: [AlertTransition] = []
        bind(registry)
        noteHeard(turn)
        noteTouched(turn, registry)
        let facts = Facts(health: health, statistics: statistics, registry: registry, now: turn.moment)
        for finding in noticed.findings { judge(finding, facts, &transitions) }
        for part in noticed.explained { fold(part, facts, &transitions) }
        for reading in turn.suspects { judge(suspect: reading, facts, &transitions) }
        turnCount &+= 1
        judge(turn.fresh, facts, &transitions)
        judge(turn.corrections, facts, &transitions)
        if hasParts { judgeParts(turn, facts, &transitions) }
        return transitions
    }

    private mutating func judge(_ readings: [Reading], _ facts: Facts, _ transitions: inout [AlertTransition]) {
        for reading in readings where !watchesOfSeries[reading.series.index].isEmpty {
            // Each series once a turn, by its newest reading.
            guard judgedIn[reading.series.index] != turnCount else { continue }
            judgedIn[reading.series.index] = turnCount
            for index in watchesOfSeries[reading.series.index] {
                judge(watches[index], reading.series, facts, &transitions)
            }
        }
    }

    /// Judges what time alone changes: hold times, data that stopped, devices that are silent.
    ///
    /// To be called about once a second. Time in which the gateway did not hear the broker is no time
    /// (`Moment.listened`); while `isListening` is false nobody is called absent. `own` is what the gateway has noticed of itself
    /// and its broker. `looksAtAll`: also at what cannot have changed, which changes nothing but the time that it takes.
    public mutating func scan(
        own: [Finding] = [], health: DeviceHealth, statistics: Statistics, registry: SeriesRegistry, isListening: Bool,
        looksAtAll: Bool = false, at now: Moment
    ) -> [AlertTransition] {
        var transitions: [AlertTransition] = []
        bind(registry)
        if looksAtAll { lookAtAbsences() }
        let facts = Facts(health: health, statistics: statistics, registry: registry, now: now)
        for finding in own {
            ownNoticed[finding.kind] = now.steady
            judge(finding, facts, &transitions)
        }
        judgeActive(facts, looksAtAll: looksAtAll, &transitions)
        judgeGroups(facts, &transitions)
        judgeBegun(facts, &transitions)
        guard isListening else { return transitions }
        judgeAbsences(facts, &transitions)
        // A dictionary has no order, and the same input must give the same transitions in the same order.
        return transitions.sorted { $0.key < $1.key }
    }

    /// What tells the rules from others, by their names (`AlertRule.contentCheck`).
    public var contentChecks: [ByteName: Int64] {
        Dictionary(rules.map { (ByteName($0.name), $0.contentCheck) }, uniquingKeysWith: { first, _ in first })
    }

    /// Judges everything that is known and not stale by the rules that are not among `known`, which is as `contentChecks`: one
    /// that is new or changed did not see it come. `andOthers`: series also by all the others. Not those of `orphaned`.
    public mutating func judgeNew(
        since known: [ByteName: Int64], andOthers: Bool = false, orphaned: Set<SeriesID> = [], health: DeviceHealth,
        statistics: Statistics, registry: SeriesRegistry, at now: Moment
    ) -> [AlertTransition] {
        let new = Set(rules.indices.filter { known[ByteName(rules[$0].name)] != rules[$0].contentCheck })
        var transitions: [AlertTransition] = []
        guard andOthers || !new.isEmpty else { return transitions }
        bind(registry)
        let facts = Facts(health: health, statistics: statistics, registry: registry, now: now)
        judgeKnown(by: new, andOthers: andOthers, orphaned: orphaned, facts, &transitions)
        return transitions
    }

    mutating func judgeKnown(
        by new: Set<Int>, andOthers: Bool = false, orphaned: Set<SeriesID> = [], _ facts: Facts,
        _ transitions: inout [AlertTransition]
    ) {
        for series in (0..<UInt32(facts.registry.seriesCount)).map({ SeriesID(rawValue: $0) })
        where !orphaned.contains(series) {
            for index in watchesOfSeries[series.index] where andOthers || new.contains(watches[index].rule) {
                judge(watches[index], series, facts, &transitions)
            }
        }
        judgeKnownFindings(of: new, facts, &transitions)
        judgeKnownSuspects(of: new, facts, &transitions)
        if hasParts { judgeKnownParts(of: new, andOthers: andOthers, facts, &transitions) }
    }

    // MARK: Which rules are about whom

    mutating func bind(_ registry: SeriesRegistry) {
        while watchesOfSeries.count < registry.seriesCount {
            let series = SeriesID(rawValue: UInt32(watchesOfSeries.count))
            let entry = registry.series[series.index]
            let first = watches.count
            let allowance = Staleness.allowance(cadence: selection.roster.cadence(of: entry.device)).milliseconds
            for (index, rule) in rules.enumerated() {
                guard case .threshold(let threshold) = rule.condition, threshold.watches(series, registry),
                    rule.devices.means(entry.device, selection.roster, registry)
                else { continue }
                watches.append(Watch(threshold, rule: index, of: entry.device, allowance))
            }
            if hasParts { bindParts(series, entry.device, registry) }
            watchesOfSeries.append(first..<watches.count)
        }
        while judgedIn.count < registry.seriesCount { judgedIn.append(turnCount) }
    }

    private mutating func bindParts(_ series: SeriesID, _ device: DeviceIndex, _ registry: SeriesRegistry) {
        let asking = rules.indices.filter { index in
            rules[index].condition.parts.contains { $0.watches(series, registry) }
                && rules[index].devices.means(device, selection.roster, registry)
        }
        partsOfSeries.append(asking)
        guard !asking.isEmpty else { return }
        while partSeriesOfDevice.count <= device.index { partSeriesOfDevice.append([]) }
        partSeriesOfDevice[device.index].append(series)
    }

    /// What the alert is about today, where an earlier version knew no better than a device: a fault of a feeder was filed
    /// under the first of its lamps. The roster and the rules must be set already.
    public func subjectNow(of key: AlertKey, health: DeviceHealth) -> Subject {
        guard case .device(let device) = key.subject, let index = ruleIndex[ByteName(key.rule)],
            case .finding(let watch) = rules[index].condition, watch.kinds.contains(.feederFault),
            let circuit = selection.roster[device]?.circuit, !circuit.isEmpty
        else { return key.subject }
        func last(_ kinds: Set<Finding.Kind>, _ subject: Subject) -> SteadyTime? {
            kinds.compactMap { health.lastFinding($0, subject: subject) }.max()
        }
        // A rule about lamps and feeders alike: what was noticed last is what it is about.
        let ofLamp = last(watch.kinds.subtracting([.feederFault]), key.subject)
        let ofFeeder = last([.feederFault], .circuit(circuit))
        return ofLamp.map { lamp in ofFeeder.map { $0 >= lamp } ?? false } ?? true ? .circuit(circuit) : key.subject
    }
}
