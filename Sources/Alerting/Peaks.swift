import Basics
public import Telemetry

// The worst value of each alert that is up.
extension AlertBook {
    /// Notes a value at which the condition held, where the alert is up and it is worse than what is known.
    mutating func note(_ peak: AlertPeak, of key: AlertKey, _ isWorse: (AlertPeak, AlertPeak) -> Bool) {
        guard let known = active[key], known.peak.map({ isWorse(peak, $0) }) ?? true else { return }
        setPeak(peak, of: key)
    }

    /// The worst values that no transition has told of yet, by rule and subject; they count as told from now on.
    public mutating func takePeaks() -> [AlertKey: AlertPeak] {
        var peaks: [AlertKey: AlertPeak] = [:]
        for key in untoldPeaks { peaks[key] = active[key]?.peak }
        untoldPeaks.removeAll(keepingCapacity: true)
        return peaks
    }
}

extension AlertRule {
    /// Which of two values is the worse: the one further beyond the level or the possible range; of findings the graver, then
    /// the worse by the nature of its kind.
    func isWorse(_ new: AlertPeak, than old: AlertPeak, of series: SeriesID?, _ registry: SeriesRegistry) -> Bool {
        switch condition {
        case .threshold(let threshold):
            return threshold.direction == .above ? new.value > old.value : new.value < old.value
        case .outOfRange:
            guard let range = series.map({ registry.series[$0.index].quantity.range }) else { return false }
            func distance(_ value: Double) -> Double { max(range.lowerBound - value, value - range.upperBound) }
            return distance(new.value) > distance(old.value)
        case .finding(let watch):
            guard new.gravity == old.gravity else { return new.gravity > old.gravity }
            return watch.kinds.allSatisfy(\.isWorseBelow) ? new.value < old.value : new.value > old.value
        case .group: return new.value > old.value
        case .absence, .composed: return false
        }
    }
}
