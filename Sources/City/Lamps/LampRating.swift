/// What a lamp takes at full light, learned from its own reports: of four bands of the dimming level each its own.
///
/// Drivers differ in how power follows level (a logarithmic one takes a third of its power at 85 %), but each is true to
/// itself. Within a band the power runs straight from the standby at 0 % to the rating at 100 %.
struct LampRating: BitwiseCopyable, Sendable {
    private(set) var watts = SIMD4<Float>.zero
    /// How many more reports agreed with `watts` than did not, counted double.
    private(set) var counts = SIMD4<UInt16>.zero

    /// Below this level lamps differ too much.
    static let levelMin = 10.0
    /// Part of the rating that a driver takes whatever the light.
    static let standbyShare = 0.08
    /// Reports that agree before a band counts as known.
    static let countMin: UInt16 = 30
    /// From here on each report weighs one thousandth.
    private static let countMax: UInt16 = 1000
    private static let agreement = 0.3

    init() {}

    /// nil unless the numbers can be ratings.
    init?(watts: SIMD4<Float>, counts: SIMD4<UInt16>) {
        for band in 0..<4 {
            guard watts[band].isFinite, watts[band] >= 0, counts[band] <= Self.countMax,
                (counts[band] == 0) == (watts[band] == 0)
            else { return nil }
        }
        self.watts = watts
        self.counts = counts
    }

    /// The part of the rating that is taken at `level` %.
    static func share(_ level: Double) -> Double { standbyShare + (1 - standbyShare) * min(level, 100) / 100 }

    private static func band(_ level: Double) -> Int { level < 35 ? 0 : level < 60 ? 1 : level < 85 ? 2 : 3 }

    /// Watts at `level` %; nil where not yet known.
    func expected(_ level: Double) -> Double? {
        let band = Self.band(level)
        guard level >= Self.levelMin, counts[band] >= Self.countMin else { return nil }
        return Double(watts[band]) * Self.share(level)
    }

    /// Of the brightest band that is known.
    var greatest: Double? {
        (0..<4).reversed().first { counts[$0] >= Self.countMin }.map { Double(watts[$0]) }
    }

    /// A report of a lamp that burns steadily. One far from the rating takes two others away, and where none is left
    /// stands for the rating itself: a spike is forgotten at once, and what most reports say remains.
    mutating func learn(watts power: Double, level: Double) {
        let band = Self.band(level)
        let rating = power / Self.share(level)
        let known = Double(watts[band])
        guard level >= Self.levelMin, rating > 0.01, rating < 1e6 else { return }
        if counts[band] > 0, abs(rating - known) <= Self.agreement * known {
            counts[band] = min(counts[band] + 1, Self.countMax)
            watts[band] = Float(known + (rating - known) / Double(counts[band]))
        } else if counts[band] >= Self.countMin {
            // Known ratings are not unlearned: what is far from them is a finding.
        } else if counts[band] > 2 {
            counts[band] -= 2
        } else {
            watts[band] = Float(rating)
            counts[band] = 1
        }
    }
}
