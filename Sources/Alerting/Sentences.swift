import Basics
import Telemetry

extension AlertRule {
    /// What is told when a verdict on one series changes an alert; `value` in the quantity's canonical unit.
    func sentence(
        about series: SeriesID, _ verdict: Verdict, value: Double?, _ registry: SeriesRegistry
    ) -> String {
        let entry = registry.series[series.index]
        let name = registry.devices[entry.device.index].name
        let channel = registry.channelName(of: series).map { " (\($0))" } ?? ""
        let subject = "\(name): \(entry.quantity.definition.title)\(channel)"
        let unit = entry.quantity.unit == "1" ? "" : " \(entry.quantity.unit)"
        let shown = value.map { "\(rounded($0))\(unit)" } ?? "no value"
        switch condition {
        case .threshold(let threshold):
            let per = threshold.statistic == .rate ? " an hour" : ""
            let unit = threshold.statistic.isBare ? "" : unit
            let shown = value.map { "\(rounded($0))\(unit)" } ?? "no value"
            let what = threshold.window.map { "\(threshold.statistic.rawValue) of \(spoken($0)) " } ?? ""
            let (raise, clear) = (
                "\(rounded(threshold.raise))\(unit)\(per)", "\(rounded(threshold.clear))\(unit)\(per)"
            )
            switch verdict {
            case .holds: return "\(subject) \(what)is \(shown)\(per), \(threshold.direction.rawValue) \(raise)"
            case .clears: return "\(subject) \(what)is \(shown)\(per), back at or within \(clear)"
            case .between: return "\(subject) \(what)is \(shown)\(per), between \(clear) and \(raise)"
            case .noData: return "\(subject) cannot be judged: no data"
            }
        case .outOfRange:
            let range = entry.quantity.range
            switch verdict {
            case .holds, .between:
                return
                    "\(subject) is \(shown), outside the possible \(rounded(range.lowerBound)) to \(rounded(range.upperBound))\(unit)"
            case .clears: return "\(subject) is \(shown), possible again"
            case .noData: return "\(subject) cannot be judged: no data"
            }
        case .absence, .finding: return name
        }
    }
}

/// At most three decimals, without trailing zeros.
private func rounded(_ value: Double) -> String {
    let scaled = (value * 1000).rounded() / 1000
    guard abs(scaled) < 1e15 else { return "\(value)" }
    return scaled == scaled.rounded() ? "\(Int64(scaled))" : "\(scaled)"
}

/// `90 s`, `5 min`, `1 h`: a span as people say it.
func spoken(_ span: Duration) -> String {
    let milliseconds = span.milliseconds
    for (unit, size) in [("h", 3_600_000), ("min", 60_000), ("s", 1000)] as [(String, Int64)]
    where milliseconds != 0 && milliseconds % size == 0 {
        return "\(milliseconds / size) \(unit)"
    }
    return "\(milliseconds) ms"
}
