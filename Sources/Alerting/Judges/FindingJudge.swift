import Basics
import Telemetry

// What a watcher noticed.
extension AlertBook {
    /// A finding of this turn.
    mutating func judge(_ finding: Finding, _ facts: Facts, _ transitions: inout [AlertTransition]) {
        for index in findingRules {
            let rule = rules[index]
            let age =
                finding.subject.device.map { facts.statistics.age($0, finding.observed) }
                ?? facts.now.wall - finding.observed
            guard case .finding(let watch) = rule.condition, watch.watches(finding, facts.registry),
                // What a backlog tells of yesterday is no news.
                age < watch.clearAfter,
                selection.means(rule, finding.subject, facts.registry), isInForce(rule, at: facts.now)
            else { continue }
            let key = AlertKey(rule: rule.name, subject: finding.subject)
            let peak = finding.value.map { AlertPeak(value: $0, at: facts.now.wall, gravity: finding.severity) }
            if let peak {
                note(peak, of: key) { rule.isWorse($0, than: $1, of: finding.subject.series, facts.registry) }
            }
            step(
                rule, key: key, .holds, value: finding.value, peak: peak,
                sentence: finding.meaning.about(finding.subject.name(in: facts.registry)), at: facts.now,
                &transitions)
        }
    }

    /// An alert that is up: over when nothing of the kind was noticed for long enough, unknown when its device is not heard.
    mutating func judge(
        _ rule: AlertRule, _ watch: FindingWatch, _ key: AlertKey, _ facts: Facts,
        _ transitions: inout [AlertTransition]
    ) {
        if let device = key.subject.device {
            let allowance = Staleness.allowance(cadence: selection.roster.cadence(of: device))
            guard facts.speaks(device, within: allowance.milliseconds) else {
                return step(
                    rule, key: key, .noData, sentence: Sentence(.noData, about: key.subject, facts.registry),
                    at: facts.now, &transitions)
            }
        }
        if isNoticed(watch, key, facts) {
            return step(
                rule, key: key, .between, sentence: Sentence(.findingLasts, about: key.subject, facts.registry),
                at: facts.now, &transitions)
        }
        let quantity = key.subject.series.map { facts.registry.series[$0.index].quantity.name }
        step(
            rule, key: key, .clears,
            sentence: Sentence(
                .findingOver, about: key.subject, facts.registry,
                [.quantity: quantity.map { .quantity($0) }, .span: .span(watch.clearAfter)]),
            at: facts.now, &transitions)
    }

    /// Whether it was noticed lately enough: by the time in which the gateway heard the broker, but for what it has itself, which it
    /// notices whether or not.
    private mutating func isNoticed(_ watch: FindingWatch, _ key: AlertKey, _ facts: Facts) -> Bool {
        let own = watch.kinds.filter { $0.ownSubject == key.subject }
        guard let some = own.first else {
            let last = watch.kinds.compactMap { facts.health.lastFinding($0, subject: key.subject) }.max()
            return last.map { facts.now.listened - $0 < watch.clearAfter } ?? false
        }
        // Nobody kept it over a restart: what went on until then begins to be over no sooner than this.
        let last = own.compactMap { ownNoticed[$0] }.max() ?? facts.now.steady
        ownNoticed[some] = ownNoticed[some] ?? last
        return facts.now.steady - last < watch.clearAfter
    }

    /// What is told of the whole is not told of each part: an alert that was up before that ends, where the whole has one.
    mutating func fold(_ part: Noticed.Explained, _ facts: Facts, _ transitions: inout [AlertTransition]) {
        func watch(_ index: Int) -> FindingWatch? {
            if case .finding(let watch) = rules[index].condition { watch } else { nil }
        }
        let isTold = findingRules.contains { index in
            watch(index)?.kinds.contains(part.whole) == true
                && active[AlertKey(rule: rules[index].name, subject: part.by)] != nil
        }
        guard isTold else { return }
        for index in findingRules {
            let key = AlertKey(rule: rules[index].name, subject: part.subject)
            guard let watch = watch(index), watch.kinds.contains(part.kind), active[key] != nil,
                // The rule may have been raised by another kind of thing, which goes on.
                let last = watch.kinds.compactMap({ facts.health.lastFinding($0, subject: part.subject) }).max(),
                facts.health.lastFinding(part.kind, subject: part.subject) == last
            else { continue }
            end(
                key, because: .partOfFeeder, telling: [.text: .text(part.by.name(in: facts.registry))], facts.registry,
                at: facts.now, &transitions)
        }
    }

    /// For a rule that did not see them come.
    mutating func judgeKnownFindings(of new: Set<Int>, _ facts: Facts, _ transitions: inout [AlertTransition]) {
        for index in findingRules where new.contains(index) {
            guard case .finding(let watch) = rules[index].condition, isInForce(rules[index], at: facts.now) else {
                continue
            }
            let known = facts.health.noticed(
                watch.kinds, severityMin: watch.severityMin, after: facts.now.listened - watch.clearAfter)
            for subject in known where selection.isAbout(rules[index], subject, facts.registry) {
                step(
                    rules[index], key: AlertKey(rule: rules[index].name, subject: subject), .holds,
                    sentence: Sentence(.findingKnown, about: subject, facts.registry), at: facts.now, &transitions)
            }
        }
    }
}
