/// How numbers of a row of hours are put: Rice codes, and numbers below a bound.

extension BitWriter {
    /// From this quotient on a Rice code gives way to the number itself.
    static let quotientMax: UInt64 = 32

    static func bits(rice number: UInt64, _ k: Int) -> Int {
        let quotient = number >> UInt64(k)
        return quotient < quotientMax ? Int(quotient) + 1 + k : 38 + 64 - number.leadingZeroBitCount
    }

    /// See `IntegerColumn`: the Rice code of its blocks.
    mutating func put(rice number: UInt64, _ k: Int) {
        let quotient = number >> UInt64(k)
        if quotient < Self.quotientMax {
            put((1 << quotient) - 1, Int(quotient) + 1)
            put(number & ((1 << UInt64(k)) - 1), k)
        } else {
            let length = 64 - number.leadingZeroBitCount
            put((1 << Self.quotientMax) - 1, Int(Self.quotientMax))
            put(UInt64(length - 1), 6)
            put(number, length)
        }
    }

    /// A number of 0 to `bound` in the fewest bits that tell so many apart, the first few in one less.
    ///
    /// Source: truncated binary, as in Golomb (1966).
    mutating func put(_ number: Int64, upTo bound: Int64) {
        let (short, length) = truncated(bound)
        if number < short {
            put(UInt64(number), length)
        } else {
            // The low bits go first; the one that tells the longer ones last.
            let long = UInt64(number + short)
            put(long >> 1, length)
            put(long & 1, 1)
        }
    }

    static func bits(upTo bound: Int64) -> Int { truncated(bound).length + 1 }
}

/// How many of the numbers up to `bound` take `length` bits; the others take one more.
@inline(__always)
private func truncated(_ bound: Int64) -> (short: Int64, length: Int) {
    let count = UInt64(bitPattern: bound) &+ 1
    let length = 63 &- count.leadingZeroBitCount
    return (Int64(bitPattern: (2 &<< UInt64(truncatingIfNeeded: length)) &- count), length)
}

extension BitReader {
    @inline(__always)
    mutating func rice(_ k: Int) -> UInt64 {
        let bits = peek
        let quotient = (~bits).trailingZeroBitCount
        guard quotient < 32 else {
            skip(32)
            return read(Int(read(6)) + 1)
        }
        if k < Self.peekBits - 32 {
            // All of it is at hand: looking once instead of twice.
            skip(quotient &+ 1 &+ k)
            let rest = bits &>> UInt64(truncatingIfNeeded: quotient &+ 1)
            return UInt64(truncatingIfNeeded: quotient) &<< UInt64(truncatingIfNeeded: k)
                | rest & ((1 &<< UInt64(truncatingIfNeeded: k)) &- 1)
        }
        skip(quotient + 1)
        return UInt64(quotient) << UInt64(k) | read(k)
    }

    /// A number of 0 to `bound`, whatever the bits; `bound` is 0 to 2^53.
    ///
    /// Without a branch on the bits, which no processor foresees.
    @inline(__always)
    mutating func number(upTo bound: Int64) -> Int64 {
        let (short, length) = truncated(bound)
        let bits = peek
        let low = Int64(bits & ((1 &<< UInt64(truncatingIfNeeded: length)) &- 1))
        let isLong: Int64 = low >= short ? 1 : 0
        let last = Int64(bits &>> UInt64(truncatingIfNeeded: length) & 1)
        skip(length &+ Int(isLong))
        return Swift.min(low &+ isLong &* (low &+ last &- short), bound)
    }
}
