import Basics
import Telemetry

/// How the samples of a series become statistics; follows from its quantity.
enum SeriesKind: UInt8 {
    case gauge, delta, counter, state, direction

    init(_ quantity: Quantity) {
        switch quantity.kind {
        case .gauge: self = quantity.isDirection ? .direction : .gauge
        case .delta: self = .delta
        case .counter: self = .counter
        case .state: self = .state
        }
    }

    /// Whether quantiles are estimated where the samples are no longer kept. The field that holds the estimate is that
    /// of a counter's growth, a state's area and a direction's cosines, whose quantiles say little.
    @inline(__always)
    var hasSketch: Bool { rawValue <= SeriesKind.delta.rawValue }
}

/// What a counter grew by from one sample to the next.
///
/// 1. A rise counts as it is.
/// 2. A fall by at most a tenth is a step back, as of an inverter that resumes from what it had last saved: it counts as
///    negative, so that what is counted twice afterwards cancels out.
/// 3. A fall from the last hundredth below a roll-over limit to the first hundredth above zero is a roll-over: the way
///    over the limit. Limits are powers of ten from 1000 (displays) and 2^16, 2^24 and 2^32, each also in tenths,
///    hundredths and thousandths (registers with a scale). A reset that looks like one is wrong by a hundredth of the
///    limit at most.
/// 4. Any other fall is a reset: the counter began at 0 again and has come to the new value.
func counterGrowth(from earlier: Double, to later: Double) -> Double {
    if later >= earlier || later >= earlier * 0.9 { return later - earlier }
    for limit in rollOverLimits where earlier >= limit * 0.99 && earlier <= limit && later <= limit * 0.01 {
        return limit - earlier + later
    }
    return later
}

private let rollOverLimits: [Double] = {
    let registers = [65_536.0, 16_777_216, 4_294_967_296].flatMap { limit in
        [1, 10, 100, 1000].map { limit / $0 }
    }
    let displays = (3...12).map { power in (0..<power).reduce(1.0) { product, _ in product * 10 } }
    return registers + displays
}()
