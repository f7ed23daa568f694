/// Whether the mean of about the last thirty readings is unusual.
struct SlowMean: BitwiseCopyable {
    var mean = 0.0
    var likelihood = Likelihood()

    /// `n` counts this reading too.
    @inline(__always)
    mutating func score(_ x: Double, n: Int) -> Double {
        mean += max(1 / 30, 1 / Double(n)) * (x - mean)
        return likelihood.score(mean, twoSided: true, floor: 0)
    }
}
