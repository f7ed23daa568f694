/// Where in a pane an even share of its samples lies: eight points of 8 bits between the pane's least and most, the
/// i-th at the share (i + 1/2) / 8. Eight bytes, which a pane has room for.
///
/// A point lies within a step of 1/510 of the pane's span of its share in the histogram it is made from. By itself the
/// shape of eight points misplaces at most a sixteenth of the pane's samples.
struct QuantilePoints: Equatable {
    static let count = 8
    var codes: UInt64

    init(codes: UInt64) { self.codes = codes }

    /// Evenly over the span, where nothing is known: 255 · (i + 1/2) / 8.
    static let even = QuantilePoints(
        codes: (0..<count).reduce(UInt64(0)) { codes, index in
            codes | UInt64((255 * (Double(index) + 0.5) / Double(count)).rounded()) << UInt64(8 * index)
        })

    /// Of few samples in order of value.
    init(sorted values: UnsafePointer<Double>, count: Int) {
        codes = 0
        let least = values[0]
        let span = values[count - 1] - least
        guard span > 0 else { return }
        for point in 0..<Self.count {
            let value = values[(2 * point + 1) * count / (2 * Self.count)]
            codes |= UInt64((value - least) / span * 255 + 0.5) << UInt64(8 * point)
        }
    }

    @inline(__always)
    func value(_ index: Int, _ least: Double, _ most: Double) -> Double {
        let code = UInt8(truncatingIfNeeded: codes >> UInt64(8 * index))
        return least + (most - least) * (Double(code) * (1 / 255))
    }

    /// The value at a share of 0...1, linear between the points, the least and the most.
    func value(atShare share: Double, _ least: Double, _ most: Double) -> Double {
        let position = share * Double(Self.count) - 0.5
        if position <= 0 { return least + (value(0, least, most) - least) * (position + 0.5) * 2 }
        let below = Int(position)
        let low = value(below, least, most)
        guard below + 1 < Self.count else { return low + (most - low) * (position - Double(below)) * 2 }
        return low + (value(below + 1, least, most) - low) * (position - Double(below))
    }
}

/// A histogram of sixteen bins whose width, a power of two, grows with the span of its samples, so that it depends on
/// the samples and not on their order. Bins are numbered from 0 at the value 0; `base` is the first that has a place.
///
/// The span covers more than seven bins unless all samples lie within a millionth of the first two, so a sample is known to a
/// seventh of the span. Counts are of 16 bits: where one is full all are halved, and from then on every second sample
/// counts (`thinning` times over).
struct SketchHead: Equatable {
    static let bins = 16
    static let countMax = UInt16.max

    var base: Int64 = 0
    /// Width of a bin: 2 to this power.
    var scale: Int16 = 0
    /// `empty` before the first sample.
    var thinning: UInt16 = SketchHead.empty
    /// Of which pane it is.
    var epoch: Int32

    static let empty = UInt16.max
    /// A pane counts 2^32 samples at most.
    private static let thinningMax: UInt16 = 31

    typealias Bins = UnsafeMutablePointer<UInt16>

    private static func power(of two: Int) -> Double {
        Double(bitPattern: UInt64(bitPattern: Int64(two + 1023)) << 52)
    }

    @inline(__always)
    private static func number(_ scaled: Double) -> Int64 {
        // Rounding down by a function of the C library takes longer than all the rest.
        let truncated = Int64(scaled)
        return Double(truncated) > scaled ? truncated - 1 : truncated
    }

    /// Starts anew without samples.
    @inline(__always)
    mutating func clear() { thinning = Self.empty }

    @inline(__always)
    mutating func add(_ sample: Double, nth: UInt32, _ bins: Bins) { add(sample, weight: 1, nth: nth, bins) }

    /// Adds a sample so many times; it is the `nth` of the pane, by which a thinned histogram chooses.
    @inline(__always)
    mutating func add(_ sample: Double, weight: UInt16, nth: UInt32, _ bins: Bins) {
        if thinning == Self.empty { begin(sample, sample, bins) }
        guard thinning == 0 || nth & (1 << UInt32(thinning) - 1) == 0 else { return }
        var scaled = sample * Self.power(of: -Int(scale))
        // Beyond 2^60 a bin could not be numbered.
        if scaled.magnitude >= 0x1p60 || UInt64(bitPattern: Self.number(scaled) &- base) >= UInt64(Self.bins) {
            widen(for: sample, bins)
            scaled = sample * Self.power(of: -Int(scale))
        }
        let bin = Self.number(scaled) &- base
        if bins[Int(bin)] > Self.countMax - weight { halve(bins) }
        bins[Int(bin)] &+= weight
    }

    /// Makes room for two samples and what lies between them.
    @inline(never)
    mutating func begin(_ one: Double, _ other: Double, _ bins: Bins) {
        bins.update(repeating: 0, count: Self.bins)
        thinning = 0
        let magnitude = Swift.max(one.magnitude, other.magnitude)
        scale = Int16(magnitude < 1 ? 0 : Int(magnitude.exponent)) - 20
        let toBins = Self.power(of: -Int(scale))
        var least = Self.number(Swift.min(one, other) * toBins)
        var most = Self.number(Swift.max(one, other) * toBins)
        scale += Self.halve(&least, &most)
        base = least - (Int64(Self.bins) - 1 - (most - least)) / 2
    }

    /// Halves both until they are less than sixteen apart; returns how often.
    @inline(__always)
    private static func halve(_ least: inout Int64, _ most: inout Int64) -> Int16 {
        guard most - least >= Int64(bins) else { return 0 }
        // All but the last step at once.
        var steps = Int16(60 - (most - least).leadingZeroBitCount)
        least >>= Int64(steps)
        most >>= Int64(steps)
        if most - least >= Int64(bins) {
            least >>= 1
            most >>= 1
            steps += 1
        }
        return steps
    }

    /// Moves or widens the bins so that `sample` has a place beside all others.
    @inline(never)
    private mutating func widen(for sample: Double, _ bins: Bins) {
        var low = 0
        while low < Self.bins - 1, bins[low] == 0 { low += 1 }
        var high = Self.bins - 1
        while high > low, bins[high] == 0 { high -= 1 }
        let isEmpty = bins[high] == 0
        // A sample far beyond the numbers of the present bins needs a coarser scale before it can be numbered.
        var steps: Int16 = 0
        while sample.magnitude * Self.power(of: -Int(scale + steps)) >= 0x1p60 { steps += 1 }
        let new = Self.number(sample * Self.power(of: -Int(scale + steps)))
        var least = isEmpty ? new : Swift.min(new, (base + Int64(low)) >> Int64(steps))
        var most = isEmpty ? new : Swift.max(new, (base + Int64(high)) >> Int64(steps))
        steps += Self.halve(&least, &most)
        // In the middle, as the next wide sample may be on either side.
        least -= (Int64(Self.bins) - 1 - (most - least)) / 2
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Self.bins) { moved in
            for bin in 0..<Self.bins { moved[bin] = 0 }
            if !isEmpty {
                for bin in low...high {
                    moved[Int(((base + Int64(bin)) >> Int64(steps)) - least)] += UInt32(bins[bin])
                }
            }
            while moved.reduce(0, |) > UInt32(Self.countMax) {
                for bin in 0..<Self.bins { moved[bin] = (moved[bin] + 1) / 2 }
                thinning = Swift.min(thinning + 1, Self.thinningMax)
            }
            for bin in 0..<Self.bins { bins[bin] = UInt16(moved[bin]) }
        }
        base = least
        scale += steps
    }

    private mutating func halve(_ bins: Bins) {
        for bin in 0..<Self.bins { bins[bin] = UInt16((UInt32(bins[bin]) + 1) / 2) }
        thinning = Swift.min(thinning + 1, Self.thinningMax)
    }

    /// The points of the samples so far, which lie between `least` and `most`.
    func points(_ least: Double, _ most: Double, _ bins: UnsafePointer<UInt16>) -> QuantilePoints {
        guard thinning != Self.empty, most > least else { return QuantilePoints(codes: 0) }
        var total: UInt32 = 0
        for bin in 0..<Self.bins { total += UInt32(bins[bin]) }
        guard total > 0 else { return QuantilePoints(codes: 0) }
        let width = Self.power(of: Int(scale))
        let perSpan = 255 / (most - least)
        let share = Double(total) / Double(QuantilePoints.count)
        var codes: UInt64 = 0
        var bin = 0
        var below = 0.0
        for point in 0..<QuantilePoints.count {
            let target = (Double(point) + 0.5) * share
            while below + Double(bins[bin]) < target, bin < Self.bins - 1 {
                below += Double(bins[bin])
                bin += 1
            }
            // The outer bins reach beyond the samples.
            let low = Swift.max(least, Double(base + Int64(bin)) * width)
            let high = Swift.min(most, Double(base + Int64(bin) + 1) * width)
            let inBin = bins[bin] == 0 ? 0.5 : (target - below) / Double(bins[bin])
            let code = (low + (high - low) * inBin - least) * perSpan + 0.5
            codes |= UInt64(Swift.min(255, Swift.max(0, code))) << UInt64(8 * point)
        }
        return QuantilePoints(codes: codes)
    }

    /// Starts anew with samples like those that `points` stand for, `count` of them.
    mutating func reopen(_ points: QuantilePoints, count: UInt32, _ least: Double, _ most: Double, _ bins: Bins) {
        clear()
        merge(points, count: count, least, most, bins)
    }

    /// Adds samples like those that `points` stand for, `count` of them.
    mutating func merge(_ points: QuantilePoints, count: UInt32, _ least: Double, _ most: Double, _ bins: Bins) {
        guard count > 0 else { return }
        if thinning == Self.empty {
            // Room for the whole span first, so that it is not widened once for every part.
            begin(least, most, bins)
        }
        while count >> UInt32(thinning) > 32_768 { halve(bins) }
        let weight = count >> UInt32(thinning)
        let parts = Swift.min(weight, 32)
        for part in 0..<parts {
            let value = points.value(atShare: (Double(part) + 0.5) / Double(parts), least, most)
            add(value, weight: UInt16(weight / parts + (part < weight % parts ? 1 : 0)), nth: 0, bins)
        }
    }

    /// Whether it can be one: a bin's number and width are of those that samples lead to.
    var isPossible: Bool {
        thinning == Self.empty
            || (thinning <= Self.thinningMax && (-20...900).contains(scale) && base.magnitude < 1 << 61)
    }
}
