extension ValueColumn {
    /// Fills `values`; `column` gives the bytes of an earlier column of the frame.
    static func decode(
        _ bytes: UnsafeRawBufferPointer, index: Int, into values: UnsafeMutableBufferPointer<Double>,
        column: (Int) -> UnsafeRawBufferPointer
    ) throws(Malformed) {
        let count = values.count
        var reader = BitReader(bytes)
        let rows = Rows(rawValue: reader.read(2))!
        if rows == .all {
            let head = try Head(&reader)
            if !head.hasRest {
                return try layer(head, reader, into: values)
            }
            // Rewound: the general way reads the head again.
            reader = BitReader(bytes)
            reader.skip(2)
        }
        let words = (count &+ 63) / 64
        try withUnsafeTemporaryAllocation(of: UInt64.self, capacity: words &* 2) { memory throws(Malformed) in
            memory.initialize(repeating: 0)
            let remaining = RowSet(memory[..<words], count)
            let members = RowSet(memory[words...], count)
            switch rows {
            case .all: remaining.fill()
            case .bitmap, .runs: try remaining.read(&reader, asRuns: rows == .runs)
            case .same:
                let other = Int(reader.read(6))
                guard other < index else { throw Malformed("rows like those of a later column") }
                var reader = BitReader(column(other))
                guard let rows = Rows(rawValue: reader.read(2)), rows == .bitmap || rows == .runs else {
                    throw Malformed("rows like those of a column that has none of its own")
                }
                try remaining.read(&reader, asRuns: rows == .runs)
            }
            guard remaining.size > 0 else { throw Malformed("a column without a value") }
            values.update(repeating: RowBlock.absent)
            var layers = 0
            while true {
                layers += 1
                let head = try Head(&reader)
                guard layers <= layersMax else { throw Malformed("more than \(layersMax) layers") }
                if head.hasRest { try members.takeMembers(of: remaining, &reader) } else { members.copy(remaining) }
                var cursor = RowSet.Cursor()
                let size = members.size
                reader = try read(head, reader, size) { block in
                    for place in 0..<block.count { values[members.next(&cursor)] = block[place] }
                }
                if !head.hasRest { break }
                guard remaining.size > 0, size > 0 else { throw Malformed("a layer without a value") }
            }
            try reader.end()
        }
    }

    private struct Head {
        let scale: Scale
        let form: IntegerColumn.Form
        let hasRest: Bool

        init(_ reader: inout BitReader) throws(Malformed) {
            if reader.read(1) == 1 {
                scale = .binary(shift: Int(reader.read(6)))
            } else {
                let exponent = Int(reader.read(5))
                guard exponent <= ValueColumn.exponentMax else { throw Malformed("exponent \(exponent)") }
                let multiplier = reader.read(1) == 1 ? reader.number() : 1
                guard (1...UInt64(ValueColumn.integerMax)).contains(multiplier) else {
                    throw Malformed("multiplier \(multiplier)")
                }
                scale = .decimal(exponent: exponent, multiplier: Int64(multiplier))
            }
            guard let form = IntegerColumn.Form(rawValue: reader.read(3)) else { throw Malformed("a form of integers") }
            self.form = form
            hasRest = reader.read(1) == 1
        }
    }

    /// Reads the only layer of a column, which has a value in every row, and ends with it.
    private static func layer(
        _ head: Head, _ reader: BitReader, into values: UnsafeMutableBufferPointer<Double>
    ) throws(Malformed) {
        var decoder = IntegerColumn.Decoder(reader, form: head.form)
        try withUnsafeTemporaryAllocation(of: Int64.self, capacity: IntegerColumn.blockCount) {
            integers throws(Malformed) in
            var first = 0
            while first < values.count {
                let size = min(IntegerColumn.blockCount, values.count &- first)
                let block = UnsafeMutableBufferPointer(rebasing: integers[..<size])
                try decoder.next(block)
                try convert(
                    block, head.scale, into: UnsafeMutableBufferPointer(rebasing: values[first..<first &+ size]))
                first &+= size
            }
        }
        try decoder.rest.end()
    }

    /// Reads `count` values of a layer; returns the reader behind them.
    @inline(__always)
    private static func read(
        _ head: Head, _ reader: BitReader, _ count: Int, _ body: (UnsafeMutableBufferPointer<Double>) -> Void
    ) throws(Malformed) -> BitReader {
        var decoder = IntegerColumn.Decoder(reader, form: head.form)
        let blockCount = IntegerColumn.blockCount
        return try withUnsafeTemporaryAllocation(of: Int64.self, capacity: blockCount) {
            integers throws(Malformed) in
            try withUnsafeTemporaryAllocation(of: Double.self, capacity: blockCount) { doubles throws(Malformed) in
                var first = 0
                while first < count {
                    let size = min(blockCount, count &- first)
                    let block = UnsafeMutableBufferPointer(rebasing: integers[..<size])
                    try decoder.next(block)
                    let values = UnsafeMutableBufferPointer(rebasing: doubles[..<size])
                    try convert(block, head.scale, into: values)
                    body(values)
                    first &+= size
                }
                return decoder.rest
            }
        }
    }

    @inline(__always)
    private static func convert(
        _ integers: UnsafeMutableBufferPointer<Int64>, _ scale: Scale, into values: UnsafeMutableBufferPointer<Double>
    ) throws(Malformed) {
        switch scale {
        case .decimal(let exponent, let multiplier):
            if multiplier == 1, convertSmall(integers, powers[exponent], into: values) { return }
            let limit = integerMax / multiplier
            var isBeyond = false
            for place in 0..<integers.count {
                let integer = integers[place]
                isBeyond = isBeyond || integer > limit || integer < -limit
                values[place] = Double(integer &* multiplier)
            }
            guard !isBeyond else { throw Malformed("an integer is beyond 2^53") }
            if exponent > 0 {
                let power = powers[exponent]
                for place in 0..<integers.count { values[place] /= power }
            }
        case .binary(let shift):
            var isFinite = true
            for place in 0..<integers.count {
                let integer = integers[place]
                let magnitude = UInt64(bitPattern: integer ^ integer &>> 63) &<< UInt64(shift) & ~(1 << 63)
                let value = Double(bitPattern: magnitude | (integer < 0 ? 1 << 63 : 0))
                isFinite = isFinite && value.isFinite
                values[place] = value
            }
            guard isFinite else { throw Malformed("a value is not finite") }
        }
    }
}

/// Converts integers below 2^51 some at a time and without a branch; false where one is beyond, and nothing is promised
/// of `values`.
///
/// Added to the bits of 1.5 * 2^52 such an integer stands in the fraction of a double. (A reading of a scan: 1 ns less
/// than one conversion each.)
@inline(__always)
private func convertSmall(
    _ integers: UnsafeMutableBufferPointer<Int64>, _ power: Double, into values: UnsafeMutableBufferPointer<Double>
) -> Bool {
    let limit: Int64 = 1 << 51
    let magic = 0x1.8p52
    let bits = Int64(bitPattern: magic.bitPattern)
    var signs: Int64 = 0
    for place in 0..<integers.count {
        let integer = integers[place]
        // An integer beyond the limit leaves the sign in one of the two.
        signs |= (limit &+ integer) | (limit &- integer)
        values[place] = (Double(bitPattern: UInt64(bitPattern: bits &+ integer)) - magic) / power
    }
    return signs >= 0
}
