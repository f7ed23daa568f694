/// A decimal number with 18 digits behind the point, below a thousand million: concentrations without binary rounding.
///
/// The bands of the indices meet at tenths, which no `Double` holds: 9.05 must fall to 9.0, and 59.5 rise to 60.
public struct ExactDecimal: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// In units of 10^-18.
    let units: Int128

    static let digits = 18
    static let one: Int128 = 1_000_000_000_000_000_000
    private static let wholeDigitsMax = 9

    init(units: Int128) { self.units = units }

    /// The number that the shortest decimal text of `value` says; digits behind the eighteenth are dropped. nil for what
    /// is no number and from a thousand million on.
    public init?(_ value: Double) {
        guard value.isFinite else { return nil }
        self.init("\(value)")
    }

    /// What a calculation in `Double` gave, to nine digits behind the point: a mean of 9.1 and 9.1 is 9.1 again. nil as
    /// above.
    public init?(calculated value: Double) {
        guard value.isFinite, abs(value) < 1e9 else { return nil }
        units = Int128((value * 1e9).rounded(.toNearestOrEven)) * 1_000_000_000
    }

    /// Reads `[+-] digits [. digits] [e [+-] digits]`; nil for anything else and from a thousand million on.
    public init?(_ text: some StringProtocol) {
        var rest = text.utf8[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
        var figures: [UInt8] = []
        var point: Int?
        while let byte = rest.first {
            if let digit = Self.digit(byte) {
                figures.append(digit)
            } else if byte == UInt8(ascii: "."), point == nil {
                point = figures.count
            } else {
                break
            }
            rest.removeFirst()
        }
        guard !figures.isEmpty, figures.count <= 512 else { return nil }
        var exponent = 0
        if let mark = rest.first {
            guard mark | 0x20 == UInt8(ascii: "e"),
                let written = Int(String(decoding: rest.dropFirst(), as: UTF8.self)), abs(written) <= 1000
            else { return nil }
            exponent = written
        }
        // The power of ten of the figure before which the number is whole.
        let whole = (point ?? figures.count) + exponent
        let leading = figures.prefix { $0 == 0 }.count
        guard leading == figures.count || whole - leading <= Self.wholeDigitsMax else { return nil }
        var units: Int128 = 0
        var taken = 0
        for figure in figures.prefix(max(0, whole + Self.digits)) {
            units = units * 10 + Int128(figure)
            taken += 1
        }
        if units != 0 {
            for _ in 0..<(whole + Self.digits - taken) { units *= 10 }
        }
        self.units = isNegative ? -units : units
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        let digit = byte &- UInt8(ascii: "0")
        return digit <= 9 ? digit : nil
    }

    /// Exact: no rounding comes between.
    public static func < (left: ExactDecimal, right: ExactDecimal) -> Bool { left.units < right.units }

    /// Where the tables begin; below it there is no concentration.
    public static let zero = ExactDecimal(units: 0)

    /// The nearest `Double`.
    public var double: Double { Double(description)! }

    /// All digits that are not trailing zeros: `35.4`.
    public var description: String {
        let magnitude = units.magnitude
        var fraction = "\(magnitude % Self.one.magnitude)"
        fraction = String(repeating: "0", count: Self.digits - fraction.count) + fraction
        while fraction.last == "0" { fraction.removeLast() }
        let whole = "\(magnitude / Self.one.magnitude)"
        return (units < 0 ? "-" : "") + whole + (fraction.isEmpty ? "" : "." + fraction)
    }

    // MARK: Rounding

    /// Toward zero, to so many decimals.
    func truncated(decimals: Int) -> ExactDecimal {
        let step = Self.step(decimals)
        return ExactDecimal(units: units / step * step)
    }

    /// To the nearest with so many decimals, a half to the even one. Source: GB/T 8170-2008.
    func roundedHalfToEven(decimals: Int) -> ExactDecimal {
        let step = Self.step(decimals)
        return ExactDecimal(units: Self.dividedHalfToEven(units, by: step) * step)
    }

    /// `numerator / denominator` of the number, to 18 decimals, a half to the even one; both positive and below 10^6.
    func times(_ numerator: Int, over denominator: Int) -> ExactDecimal {
        ExactDecimal(units: Self.dividedHalfToEven(units * Int128(numerator), by: Int128(denominator)))
    }

    private static func step(_ decimals: Int) -> Int128 {
        (decimals..<digits).reduce(1) { step, _ in step * 10 }
    }

    private static func dividedHalfToEven(_ value: Int128, by divisor: Int128) -> Int128 {
        let magnitude = value < 0 ? -value : value
        var (quotient, rest) = magnitude.quotientAndRemainder(dividingBy: divisor)
        if rest * 2 > divisor || rest * 2 == divisor && quotient % 2 == 1 { quotient += 1 }
        return value < 0 ? -quotient : quotient
    }
}

/// Where a straight line through two points stands, as an exact fraction.
struct LinePoint {
    private let numerator: Int128
    private let denominator: Int128

    /// At `x` on the line from (`x0`, `y0`) to (`x1`, `y1`); `x` not below `x0`, and both rise.
    init(_ x: ExactDecimal, from x0: ExactDecimal, _ y0: Int, to x1: ExactDecimal, _ y1: Int) {
        denominator = x1.units - x0.units
        numerator = Int128(y1 - y0) * (x.units - x0.units) + Int128(y0) * denominator
    }

    /// To the next integer that is not below it.
    var roundedUp: Int { Int((numerator + denominator - 1) / denominator) }

    /// To the nearest integer, a half up.
    var roundedHalfUp: Int { Int((numerator * 2 + denominator) / (denominator * 2)) }
}
