#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Decimal text to the nearest `Double`.
public enum DecimalNumber {
    /// Longer texts are no numbers: 512 digits are more than any device means.
    public static let bytesMax = 512

    /// 10^0 to 10^22: the powers of ten that a `Double` holds exactly.
    public static let powers: [Double] = (0...22).map { exponent in
        (0..<exponent).reduce(1.0) { product, _ in product * 10 }
    }

    /// Reads `[+-] digits [. digits] [e [+-] digits]`, blanks around it allowed; nil for anything else.
    ///
    /// The result is correctly rounded; beyond the range of `Double` it is infinite.
    public static func parse(_ text: UnsafeRawBufferPointer) -> Double? {
        guard let base = text.baseAddress else { return nil }
        return parse(base.assumingMemoryBound(to: UInt8.self), count: text.count)
    }

    // Long: one walk over the digits that keeps sign, digits and exponent in registers.
    /// The same of the `count` bytes from `text` on.
    public static func parse(_ text: UnsafePointer<UInt8>, count: Int) -> Double? {
        guard count <= bytesMax else { return nil }
        var position = 0
        var end = count
        while position < end, isBlank(text[position]) { position &+= 1 }
        while end > position, isBlank(text[end &- 1]) { end &-= 1 }
        let start = position

        var isNegative = false
        if position < end {
            if text[position] == UInt8(ascii: "-") {
                isNegative = true
                position &+= 1
            } else if text[position] == UInt8(ascii: "+") {
                position &+= 1
            }
        }
        var mantissa: UInt64 = 0
        var significantDigits = 0
        var digits = 0
        var exponent = 0
        var isCut = false
        while position < end {
            let digit = text[position] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            digits &+= 1
            position &+= 1
            if significantDigits < 19 {
                mantissa = mantissa &* 10 &+ UInt64(digit)
                if mantissa != 0 { significantDigits &+= 1 }
            } else {
                exponent &+= 1
                isCut = true
            }
        }
        if position < end, text[position] == UInt8(ascii: ".") {
            position &+= 1
            while position < end {
                let digit = text[position] &- UInt8(ascii: "0")
                guard digit <= 9 else { break }
                digits &+= 1
                position &+= 1
                if significantDigits < 19 {
                    mantissa = mantissa &* 10 &+ UInt64(digit)
                    if mantissa != 0 { significantDigits &+= 1 }
                    exponent &-= 1
                } else {
                    isCut = true
                }
            }
        }
        guard digits > 0 else { return nil }
        if position < end, text[position] | 0x20 == UInt8(ascii: "e") {
            position &+= 1
            var isExponentNegative = false
            if position < end, text[position] == UInt8(ascii: "-") || text[position] == UInt8(ascii: "+") {
                isExponentNegative = text[position] == UInt8(ascii: "-")
                position &+= 1
            }
            var written = 0
            let firstDigit = position
            while position < end {
                let digit = text[position] &- UInt8(ascii: "0")
                guard digit <= 9 else { break }
                written = min(written &* 10 &+ Int(digit), 100_000)
                position &+= 1
            }
            guard position > firstDigit else { return nil }
            exponent &+= isExponentNegative ? -written : written
        }
        guard position == end else { return nil }

        // Both factors are exact, so one rounding gives the nearest double. Source: Clinger (1990).
        if !isCut, mantissa <= 1 << 53, exponent >= -22, exponent <= 22 {
            let whole = Double(mantissa)
            let magnitude =
                powers.withUnsafeBufferPointer { powers in
                    exponent < 0 ? whole / powers[-exponent] : whole * powers[exponent]
                }
            return isNegative ? -magnitude : magnitude
        }
        return slow(text + start, count: end - start)
    }

    /// `strtod` of the C library, which rounds correctly. The process never leaves the "C" locale, so the decimal
    /// sign is a point.
    private static func slow(_ text: UnsafePointer<UInt8>, count: Int) -> Double {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: count + 1) { copy in
            for index in 0..<count { copy[index] = CChar(bitPattern: text[index]) }
            copy[count] = 0
            return strtod(copy.baseAddress!, nil)
        }
    }

    @inline(__always)
    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }
}
