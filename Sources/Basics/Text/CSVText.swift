/// CSV by RFC 4180, such that a spreadsheet calculates nothing of what strangers wrote.
package enum CSVText {
    private static let apostrophe = UInt8(ascii: "'")

    /// The fields of a line, without its end.
    package static func line(_ fields: [String]) -> String {
        var bytes: [UInt8] = []
        for (index, field) in fields.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            append(field, to: &bytes)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Quotation marks where the field needs them, and an apostrophe before what a spreadsheet would take for a formula; `plain`
    /// takes it away.
    ///
    /// Byte by byte: a quotation mark with an accent upon it is one `Character`, and still ends a field.
    package static func append(_ field: String, to output: inout [UInt8]) {
        let quote = UInt8(ascii: "\"")
        let marks: [UInt8] = [UInt8(ascii: ","), quote, UInt8(ascii: "\n"), UInt8(ascii: "\r")]
        let needsMark = field.utf8Bytes { isFormula($0.drop { $0 == apostrophe }) } && !isNumber(field)
        guard field.utf8.contains(where: marks.contains) else {
            if needsMark { output.append(apostrophe) }
            output.append(contentsOf: field.utf8)
            return
        }
        output.append(quote)
        if needsMark { output.append(apostrophe) }
        for byte in field.utf8 {
            if byte == quote { output.append(quote) }
            output.append(byte)
        }
        output.append(quote)
    }

    /// A field as it was before `append`: without the apostrophe before what would be a formula.
    package static func plain(_ field: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        guard field.first == apostrophe, isFormula(field.drop { $0 == apostrophe }) else { return field }
        return UnsafeRawBufferPointer(rebasing: field.dropFirst())
    }

    /// The same of a text.
    package static func plain(_ field: String) -> String {
        field.utf8.first == apostrophe ? field.utf8Bytes { String(decoding: plain($0), as: UTF8.self) } : field
    }

    /// Whether a spreadsheet calculates what begins like this: the signs, a blank that it passes over, and their wide forms.
    private static func isFormula(_ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
        switch bytes.first {
        case UInt8(ascii: "="), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "@"), UInt8(ascii: "\t"),
            UInt8(ascii: "\r"), UInt8(ascii: "\n"):
            true
        // U+FF1D, U+FF0B, U+FF0D and U+FF20.
        case 0xEF:
            bytes.count > 2 && bytes[bytes.startIndex + 1] == 0xBC
                && [0x9D, 0x8B, 0x8D, 0xA0].contains(bytes[bytes.startIndex + 2])
        default: false
        }
    }

    /// One that stands for itself: there is nothing to calculate.
    private static func isNumber(_ field: String) -> Bool {
        field.utf8.allSatisfy { (0x30...0x39).contains($0) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains($0) }
            && Double(field) != nil
    }
}
