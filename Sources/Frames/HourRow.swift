/// The 24 hours of one series and UTC day, to bytes and back bit for bit; drawn in FRAMES.md.
package struct HourRow: Equatable, Sendable {
    package static let hoursPerDay = 24
    package static let hourMilliseconds: Int64 = 3_600_000

    /// By hour; count 0 where there is no reading.
    package var hours: [Summary]
    /// A bit per hour: its summary was changed after it had been complete.
    package var revised: UInt32

    package init(hours: [Summary], revised: UInt32 = 0) {
        precondition(hours.count == Self.hoursPerDay, "store: a row of \(hours.count) hours")
        self.hours = hours
        self.revised = revised
    }

    /// The summaries of the rows of one day, which is told since 1970; NaN is absent.
    package static func hours(
        day: Int64, times: UnsafeBufferPointer<Int64>, values: UnsafeBufferPointer<Double>
    ) -> [Summary] {
        precondition(times.count == values.count, "store: \(values.count) values for \(times.count) times")
        var hours = [Summary](repeating: Summary(), count: hoursPerDay)
        guard let first = times.first, let last = times.last else { return hours }
        precondition(FrameKey.day(of: first) == day && FrameKey.day(of: last) == day, "store: rows of another day")
        withUnsafeTemporaryAllocation(of: Double.self, capacity: times.count) { present in
            var row = 0
            for hour in 0..<hoursPerDay {
                let end = day * FrameKey.dayMilliseconds + Int64(hour + 1) * hourMilliseconds
                var count = 0
                while row < times.count, times[row] < end {
                    present[count] = values[row]
                    count &+= values[row].isNaN ? 0 : 1
                    row &+= 1
                }
                if count > 0 { hours[hour] = Summary(UnsafeBufferPointer(rebasing: present[..<count])) }
            }
        }
        return hours
    }

    // MARK: Integers of an hour

    /// How an hour is written.
    enum Form: UInt64 {
        case exact
        /// The deviation as a double.
        case rawDeviation
        /// All as doubles.
        case raw
    }

    /// An hour as integers over a power of ten.
    struct Integers {
        var form = Form.raw
        var count: Int64 = 0
        var min: Int64 = 0
        var last: Int64 = 0
        /// max - min
        var range: Int64 = 0
        /// sum - count * min
        var sum: Int64 = 0
        /// The sum of the squares of (integer - min).
        var squares: Int64 = 0

        /// The least and the greatest sum there can be: one value is the least, another the greatest.
        var sums: ClosedRange<Int64> { range...Swift.max(range, (count &- 1) &* range) }

        /// Half of the squares above the least they can be, and the most that can come to. Source: Cauchy and Schwarz
        /// below; above, no value is beyond the range. A square is even where its root is: so the squares and the sum
        /// are, and half of them tells all.
        var leastSquares: Int64 { evened((sum &* sum &+ count &- 1) / count) }
        func evened(_ least: Int64) -> Int64 { least &+ ((least ^ sum) & 1) }
        var halfMax: Int64 { halfMax(leastSquares) }
        func halfMax(_ leastSquares: Int64) -> Int64 { (sum &* range &- leastSquares) / 2 }

        init() {}

        init(_ summary: Summary, _ power: Double) {
            guard let min = ValueColumn.integer(summary.min, power), let max = ValueColumn.integer(summary.max, power),
                let last = ValueColumn.integer(summary.last, power),
                let total = ValueColumn.integer(summary.sum, power), summary.count > 0, min <= last, last <= max,
                Int64(summary.count) < Summary.spreadMax, max - min <= Summary.spreadMax / Int64(summary.count),
                min.magnitude < UInt64(ValueColumn.integerMax / Int64(summary.count))
            else { return }
            count = Int64(summary.count)
            range = max - min
            self.min = min
            self.last = last - min
            sum = total - count * min
            guard range > 0 ? sums.contains(sum) && count > 1 : sum == 0 else { return }
            form = .rawDeviation
            let scaled = summary.deviation * Double(count) * power * power
            guard scaled.magnitude < 0x1p53 else { return }
            squares = Int64(((scaled + Double(sum * sum)) / Double(count)).rounded())
            let half = (squares - leastSquares) / 2
            guard squares >= leastSquares, (squares ^ sum) & 1 == 0, half <= halfMax,
                let deviation = deviation(power), deviation.bitPattern == summary.deviation.bitPattern
            else { return }
            form = .exact
        }

        func deviation(_ power: Double) -> Double? {
            Summary.deviation(count &* squares &- sum &* sum, Int(count), power)
        }

        @inline(__always)
        func summary(_ power: Double) -> Summary {
            let figures =
                SIMD4(Double(min), Double(min + range), Double(sum + count * min), Double(min + last)) / power
            return Summary(
                count: Int(count), min: figures[0], max: figures[1], sum: figures[2], deviation: 0, last: figures[3])
        }
    }

    // MARK: Encoding

    package func encode(into writer: inout ByteWriter) {
        var bits = BitWriter(capacity: 4096)
        put(into: &bits)
        writer.reserve(bits.byteCount)
        bits.withBytes { writer.put(bytes: $0) }
    }

    private func put(into bits: inout BitWriter) {
        bits.reserve(bits: 1024 + Self.hoursPerDay * 6 * 128)
        var present: UInt64 = 0
        for (hour, summary) in hours.enumerated() where summary.count > 0 { present |= 1 << UInt64(hour) }
        bits.put(revised == 0 ? 0 : 1, 1)
        if revised != 0 { bits.put(UInt64(revised), 32) }
        let isFull = present == (1 << UInt64(Self.hoursPerDay)) - 1
        bits.put(isFull ? 1 : 0, 1)
        if !isFull { bits.put(present, Self.hoursPerDay) }
        guard present != 0 else { return }
        let exponent = commonExponent()
        let power = ValueColumn.powers[exponent]
        withUnsafeTemporaryAllocation(of: Integers.self, capacity: Self.hoursPerDay) { all in
            var count = 0
            for summary in hours where summary.count > 0 {
                all.initializeElement(at: count, to: Integers(summary, power))
                count += 1
            }
            let list = UnsafeMutableBufferPointer(rebasing: all[..<count])
            let isPlain = list.allSatisfy { $0.form == .exact }
            bits.put(isPlain ? 1 : 0, 1)
            if !isPlain { for one in list { bits.put(one.form.rawValue, 2) } }
            bits.put(UInt64(exponent), 4)
            let usual = list.first { $0.form != .raw }?.count ?? 1
            let isUsual = list.allSatisfy { $0.form == .raw || $0.count == usual }
            bits.put(isUsual ? 1 : 0, 1)
            bits.put(number: UInt64(usual))
            let parameters = Parameters(list)
            parameters.put(into: &bits)
            var before: Int64 = 0
            var place = 0
            for summary in hours where summary.count > 0 {
                let one = list[place]
                place += 1
                if one.form == .raw {
                    bits.put(number: UInt64(summary.count))
                    for value in [summary.min, summary.max, summary.sum, summary.deviation, summary.last] {
                        bits.put(value.bitPattern, 64)
                    }
                    continue
                }
                if !isUsual { bits.put(number: IntegerColumn.zigzag(one.count - usual)) }
                put(one, after: &before, parameters, into: &bits)
                if one.form == .rawDeviation { bits.put(summary.deviation.bitPattern, 64) }
            }
        }
    }

    private func put(_ one: Integers, after before: inout Int64, _ parameters: Parameters, into bits: inout BitWriter) {
        let isQuiet = one.range == 0 && one.min == before
        if parameters.hasQuiet { bits.put(isQuiet ? 1 : 0, 1) }
        if parameters.hasQuiet, isQuiet { return }
        bits.put(rice: IntegerColumn.zigzag(before &- one.min), parameters.min)
        bits.put(rice: UInt64(one.range), parameters.range)
        before = one.min + one.last
        guard one.range > 0 else { return }
        bits.put(one.last, upTo: one.range)
        let sums = one.sums
        if parameters.sum == 0 {
            bits.put(one.sum - sums.lowerBound, upTo: sums.upperBound - sums.lowerBound)
        } else {
            bits.put(
                rice: IntegerColumn.zigzag(one.sum - Self.center(sums)),
                Self.parameter(sums.upperBound - sums.lowerBound, parameters.sum))
        }
        guard one.form == .exact else { return }
        let half = (one.squares - one.leastSquares) / 2
        if parameters.squares == 0 {
            bits.put(half, upTo: one.halfMax)
        } else {
            bits.put(rice: UInt64(half), Self.parameter(one.halfMax, parameters.squares))
        }
    }

    static func center(_ range: ClosedRange<Int64>) -> Int64 { (range.lowerBound &+ range.upperBound) >> 1 }

    /// The Rice parameter of a number that can be as great as `bound`, of which it has `less` bits less.
    static func parameter(_ bound: Int64, _ less: Int) -> Int {
        Swift.max(0, 64 - bound.leadingZeroBitCount - less)
    }

    /// The exponent over which the hours are integers, as far as they are.
    private func commonExponent() -> Int {
        var exponent = 0
        var power = 1.0
        for summary in hours where summary.count > 0 {
            if isInteger(summary, power) { continue }
            // An hour that is integers over no power is written raw and does not count.
            for needed in exponent..<Summary.exponentMax
            where isInteger(summary, ValueColumn.powers[needed + 1]) {
                exponent = needed + 1
                power = ValueColumn.powers[exponent]
                break
            }
        }
        return exponent
    }

    @inline(__always)
    private func isInteger(_ summary: Summary, _ power: Double) -> Bool {
        ValueColumn.integer(summary.min, power) != nil && ValueColumn.integer(summary.max, power) != nil
            && ValueColumn.integer(summary.last, power) != nil && ValueColumn.integer(summary.sum, power) != nil
    }

    /// What is fitted to the hours of a row.
    struct Parameters {
        var hasQuiet = false
        var min = 0
        var range = 0
        /// Bits by which a sum (squares) lies closer to the middle (the least) than its bound; 0 where it is spread
        /// evenly and takes a bounded number.
        var sum = 0
        var squares = 0

        init(_ hours: UnsafeMutableBufferPointer<Integers>) {
            var quiet = 0
            var before: Int64 = 0
            var (mins, ranges): (UInt64, UInt64) = (0, 0)
            var sums = (0, 0, 0, 0)
            var squares = (0, 0, 0, 0, 0, 0, 0, 0)
            var moving: UInt64 = 0
            for one in hours where one.form != .raw {
                if one.range == 0, one.min == before {
                    quiet += 1
                    continue
                }
                moving += 1
                mins &+= Swift.min(IntegerColumn.zigzag(before &- one.min), 1 << 56)
                ranges &+= UInt64(one.range)
                before = one.min + one.last
                guard one.range > 0 else { continue }
                let bound = one.sums.upperBound - one.sums.lowerBound
                let off = IntegerColumn.zigzag(one.sum - HourRow.center(one.sums))
                sums.0 += BitWriter.bits(upTo: bound)
                sums.1 += BitWriter.bits(rice: off, HourRow.parameter(bound, 1))
                sums.2 += BitWriter.bits(rice: off, HourRow.parameter(bound, 2))
                sums.3 += BitWriter.bits(rice: off, HourRow.parameter(bound, 3))
                guard one.form == .exact else { continue }
                let half = UInt64((one.squares - one.leastSquares) / 2)
                squares.0 += BitWriter.bits(upTo: one.halfMax)
                squares.1 += BitWriter.bits(rice: half, HourRow.parameter(one.halfMax, 1))
                squares.2 += BitWriter.bits(rice: half, HourRow.parameter(one.halfMax, 2))
                squares.3 += BitWriter.bits(rice: half, HourRow.parameter(one.halfMax, 3))
                squares.4 += BitWriter.bits(rice: half, HourRow.parameter(one.halfMax, 4))
                squares.5 += BitWriter.bits(rice: half, HourRow.parameter(one.halfMax, 5))
                squares.6 += BitWriter.bits(rice: half, HourRow.parameter(one.halfMax, 6))
                squares.7 += BitWriter.bits(rice: half, HourRow.parameter(one.halfMax, 7))
            }
            hasQuiet = quiet > 1
            if moving > 0 {
                min = Self.fit(mins / moving)
                range = Self.fit(ranges / moving)
            }

            sum = Self.least(sums.0, sums.1, sums.2, sums.3)
            let low = Self.least(squares.0, squares.1, squares.2, squares.3)
            let high = Self.least(squares.4, squares.5, squares.6, squares.7)
            let lowest = Swift.min(squares.0, squares.1, squares.2, squares.3)
            self.squares = Swift.min(squares.4, squares.5, squares.6, squares.7) < lowest ? high + 4 : low
        }

        private static func least(_ a: Int, _ b: Int, _ c: Int, _ d: Int) -> Int {
            let least = Swift.min(a, b, c, d)
            return least == a ? 0 : least == b ? 1 : least == c ? 2 : 3
        }

        private static func fit(_ mean: UInt64) -> Int {
            Swift.min(63, 64 - (mean / 16 * 11 + mean % 16 * 11 / 16).leadingZeroBitCount)
        }

        func put(into bits: inout BitWriter) {
            bits.put(hasQuiet ? 1 : 0, 1)
            bits.put(UInt64(min), 6)
            bits.put(UInt64(range), 6)
            bits.put(UInt64(sum), 2)
            bits.put(UInt64(squares), 3)
        }

        init(_ reader: inout BitReader) {
            hasQuiet = reader.read(1) == 1
            min = Int(reader.read(6))
            range = Int(reader.read(6))
            sum = Int(reader.read(2))
            squares = Int(reader.read(3))
        }
    }

    // MARK: Decoding

}
