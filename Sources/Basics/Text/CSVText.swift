/// Text in CSV (RFC 4180).
package enum CSVText {
    /// The fields of a line, without its end.
    package static func line(_ fields: [String]) -> String {
        var bytes: [UInt8] = []
        for (index, field) in fields.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            append(field, to: &bytes)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Quotation marks where the field needs them.
    ///
    /// Byte by byte: a quotation mark with an accent upon it is one `Character`, and still ends a field.
    package static func append(_ field: String, to output: inout [UInt8]) {
        let quote = UInt8(ascii: "\"")
        let marks: [UInt8] = [UInt8(ascii: ","), quote, UInt8(ascii: "\n"), UInt8(ascii: "\r")]
        guard field.utf8.contains(where: marks.contains) else {
            output.append(contentsOf: field.utf8)
            return
        }
        output.append(quote)
        for byte in field.utf8 {
            if byte == quote { output.append(quote) }
            output.append(byte)
        }
        output.append(quote)
    }
}
