import Basics
import Glibc
import Telemetry

/// A fixed slice of time of one ring: what its samples come to. One cache line, 64 bytes.
///
/// Which slice it is follows from its place in the ring.
struct Pane: Equatable {
    var count: UInt32 = 0
    /// Milliseconds from the pane's start to its first and its last sample by observed time.
    var firstOffset: Int32 = 0
    var lastOffset: Int32 = 0
    /// Sum of squared deviations from the mean, rounded to 24 bits: a relative error of 1e-7, 4 bytes a pane. Of the open
    /// pane of a ring the sum lies beside it, in full.
    var squares: Float = 0
    /// Of directions the mean of their sines.
    var mean = 0.0
    var min = 0.0
    var max = 0.0
    /// Of a counter the first and the last sample believed (`CounterWalk`), NaN where none is.
    var first = 0.0
    var last = 0.0
    /// By kind: the codes of `QuantilePoints`, a counter's growth from `first` to `last`, a state's value
    /// times milliseconds from the first to the last sample, the mean of the cosines of directions.
    var extra: UInt64 = 0

    init() {}

    /// A pane that begins with one sample, which a counter does not believe as yet.
    @inline(__always)
    init(_ sample: Double, at offset: Int32, _ kind: SeriesKind, _ part: CirclePart) {
        count = 1
        firstOffset = offset
        lastOffset = offset
        mean = part.isUsed ? part.sine : sample
        min = sample
        max = sample
        first = kind == .counter ? .nan : sample
        last = first
        extra = part.isUsed ? part.cosine.bitPattern : 0
    }

    var extraValue: Double {
        get { Double(bitPattern: extra) }
        set { extra = newValue.bitPattern }
    }

    /// Adds a sample `offset` milliseconds after the pane's start, and to `squares` what it adds to the sum of squares. Of
    /// samples at one moment the first counts as first and the latest heard as last. What a counter grew by is counted
    /// beside it (`SeriesRecord.countOn`).
    ///
    /// `neighbours` is asked for the samples before and after one that comes out of order.
    @inline(__always)
    mutating func add(
        _ sample: Double, at offset: Int32, _ kind: SeriesKind, _ part: CirclePart, squares: inout Double,
        neighbours: () -> Neighbours
    ) {
        count &+= 1
        if kind == .direction {
            mean += (part.sine - mean) / Double(count)
            extraValue += (part.cosine - extraValue) / Double(count)
        } else {
            let deviation = sample - mean
            mean += deviation / Double(count)
            squares += deviation * (sample - mean)
        }
        if sample < min { min = sample }
        if sample > max { max = sample }
        if offset >= lastOffset {
            if kind == .state { extraValue += last * Double(offset - lastOffset) }
            lastOffset = offset
            if kind != .counter { last = sample }
        } else if offset < firstOffset {
            if kind == .state { extraValue += sample * Double(firstOffset - offset) }
            firstOffset = offset
            if kind != .counter { first = sample }
        } else if kind == .state {
            // What a sample in between changes depends on its neighbours.
            let near = neighbours()
            let before = near.before ?? (firstOffset, first)
            let after = near.after ?? (lastOffset, last)
            extraValue += (sample - before.value) * Double(after.offset - offset)
        }
    }
}

/// The samples of a pane next to a moment, of those still kept; nil where none is.
struct Neighbours {
    /// At the moment or before it.
    var before: (offset: Int32, value: Double)?
    /// After the moment.
    var after: (offset: Int32, value: Double)?
}

/// A direction on the unit circle.
struct CirclePart {
    var sine = 0.0
    var cosine = 0.0
    var isUsed = false

    @inline(__always)
    init(_ sample: Double, _ kind: SeriesKind) {
        guard kind == .direction else { return }
        let radians = sample * (.pi / 180)
        sine = sin(radians)
        cosine = cos(radians)
        isUsed = true
    }
}
