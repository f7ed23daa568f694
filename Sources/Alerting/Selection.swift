import Telemetry

/// Which subjects a rule means: its selector, asked with what the roster knows of them.
struct Selection {
    var roster = Roster()

    func means(_ rule: AlertRule, _ subject: Subject, _ registry: SeriesRegistry) -> Bool {
        rule.devices.means(subject, roster, registry)
    }

    /// Whether an alert about this subject is still one that the rule can have raised.
    func isAbout(_ rule: AlertRule, _ subject: Subject, _ registry: SeriesRegistry) -> Bool {
        switch (rule.condition, subject) {
        case (.threshold(let threshold), .series(let series, _)):
            threshold.watches(series, registry) && means(rule, subject, registry)
        case (.outOfRange, .series): means(rule, subject, registry)
        case (.absence, .device(let device)):
            roster[device].map { rule.devices.matches($0) } ?? false
        case (.finding(let watch), let subject):
            means(rule, subject, registry)
                && (watch.quantities.map { wanted in
                    subject.series.map { wanted.contains(registry.series[$0.index].quantity) } ?? false
                } ?? true)
        case (.composed, .device): means(rule, subject, registry)
        case (.group(let group), let subject):
            group.devices(of: subject, roster).contains { device in
                roster[device].map { rule.devices.matches($0) } ?? false
            }
        case (.threshold, _), (.outOfRange, _), (.absence, _), (.composed, _): false
        }
    }
}

extension Subject {
    /// A series, with its device.
    static func series(_ series: SeriesID, _ registry: SeriesRegistry) -> Subject {
        .series(series, of: registry.series[series.index].device)
    }
}
