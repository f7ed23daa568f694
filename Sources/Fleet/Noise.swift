package import Basics
import Glibc
import Telemetry

/// Chance as a function: the same seed, place and moment give the same number, in any order of asking.
///
/// A simulation that draws numbers in turn would change everywhere when one device is added; this one does not.
package struct Noise: Sendable {
    private let seed: UInt64

    /// Any number will do, 0 as well.
    package init(seed: UInt64) { self.seed = seed }

    /// A noise of its own for a device or a quantity.
    package func forked(_ branch: UInt64) -> Noise { Noise(seed: Self.mixed(seed ^ Self.mixed(branch &+ 0x632B_E59B))) }

    /// Uniform in 0 up to 1.
    package func unit(_ index: Int64) -> Double {
        Double(Self.mixed(seed &+ UInt64(bitPattern: index) &* 0x9E37_79B9_7F4A_7C15) >> 11) * 0x1p-53
    }

    /// Mean 0, standard deviation 1, bounded by about 3.5: the sum of four uniform numbers.
    package func bell(_ index: Int64) -> Double {
        let sum = (0..<4).reduce(0) { $0 + forked(UInt64($1)).unit(index) }
        return (sum - 2) * 1.732_050_8
    }

    /// A slow wander between -1 and 1: new values every `period`, joined by half cosines.
    package func wander(_ moment: Timestamp, period: Duration) -> Double {
        let step = period.milliseconds
        let index = moment.milliseconds.flooredDivision(by: step)
        let part = Double(moment.milliseconds - index * step) / Double(step)
        let blend = (1 - cos(part * .pi)) / 2
        return (unit(index) * (1 - blend) + unit(index + 1) * blend) * 2 - 1
    }

    /// The finaliser of SplitMix64. Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators"
    /// (2014).
    private static func mixed(_ word: UInt64) -> UInt64 {
        var word = word &+ 0x9E37_79B9_7F4A_7C15
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
