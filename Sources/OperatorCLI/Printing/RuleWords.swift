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
            if threshold.clear != threshold.raise { words += ", until \(level(threshold.clear))" }
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
        }
    }
}
