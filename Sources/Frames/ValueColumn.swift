/// The values of one column to bits and back, bit for bit; drawn in FRAMES.md.
///
/// Most columns are integers over a power of ten with nothing else. The few values that are not (a mean with all its
/// digits among tenths, a -0.0) go to a layer of their own, so that they do not make every other value longer.
enum ValueColumn {
    /// What the integers of a layer stand for.
    enum Scale: Equatable {
        /// integer * multiplier / 10^exponent
        case decimal(exponent: Int, multiplier: Int64)
        /// The bits of the double without its `shift` lowest, in order of value.
        case binary(shift: Int)
    }

    static let exponentMax = 22
    /// 10^22 is the last power of ten that a double holds exactly.
    static let powers: [Double] = (0...exponentMax).map { exponent in
        (0..<exponent).reduce(1.0) { power, _ in power * 10 }
    }
    /// Integers up to here are exact as doubles.
    static let integerMax: Int64 = 1 << 53
    static let layersMax = 4

    enum Rows: UInt64 {
        case all
        case bitmap
        case runs
        /// Those of an earlier column.
        case same
    }

    // MARK: Encoding

    /// The rows of the sparse columns written so far, for later ones to refer to.
    struct Presences {
        fileprivate var columns: [(index: Int, rows: [UInt64])] = []
    }

    /// Appends one column; nothing where it has no value.
    static func encode(
        _ index: Int, of rows: RowBlock, scratch: borrowing FrameScratch, _ presences: inout Presences,
        into writer: inout BitWriter
    ) {
        let count = rows.count
        let stride = rows.stride
        var present = 0
        let values = scratch.values
        rows.values.withUnsafeBufferPointer { all in
            var place = index
            for row in 0..<count {
                let value = all[place]
                place &+= stride
                // Branch-free: what an absent row writes the next row writes over.
                values[present] = value
                scratch.rows[present] = row
                present &+= value.isNaN ? 0 : 1
            }
        }
        guard present > 0 else { return }
        writer.reserve(bits: 64 + count * 2)
        if present == count {
            writer.put(Rows.all.rawValue, 2)
        } else {
            putPresence(index, UnsafeBufferPointer(rebasing: scratch.rows[..<present]), of: count, &presences, &writer)
        }
        var remaining = present
        var layer = 1
        while remaining > 0 {
            let part = UnsafeMutableBufferPointer(rebasing: values[..<remaining])
            var (scale, rest) = split(UnsafeBufferPointer(part), isLast: layer == layersMax, scratch: scratch)
            let members = remaining - rest
            let integers = UnsafeMutableBufferPointer(rebasing: scratch.integers[..<members])
            if case .decimal(let exponent, _) = scale { scale = reduce(integers, exponent: exponent) }
            let (form, base, _) = IntegerColumn.choose(UnsafeBufferPointer(integers))
            writer.reserve(bits: 256 + remaining * 2)
            switch scale {
            case .decimal(let exponent, let multiplier):
                writer.put(UInt64(exponent) << 1, 6)
                writer.put(multiplier == 1 ? 0 : 1, 1)
                if multiplier != 1 { writer.put(number: UInt64(multiplier)) }
            case .binary(let shift): writer.put(UInt64(shift) << 1 | 1, 7)
            }
            writer.put(form.rawValue, 3)
            writer.put(rest > 0 ? 1 : 0, 1)
            if rest > 0 { putSet(notIn: scratch.restRows, rest, of: remaining, &writer) }
            IntegerColumn.encode(
                UnsafeBufferPointer(integers), form: form, base: base, scratch: scratch.numbers, into: &writer)
            for place in 0..<rest { values[place] = scratch.rest[place] }
            remaining = rest
            layer += 1
        }
    }

    private static func putPresence(
        _ index: Int, _ rows: UnsafeBufferPointer<Int>, of count: Int, _ presences: inout Presences,
        _ writer: inout BitWriter
    ) {
        var words = [UInt64](repeating: 0, count: (count + 63) / 64)
        for row in rows { words[row / 64] |= 1 << UInt64(row % 64) }
        if let earlier = presences.columns.first(where: { $0.rows == words }) {
            writer.put(Rows.same.rawValue, 2)
            writer.put(UInt64(earlier.index), 6)
            return
        }
        presences.columns.append((index, words))
        // Runs of present and absent rows in turn; the last reaches the end.
        var bits = 0
        forEachRun(rows, of: count) { bits += 2 * (63 - $0.leadingZeroBitCount) + 1 }
        if bits < count {
            writer.put(Rows.runs.rawValue, 2)
            forEachRun(rows, of: count) { writer.put(gamma: $0) }
        } else {
            writer.put(Rows.bitmap.rawValue, 2)
            for (place, word) in words.enumerated() { writer.put(word, min(64, count - place * 64)) }
        }
    }

    /// The lengths of runs inside and outside of `rows` in turn, the first one more by one as it may be empty.
    @inline(__always)
    private static func forEachRun(_ rows: UnsafeBufferPointer<Int>, of count: Int, _ body: (UInt64) -> Void) {
        var start = 0
        var place = 0
        while true {
            var end = start
            while place < rows.count, rows[place] == end {
                place &+= 1
                end &+= 1
            }
            body(UInt64(end - start) + (start == 0 ? 1 : 0))
            if end == count { return }
            start = place < rows.count ? rows[place] : count
            body(UInt64(start - end))
            if start == count { return }
        }
    }

    /// Which of the remaining values belong to the layer: `rest` names those that do not.
    private static func putSet(
        notIn rest: UnsafeMutableBufferPointer<Int>, _ restCount: Int, of count: Int, _ writer: inout BitWriter
    ) {
        let rows = UnsafeBufferPointer(rebasing: rest[..<restCount])
        var bits = 0
        forEachRun(rows, of: count) { bits += 2 * (63 - $0.leadingZeroBitCount) + 1 }
        writer.put(bits < count ? 1 : 0, 1)
        if bits < count {
            forEachRun(rows, of: count) { writer.put(gamma: $0) }
        } else {
            var place = 0
            for index in 0..<count {
                let isRest = place < restCount && rows[place] == index
                writer.put(isRest ? 1 : 0, 1)
                if isRest { place += 1 }
            }
        }
    }

    /// Puts the values that fit one scale into `scratch.integers`, the others into `scratch.rest` and their places
    /// into `scratch.restRows`; returns the scale, its multiplier not yet taken out, and how many others there are.
    private static func split(
        _ values: UnsafeBufferPointer<Double>, isLast: Bool, scratch: borrowing FrameScratch
    ) -> (scale: Scale, rest: Int) {
        var kinds = Kinds()
        kinds.sample(values, weight: 1)
        guard var exponent = kinds.cheapest else { return binary(values, scratch) }
        var rest = take(values, exponent, multiplier: 1, scratch)
        if rest > 0 {
            // The sample missed something: weigh what fits against what does not.
            var better = Kinds()
            better.add(exponent, weight: Double(values.count - rest))
            better.sample(UnsafeBufferPointer(rebasing: scratch.rest[..<rest]), weight: Double(rest))
            guard let cheapest = better.cheapest else { return binary(values, scratch) }
            if cheapest != exponent {
                exponent = cheapest
                rest = take(values, exponent, multiplier: 1, scratch)
            }
        }
        if isLast, rest > 0 { return binary(values, scratch) }
        let members = values.count - rest
        if !isLast, members >= 16, let multiplier = commonPower(scratch.integers, members) {
            rest = take(values, exponent, multiplier: multiplier, scratch)
        }
        return (.decimal(exponent: exponent, multiplier: 1), rest)
    }

    /// How many values need which exponent.
    private struct Kinds {
        private var weights = [Double](repeating: 0, count: ValueColumn.exponentMax + 1)
        private var binary = 0.0

        private static let bitsPerDigit = 3.33
        /// Of a value in a layer of its own: its place, and no neighbour to differ from little.
        private static let bitsApart = 14.0
        /// A double that is no decimal, against a neighbour.
        private static let bitsBinary = 52.0

        mutating func add(_ exponent: Int, weight: Double) { weights[exponent] += weight }

        /// Looks at some of the values, which together weigh `weight`.
        mutating func sample(_ values: UnsafeBufferPointer<Double>, weight: Double) {
            let step = max(1, values.count / 24)
            let each = weight / Double((values.count + step - 1) / step)
            for place in Swift.stride(from: 0, to: values.count, by: step) {
                if let exponent = ValueColumn.exponent(of: values[place]) {
                    weights[exponent] += each
                } else {
                    binary += each
                }
            }
        }

        /// The exponent for which the values take the fewest bits, or nil where doubles do.
        var cheapest: Int? {
            var best: (bits: Double, exponent: Int?) = (.infinity, nil)
            var total = binary
            for weight in weights { total += weight }
            for exponent in weights.indices where weights[exponent] > 0 {
                var bits = binary * (Self.bitsBinary + Self.bitsApart)
                for (other, weight) in weights.enumerated() where weight > 0 {
                    bits +=
                        weight * Self.bitsPerDigit * Double(max(other, exponent))
                        + (other > exponent ? weight * Self.bitsApart : 0)
                }
                if bits < best.bits { best = (bits, exponent) }
            }
            return best.bits < total * Self.bitsBinary ? best.exponent : nil
        }
    }

    private static func exponent(of value: Double) -> Int? {
        for exponent in 0...exponentMax where integer(value, powers[exponent]) != nil { return exponent }
        return nil
    }

    /// The integer over a power of ten that gives the value back bit for bit.
    @inline(__always)
    static func integer(_ value: Double, _ power: Double) -> Int64? {
        let scaled = value * power
        guard scaled.magnitude <= Double(integerMax) else { return nil }
        // `rounded()` is a call where the processor is not known to have SSE 4.1. From 2^52 on there is nothing to
        // round, and adding a half would.
        let integer = Int64(scaled.magnitude < 0x1p52 ? scaled + (scaled < 0 ? -0.5 : 0.5) : scaled)
        // The bit patterns are compared, not the values: -0.0 equals 0 and would come back without its sign.
        return (Double(integer) / power).bitPattern == value.bitPattern ? integer : nil
    }

    /// Takes what fits; returns how many do not.
    private static func take(
        _ values: UnsafeBufferPointer<Double>, _ exponent: Int, multiplier: Int64, _ scratch: borrowing FrameScratch
    ) -> Int {
        let power = powers[exponent]
        var members = 0
        var rest = 0
        for place in 0..<values.count {
            let value = values[place]
            if let integer = integer(value, power), multiplier == 1 || integer % multiplier == 0 {
                scratch.integers[members] = integer
                members &+= 1
            } else {
                scratch.rest[rest] = value
                scratch.restRows[rest] = place
                rest &+= 1
            }
        }
        return rest
    }

    /// A power of ten of which nearly all integers are multiples, but not all of them: those take the greatest common
    /// divisor.
    private static func commonPower(_ integers: UnsafeMutableBufferPointer<Int64>, _ count: Int) -> Int64? {
        let step = max(1, count / 16)
        var multiples = 0
        var sampled = 0
        for place in Swift.stride(from: 0, to: count, by: step) {
            sampled += 1
            if integers[place] % 10 == 0 { multiples += 1 }
        }
        guard multiples * 8 >= sampled * 7 else { return nil }
        var best: (saved: Double, power: Int64?) = (0, nil)
        var power: Int64 = 10
        var digits = 1.0
        while power <= 1_000_000 {
            var fits = 0
            for place in 0..<count where integers[place] % power == 0 { fits += 1 }
            let saved = Double(fits) * 3.33 * digits - Double(count - fits) * 14
            if fits < count, saved > best.saved { best = (saved, power) }
            if fits == count { best = (0, nil) }
            // A higher power divides no more of them: a lamp that is dark by day must not pay six divisions a value.
            if fits * 4 < count * 3 { break }
            power *= 10
            digits += 1
        }
        return best.power
    }

    /// Divides the integers by what divides them all.
    private static func reduce(_ integers: UnsafeMutableBufferPointer<Int64>, exponent: Int) -> Scale {
        var divisor: Int64 = 0
        for integer in integers {
            divisor = TimeColumn.divisor(divisor, integer)
            if divisor.magnitude == 1 { break }
        }
        let multiplier = Int64(divisor.magnitude)
        // A constant is its own divisor, which saves nothing.
        guard multiplier > 1, integers.contains(where: { $0 != integers[0] }) else {
            return .decimal(exponent: exponent, multiplier: 1)
        }
        for place in 0..<integers.count { integers[place] /= multiplier }
        return .decimal(exponent: exponent, multiplier: multiplier)
    }

    private static func binary(
        _ values: UnsafeBufferPointer<Double>, _ scratch: borrowing FrameScratch
    ) -> (scale: Scale, rest: Int) {
        var all: UInt64 = 0
        for value in values { all |= value.bitPattern }
        // The sign stays: it is told by the sign of the integer.
        let shift = min(62, all.trailingZeroBitCount)
        for place in 0..<values.count {
            let bits = values[place].bitPattern
            let magnitude = Int64(bitPattern: (bits & ~(1 << 63)) &>> UInt64(shift))
            scratch.integers[place] = bits >> 63 == 1 ? ~magnitude : magnitude
        }
        return (.binary(shift: shift), 0)
    }

    // MARK: Decoding

}
