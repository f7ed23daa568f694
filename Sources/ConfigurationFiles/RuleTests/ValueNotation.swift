/// Readings in a short notation, one after the other: `70 71 72 80x10 90x5 _x3 60`.
///
///     80        one reading
///     80x10     the same, 10 times
///     _         no reading; _x3 three times none
///     20+5x4    20, and then four times 5 more: 20 25 30 35 40; 20-5x4 falls
package enum ValueNotation {
    /// Of one series.
    package static let valuesMax = 1_000_000

    /// The values, nil for none; or what of the text is wrong, as written, and what would be right.
    package static func values(_ text: String) -> Result<[Double?], Fault> {
        var values: [Double?] = []
        for word in text.split(whereSeparator: { $0 == " " || $0 == "\n" || $0 == "\t" }) {
            guard let run = run(word.utf8) else {
                return .failure(
                    Fault(
                        word: String(word),
                        expected: "expected a number, 80x10 for the same 10 times, _ for no reading, "
                            + "or 20+5x4 for 20 25 30 35 40"))
            }
            guard values.count + run.count <= valuesMax else {
                return .failure(
                    Fault(word: String(word), expected: "expected at most \(valuesMax) readings of a series"))
            }
            for index in 0..<run.count { values.append(run.start.map { $0 + run.step * Double(index) }) }
        }
        guard !values.isEmpty else {
            return .failure(Fault(word: text, expected: "expected readings, such as 70 71 80x10"))
        }
        return .success(values)
    }

    /// A part of the text that says nothing.
    package struct Fault: Error {
        /// As written.
        package var word: String
        /// What would be right.
        package var expected: String
    }

    private static func run(_ word: Substring.UTF8View) -> (start: Double?, step: Double, count: Int)? {
        var rest = word
        /// A number with its sign, if any, from here on.
        func number() -> Double? {
            let isSigned = rest.first.map { "+-".utf8.contains($0) } ?? false
            let digits = rest.dropFirst(isSigned ? 1 : 0).prefix {
                (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".")
            }
            let text = rest.prefix(digits.count + (isSigned ? 1 : 0))
            rest = rest.dropFirst(text.count)
            return digits.isEmpty ? nil : Double(String(decoding: text, as: UTF8.self))
        }
        /// How often: of `x10` ten times.
        func times() -> Int? {
            guard rest.first == UInt8(ascii: "x") else { return nil }
            let digits = rest.dropFirst()
            guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }),
                let count = Int(String(decoding: digits, as: UTF8.self)), (1...valuesMax).contains(count)
            else { return nil }
            return count
        }
        if rest.first == UInt8(ascii: "_") {
            rest = rest.dropFirst()
            return rest.isEmpty ? (nil, 0, 1) : times().map { (nil, 0, $0) }
        }
        guard let start = number() else { return nil }
        if rest.isEmpty { return (start, 0, 1) }
        if rest.first == UInt8(ascii: "x") { return times().map { (start, 0, $0) } }
        guard let step = number() else { return nil }
        return times().map { (start, step, $0 + 1) }
    }
}
