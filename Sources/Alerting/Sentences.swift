import Basics
import Telemetry

extension AlertRule {
    /// What is told when a verdict on one series changes an alert; `value` in the quantity's canonical unit.
    func sentence(
        about series: SeriesID, _ verdict: Verdict, value: Double?, _ registry: SeriesRegistry
    ) -> Sentence {
        let quantity = registry.series[series.index].quantity
        switch condition {
        case .threshold(let threshold):
            let unit = threshold.statistic.isBare ? "1" : quantity.unit
            let key: Sentence.Key =
                switch verdict {
                case .holds: threshold.direction == .above ? .thresholdAbove : .thresholdBelow
                case .clears: .thresholdBack
                case .between: .thresholdBetween
                case .noData: .noData
                }
            guard key != .noData else {
                // A bare statistic is told from the quantity's values by these alone.
                var told: [Sentence.Name: Sentence.Value?] =
                    threshold.statistic.isBare
                    ? [.statistic: .word(threshold.statistic.rawValue), .raise: .number(threshold.raise, unit: unit)]
                    : [:]
                // There are values, of a part of the window.
                if value != nil { told[.window] = threshold.window.map { .span($0) } }
                return Sentence(about: series, .noData, registry, told)
            }
            return Sentence(
                about: series, key, registry,
                [
                    .statistic: .word(threshold.statistic.rawValue), .window: threshold.window.map { .span($0) },
                    .value: value.map { .number($0, unit: unit) }, .raise: .number(threshold.raise, unit: unit),
                    .clear: .number(threshold.clear, unit: unit),
                ])
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
        case .absence, .finding: return Sentence(about: series, .noData, registry)
        }
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
