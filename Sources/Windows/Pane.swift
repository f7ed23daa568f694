import Telemetry

/// A fixed slice of time of one window: what its samples come to. One cache line, 64 bytes.
struct Pane: Equatable {
    /// Which slice this is: time divided by the pane's length. `never` in a pane that holds nothing.
    var epoch: Int32 = Pane.never
    var count: UInt32 = 0
    /// Milliseconds from the pane's start to its first and its last sample by observed time.
    var firstOffset: Int32 = 0
    var lastOffset: Int32 = 0
    var mean = 0.0
    /// Sum of squared deviations from the mean.
    var squares = 0.0
    var min = 0.0
    var max = 0.0
    var first = 0.0
    var last = 0.0

    static let never = Int32.min

    /// A pane that begins with one sample.
    init(epoch: Int32, offset: Int32, sample: Double) {
        self.epoch = epoch
        count = 1
        firstOffset = offset
        lastOffset = offset
        mean = sample
        min = sample
        max = sample
        first = sample
        last = sample
    }

    init() {}

    /// Adds a sample `offset` milliseconds after the pane's start. Of samples at one moment the first counts as first
    /// and the latest heard as last.
    @inline(__always)
    mutating func add(_ sample: Double, at offset: Int32) {
        count &+= 1
        let deviation = sample - mean
        mean += deviation / Double(count)
        squares += deviation * (sample - mean)
        if sample < min { min = sample }
        if sample > max { max = sample }
        if offset >= lastOffset {
            lastOffset = offset
            last = sample
        } else if offset < firstOffset {
            firstOffset = offset
            first = sample
        }
    }

    var moments: Moments { Moments(count: Int(count), mean: mean, squares: squares) }
}
