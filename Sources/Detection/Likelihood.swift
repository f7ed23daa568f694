#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// How unlikely a number is against the running mean and variance of the numbers before it.
///
/// Scored first and learnt after, so that a wild number does not excuse itself.
struct Likelihood: BitwiseCopyable {
    var mean = 0.0
    var variance = 0.0
    var count = 0

    /// Nothing is judged before so many numbers.
    static let warmUp = 100
    /// Weight of a new number once there are more than 3,333.
    static let rateMin = 0.0003

    /// 0 where `y` is usual, else how many powers of ten rarer than a coin's toss (see `rarity`).
    ///
    /// `floor` is the spread that is allowed in any case, as a part of the mean.
    @inline(__always)
    mutating func score(_ y: Double, twoSided: Bool = false, floor: Double) -> Double {
        count += 1
        guard count > 1 else {
            mean = y
            return 0
        }
        let apart = y - mean
        var result = 0.0
        if count > Self.warmUp {
            let z = apart / (variance.squareRoot() + floor * abs(mean) + 1e-12)
            result = Self.rarity(of: twoSided ? abs(z) : z)
        }
        let rate = max(Self.rateMin, 1 / Double(count))
        mean += rate * apart
        variance = (1 - rate) * (variance + rate * apart * apart)
        return result
    }

    /// -log10 of twice the upper tail of the normal law at `z`: 0 at and below 0, 0.5 at 1, 2.6 at 3; at most 40.
    ///
    /// Source: the tail's asymptote Q(z) = exp(-z²/2) / (z √2π) from 8 on, where it is good to 1 %.
    static func rarity(of z: Double) -> Double {
        guard z > 0 else { return 0 }
        guard z < 8 else { return min(40, (z * z / 2 + log(2.5066 * z)) / 2.302585 - 0.30103) }
        return -log10(erfc(z * 0.5.squareRoot()))
    }
}
