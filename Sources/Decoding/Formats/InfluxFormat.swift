import Basics
import Telemetry

/// InfluxDB line protocol: an array of `{measurement, tags, fields, time}`, one for each line.
///
/// Source of the syntax and its escapes: docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol.
enum InfluxFormat {
    private static let comma = UInt8(ascii: ",")
    private static let equals = UInt8(ascii: "=")
    private static let blank = UInt8(ascii: " ")
    private static let quote = UInt8(ascii: "\"")
    private static let backslash = UInt8(ascii: "\\")
    private static let newline: UInt8 = 0x0A

    static func lay(_ payload: UnsafeRawBufferPointer, into document: inout DocumentWriter) throws(FormatFault) {
        document.begin(payloadBytes: payload.count)
        var end = payload.count
        while end > 0, payload[end - 1] == 0 { end -= 1 }
        var cursor = ByteCursor(UnsafeRawBufferPointer(rebasing: payload[..<end]))
        try document.beginArray()
        while !cursor.isAtEnd {
            skipBlanks(&cursor)
            if isEndOfLine(cursor) {
                _ = cursor.skip(0x0D)
                _ = cursor.skip(newline)
            } else if cursor.next == UInt8(ascii: "#") {
                _ = cursor.until(newline)
            } else {
                try layLine(&cursor, &document)
            }
        }
        document.end()
    }

    private static func layLine(_ cursor: inout ByteCursor, _ document: inout DocumentWriter) throws(FormatFault) {
        try document.beginObject()
        try document.name("measurement")
        try word(&cursor, &document, stopsAtEquals: false, "expected the measurement's name")
        try document.endText()

        try document.name("tags")
        try document.beginObject()
        while cursor.skip(comma) {
            try word(&cursor, &document, stopsAtEquals: true, "expected the key of a tag")
            try document.nameText()
            try expect(equals, "expected '=' and the value of a tag", &cursor, document)
            try word(&cursor, &document, stopsAtEquals: true, "expected the value of a tag")
            try document.endText()
        }
        document.end()
        try expect(blank, "expected a blank and the fields", &cursor, document)
        skipBlanks(&cursor)

        try document.name("fields")
        try document.beginObject()
        repeat {
            try word(&cursor, &document, stopsAtEquals: true, "expected the key of a field")
            try document.nameText()
            try expect(equals, "expected '=' and the value of a field", &cursor, document)
            try value(&cursor, &document)
        } while cursor.skip(comma)
        document.end()

        skipBlanks(&cursor)
        if !isEndOfLine(cursor) {
            let start = cursor.position
            document.position = start
            _ = cursor.skip(UInt8(ascii: "-"))
            let digits = cursor.position
            while let byte = cursor.next, byte &- UInt8(ascii: "0") <= 9 { cursor.position += 1 }
            guard cursor.position > digits else { throw document.fault("expected a time in nanoseconds") }
            try document.name("time")
            try document.number(cursor.slice(start..<cursor.position))
            skipBlanks(&cursor)
        }
        guard isEndOfLine(cursor) else {
            document.position = cursor.position
            throw document.fault("expected the end of the line")
        }
        document.end()
    }

    private static func skipBlanks(_ cursor: inout ByteCursor) { while cursor.skip(blank) {} }

    private static func isEndOfLine(_ cursor: ByteCursor) -> Bool {
        switch cursor.next {
        case nil, newline: true
        case 0x0D: cursor.left == 1 || cursor.bytes[cursor.position + 1] == newline
        default: false
        }
    }

    private static func expect(
        _ byte: UInt8, _ sentence: String, _ cursor: inout ByteCursor, _ document: borrowing DocumentWriter
    ) throws(FormatFault) {
        guard cursor.skip(byte) else {
            throw FormatFault(.malformed, "\(sentence) at byte \(cursor.position)")
        }
    }

    /// A measurement, key or tag value: a backslash takes the meaning from a comma, blank or equals sign.
    private static func word(
        _ cursor: inout ByteCursor, _ document: inout DocumentWriter, stopsAtEquals: Bool, _ expected: String
    ) throws(FormatFault) {
        document.position = cursor.position
        document.beginText()
        while let byte = cursor.next {
            if byte == comma || byte == blank || byte == newline || stopsAtEquals && byte == equals { break }
            if byte == 0x0D, isEndOfLine(cursor) { break }
            if byte == backslash, cursor.left > 1 {
                let next = cursor.bytes[cursor.position + 1]
                if next == comma || next == blank || stopsAtEquals && next == equals {
                    try document.append(next)
                    cursor.position += 2
                    continue
                }
            }
            try document.append(byte)
            cursor.position += 1
        }
        guard !document.openText.isEmpty else { throw document.fault(expected) }
    }

    private static func value(_ cursor: inout ByteCursor, _ document: inout DocumentWriter) throws(FormatFault) {
        document.position = cursor.position
        if cursor.skip(quote) {
            document.beginText()
            while let byte = cursor.next {
                cursor.position += 1
                if byte == quote { return try document.endText() }
                if byte == backslash, let next = cursor.next, next == quote || next == backslash {
                    cursor.position += 1
                    try document.append(next)
                } else {
                    try document.append(byte)
                }
            }
            throw document.fault("a text without its closing quote")
        }
        let start = cursor.position
        while let byte = cursor.next, byte != comma, byte != blank, byte > 0x20 { cursor.position += 1 }
        let written = cursor.slice(start..<cursor.position)
        if let isTrue = truth(written) { return try document.truth(isTrue) }
        var number = written
        if let last = written.last, last == UInt8(ascii: "i") || last == UInt8(ascii: "u") {
            number = UnsafeRawBufferPointer(rebasing: written.dropLast())
            let digits = number.first == UInt8(ascii: "-") ? number.dropFirst() : number[...]
            guard !digits.isEmpty, digits.allSatisfy({ $0 &- UInt8(ascii: "0") <= 9 }) else {
                throw document.fault("expected a whole number before '\(last == UInt8(ascii: "i") ? "i" : "u")'")
            }
        }
        guard let known = DecimalNumber.parse(number), known.isFinite else {
            throw document.fault("expected a number, a truth value or a text in quotes")
        }
        try document.number(number)
    }

    private static func truth(_ text: UnsafeRawBufferPointer) -> Bool? {
        func isWord(_ word: StaticString) -> Bool {
            text.count == word.utf8CodeUnitCount && text.indices.allSatisfy { text[$0] == word.utf8Start[$0] }
        }
        if isWord("t") || isWord("T") || isWord("true") || isWord("True") || isWord("TRUE") { return true }
        if isWord("f") || isWord("F") || isWord("false") || isWord("False") || isWord("FALSE") { return false }
        return nil
    }
}
