extension IntegerColumn {
    /// Gives back the integers of a column, a block at a time.
    struct Decoder {
        private var reader: BitReader
        private let form: Form
        private let base: Int64
        private var before: Int64
        private var earlier: Int64
        private var mode = Mode.initial
        private var isFirst = true

        init(_ reader: BitReader, form: Form) {
            self.reader = reader
            self.form = form
            base = IntegerColumn.signed(self.reader.number())
            before = base
            earlier = base
        }

        /// Where the bits after the column begin, once all of it was read.
        var rest: BitReader { reader }

        /// Fills `block` with the next integers. Every block but the last of a column must be of `blockCount`.
        mutating func next(_ block: UnsafeMutableBufferPointer<Int64>) throws(Malformed) {
            let count = block.count
            guard count > 0 else { return }
            switch form {
            case .constant: block.update(repeating: base)
            case .aboveLeast:
                try numbers(block)
                for place in 0..<count { block[place] = base &+ block[place] }
            case .aroundBase:
                try numbers(block)
                for place in 0..<count {
                    block[place] = base &+ IntegerColumn.signed(UInt64(bitPattern: block[place]))
                }
            case .difference: try predicted(block) { before, _ in before }
            case .change: try predicted(block) { before, earlier in before &+ (before &- earlier) }
            case .halfChange: try predicted(block) { before, earlier in before &+ (before &- earlier) &>> 1 }
            case .mean: try predicted(block) { before, earlier in (before &+ earlier) &>> 1 }
            }
        }

        @inline(__always)
        private mutating func predicted(
            _ block: UnsafeMutableBufferPointer<Int64>, _ predict: (Int64, Int64) -> Int64
        ) throws(Malformed) {
            var start = 0
            if isFirst {
                isFirst = false
                block[0] = base
                start = 1
            }
            try numbers(UnsafeMutableBufferPointer(rebasing: block[start...]))
            var (before, earlier) = (before, earlier)
            for place in start..<block.count {
                let integer = predict(before, earlier) &+ IntegerColumn.signed(UInt64(bitPattern: block[place]))
                block[place] = integer
                earlier = before
                before = integer
            }
            (self.before, self.earlier) = (before, earlier)
        }

        @inline(__always)
        private mutating func numbers(_ block: UnsafeMutableBufferPointer<Int64>) throws(Malformed) {
            let count = block.count
            guard count > 0 else { return }
            try head()
            switch mode {
            case .zeros: block.update(repeating: 0)
            case .rice(let k):
                var reader = reader
                let mask: UInt64 = (1 &<< UInt64(k)) &- 1
                var place = 0
                while place < count {
                    if place &+ 4 <= count, Self.four(&reader, k, mask, block.baseAddress! + place) {
                        place &+= 4
                        continue
                    }
                    let bits = reader.peek
                    let quotient = (~bits).trailingZeroBitCount
                    if quotient < quotientMax, k <= quickMax {
                        let low = bits &>> UInt64(truncatingIfNeeded: quotient &+ 1) & mask
                        block[place] = Int64(bitPattern: UInt64(truncatingIfNeeded: quotient) &<< UInt64(k) | low)
                        reader.skip(quotient &+ 1 &+ k)
                    } else if quotient < quotientMax {
                        reader.skip(quotient &+ 1)
                        let low = reader.read(k)
                        block[place] = Int64(bitPattern: UInt64(truncatingIfNeeded: quotient) &<< UInt64(k) | low)
                    } else {
                        reader.skip(quotientMax)
                        block[place] = Int64(bitPattern: reader.read(Int(reader.read(6)) &+ 1))
                    }
                    place &+= 1
                }
                self.reader = reader
            case .packed(let width):
                var reader = reader
                for place in 0..<count { block[place] = Int64(bitPattern: reader.read(width)) }
                let exceptions = Int(reader.read(6))
                guard exceptions <= count else { throw Malformed("more exceptions than integers") }
                for _ in 0..<exceptions {
                    let place = Int(reader.read(6))
                    guard place < count else { throw Malformed("an exception beyond its block") }
                    block[place] |= Int64(bitPattern: reader.gamma() &<< UInt64(truncatingIfNeeded: width))
                }
                self.reader = reader
            }
            // What was read beyond the end is zeros; it was written to no place but the block.
            guard !reader.isBeyondEnd else { throw Malformed("ends too early") }
        }

        /// Reads four codes from one look at the bits, where they fit it; false, and nothing read, where they do not.
        ///
        /// Each code begins where the one before ends: a look at memory for each made a chain of 13 cycles a code.
        @inline(__always)
        private static func four(
            _ reader: inout BitReader, _ k: Int, _ mask: UInt64, _ block: UnsafeMutablePointer<Int64>
        ) -> Bool {
            let (shift, step) = (UInt64(truncatingIfNeeded: k), UInt64(truncatingIfNeeded: k &+ 1))
            // What is shifted in at the top reads as the end of a quotient, so a code that is cut off is too long all
            // the same.
            let first = reader.peek
            let a = UInt64(truncatingIfNeeded: (~first).trailingZeroBitCount)
            let second = first &>> (a &+ step)
            let b = UInt64(truncatingIfNeeded: (~second).trailingZeroBitCount)
            let third = second &>> (b &+ step)
            let c = UInt64(truncatingIfNeeded: (~third).trailingZeroBitCount)
            let fourth = third &>> (c &+ step)
            let d = UInt64(truncatingIfNeeded: (~fourth).trailingZeroBitCount)
            let length = Int(truncatingIfNeeded: a &+ b &+ c &+ d &+ 4 &* step)
            guard length <= BitReader.peekBits, a | b | c | d < UInt64(quotientMax) else { return false }
            block[0] = Int64(bitPattern: a &<< shift | first &>> (a &+ 1) & mask)
            block[1] = Int64(bitPattern: b &<< shift | second &>> (b &+ 1) & mask)
            block[2] = Int64(bitPattern: c &<< shift | third &>> (c &+ 1) & mask)
            block[3] = Int64(bitPattern: d &<< shift | fourth &>> (d &+ 1) & mask)
            reader.skip(length)
            return true
        }

        private mutating func head() throws(Malformed) {
            guard reader.read(1) == 1 else { return }
            if reader.read(1) == 0 {
                let k = mode.parameter &+ (reader.read(1) == 0 ? 1 : -1)
                guard (0..<64).contains(k) else { throw Malformed("a Rice parameter of \(k)") }
                mode = .rice(k)
            } else if reader.read(1) == 0 {
                mode = .rice(Int(reader.read(6)))
            } else if reader.read(1) == 0 {
                mode = .zeros
            } else {
                let width = Int(reader.read(6))
                mode = .packed(width == 63 ? 64 : width)
            }
        }
    }
}
