import Alerting
import Basics
import Decoding
import Settings
import Telemetry

// Rules of several parts that can never fire, and times that never come.
extension ConfigurationCheck {
    func partWarnings(
        _ placed: RuleFile.Placed, _ condition: DeviceCondition, _ setting: Setting?, _ offer: CatalogOffer
    ) -> [Mistake] {
        let places = setting.map { Self.levels(of: $0) } ?? []
        let levels = zip(Self.written(condition), places).flatMap { part, place in
            switch part {
            case .anyMeasured(_, let levels): measuredWarnings(placed, levels, place, offer)
            default: part.levels.flatMap { thresholdWarnings(placed.rule, $0, place, offer) }
            }
        }
        guard let setting, let reason = contradiction(condition, offer) else { return levels }
        return levels + [setting.mistake("never fires: \(reason)", isWarning: true)]
    }

    func groupWarnings(_ placed: RuleFile.Placed, _ group: GroupWatch) -> [Mistake] {
        guard let setting = placed.setting["group"], !roster.isEmpty else { return [] }
        var sizes: [Subject: Int] = [:]
        for entry in roster where placed.rule.devices.matches(entry) {
            switch group.kind {
            case .circuit where !entry.circuit.isEmpty: sizes[.circuit(entry.circuit), default: 0] += 1
            case .area where !entry.area.isEmpty: sizes[.area(entry.area), default: 0] += 1
            case .city: sizes[.gateway, default: 0] += 1
            case .circuit, .area: break
            }
        }
        guard let largest = sizes.values.max() else {
            let expected =
                "never fires: no device of the roster that the rule means "
                + (group.kind == .city ? "is there" : "has \(group.kind == .area ? "an area" : "a circuit")")
            return [(setting["of"] ?? setting).mistake(expected, isWarning: true)]
        }
        guard case .atLeast(let count) = group.quorum, count > largest else { return [] }
        return [
            (setting["at_least"] ?? setting).mistake(
                "never fires: the largest \(group.kind.rawValue) of the roster has \(counted(largest, "device")) that the rule means",
                isWarning: true)
        ]
    }

    func timeWarnings(_ placed: RuleFile.Placed) -> [Mistake] {
        guard let times = placed.rule.times else { return [] }
        // Outside its times a rule judges nothing, and what holds begins to hold anew.
        let hold = placed.rule.condition.holds.raise
        if let longest = times.clockMinutes.map({ Duration.seconds($0 * 60) }), longest < hold {
            return [
                (placed.setting["times"] ?? placed.setting).mistake(
                    "never fires: its times last \(longest.shortForm) at most, and it must hold for \(hold.shortForm)",
                    isWarning: true)
            ]
        }
        guard times.asksForSun,
            !roster.contains(where: { $0.latitude != nil && $0.longitude != nil })
        else { return [] }
        return [
            (placed.setting["times"] ?? placed.setting).mistake(
                "no device of the roster has a place, and without one nobody knows where the sun stands: it never goes down",
                isWarning: true)
        ]
    }

    /// Of several that need not be there one must be.
    private func measuredWarnings(
        _ placed: RuleFile.Placed, _ levels: [Threshold], _ place: Setting, _ offer: CatalogOffer
    ) -> [Mistake] {
        guard !levels.contains(where: { offer.channels[$0.quantity] != nil }) else { return [] }
        return [place.mistake("never fires: no profile that it means gives a pollutant", isWarning: true)]
    }

    /// The parts of a condition that have a place of their own in the file, from left to right.
    private static func written(_ condition: DeviceCondition) -> [DeviceCondition] {
        switch condition {
        case .level, .anyMeasured: [condition]
        case .all(let parts), .any(let parts): parts.flatMap { written($0) }
        case .not(let part): written(part)
        }
    }

    /// The settings of those, from left to right.
    private static func levels(of setting: Setting) -> [Setting] {
        if let found = setting["air_quality"] { return [found] }
        for key in ConditionSection.keys {
            if let found = setting[key] { return levels(of: found) }
        }
        return setting.items.map { $0.flatMap { levels(of: $0) } } ?? [setting]
    }

    /// What is asked for at once and cannot be; only what is easy to see.
    private func contradiction(_ condition: DeviceCondition, _ offer: CatalogOffer) -> String? {
        switch condition {
        case .level, .anyMeasured: return nil
        case .not(let part): return contradiction(part, offer)
        case .any(let parts):
            let found = parts.map { contradiction($0, offer) }
            return found.allSatisfy { $0 != nil } ? found.first ?? nil : nil
        case .all(let parts):
            for (index, left) in parts.enumerated() {
                for right in parts[(index + 1)...] {
                    if let found = contradiction(left, right, offer) { return found }
                }
            }
            return parts.lazy.compactMap { contradiction($0, offer) }.first
        }
    }

    private func contradiction(_ left: DeviceCondition, _ right: DeviceCondition, _ offer: CatalogOffer) -> String? {
        guard case .level(let one) = left, case .level(let other) = right else {
            return left == .not(right) || right == .not(left) ? "a condition and its opposite hold never at once" : nil
        }
        guard one.quantity == other.quantity, one.channel.map({ ByteName($0) }) == other.channel.map({ ByteName($0) }),
            one.statistic == other.statistic,
            one.window == other.window, one.direction != other.direction,
            // Of several channels one may be above and another below.
            one.channel != nil || offer.channels[one.quantity].map({ !$0.isOpen && $0.names.count <= 1 }) ?? true
        else { return nil }
        let (above, below) = one.direction == .above ? (one.raise, other.raise) : (other.raise, one.raise)
        guard above >= below else { return nil }
        return "\(one.quantity.name) is never above \(above) and below \(below) at once"
    }
}
