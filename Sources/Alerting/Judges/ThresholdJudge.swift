import Basics
import Telemetry

// A statistic beyond a level.
extension AlertBook {
    mutating func judge(
        _ watch: Watch, _ series: SeriesID, _ facts: Facts, _ transitions: inout [AlertTransition]
    ) {
        guard let value = value(by: watch, series, facts) else { return }
        var verdict: Verdict
        if let value {
            let isBeyond = watch.isAbove ? value > watch.raise : value < watch.raise
            let isInside = watch.isAbove ? value <= watch.clear : value >= watch.clear
            verdict = isBeyond ? .holds : isInside ? .clears : .between
            if !isKnown(verdict, by: watch, series, facts) {
                // What is up stands on more than is left of it to see, or on nothing any more: nobody knows which.
                guard verdict == .clears else { return }
                verdict = .noData
            }
        } else {
            verdict = .noData
        }
        // The usual case, a quiet series that stays quiet, ends here without a look-up and without a sentence.
        guard verdict == .holds || hasActiveAlert(series) else { return }
        step(rules[watch.rule], series: series, verdict, value: value, facts, &transitions)
    }

    /// Whether the verdict stands, whatever a window that is not whole would count more: a gateway that has just begun to listen
    /// has heard little, and knows of the rain that fell already.
    @inline(__always)
    func isKnown(_ verdict: Verdict, by watch: Watch, _ series: SeriesID, _ facts: Facts) -> Bool {
        guard let window = watch.window, watch.statistic.isSum else { return true }
        return switch facts.statistics.extent(series, window) {
        case .whole: true
        case .part: verdict == (watch.isAbove ? .holds : .clears)
        case .mixed: false
        }
    }

    /// What there is to judge by, nil where there is nothing; nil altogether where an old value says nothing new.
    @inline(__always)
    func value(by watch: Watch, _ series: SeriesID, _ facts: Facts) -> Double?? {
        // A device that delivers what it kept since yesterday is heard, but says nothing about now.
        guard facts.speaks(watch.device, within: watch.staleMilliseconds) else { return .some(nil) }
        if let window = watch.window {
            return .some(
                facts.statistics.summary(series, window, watch.statistic.isQuantile)
                    .flatMap { ($0.coverage ?? 1) >= watch.coverageMin ? watch.statistic.value(in: $0) : nil })
        }
        guard let newest = facts.statistics.newest(series) else { return .some(nil) }
        // An old value raises nothing new. What was raised by it when it was young goes on: a state that is told when it
        // changes still holds.
        let age = facts.statistics.age(watch.device, newest.observed)
        guard age.milliseconds < watch.staleMilliseconds || hasActiveAlert(series) else { return nil }
        return .some(newest.value)
    }
}

extension AlertBook.Facts {
    /// Whether what is known of the device is of now: it was heard lately, and not with what it had kept.
    func speaks(_ device: DeviceIndex, within milliseconds: Int64) -> Bool {
        guard let silence = health.silence(of: device, at: now) else { return false }
        return silence.milliseconds < milliseconds && statistics.backlog(device).milliseconds < milliseconds
    }
}
