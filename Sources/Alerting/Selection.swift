import Telemetry

/// Which subjects a rule means: its selector, asked with what the roster knows of them.
struct Selection {
    var roster = Roster()

    /// Whether the rule's selector means the subject. A circuit or an area is meant where one of its devices is; the
    /// gateway and the broker only by a rule that selects nothing.
    func means(_ rule: AlertRule, _ subject: Subject, _ registry: SeriesRegistry) -> Bool {
        switch subject {
        case .series(_, let device), .device(let device): means(rule, device, registry)
        case .circuit(let name): roster.devices(onCircuit: name).contains { means(rule, $0, registry) }
        case .area(let name): roster.devices(inArea: name).contains { means(rule, $0, registry) }
        case .gateway, .broker: rule.devices == .all
        }
    }

    func means(_ rule: AlertRule, _ device: DeviceIndex, _ registry: SeriesRegistry) -> Bool {
        rule.devices.matches(
            name: registry.devices[device.index].name, profile: registry.devices[device.index].profile,
            area: roster.area(of: device))
    }

    /// The same of a device that may never have spoken: what the roster says of it counts.
    func means(
        _ rule: AlertRule, _ device: DeviceIndex, expectedAs entry: RosterEntry, _ registry: SeriesRegistry
    ) -> Bool {
        rule.devices.matches(name: registry.devices[device.index].name, profile: entry.profile, area: entry.area)
    }

    /// Whether an alert about this subject is still one that the rule can have raised.
    func isAbout(_ rule: AlertRule, _ subject: Subject, _ registry: SeriesRegistry) -> Bool {
        switch (rule.condition, subject) {
        case (.threshold(let threshold), .series(let series, _)):
            threshold.quantity == registry.series[series.index].quantity
                && (threshold.channel == nil || threshold.channel == registry.channelName(of: series))
                && means(rule, subject, registry)
        case (.outOfRange, .series): means(rule, subject, registry)
        case (.absence, .device(let device)):
            roster[device].map { means(rule, device, expectedAs: $0, registry) } ?? false
        case (.finding(let watch), let subject):
            means(rule, subject, registry)
                && (watch.quantities.map { wanted in
                    subject.series.map { wanted.contains(registry.series[$0.index].quantity) } ?? false
                } ?? true)
        case (.threshold, _), (.outOfRange, _), (.absence, _): false
        }
    }
}

extension Subject {
    /// A series, with its device.
    static func series(_ series: SeriesID, _ registry: SeriesRegistry) -> Subject {
        .series(series, of: registry.series[series.index].device)
    }
}
