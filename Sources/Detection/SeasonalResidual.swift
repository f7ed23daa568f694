/// How far readings stray from what is usual at their time of day.
///
/// A level that moves slowly, and a profile of the day in slots of ten minutes on top of it. What is judged is the
/// smoothed size of the residual, less half of the one before it: a long excursion is told at its start.
struct SeasonalResidual: BitwiseCopyable {
    static let slots = 144
    static let slotMilliseconds: Int64 = 86_400_000 / Int64(slots)

    var level = 0.0
    /// The last residual; 0 at the start and after a gap.
    var previous = 0.0
    /// The usual size of a residual.
    var deviation = 0.0
    /// The residual's size, smoothed over about ten readings.
    var smoothed = 0.0
    var likelihood = Likelihood()
    /// By slot: what is added to the level, and how many readings said so, up to `seenMax`.
    var profile = InlineArray<144, Double>(repeating: 0)
    var seen = InlineArray<144, UInt8>(repeating: 0)

    /// From here on the weight of a reading no longer falls.
    static let seenMax: UInt8 = 9

    /// The slot of a moment in milliseconds of the local clock.
    @inline(__always)
    static func slot(ofLocal milliseconds: Int64) -> Int {
        let inDay = milliseconds % 86_400_000
        return Int((inDay < 0 ? inDay + 86_400_000 : inDay) / slotMilliseconds)
    }

    /// `n` counts this reading too.
    @inline(__always)
    mutating func score(_ x: Double, slot: Int, n: Int) -> Double {
        let weight = 1 / Double(n)
        if n == 1 { level = x }
        let isWarm = n > Likelihood.warmUp
        let residual = x - level - profile[slot]
        let error = abs(residual - 0.5 * previous)
        previous = residual
        deviation += max(0.002, weight) * ((isWarm ? min(error, 8 * deviation) : error) - deviation)
        smoothed += max(0.1, weight) * (error - smoothed)
        let limit = 6 * deviation
        let step = isWarm ? min(max(residual, -limit), limit) : residual
        if seen[slot] < Self.seenMax {
            seen[slot] += 1
            profile[slot] += step / Double(seen[slot] + 1)
        } else {
            profile[slot] += 0.1 * step
        }
        level += max(0.0005, weight) * step
        return likelihood.score(smoothed, floor: 0.05)
    }
}
