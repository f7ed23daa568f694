public import Basics
public import Telemetry

/// Every alert that is not inactive, and the step of each at every evaluation.
///
/// Pure: time, readings and summaries come as arguments. What it returns is all that changed; storing the returned
/// transitions and giving them back to `restore` makes an equal book.
public struct AlertBook: Sendable {

    /// In the order of the rules file, in which they are judged.
    public let rules: [AlertRule]
    /// By rule and subject, in no order.
    public private(set) var active: [AlertKey: Active] = [:]
    /// How many of the active alerts are about each series: most series have none, and need no look-up by key.
    private var activeCounts: [UInt16] = []
    var selection = Selection()
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
    }

    /// By series, where its watches lie; filled when a series is first seen.
    var watchesOfSeries: [Range<Int>] = []
    var watches: [Watch] = []
    /// By series: the turn in which its watches last judged it.
    var judgedIn: [UInt32] = []
    var turnCount: UInt32 = 0
    let absenceRules: [Int]
    let rangeRules: [Int]
    let findingRules: [Int]
    let ruleIndex: [ByteName: Int]

    /// Names should differ: alerts are kept by the name of their rule and their subject.
    public init(rules: [AlertRule]) {
        self.rules = rules
        ruleIndex = Dictionary(
            rules.enumerated().map { (ByteName($1.name), $0) }, uniquingKeysWith: { first, _ in first })
        absenceRules = rules.indices.filter { if case .absence = rules[$0].condition { true } else { false } }
        rangeRules = rules.indices.filter { if case .outOfRange = rules[$0].condition { true } else { false } }
        findingRules = rules.indices.filter { if case .finding = rules[$0].condition { true } else { false } }
    }

    /// Replaces the earlier roster.
    public mutating func setRoster(_ roster: Roster) {
        selection.roster = roster
        // Selectors ask the roster for the area, and a series goes stale by its cadence.
        watchesOfSeries.removeAll(keepingCapacity: true)
        watches.removeAll(keepingCapacity: true)
    }

    /// Puts one alert back as it was stored; `watched` is empty where an earlier version stored it.
    public mutating func restore(
        _ key: AlertKey, state: AlertState, severity: Severity, watched: String = "", peak: AlertPeak? = nil
    ) {
        set(key, state == .inactive ? nil : Active(state: state, severity: severity, watched: watched, peak: peak))
    }

    mutating func setPeak(_ peak: AlertPeak, of key: AlertKey) {
        active[key]?.peak = peak
        untoldPeaks.insert(key)
    }

    private mutating func set(_ key: AlertKey, _ alert: Active?) {
        let before = active[key]
        active[key] = alert
        guard let series = key.subject.series else { return }
        while activeCounts.count <= series.index { activeCounts.append(0) }
        switch (before != nil, alert != nil) {
        case (false, true): activeCounts[series.index] += 1
        case (true, false): activeCounts[series.index] -= 1
        case (true, true), (false, false): break
        }
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
        let facts = Facts(health: health, statistics: statistics, registry: registry, now: turn.moment)
        for finding in noticed.findings { judge(finding, facts, &transitions) }
        for part in noticed.explained { fold(part, facts, &transitions) }
        for reading in turn.suspects { judge(suspect: reading, facts, &transitions) }
        turnCount &+= 1
        judge(turn.fresh, facts, &transitions)
        judge(turn.corrections, facts, &transitions)
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
    /// (`Moment.listened`); while `isListening` is false nobody is called absent.
    public mutating func scan(
        health: DeviceHealth, statistics: Statistics, registry: SeriesRegistry, isListening: Bool, at now: Moment
    ) -> [AlertTransition] {
        var transitions: [AlertTransition] = []
        bind(registry)
        let facts = Facts(health: health, statistics: statistics, registry: registry, now: now)
        for key in active.keys.sorted(by: Self.inOrder) {
            guard let index = ruleIndex[ByteName(key.rule)] else { continue }
            switch rules[index].condition {
            case .threshold:
                guard let series = key.subject.series else { continue }
                for place in watchesOfSeries[series.index] where watches[place].rule == index {
                    judge(watches[place], series, facts, &transitions)
                }
            case .outOfRange(let range):
                guard let series = key.subject.series else { continue }
                judge(rules[index], range, series, facts, &transitions)
            case .finding(let watch): judge(rules[index], watch, key, facts, &transitions)
            case .absence: break
            }
        }
        guard isListening else { return transitions }
        for index in absenceRules {
            guard case .absence(let absence) = rules[index].condition else { continue }
            for (device, line) in selection.roster.lines {
                judge(rules[index], absence, device, line, facts, &transitions)
            }
        }
        // A dictionary has no order, and the same input must give the same transitions in the same order.
        return transitions.sorted { Self.inOrder($0.key, $1.key) }
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
        for series in (0..<UInt32(registry.seriesCount)).map({ SeriesID(rawValue: $0) })
        where !orphaned.contains(series) {
            for index in watchesOfSeries[series.index] where andOthers || new.contains(watches[index].rule) {
                judge(watches[index], series, facts, &transitions)
            }
        }
        judgeKnownFindings(of: new, facts, &transitions)
        judgeKnownSuspects(of: new, facts, &transitions)
        return transitions
    }

    // MARK: Other rules, other devices

    /// The transitions that end every alert that nobody watches any more, after a reload: its rule is gone or watches
    /// something else, its device left the roster (`retired`), or no profile brings its series (`orphaned`). One that fires on
    /// under a rule of another severity is told again, with that one.
    public mutating func retire(
        _ retired: Set<DeviceIndex>, orphaned: Set<SeriesID> = [], _ registry: SeriesRegistry, at now: Moment
    ) -> [AlertTransition] {
        var transitions: [AlertTransition] = []
        for (key, alert) in active.sorted(by: { Self.inOrder($0.key, $1.key) }) {
            if let reason = whyOver(key, alert, retired, orphaned, registry) {
                end(key, because: reason, registry, at: now, &transitions)
            } else {
                followSeverity(key, alert, registry, at: now, &transitions)
            }
        }
        return transitions
    }

    private mutating func followSeverity(
        _ key: AlertKey, _ alert: Active, _ registry: SeriesRegistry, at now: Moment,
        _ transitions: inout [AlertTransition]
    ) {
        guard case .firing(let since) = alert.state, let rule = ruleIndex[ByteName(key.rule)].map({ rules[$0] }),
            rule.severity != alert.severity
        else { return }
        active[key]?.severity = rule.severity
        transitions.append(
            AlertTransition(
                key: key, severity: rule.severity, from: .firing, to: .firing, at: now.wall, listened: now.listened,
                steady: now.steady,
                since: since, value: nil, watched: rule.watched,
                sentence: Sentence(
                    .severityChanged, about: key.subject, registry, [.word: .text(rule.severity.rawValue)]),
                peak: alert.peak))
    }

    private func whyOver(
        _ key: AlertKey, _ alert: Active, _ retired: Set<DeviceIndex>, _ orphaned: Set<SeriesID>,
        _ registry: SeriesRegistry
    ) -> Sentence.Key? {
        guard let rule = ruleIndex[ByteName(key.rule)].map({ rules[$0] }) else { return .ruleRemoved }
        if let device = key.subject.device, retired.contains(device) { return .deviceRetired }
        if !alert.watched.isEmpty, alert.watched != rule.watched { return .ruleChanged }
        if let series = key.subject.series, orphaned.contains(series) { return .profileChanged }
        return selection.isAbout(rule, key.subject, registry) ? nil : .ruleElsewhere
    }

    /// Takes alerts about circuits along to their new names, and tells of each that fires what it was called. Those of `rules`
    /// alone: of others the new name has a story of its own.
    public mutating func rename(
        circuits: [String: String], rules moved: [String: Set<ByteName>], _ registry: SeriesRegistry, at now: Moment
    ) -> [AlertTransition] {
        var transitions: [AlertTransition] = []
        for (old, new) in circuits.sorted(by: { $0.key < $1.key }) {
            for rule in (moved[old] ?? []).sorted() {
                let key = AlertKey(rule: rule.text, subject: .circuit(new))
                if let alert = active[AlertKey(rule: rule.text, subject: .circuit(old))] {
                    set(AlertKey(rule: rule.text, subject: .circuit(old)), nil)
                    set(key, alert)
                }
                guard let alert = active[key], case .firing(let since) = alert.state else { continue }
                transitions.append(
                    AlertTransition(
                        key: key, severity: alert.severity, from: .firing, to: .firing, at: now.wall,
                        listened: now.listened, steady: now.steady, since: since, value: nil, watched: alert.watched,
                        sentence: Sentence(.circuitRenamed, about: key.subject, registry, [.text: .text(old)]),
                        peak: alert.peak))
            }
        }
        return transitions
    }

    /// A book under new rules that goes on with the alerts of this one; those of a rule of which only the name changed go
    /// along. Returns with it the new name of each such rule by its old one.
    public func with(rules: [AlertRule]) -> (book: AlertBook, renamed: [String: String]) {
        var book = AlertBook(rules: rules)
        var renamed: [String: String] = [:]
        for old in self.rules where book.ruleIndex[ByteName(old.name)] == nil {
            let same = rules.filter { ruleIndex[ByteName($0.name)] == nil && $0.isSame(as: old) }
            if same.count == 1 { renamed[old.name] = same[0].name }
        }
        book.selection = selection
        for (key, alert) in active {
            let name = renamed[key.rule] ?? key.rule
            book.set(AlertKey(rule: name, subject: key.subject), alert)
        }
        return (book, renamed)
    }

    // MARK: Steps

    mutating func step(
        _ rule: AlertRule, series: SeriesID, _ verdict: Verdict, value: Double?, _ facts: Facts,
        _ transitions: inout [AlertTransition]
    ) {
        let key = AlertKey(rule: rule.name, subject: .series(series, facts.registry))
        let hold: Duration = if case .threshold(let threshold) = rule.condition { threshold.hold } else { .zero }
        let state = active[key]?.state ?? .inactive
        let peak = verdict == .holds ? value.map { AlertPeak(value: $0, at: facts.now.wall) } : nil
        if let peak {
            note(peak, of: key) { rule.isWorse($0, than: $1, of: series, facts.registry) }
        }
        guard state.next(verdict, hold: hold, at: facts.now) != state else { return }
        let sentence = rule.sentence(about: series, verdict, value: value, facts.registry)
        step(
            rule, key: key, verdict, hold: hold, value: value, peak: peak, sentence: sentence, at: facts.now,
            &transitions)
    }

    mutating func step(
        _ rule: AlertRule, key: AlertKey, _ verdict: Verdict, hold: Duration = .zero, value: Double? = nil,
        peak: AlertPeak? = nil, sentence: @autoclosure () -> Sentence, at now: Moment,
        _ transitions: inout [AlertTransition]
    ) {
        let known = active[key]
        let before = known?.state ?? .inactive
        let after = before.next(verdict, hold: hold, at: now)
        guard after != before else { return }
        // Of an alert that was up the worst value is known; this step's is among those.
        let peak = known == nil ? peak : known?.peak
        set(
            key,
            after == .inactive
                ? nil : Active(state: after, severity: rule.severity, watched: rule.watched, peak: peak))
        untoldPeaks.remove(key)
        transitions.append(
            AlertTransition(
                key: key, severity: rule.severity, from: before.phase(after: .inactive), to: after.phase(after: before),
                at: now.wall, listened: now.listened, steady: now.steady,
                since: after.since ?? before.since ?? now.wall, value: value,
                watched: rule.watched, sentence: sentence(), peak: peak))
    }

    mutating func end(
        _ key: AlertKey, because reason: Sentence.Key, telling values: [Sentence.Name: Sentence.Value?] = [:],
        _ registry: SeriesRegistry, at now: Moment, _ transitions: inout [AlertTransition]
    ) {
        guard let alert = active[key] else { return }
        set(key, nil)
        untoldPeaks.remove(key)
        transitions.append(
            AlertTransition(
                key: key, severity: alert.severity, from: alert.state.phase(after: .inactive),
                to: AlertState.inactive.phase(after: alert.state), at: now.wall, listened: now.listened,
                steady: now.steady,
                since: alert.state.since ?? now.wall, value: nil, watched: alert.watched,
                sentence: Sentence(reason, about: key.subject, registry, values), peak: alert.peak))
    }

    // MARK: Which rules are about whom

    mutating func bind(_ registry: SeriesRegistry) {
        while watchesOfSeries.count < registry.seriesCount {
            let series = SeriesID(rawValue: UInt32(watchesOfSeries.count))
            let entry = registry.series[series.index]
            let first = watches.count
            let allowance = Staleness.allowance(cadence: selection.roster.cadence(of: entry.device)).milliseconds
            for (index, rule) in rules.enumerated() {
                guard case .threshold(let threshold) = rule.condition, threshold.quantity == entry.quantity,
                    threshold.channel.map({ $0.hasBytes(of: registry.channelName(of: series) ?? "") }) ?? true,
                    rule.devices.means(entry.device, selection.roster, registry)
                else { continue }
                watches.append(
                    Watch(
                        rule: index, device: entry.device, statistic: threshold.statistic, window: threshold.window,
                        isAbove: threshold.direction == .above, raise: threshold.raise, clear: threshold.clear,
                        staleMilliseconds: threshold.stale?.milliseconds ?? allowance,
                        coverageMin: threshold.coverageMin))
            }
            watchesOfSeries.append(first..<watches.count)
        }
        while judgedIn.count < registry.seriesCount { judgedIn.append(turnCount) }
    }

    static func inOrder(_ left: AlertKey, _ right: AlertKey) -> Bool {
        left.rule.hasBytes(of: right.rule) ? left.subject < right.subject : left.rule.precedesByBytes(right.rule)
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
