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
    /// Below 8 from a table, good to 1e-8 (two thirds of the light tier's time went into `erfc` and `log10`). Source of
    /// the rest: the tail's asymptote Q(z) = exp(-z²/2) / (z √2π), good to 1 % from 8 on.
    @inline(__always)
    static func rarity(of z: Double) -> Double {
        guard z > 0 else { return 0 }
        guard z < 8 else { return min(40, (z * z / 2 + log(2.5066 * z)) / 2.302585 - 0.30103) }
        return RarityTable.standard.value(at: z)
    }
}

/// Values and slopes of the rarity at every thirty-second from 0 to 8; between them cubic (Hermite).
struct RarityTable {
    static let standard = RarityTable()

    private let knots: [SIMD2<Double>]

    private init() {
        knots = (0...256).map { place in
            let z = Double(place) / 32
            let tail = erfc(z * 0.5.squareRoot())
            let slope = (2 / Double.pi).squareRoot() * exp(-z * z / 2) / (tail * log(10))
            return SIMD2(-log10(tail), slope / 32)
        }
    }

    /// `z` is from 0 to less than 8.
    @inline(__always)
    func value(at z: Double) -> Double {
        let place = Int(z * 32)
        let t = z * 32 - Double(place)
        let (left, right) = (knots[place], knots[place + 1])
        let rise = right.x - left.x
        return left.x + t * (left.y + t * (3 * rise - 2 * left.y - right.y + t * (left.y + right.y - 2 * rise)))
    }
}
