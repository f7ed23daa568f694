/// What some readings of a series come to. All is 0 where there are none.
///
/// Of decimals (tenths, hundredths) everything is exact up to the last rounding, whatever their order: 0.1, 0.2 and
/// 0.3 have the sum 0.6. Such a summary also takes the least room in an `HourRow`.
package struct Summary: Equatable, Sendable {
    package var count = 0
    package var min = 0.0
    package var max = 0.0
    package var sum = 0.0
    /// The sum of the squared distances from the mean.
    package var deviation = 0.0
    /// The latest in time.
    package var last = 0.0

    /// Powers of ten beyond this are not looked for.
    package static let exponentMax = 9
    /// The bound of count * (max - min) in integers: its square, which bounds count * deviation, is exact as a double.
    package static let spreadMax: Int64 = 1 << 26

    package init() {}

    package init(count: Int, min: Double, max: Double, sum: Double, deviation: Double, last: Double) {
        self.count = count
        self.min = min
        self.max = max
        self.sum = sum
        self.deviation = deviation
        self.last = last
    }

    /// Of finite values by rising time.
    package init(_ values: UnsafeBufferPointer<Double>) {
        var exponent = 0
        self.init(values, exponent: &exponent)
    }

    /// The same; `exponent` is tried first and becomes the one that fitted, which is the same from piece to piece of a
    /// series. (Pieces of ten tenths: a quarter of their time.)
    package init(_ values: UnsafeBufferPointer<Double>, exponent: inout Int) {
        guard let last = values.last else { return }
        self.last = last
        count = values.count
        if exponent > 0, sumDecimals(values, exponent) == .summed { return }
        if let fitting = sumDecimals(values) { exponent = fitting } else { sumAny(values) }
    }

    package init(_ values: [Double]) {
        self = values.withUnsafeBufferPointer { Summary($0) }
    }

    package var mean: Double { count > 0 ? sum / Double(count) : .nan }
    /// Of all the readings, as a population.
    package var standardDeviation: Double { count > 0 ? (deviation / Double(count)).squareRoot() : .nan }
    package var sumOfSquares: Double { count > 0 ? deviation + sum * (sum / Double(count)) : 0 }

    /// Adds what came later.
    ///
    /// Source: Chan, Golub and LeVeque (1983).
    package mutating func merge(_ later: Summary) {
        guard later.count > 0 else { return }
        guard count > 0 else { return self = later }
        let (left, right) = (Double(count), Double(later.count))
        // The distance of the means times both counts: one division where the means themselves took three.
        let apart = later.sum * left - sum * right
        deviation += later.deviation + apart * (apart / (left * right * (left + right)))
        count += later.count
        sum += later.sum
        min = Swift.min(min, later.min)
        max = Swift.max(max, later.max)
        last = later.last
    }

    /// Sums values that are all integers over one power of ten; nil where they are not, and nothing summed.
    private mutating func sumDecimals(_ values: UnsafeBufferPointer<Double>) -> Int? {
        for exponent in 0...Self.exponentMax {
            switch sumDecimals(values, exponent) {
            case .summed: return exponent
            case .otherPower: continue
            case .tooLarge: return nil
            }
        }
        return nil
    }

    private enum Decimals { case summed, otherPower, tooLarge }

    /// Sums values that are all integers over this power of ten and small enough to be summed as such.
    private mutating func sumDecimals(_ values: UnsafeBufferPointer<Double>, _ exponent: Int) -> Decimals {
        let power = ValueColumn.powers[exponent]
        guard let pivot = ValueColumn.integer(values[0], power),
            let figures = Integers(values, power: power, pivot: Double(pivot))
        else { return .otherPower }
        let number = Int64(count)
        // What was not exact was so only where these do not hold.
        guard number < Self.spreadMax, figures.greatest - figures.least <= Double(Self.spreadMax / number),
            pivot.magnitude < UInt64(ValueColumn.integerMax / number)
        else { return .tooLarge }
        let (distances, squares) = (Int64(figures.distances), Int64(figures.squares))
        let total = pivot &* number &+ distances
        guard total.magnitude <= UInt64(ValueColumn.integerMax),
            let deviation = Self.deviation(number &* squares &- distances &* distances, count, power)
        else { return .tooLarge }
        min = figures.least / power
        max = figures.greatest / power
        sum = Double(total) / power
        self.deviation = deviation
        return .summed
    }

    /// What values come to that are integers over a power of ten, in doubles and without a branch: 2 ns a value
    /// where integers took 5.
    private struct Integers {
        var least: Double
        var greatest: Double
        /// The sums of the distances from the pivot and of their squares; what they come to hardly depends on where the
        /// values lie. Exact while `spreadMax` holds, so in whatever order.
        var distances: Double
        var squares: Double

        /// Nil where a value is no integer over `power`, which must give it back bit for bit.
        @inline(__always)
        init?(_ values: UnsafeBufferPointer<Double>, power: Double, pivot: Double) {
            // Adding and taking away this leaves a double without its fraction. From 2^51 on odd integers do not come
            // back, and count as no decimals.
            let magic = 0x1.8p52
            var place = 0
            var (lows, highs) = (SIMD4(repeating: pivot), SIMD4(repeating: pivot))
            var (sums, squareSums) = (SIMD4<Double>(), SIMD4<Double>())
            var wrongs = SIMD4<UInt64>()
            while place &+ 4 <= values.count {
                let four = UnsafeRawPointer(values.baseAddress! + place).loadUnaligned(as: SIMD4<Double>.self)
                place &+= 4
                let integers = four * power + magic - magic
                wrongs |=
                    unsafeBitCast(integers / power, to: SIMD4<UInt64>.self)
                    ^ unsafeBitCast(four, to: SIMD4<UInt64>.self)
                lows.replace(with: integers, where: integers .< lows)
                highs.replace(with: integers, where: integers .> highs)
                let distance = integers - pivot
                sums += distance
                squareSums += distance * distance
                // Most of what is not over this power shows at once; after that nothing branches.
                if place == 4, wrongs != SIMD4() { return nil }
            }
            var wrong = wrongs[0] | wrongs[1] | wrongs[2] | wrongs[3]
            var (low, high) = (
                Swift.min(Swift.min(lows[0], lows[1]), Swift.min(lows[2], lows[3])),
                Swift.max(Swift.max(highs[0], highs[1]), Swift.max(highs[2], highs[3]))
            )
            var (sum, squareSum) = (
                sums[0] + sums[1] + sums[2] + sums[3], squareSums[0] + squareSums[1] + squareSums[2] + squareSums[3]
            )
            while place < values.count {
                let value = values[place]
                place &+= 1
                let integer = value * power + magic - magic
                wrong |= (integer / power).bitPattern ^ value.bitPattern
                low = integer < low ? integer : low
                high = integer > high ? integer : high
                let distance = integer - pivot
                sum += distance
                squareSum += distance * distance
            }
            guard wrong == 0 else { return nil }
            (least, greatest, distances, squares) = (low, high, sum, squareSum)
        }
    }

    /// The deviation, where count * deviation is `scaled` over the power squared: one division of exact numbers, so the
    /// same from any power that fits. Nil where a number is not exact.
    package static func deviation(_ scaled: Int64, _ count: Int, _ power: Double) -> Double? {
        let divisor = Double(count) * power * power
        guard divisor <= 0x1p53 else { return nil }
        return Double(scaled) / divisor
    }

    /// Source: Neumaier (1974) for the sum; the deviation in a second pass around the mean.
    private mutating func sumAny(_ values: UnsafeBufferPointer<Double>) {
        (min, max) = (values[0], values[0])
        var (total, lost) = (0.0, 0.0)
        for value in values {
            min = Swift.min(min, value)
            max = Swift.max(max, value)
            let next = total + value
            lost += total.magnitude >= value.magnitude ? (total - next) + value : (value - next) + total
            total = next
        }
        sum = total.isFinite ? total + lost : total
        let mean = sum / Double(count)
        for value in values { deviation += (value - mean) * (value - mean) }
    }
}
