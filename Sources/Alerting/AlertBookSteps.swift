public import Basics
import Telemetry

// From a verdict to the step that it makes.
extension AlertBook {
    mutating func step(
        _ rule: AlertRule, series: SeriesID, _ verdict: Verdict, value: Double?, _ facts: Facts,
        _ transitions: inout [AlertTransition]
    ) {
        let key = AlertKey(rule: rule.name, subject: .series(series, facts.registry))
        guard isInForce(rule, at: facts.now) else {
            return end(key, because: .outOfTime, facts.registry, at: facts.now, &transitions)
        }
        let state = active[key]?.state ?? .inactive
        let peak = verdict == .holds ? value.map { AlertPeak(value: $0, at: facts.now.wall) } : nil
        if let peak {
            note(peak, of: key) { rule.isWorse($0, than: $1, of: series, facts.registry) }
        }
        let ladder =
            rule.isLadder ? rule.ladder(verdict, value, active[key]) : (severity: rule.severity, isBeyondFirst: false)
        let hold = ladder.isBeyondFirst ? .zero : rule.holds.raise
        let after = state.next(verdict, hold: hold, clearHold: rule.holds.clear, at: facts.now)
        if after != state {
            step(
                rule, key: key, verdict, hold: hold, value: value, peak: peak,
                // Silent: what changes beside it is told by a step of its own.
                severity: after.isFiring && !state.isClearing ? ladder.severity : nil,
                sentence: rule.sentence(about: series, verdict, value: value, ladder.severity, facts.registry),
                at: facts.now, &transitions)
        }
        guard rule.isLadder, after.isFiring, let alert = active[key], alert.severity != ladder.severity else { return }
        climb(rule, key, alert, series, to: ladder.severity, value: value, facts, &transitions)
    }

    /// One that fires on at another level.
    private mutating func climb(
        _ rule: AlertRule, _ key: AlertKey, _ alert: Active, _ series: SeriesID, to severity: Severity, value: Double?,
        _ facts: Facts, _ transitions: inout [AlertTransition]
    ) {
        guard case .threshold(let threshold) = rule.condition, let since = alert.state.since else { return }
        let left = threshold.higher.first { $0.severity == alert.severity }
        setSeverity(severity, of: key)
        untoldPeaks.remove(key)
        let sentence = threshold.sentence(
            about: series, severity > alert.severity ? .levelUp : .levelDown, value: value,
            level: threshold.level(severity > alert.severity ? severity : left?.severity), facts.registry,
            [.word: .text(severity.rawValue)])
        transitions.append(
            Self.goingOn(
                key, alert, since: since, severity, value: value, watched: rule.watched, sentence, at: facts.now))
    }

    /// One that fires on, with something about it that is told.
    static func goingOn(
        _ key: AlertKey, _ alert: Active, since: Timestamp, _ severity: Severity, value: Double? = nil, watched: String,
        _ sentence: Sentence, at now: Moment
    ) -> AlertTransition {
        AlertTransition(
            key: key, severity: severity, from: .firing, to: .firing, at: now.wall, listened: now.listened,
            steady: now.steady, since: since, value: value, watched: watched, sentence: sentence, peak: alert.peak)
    }

    mutating func step(
        _ rule: AlertRule, key: AlertKey, _ verdict: Verdict, hold: Duration = .zero, value: Double? = nil,
        peak: AlertPeak? = nil, severity: Severity? = nil, sentence: @autoclosure () -> Sentence, at now: Moment,
        _ transitions: inout [AlertTransition]
    ) {
        let known = active[key]
        let before = known?.state ?? .inactive
        let after = before.next(verdict, hold: hold, clearHold: rule.holds.clear, at: now)
        guard after != before else { return }
        // Of an alert that was up the worst value is known; this step's is among those.
        let peak = known == nil ? peak : known?.peak
        let kept = known.flatMap { rule.severities.contains($0.severity) ? $0.severity : nil }
        let severity = severity ?? kept ?? rule.severity
        set(
            key,
            after == .inactive ? nil : Active(state: after, severity: severity, watched: rule.watched, peak: peak))
        untoldPeaks.remove(key)
        transitions.append(
            AlertTransition(
                key: key, severity: severity, from: before.phase(after: .inactive), to: after.phase(after: before),
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

    // MARK: Times of rules

    /// Whether the rule raises alerts at the moment.
    func isInForce(_ rule: AlertRule, at now: Moment) -> Bool {
        guard let times = rule.times else { return true }
        return times.contains(now.wall, in: site.days, isNight: site.isNight)
    }

    /// Judges by the rules whose time has begun since the last scan what is known and not stale: they did not see it come. By
    /// all whose time it is in the first scan, for nobody knows when the last one was.
    mutating func judgeBegun(_ facts: Facts, _ transitions: inout [AlertTransition]) {
        guard rules.contains(where: { $0.times != nil }) else { return }
        let isInForce = rules.map { $0.times == nil || self.isInForce($0, at: facts.now) }
        let begun = rules.indices.filter { rule in
            rules[rule].times != nil && isInForce[rule] && !(wasInForce.isEmpty ? false : wasInForce[rule])
        }
        wasInForce = isInForce
        if !begun.isEmpty { judgeKnown(by: Set(begun), facts, &transitions) }
    }
}

/// What the clock on the wall and the sun say where the gateway is.
public struct SiteTime: Sendable {
    /// UTC where nothing is said.
    public var days: LocalDays
    /// Whether the sun is down; never where nobody knows where it stands.
    public var isNight: @Sendable (Timestamp) -> Bool

    /// Of a place whose sun does not set where nothing is said.
    public init(days: LocalDays = LocalDays(), isNight: @escaping @Sendable (Timestamp) -> Bool = { _ in false }) {
        self.days = days
        self.isNight = isNight
    }
}

extension AlertState {
    var isFiring: Bool { if case .firing = self { true } else { false } }
    var isClearing: Bool { if case .clearing = self { true } else { false } }
}

extension Threshold {
    /// Raise and clear of the level with this severity; nil: of the first.
    func level(_ severity: Severity?) -> (raise: Double, clear: Double) {
        higher.first { $0.severity == severity }.map { ($0.raise, $0.clear) } ?? (raise, clear)
    }
}

extension AlertRule {
    /// The severity that a value has on the rule's ladder, of an alert that is up or of none, and whether it is beyond a level
    /// above the first. Without a value it is what it was.
    func ladder(
        _ verdict: Verdict, _ value: Double?, _ alert: AlertBook.Active?
    ) -> (severity: Severity, isBeyondFirst: Bool) {
        guard case .threshold(let threshold) = condition else { return (severity, false) }
        let isUp = alert.map { $0.state.phase(after: .inactive) != .pending } ?? false
        let known = isUp ? alert!.severity : severity
        guard let value, verdict == .holds || verdict == .between else { return (known, false) }
        func isBeyond(_ level: Double) -> Bool { threshold.direction == .above ? value > level : value < level }
        var reached = severity
        var isBeyondFirst = false
        for level in threshold.higher {
            if isBeyond(level.raise) { isBeyondFirst = true }
            // What was reached goes on until it is clear.
            if isBeyond(level.raise) || isUp && level.severity <= known && isBeyond(level.clear) {
                reached = level.severity
            }
        }
        return (reached, isBeyondFirst)
    }
}
