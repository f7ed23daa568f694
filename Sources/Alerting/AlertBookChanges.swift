public import Basics
public import Telemetry

// Other rules, other devices.
extension AlertBook {
    /// The transitions that end every alert that nobody watches any more, after a reload: its rule is gone or watches
    /// something else, its device left the roster (`retired`), or no profile brings its series (`orphaned`). One that fires on
    /// under a rule of another severity is told again, with that one.
    public mutating func retire(
        _ retired: Set<DeviceIndex>, orphaned: Set<SeriesID> = [], _ registry: SeriesRegistry, at now: Moment
    ) -> [AlertTransition] {
        var transitions: [AlertTransition] = []
        for (key, alert) in active.sorted(by: { $0.key < $1.key }) {
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
            !rule.severities.contains(alert.severity)
        else { return }
        setSeverity(rule.severity, of: key)
        let sentence = Sentence(
            .severityChanged, about: key.subject, registry, [.word: .text(rule.severity.rawValue)])
        transitions.append(
            Self.goingOn(key, alert, since: since, rule.severity, watched: rule.watched, sentence, at: now))
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
                let sentence = Sentence(.circuitRenamed, about: key.subject, registry, [.text: .text(old)])
                transitions.append(
                    Self.goingOn(
                        key, alert, since: since, alert.severity, watched: alert.watched, sentence, at: now))
            }
        }
        return transitions
    }

    /// A book under new rules that goes on with the alerts of this one; those of a rule of which only the name changed go
    /// along. Returns with it the new name of each such rule by its old one.
    public func with(rules: [AlertRule]) -> (book: AlertBook, renamed: [String: String]) {
        var book = AlertBook(rules: rules, site: site)
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
}
