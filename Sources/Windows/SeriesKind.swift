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
