import Alerting
import Telemetry

extension Threshold {
    /// What a statistic of plausible values can be; nil where that is not bounded. Values that are not plausible are no
    /// readings, and no threshold judges them.
    private var possible: ClosedRange<Double>? {
        let range = quantity.range
        switch statistic {
        case .last, .mean, .min, .max, .median, .p95, .timeWeightedMean: return range
        case .standardDeviation: return 0...(range.upperBound - range.lowerBound)
        case .coverage: return 0...1
        case .count, .total, .increase: return 0 ... .infinity
        case .rate: return nil
        }
    }

    /// Why a level of it can never be right, with the key that it stands at: it is never reached, always is, or is never over.
    func fault(raise: Double, clear: Double) -> (key: String, sentence: String)? {
        guard let possible else { return nil }
        let key = direction.rawValue
        let never: Bool
        let always: Bool
        let isNeverOver: Bool
        switch direction {
        case .above:
            (never, always) = (raise >= possible.upperBound, raise < possible.lowerBound)
            isNeverOver = clear < possible.lowerBound
        case .below:
            (never, always) = (raise <= possible.lowerBound, raise > possible.upperBound)
            isNeverOver = clear > possible.upperBound
        }
        let bounds =
            possible.upperBound.isFinite
            ? "\(possible.lowerBound) to \(possible.upperBound)" : "\(possible.lowerBound) or more"
        let what = "\(statistic == .last ? "" : statistic.rawValue + " of ")\(quantity.name)"
        let reach = "\(what) is \(bounds)" + (isBareStatistic ? "" : " \(quantity.unit)")
        if never { return (key, "never fires: \(reach)") }
        if always { return (key, "always fires: \(reach)") }
        if isNeverOver { return ("clear", "is never over: \(reach)") }
        return nil
    }

    private var isBareStatistic: Bool { statistic == .count || statistic == .coverage || quantity.unit == "1" }
}
