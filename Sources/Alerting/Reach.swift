public import Telemetry

// Whom the rules are about.
extension AlertBook {
    /// How many devices and series of the registry and the roster a rule watches.
    public struct Reach: Hashable, Sendable {
        /// Of which something is watched; of a rule of several parts those that have a series of one of them.
        public var devices: Int
        /// Watched one by one; 0 of a rule that is about devices as a whole or more.
        public var series: Int
    }

    /// By rule, in their order. `known` has the devices and series that there are.
    public func reach(_ known: SeriesRegistry) -> [Reach] {
        rules.map { rule in
            var devices: Set<DeviceIndex> = []
            var count = 0
            let all = (0..<UInt32(known.deviceCount)).lazy.map { DeviceIndex(rawValue: $0) }
            switch rule.condition {
            case .threshold, .outOfRange:
                for series in (0..<UInt32(known.seriesCount)).lazy.map({ SeriesID(rawValue: $0) })
                where selection.isAbout(rule, .series(series, known), known) {
                    count += 1
                    devices.insert(known.series[series.index].device)
                }
            case .absence:
                for device in all where selection.isAbout(rule, .device(device), known) { devices.insert(device) }
            case .finding:
                for device in all where selection.means(rule, .device(device), known) { devices.insert(device) }
            case .composed, .group:
                let levels = rule.condition.thresholds
                for series in (0..<UInt32(known.seriesCount)).lazy.map({ SeriesID(rawValue: $0) })
                where levels.contains(where: { $0.watches(series, known) }) {
                    let device = known.series[series.index].device
                    if selection.means(rule, .device(device), known) { devices.insert(device) }
                }
            }
            return Reach(devices: devices.count, series: count)
        }
    }

    /// By series and by device of the registry: whether a rule judges by its readings, and by when it was heard. Where one asks
    /// for findings all are judged by, for watchers look at everything.
    public func judgedBy(_ known: SeriesRegistry) -> (series: [Bool], devices: [Bool]) {
        // Where one has parts too: which devices those ask for is not told apart.
        let hasParts = rules.contains {
            switch $0.condition {
            case .composed, .group: true
            case .threshold, .absence, .outOfRange, .finding: false
            }
        }
        guard findingRules.isEmpty, !hasParts else {
            return (
                [Bool](repeating: true, count: known.seriesCount), [Bool](repeating: true, count: known.deviceCount)
            )
        }
        var series = [Bool](repeating: false, count: known.seriesCount)
        var devices = [Bool](repeating: false, count: known.deviceCount)
        for (number, entry) in known.series.enumerated() {
            let subject = Subject.series(SeriesID(rawValue: UInt32(number)), known)
            for rule in rules where selection.isAbout(rule, subject, known) {
                series[number] = true
                devices[entry.device.index] = true
            }
        }
        for device in selection.roster.lines.keys where !devices[device.index] {
            devices[device.index] = absenceRules.contains { selection.isAbout(rules[$0], .device(device), known) }
        }
        return (series, devices)
    }
}
