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
                selection.means(rule, finding.subject, facts.registry)
            else { continue }
            step(
                rule, key: AlertKey(rule: rule.name, subject: finding.subject), .holds, value: finding.value,
                sentence: "\(finding.subject.name(in: facts.registry)): \(finding.sentence)", at: facts.now,
                &transitions)
        }
    }

    /// An alert that is up: over when nothing of the kind was noticed for long enough, unknown when its device is not heard.
    mutating func judge(
        _ rule: AlertRule, _ watch: FindingWatch, _ key: AlertKey, _ facts: Facts,
        _ transitions: inout [AlertTransition]
    ) {
        let name = key.subject.name(in: facts.registry)
        if let device = key.subject.device {
            let allowance = Staleness.allowance(cadence: selection.roster.cadence(of: device))
            guard facts.speaks(device, within: allowance.milliseconds) else {
                return step(
                    rule, key: key, .noData, sentence: "\(name) cannot be judged: no data", at: facts.now, &transitions)
            }
        }
        let last = watch.kinds.compactMap { facts.health.lastFinding($0, subject: key.subject) }.max()
        if let last, facts.now.listened - last < watch.clearAfter {
            return step(
                rule, key: key, .between, sentence: "\(name) is heard again; what was noticed is not over yet",
                at: facts.now, &transitions)
        }
        let title =
            key.subject.series.map { " in its \(facts.registry.series[$0.index].quantity.definition.title)" } ?? ""
        step(
            rule, key: key, .clears,
            sentence: "\(name): nothing of the kind was noticed\(title) for " + spoken(watch.clearAfter),
            at: facts.now, &transitions)
    }

    /// For a rule that did not see them come.
    mutating func judgeKnownFindings(of new: Set<Int>, _ facts: Facts, _ transitions: inout [AlertTransition]) {
        for index in findingRules where new.contains(index) {
            guard case .finding(let watch) = rules[index].condition else { continue }
            let known = facts.health.noticed(
                watch.kinds, severityMin: watch.severityMin, after: facts.now.listened - watch.clearAfter)
            for subject in known where selection.isAbout(rules[index], subject, facts.registry) {
                step(
                    rules[index], key: AlertKey(rule: rules[index].name, subject: subject), .holds,
                    sentence: "\(subject.name(in: facts.registry)): it was noticed before there was this rule",
                    at: facts.now, &transitions)
            }
        }
    }
}
