/// How unlike anything before the recent shape of a series is.
///
/// The last 18 readings, as six means of three, are compared with up to 64 shapes that were met before. A shape farther
/// than `radius` from all of them is kept; the radius grows with each such and shrinks slowly otherwise, so that about
/// one shape in 200 is kept whatever the series.
struct ShapeNovelty: BitwiseCopyable {
    static let ringSize = 18
    static let centresMax = 64
    /// The first shape is taken at this reading.
    private static let first = 20
    private static let growth = 1.1046184707399531  // exp(0.0995)
    private static let decay = 0.9995001249791693  // exp(-0.0005)

    /// Newest first.
    var ring = InlineArray<18, Double>(repeating: 0)
    var filled = 0
    var radius = 0.0
    var centreCount = 0
    var likelihood = Likelihood()
    /// Six coordinates of eight centres at a time, so that eight distances are reckoned side by side. A centre
    /// that is not yet used is infinitely far.
    var centres = InlineArray<48, SIMD8<Double>>(repeating: SIMD8(repeating: .infinity))
    /// How many shapes each centre stands for, up to `hitsMax`.
    var hits = InlineArray<64, UInt8>(repeating: 0)
    /// By centre: the number of the reading that it was last nearest to.
    var used = InlineArray<64, UInt32>(repeating: 0)

    /// From here on a centre moves by a fiftieth.
    static let hitsMax: UInt8 = 50

    /// The distance at the last reading, for the sentence about it.
    var distance = 0.0

    /// After a gap the shape begins anew; what was met before is kept.
    mutating func forgetRecent() { filled = 0 }

    /// `n` counts this reading too.
    @inline(__always)
    mutating func score(_ x: Double, n: Int) -> Double {
        for place in (1..<Self.ringSize).reversed() { ring[place] = ring[place - 1] }
        ring[0] = x
        filled = min(filled + 1, Self.ringSize)
        distance = 0
        if filled == Self.ringSize, n >= Self.first {
            distance = absorb(UInt32(truncatingIfNeeded: n))
        } else if centreCount > 0 {
            // Behind a gap there is nothing to judge yet, and nothing to learn from.
            return 0
        }
        return likelihood.score(distance, floor: 0.05)
    }

    @inline(__always)
    private mutating func absorb(_ n: UInt32) -> Double {
        var shape = InlineArray<6, Double>(repeating: 0)
        for j in 0..<6 { shape[j] = (ring[3 * j] + ring[3 * j + 1] + ring[3 * j + 2]) / 3 }
        guard centreCount > 0 else {
            centreCount = 1
            put(shape, at: 0, n)
            return 0
        }
        let (nearest, squared) = nearest(to: shape)
        let distance = squared.squareRoot() / 2.449489742783178  // sqrt 6
        if radius == 0 { radius = distance }
        if distance > radius {
            radius *= Self.growth
            if centreCount < Self.centresMax {
                put(shape, at: centreCount, n)
                centreCount += 1
            } else {
                put(shape, at: leastRecentlyUsed, n)
            }
        } else {
            radius *= Self.decay
            if hits[nearest] < Self.hitsMax { hits[nearest] += 1 }
            let rate = 1 / Double(hits[nearest])
            let (group, lane) = (nearest >> 3, nearest & 7)
            for j in 0..<6 { centres[6 * group + j][lane] += rate * (shape[j] - centres[6 * group + j][lane]) }
            used[nearest] = n
        }
        return distance
    }

    private mutating func put(_ shape: InlineArray<6, Double>, at centre: Int, _ n: UInt32) {
        for j in 0..<6 { centres[6 * (centre >> 3) + j][centre & 7] = shape[j] }
        hits[centre] = 1
        used[centre] = n
    }

    /// The centre nearest to `shape`, of several the first, and the square of its distance.
    @inline(__always)
    private func nearest(to shape: InlineArray<6, Double>) -> (Int, Double) {
        let all = centres.span
        var least = Double.infinity
        var nearest = 0
        for group in 0..<(centreCount + 7) >> 3 {
            var sum = SIMD8<Double>(repeating: 0)
            for j in 0..<6 {
                let apart = all[unchecked: 6 * group + j] - shape[j]
                sum += apart * apart
            }
            for lane in 0..<8 where sum[lane] < least {
                least = sum[lane]
                nearest = group << 3 | lane
            }
        }
        return (nearest, least)
    }

    private var leastRecentlyUsed: Int {
        var oldest = 0
        for centre in 1..<Self.centresMax where used[centre] < used[oldest] { oldest = centre }
        return oldest
    }
}
