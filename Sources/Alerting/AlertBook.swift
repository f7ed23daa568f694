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
    private var selection = Selection()

    /// What a round of judging goes by.
    private struct Facts {
        let health: DeviceHealth
        let statistics: Statistics
        let registry: SeriesRegistry
        let now: Timestamp
    }

    /// One threshold rule on one series, as plain numbers: what every reading is judged by is copied without counting
    /// references. (6 values a message with 3 such rules: 1.9 µs a message with the rules themselves.)
    private struct Watch: Sendable {
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
    private var watchesOfSeries: [Range<Int>] = []
    private var watches: [Watch] = []
    /// By series: the turn in which its watches last judged it.
    private var judgedIn: [UInt32] = []
    private var turnCount: UInt32 = 0
    private let absenceRules: [Int]
    private let rangeRules: [Int]
    private let findingRules: [Int]
    private let ruleIndex: [ByteName: Int]

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

    /// Puts one alert back as it was stored.
    public mutating func restore(_ key: AlertKey, state: AlertState, severity: Severity) {
        set(key, state == .inactive ? nil : Active(state: state, severity: severity))
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

    private func hasActiveAlert(_ series: SeriesID) -> Bool {
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
        let facts = Facts(health: health, statistics: statistics, registry: registry, now: turn.now)
        for finding in noticed.findings { judge(finding, facts, &transitions) }
        for reading in turn.suspects {
            for index in rangeRules where selection.means(rules[index], .series(reading.series, registry), registry) {
                step(rules[index], series: reading.series, .holds, value: reading.value, facts, &transitions)
            }
        }
        turnCount &+= 1
        for reading in turn.fresh where !watchesOfSeries[reading.series.index].isEmpty {
            // Each series once a turn, by its newest reading.
            guard judgedIn[reading.series.index] != turnCount else { continue }
            judgedIn[reading.series.index] = turnCount
            for index in watchesOfSeries[reading.series.index] {
                judge(watches[index], reading.series, facts, &transitions)
            }
        }
        return transitions
    }

    /// Judges what time alone changes: hold times, data that stopped, devices that are silent.
    ///
    /// `listeningSince` is when the gateway began to hear the broker; nil while it does not, and then nobody is called
    /// absent. To be called about once a second.
    public mutating func scan(
        health: DeviceHealth, statistics: Statistics, registry: SeriesRegistry, listeningSince: Timestamp?,
        at now: Timestamp
    ) -> [AlertTransition] {
        var transitions: [AlertTransition] = []
        bind(registry)
        let facts = Facts(health: health, statistics: statistics, registry: registry, now: now)
        for key in active.keys.sorted(by: Self.inOrder) {
            guard let index = ruleIndex[ByteName(key.rule)] else { continue }
            if case .finding(let watch) = rules[index].condition {
                judgeFindings(rules[index], watch, key, facts, &transitions)
            }
            guard let series = key.subject.series else { continue }
            switch rules[index].condition {
            case .threshold:
                for place in watchesOfSeries[series.index] where watches[place].rule == index {
                    judge(watches[place], series, facts, &transitions)
                }
            case .outOfRange: judgeRange(rules[index], series, facts, &transitions)
            case .absence, .finding: break
            }
        }
        guard let listeningSince else { return transitions }
        for index in absenceRules {
            guard case .absence(let absence) = rules[index].condition else { continue }
            for (device, line) in selection.roster.lines {
                judgeAbsence(rules[index], absence, device, line, listeningSince, facts, &transitions)
            }
        }
        // A dictionary has no order, and the same input must give the same transitions in the same order.
        return transitions.sorted { Self.inOrder($0.key, $1.key) }
    }

    /// The transitions that end every alert whose rule, device or roster line is gone, after a reload.
    public mutating func retire(_ registry: SeriesRegistry, at now: Timestamp) -> [AlertTransition] {
        var transitions: [AlertTransition] = []
        for key in active.keys.sorted(by: Self.inOrder) {
            let rule = ruleIndex[ByteName(key.rule)].map { rules[$0] }
            if let rule, selection.isAbout(rule, key, registry) { continue }
            end(
                key, because: rule == nil ? "the rule was removed" : "the rule is no longer about it", registry,
                at: now, &transitions)
        }
        return transitions
    }

    /// A book under new rules that goes on with the alerts of this one.
    public func with(rules: [AlertRule]) -> AlertBook {
        var book = AlertBook(rules: rules)
        book.active = active
        book.activeCounts = activeCounts
        book.selection = selection
        return book
    }

    // MARK: Judging

    private mutating func judge(
        _ watch: Watch, _ series: SeriesID, _ facts: Facts, _ transitions: inout [AlertTransition]
    ) {
        var value: Double?
        let clock = facts.statistics.clock(watch.device)
        // A device that delivers what it kept since yesterday is heard, but says nothing about now.
        if let heard = facts.health.lastHeard(watch.device),
            facts.now.milliseconds - heard.milliseconds < watch.staleMilliseconds,
            clock.backlog.milliseconds < watch.staleMilliseconds
        {
            if let window = watch.window {
                value = facts.statistics.summary(series, window, watch.statistic.isQuantile)
                    .flatMap { ($0.coverage ?? 1) >= watch.coverageMin ? watch.statistic.value(in: $0) : nil }
            } else if let newest = facts.statistics.newest(series) {
                let age = facts.now - newest.observed - max(.zero, clock.skew)
                // An old value raises nothing new. What was raised by it when it was young goes on: a state that is told
                // when it changes still holds.
                guard age.milliseconds < watch.staleMilliseconds || hasActiveAlert(series) else { return }
                value = newest.value
            }
        }
        let verdict: Verdict
        if let value {
            let isBeyond = watch.isAbove ? value > watch.raise : value < watch.raise
            let isInside = watch.isAbove ? value <= watch.clear : value >= watch.clear
            verdict = isBeyond ? .holds : isInside ? .clears : .between
        } else {
            verdict = .noData
        }
        // The usual case, a quiet series that stays quiet, ends here without a look-up and without a sentence.
        guard verdict == .holds || hasActiveAlert(series) else { return }
        step(rules[watch.rule], series: series, verdict, value: value, facts, &transitions)
    }

    private mutating func judgeRange(
        _ rule: AlertRule, _ series: SeriesID, _ facts: Facts, _ transitions: inout [AlertTransition]
    ) {
        guard case .outOfRange(let range) = rule.condition else { return }
        let key = AlertKey(rule: rule.name, subject: .series(series, facts.registry))
        guard active[key] != nil else { return }
        guard let suspect = facts.health.lastSuspect(series), let newest = facts.statistics.newest(series),
            newest.observed > suspect, facts.now - suspect >= range.clearAfter
        else { return }
        step(rule, series: series, .clears, value: newest.value, facts, &transitions)
    }

    private mutating func judge(
        _ finding: Finding, _ facts: Facts, _ transitions: inout [AlertTransition]
    ) {
        for index in findingRules {
            let rule = rules[index]
            guard case .finding(let watch) = rule.condition, watch.watches(finding, facts.registry),
                // What a backlog tells of yesterday is no news.
                facts.now - finding.observed < watch.clearAfter,
                selection.means(rule, finding.subject, facts.registry)
            else { continue }
            step(
                rule, key: AlertKey(rule: rule.name, subject: finding.subject), .holds, hold: .zero,
                value: finding.value, sentence: "\(finding.subject.name(in: facts.registry)): \(finding.sentence)",
                at: facts.now,
                &transitions)
        }
    }

    private mutating func judgeFindings(
        _ rule: AlertRule, _ watch: FindingWatch, _ key: AlertKey, _ facts: Facts,
        _ transitions: inout [AlertTransition]
    ) {
        let last = watch.kinds.compactMap { facts.health.lastFinding($0, subject: key.subject) }.max()
        if let last, facts.now - last < watch.clearAfter { return }
        let title =
            key.subject.series.map { " in its \(facts.registry.series[$0.index].quantity.definition.title)" } ?? ""
        step(
            rule, key: key, .clears, hold: .zero, value: nil,
            sentence: "\(key.subject.name(in: facts.registry)): nothing of the kind was noticed\(title) for "
                + spoken(watch.clearAfter), at: facts.now, &transitions)
    }

    private mutating func judgeAbsence(
        _ rule: AlertRule, _ absence: Absence, _ device: DeviceIndex, _ expected: Roster.Line,
        _ listeningSince: Timestamp, _ facts: Facts, _ transitions: inout [AlertTransition]
    ) {
        let name = facts.registry.devices[device.index].name
        guard selection.means(rule, device, expectedAs: expected.entry, facts.registry) else { return }
        let heard = facts.health.lastHeard(device)
        let allowance = absence.allowance(cadence: expected.entry.cadence)
        // A gateway that was not listening cannot blame the device.
        let silence = facts.now - max(heard ?? expected.since, listeningSince)
        let saidOffline = facts.health.saidOffline(device)
        let key = AlertKey(rule: rule.name, subject: .device(device))
        let wasHeard = heard.map { facts.now - $0 < allowance } ?? false
        let isAbsent = saidOffline || silence >= allowance
        if !isAbsent && (!wasHeard || active[key] == nil) { return }
        let sentence: String
        if !isAbsent {
            sentence = "\(name) speaks again"
        } else if saidOffline {
            sentence = "\(name) said that it is offline"
        } else if let heard {
            sentence =
                "\(name) has been silent since \(heard), for longer than \(absence.cadences) cadences of \(spoken(expected.entry.cadence))"
        } else {
            sentence = "\(name) has never spoken since it was put on the roster at \(expected.since)"
        }
        step(
            rule, key: key, isAbsent ? .holds : .clears, hold: .zero, value: nil, sentence: sentence, at: facts.now,
            &transitions)
    }

    private mutating func step(
        _ rule: AlertRule, series: SeriesID, _ verdict: Verdict, value: Double?, _ facts: Facts,
        _ transitions: inout [AlertTransition]
    ) {
        let key = AlertKey(rule: rule.name, subject: .series(series, facts.registry))
        let hold: Duration = if case .threshold(let threshold) = rule.condition { threshold.hold } else { .zero }
        let state = active[key]?.state ?? .inactive
        guard state.next(verdict, hold: hold, at: facts.now) != state else { return }
        let sentence = rule.sentence(about: series, verdict, value: value, facts.registry)
        step(rule, key: key, verdict, hold: hold, value: value, sentence: sentence, at: facts.now, &transitions)
    }

    private mutating func step(
        _ rule: AlertRule, key: AlertKey, _ verdict: Verdict, hold: Duration, value: Double?, sentence: String,
        at now: Timestamp, _ transitions: inout [AlertTransition]
    ) {
        let before = active[key]?.state ?? .inactive
        let after = before.next(verdict, hold: hold, at: now)
        guard after != before else { return }
        set(key, after == .inactive ? nil : Active(state: after, severity: rule.severity))
        transitions.append(
            AlertTransition(
                key: key, severity: rule.severity, from: before.phase(after: .inactive), to: after.phase(after: before),
                at: now, since: after.since ?? before.since ?? now, value: value, sentence: sentence))
    }

    private mutating func end(
        _ key: AlertKey, because reason: String, _ registry: SeriesRegistry, at now: Timestamp,
        _ transitions: inout [AlertTransition]
    ) {
        guard let alert = active[key] else { return }
        set(key, nil)
        transitions.append(
            AlertTransition(
                key: key, severity: alert.severity, from: alert.state.phase(after: .inactive),
                to: AlertState.inactive.phase(after: alert.state), at: now, since: alert.state.since ?? now, value: nil,
                sentence: "\(key.subject.name(in: registry)): \(reason)"))
    }

    // MARK: Which rules are about whom

    private mutating func bind(_ registry: SeriesRegistry) {
        while watchesOfSeries.count < registry.seriesCount {
            let series = SeriesID(rawValue: UInt32(watchesOfSeries.count))
            let entry = registry.series[series.index]
            let first = watches.count
            let allowance = Staleness.allowance(cadence: selection.roster.cadence(of: entry.device)).milliseconds
            for (index, rule) in rules.enumerated() {
                guard case .threshold(let threshold) = rule.condition, threshold.quantity == entry.quantity,
                    threshold.channel.map({ $0.hasBytes(of: registry.channelName(of: series) ?? "") }) ?? true,
                    selection.means(rule, entry.device, registry)
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

    private static func inOrder(_ left: AlertKey, _ right: AlertKey) -> Bool {
        left.rule.hasBytes(of: right.rule) ? left.subject < right.subject : left.rule.precedesByBytes(right.rule)
    }

    /// What the alert is about today, where an earlier version knew no better than a device: a fault of a feeder was filed
    /// under the first of its lamps. The roster and the rules must be set already.
    public func subjectNow(of key: AlertKey, health: DeviceHealth) -> Subject {
        guard case .device(let device) = key.subject, let index = ruleIndex[ByteName(key.rule)],
            case .finding(let watch) = rules[index].condition, watch.kinds.contains(.feederFault),
            let circuit = selection.roster[device]?.circuit, !circuit.isEmpty
        else { return key.subject }
        func last(_ kinds: Set<Finding.Kind>, _ subject: Subject) -> Timestamp? {
            kinds.compactMap { health.lastFinding($0, subject: subject) }.max()
        }
        // A rule about lamps and feeders alike: what was noticed last is what it is about.
        let ofLamp = last(watch.kinds.subtracting([.feederFault]), key.subject)
        let ofFeeder = last([.feederFault], .circuit(circuit))
        return ofLamp.map { lamp in ofFeeder.map { $0 >= lamp } ?? false } ?? true ? .circuit(circuit) : key.subject
    }
}
