/// A single reading far from both of its neighbours, which are near each other: told one reading later.
///
/// Far is a third of the range seen, and twice what the series has done of late. A series that spikes often does so
/// by nature: each spike raises what is far by a fifth, and six are told, then one in 10,000 readings.
struct Spike: BitwiseCopyable {
    var n = 0
    /// The two readings before, where there are so many since the start or a gap.
    var beforeLast = 0.0
    var last = 0.0
    var neighbours = 0
    /// Without the spikes.
    var min = Double.infinity
    var max = -Double.infinity
    /// How far a reading usually stands out at the most: loses a two-thousandth a reading.
    var usual = 0.0
    /// How many more may be told.
    var allowance = Spike.allowanceMax

    static let allowanceMax = 6.0
    private static let warmUp = 24
    private static let refill = 1 / 10_000.0
    private static let decay = 0.9995

    /// After a gap: its ends are no neighbours.
    mutating func forgetRecent() { neighbours = 0 }

    /// What was expected in the place of the last reading, and how far readings usually stand out.
    mutating func judge(_ x: Double) -> (expected: Double, usual: Double)? {
        n += 1
        allowance = Swift.min(Self.allowanceMax, allowance + Self.refill)
        defer { (beforeLast, last) = (last, x) }
        guard neighbours >= 2 else {
            neighbours += 1
            return nil
        }
        let (rise, fall) = (last - beforeLast, last - x)
        let height = rise * fall > 0 ? Swift.min(abs(rise), abs(fall)) : 0
        let before = usual
        usual *= Self.decay
        let isSpike =
            n > Self.warmUp && max > min && height > 0.35 * (max - min) && height > 2 * before
            && abs(x - beforeLast) <= 0.5 * height
        guard isSpike, allowance >= 1 else {
            usual = Swift.max(usual, height)
            min = Swift.min(min, last)
            max = Swift.max(max, last)
            return nil
        }
        allowance -= 1
        usual = before > 0 ? 1.2 * before : 0.5 * height
        return ((beforeLast + x) / 2, before)
    }
}
