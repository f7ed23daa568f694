import Basics
import Telemetry

extension AlertRule {
    /// What is told when a verdict on one series changes an alert; `value` in the quantity's canonical unit.
    func sentence(
        about series: SeriesID, _ verdict: Verdict, value: Double?, _ severity: Severity, _ registry: SeriesRegistry
    ) -> Sentence {
        let quantity = registry.series[series.index].quantity
        switch condition {
        case .threshold(let threshold):
            let key: Sentence.Key =
                switch verdict {
                case .holds: threshold.direction == .above ? .thresholdAbove : .thresholdBelow
                case .clears: .thresholdBack
                case .between: .thresholdBetween
                case .noData: .noData
                }
            // What is back is back inside the first level, and what nobody knows is beyond none.
            let level = threshold.level(verdict == .holds ? severity : nil)
            guard key != .noData else {
                let unit = threshold.statistic.isBare ? "1" : quantity.unit
                // A bare statistic is told from the quantity's values by these alone.
                var told: [Sentence.Name: Sentence.Value?] =
                    threshold.statistic.isBare
                    ? [.statistic: .word(threshold.statistic.rawValue), .raise: .number(threshold.raise, unit: unit)]
                    : [:]
                // There are values, of a part of the window.
                if value != nil { told[.window] = threshold.window.map { .span($0) } }
                return Sentence(about: series, .noData, registry, told)
            }
            return threshold.sentence(about: series, key, value: value, level: level, registry)
        case .outOfRange:
            let shown = value.map { Sentence.Value.number($0, unit: quantity.unit) }
            switch verdict {
            case .holds, .between:
                return Sentence(
                    about: series, .rangeOutside, registry,
                    [
                        .value: shown, .low: .number(quantity.range.lowerBound, unit: quantity.unit),
                        .high: .number(quantity.range.upperBound, unit: quantity.unit),
                    ])
            case .clears: return Sentence(about: series, .rangeBack, registry, [.value: shown])
            case .noData: return Sentence(about: series, .noData, registry)
            }
        case .absence, .finding, .composed, .group: return Sentence(about: series, .noData, registry)
        }
    }
}

extension Threshold {
    /// With the statistic's value and the level that it is held against.
    func sentence(
        about series: SeriesID, _ key: Sentence.Key, value: Double?, level: (raise: Double, clear: Double),
        _ registry: SeriesRegistry, _ more: [Sentence.Name: Sentence.Value?] = [:]
    ) -> Sentence {
        let unit = statistic.isBare ? "1" : quantity.unit
        var told = more
        told[.statistic] = .word(statistic.rawValue)
        told[.window] = window.map { .span($0) }
        told[.value] = value.map { .number($0, unit: unit) }
        told[.raise] = .number(level.raise, unit: unit)
        told[.clear] = .number(level.clear, unit: unit)
        return Sentence(about: series, key, registry, told)
    }
}

extension Sentence {
    /// With the names of the device, the quantity and the channel.
    init(
        about series: SeriesID, _ key: Key, _ registry: SeriesRegistry, _ values: [Name: Value?] = [:]
    ) {
        let entry = registry.series[series.index]
        var values = values
        values[.name] = .text(registry.devices[entry.device.index].name)
        values[.quantity] = .quantity(entry.quantity.name)
        values[.channel] = registry.channelName(of: series).map { .text($0) }
        self.init(key, values)
    }

    /// With the name of the subject.
    init(_ key: Key, about subject: Subject, _ registry: SeriesRegistry, _ values: [Name: Value?] = [:]) {
        var values = values
        values[.name] = .text(subject.name(in: registry))
        self.init(key, values)
    }
}
