extension HourRow {
    package static func decode(_ bytes: UnsafeRawBufferPointer) throws(Malformed) -> HourRow {
        var row = HourRow(hours: [Summary](repeating: Summary(), count: hoursPerDay))
        row.revised = try row.hours.withUnsafeMutableBufferPointer { hours throws(Malformed) in
            try decode(bytes, into: hours.baseAddress!)
        }
        return row
    }

    /// Fills the 24 `hours`; returns which are revised. When it throws some of them may be filled.
    package static func decode(
        _ bytes: UnsafeRawBufferPointer, into hours: UnsafeMutablePointer<Summary>
    ) throws(Malformed) -> UInt32 {
        var reader = BitReader(bytes)
        let revised = reader.read(1) == 1 ? UInt32(reader.read(32)) : 0
        let present = reader.read(1) == 1 ? (1 << UInt64(hoursPerDay)) - 1 : reader.read(hoursPerDay)
        if present != (1 << UInt64(hoursPerDay)) - 1 { hours.update(repeating: Summary(), count: hoursPerDay) }
        guard present != 0 else {
            try reader.end()
            return revised
        }
        let isPlain = reader.read(1) == 1
        var forms: UInt64 = 0
        if !isPlain { forms = reader.read(present.nonzeroBitCount * 2) }
        let exponent = Int(reader.read(4))
        guard exponent <= Summary.exponentMax else { throw Malformed("exponent \(exponent)") }
        let power = ValueColumn.powers[exponent]
        let isUsual = reader.read(1) == 1
        let usual = Int64(truncatingIfNeeded: reader.number())
        let parameters = Parameters(&reader)
        var bounds = Bounds(count: 1, power)
        var before: Int64 = 0
        for hour in 0..<hoursPerDay where present >> UInt64(hour) & 1 == 1 {
            guard let form = Form(rawValue: forms & 3) else { throw Malformed("a form of hours") }
            forms >>= 2
            if form == .raw {
                hours[hour] = try raw(&reader)
                continue
            }
            var one = Integers()
            one.form = form
            one.count = isUsual ? usual : usual &+ IntegerColumn.signed(reader.number())
            guard one.count > 0, one.count < Summary.spreadMax else { throw Malformed("\(one.count) readings") }
            if one.count != bounds.count { bounds = Bounds(count: one.count, power) }
            try read(&one, after: &before, bounds, parameters, &reader)
            var summary = one.summary(power)
            if form == .exact {
                guard bounds.divisor <= 0x1p53 else { throw Malformed("a deviation out of range") }
                summary.deviation = Double(one.count &* one.squares &- one.sum &* one.sum) / bounds.divisor
            } else {
                summary.deviation = Double(bitPattern: reader.read(64))
            }
            hours[hour] = summary
        }
        try reader.end()
        return revised
    }

    private static func raw(_ reader: inout BitReader) throws(Malformed) -> Summary {
        let count = reader.number()
        guard (1...(1 << 62)).contains(count) else { throw Malformed("\(count) readings") }
        return Summary(
            count: Int(count), min: Double(bitPattern: reader.read(64)), max: Double(bitPattern: reader.read(64)),
            sum: Double(bitPattern: reader.read(64)), deviation: Double(bitPattern: reader.read(64)),
            last: Double(bitPattern: reader.read(64)))
    }

    /// What so many readings allow; most hours of a row have the same, and a division takes as long as all the rest.
    private struct Bounds {
        let count: Int64
        let rangeMax: UInt64
        let minEnd: UInt64
        /// See `Summary.deviation`.
        let divisor: Double
        private let reciprocal: Double

        init(count: Int64, _ power: Double) {
            self.count = count
            rangeMax = UInt64(Summary.spreadMax / count)
            minEnd = UInt64(ValueColumn.integerMax / count)
            divisor = Double(count) * power * power
            reciprocal = 1 / Double(count)
        }

        /// `number / count` of a number of 0 to 2^53: the product with the reciprocal is at most one beside it.
        @inline(__always)
        func quotient(_ number: Int64) -> Int64 {
            let near = Int64(Double(number) * reciprocal)
            let rest = number &- near &* count
            return near &+ (rest >= count ? 1 : 0) &- (rest < 0 ? 1 : 0)
        }
    }

    @inline(__always)
    private static func read(
        _ one: inout Integers, after before: inout Int64, _ bounds: Bounds, _ parameters: Parameters,
        _ reader: inout BitReader
    ) throws(Malformed) {
        if parameters.hasQuiet, reader.read(1) == 1 {
            one.min = before
        } else {
            one.min = before &- IntegerColumn.signed(reader.rice(parameters.min))
            let range = reader.rice(parameters.range)
            guard range <= bounds.rangeMax else { throw Malformed("a range of \(range)") }
            one.range = Int64(range)
        }
        guard one.min.magnitude < bounds.minEnd else {
            throw Malformed("an integer is beyond 2^53")
        }
        guard one.range > 0 else {
            before = one.min
            return
        }
        guard one.count > 1 else { throw Malformed("one reading has a range") }
        one.last = reader.number(upTo: one.range)
        before = one.min &+ one.last
        let sums = one.sums
        let bound = sums.upperBound - sums.lowerBound
        one.sum =
            parameters.sum == 0
            ? sums.lowerBound + reader.number(upTo: bound)
            : center(sums) &+ IntegerColumn.signed(reader.rice(parameter(bound, parameters.sum)))
        guard sums.contains(one.sum), one.last <= one.range else { throw Malformed("a sum out of its bounds") }
        guard one.form == .exact else { return }
        let leastSquares = one.evened(bounds.quotient(one.sum &* one.sum &+ one.count &- 1))
        let halfMax = one.halfMax(leastSquares)
        let half =
            parameters.squares == 0
            ? reader.number(upTo: halfMax)
            : Int64(truncatingIfNeeded: reader.rice(parameter(halfMax, parameters.squares)))
        guard half >= 0, half <= Swift.max(0, halfMax) else { throw Malformed("squares out of their bounds") }
        one.squares = leastSquares &+ half &* 2
    }
}
