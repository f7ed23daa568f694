import Alerting
import Basics
import Telemetry

extension Output {
    /// What a rule watches and when it raises an alert: `mean of voltage over 5m above 253 V for 1m, until 250 V`.
    func words(_ rule: AlertRule) -> String {
        switch rule.condition {
        case .threshold(let threshold):
            var unit = self.unit(threshold.statistic.isBare ? "1" : threshold.quantity.unit)
            if threshold.statistic == .rate { unit += "/h" }
            func level(_ value: Double) -> String { number(value) + (unit.isEmpty ? "" : " \(unit)") }
            var words = threshold.quantity.name
            if let channel = threshold.channel { words += " of channel \(text(channel))" }
            if let window = threshold.window {
                words = "\(threshold.statistic.rawValue) of \(words) over \(window.shortForm)"
            }
            words += " \(threshold.direction.rawValue) \(level(threshold.raise))"
            if threshold.hold > .zero { words += " for \(threshold.hold.shortForm)" }
            for higher in threshold.higher { words += ", \(higher.severity.rawValue) \(level(higher.raise))" }
            if threshold.clear != threshold.raise { words += ", until \(level(threshold.clear))" }
            if threshold.clearHold > .zero { words += " for \(threshold.clearHold.shortForm)" }
            return words
        case .absence(let absence):
            return "silent for \(absence.cadences) cadences, at least \(absence.atLeast.shortForm)"
        case .outOfRange(let range): return "impossible values, until \(range.clearAfter.shortForm) without"
        case .finding(let watch):
            var words = watch.kinds.map(\.rawValue).sorted().joined(separator: ", ")
            if let quantities = watch.quantities {
                words += " of \(quantities.map(\.name).sorted().joined(separator: ", "))"
            }
            return words + ", until \(watch.clearAfter.shortForm) without"
        case .composed(let composed): return text(composed.condition.words) + held(composed.hold, composed.clearHold)
        case .group(let group):
            let number =
                switch group.quorum {
                case .atLeast(let count): "\(count)"
                case .share(let share): "\(self.number(share * 100)) %"
                }
            return
                "\(number) of the devices of \(group.kind == .area ? "an" : "a") \(group.kind.rawValue): \(text(group.condition.words))"
                + held(group.hold, group.clearHold)
        }
    }

    private func held(_ hold: Duration, _ clearHold: Duration) -> String {
        (hold > .zero ? " for \(hold.shortForm)" : "")
            + (clearHold > .zero ? ", over after \(clearHold.shortForm)" : "")
    }
}
