import Basics
import Telemetry

/// The parts of every tier: how many readings there were, their range, their slow mean, and the discipline of alerts.
struct DetectorCore: BitwiseCopyable {
    var n = 0
    var range = RecordRange()
    var mean = SlowMean()
    var discipline = AlertDiscipline()
}

/// One reading through the parts of a tier, in one place: what the table, the command line and the tests run.
enum Detector {
    /// Larger numbers are no measurements, and their squares would not stay finite.
    static let valueMax = 1e100

    static func isMeasurement(_ x: Double) -> Bool { abs(x) <= valueMax }

    struct Verdict {
        /// 0.5 or more and less than 1.
        var severity: Double
        var evidence: Anomaly.Evidence
    }

    /// nil where there is no alert. `slot` is the slot of the local day. A part that the tier has not is nil.
    @inline(__always)
    static func step(
        _ x: Double, slot: Int, tier: DetectorTier, core: UnsafeMutablePointer<DetectorCore>,
        season: UnsafeMutablePointer<SeasonalResidual>?, shape: UnsafeMutablePointer<ShapeNovelty>?
    ) -> Verdict? {
        core.pointee.n += 1
        let n = core.pointee.n
        let before = core.pointee.range
        let range = min(core.pointee.range.score(x, n: n), 5)
        let mean = min(0.5 * core.pointee.mean.score(x, n: n), 5)
        let seasonal = season.map { min(0.7 * $0.pointee.score(x, slot: slot, n: n), 5) } ?? 0
        let novelty = shape.map { min(1.4 * $0.pointee.score(x, n: n), 5) } ?? 0
        let severity = core.pointee.discipline.severity(
            of: seasonal + novelty + range + mean, threshold: tier.threshold)
        guard severity > 0 else { return nil }
        return Verdict(
            severity: severity,
            evidence: evidence(
                x, n, (seasonal, novelty, range, mean), before, core.pointee, season?.pointee, shape?.pointee))
    }

    /// After a gap: what belongs to the moments before it is forgotten, what was learnt stays.
    static func resume(season: UnsafeMutablePointer<SeasonalResidual>?, shape: UnsafeMutablePointer<ShapeNovelty>?) {
        season?.pointee.previous = 0
        shape?.pointee.forgetRecent()
    }

    /// The part that gave most, with its numbers.
    @inline(never)
    private static func evidence(
        _ x: Double, _ n: Int, _ shares: (seasonal: Double, novelty: Double, range: Double, mean: Double),
        _ before: RecordRange, _ core: DetectorCore, _ season: SeasonalResidual?, _ shape: ShapeNovelty?
    ) -> Anomaly.Evidence {
        let most = max(shares.seasonal, shares.novelty, shares.range, shares.mean)
        if let season, shares.seasonal == most {
            return .seasonal(
                expected: x - season.previous, deviation: season.smoothed, usual: season.likelihood.mean)
        }
        if let shape, shares.novelty == most {
            return .novelty(distance: shape.distance, usual: shape.likelihood.mean)
        }
        if shares.range == most { return .range(min: before.min, max: before.max, readings: n - 1) }
        let usual = core.mean.likelihood
        return .mean(mean: core.mean.mean, usual: usual.mean, spread: usual.variance.squareRoot())
    }
}
