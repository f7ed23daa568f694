/// Whether a reading lies beyond all that were seen before.
struct RecordRange: BitwiseCopyable {
    var min = Double.infinity
    var max = -Double.infinity

    /// 3 to 13: how far beyond, where the whole range counts ten; 0 within it or less than a fiftieth beyond.
    ///
    /// `n` counts this reading too.
    @inline(__always)
    mutating func score(_ x: Double, n: Int) -> Double {
        defer {
            min = Swift.min(min, x)
            max = Swift.max(max, x)
        }
        guard n > Likelihood.warmUp, max > min else { return 0 }
        let beyond = Swift.max(x - max, min - x) / (max - min)
        return beyond > 0.02 ? 3 + 10 * Swift.min(beyond, 1) : 0
    }
}
