/// `application/x-www-form-urlencoded`: an object of texts.
///
/// Source of the rules: the URL standard, section 5.1. A broken percent sign is a fault here, not text.
enum FormFormat {
    static func lay(_ payload: UnsafeRawBufferPointer, into document: inout DocumentWriter) throws(FormatFault) {
        document.begin(payloadBytes: payload.count)
        var end = payload.count
        while end > 0, payload[end - 1] <= 0x20 { end -= 1 }
        var cursor = ByteCursor(UnsafeRawBufferPointer(rebasing: payload[..<end]))
        try document.beginObject()
        while !cursor.isAtEnd {
            if cursor.skip(UInt8(ascii: "&")) { continue }
            document.position = cursor.position
            let isNamed = try decode(&cursor, until: UInt8(ascii: "="), into: &document)
            try document.nameText()
            document.beginText()
            if isNamed {
                cursor.position += 1
                _ = try decode(&cursor, until: UInt8(ascii: "&"), into: &document)
            }
            try document.endText()
        }
        document.end()
    }

    /// Whether the text ended at `stop`; otherwise at `&` or the end.
    private static func decode(
        _ cursor: inout ByteCursor, until stop: UInt8, into document: inout DocumentWriter
    ) throws(FormatFault) -> Bool {
        document.beginText()
        while let byte = cursor.next, byte != stop, byte != UInt8(ascii: "&") {
            cursor.position += 1
            switch byte {
            case UInt8(ascii: "+"): try document.append(0x20)
            case UInt8(ascii: "%"):
                guard cursor.left >= 2, let high = JSONText.hexDigit(cursor.bytes[cursor.position]),
                    let low = JSONText.hexDigit(cursor.bytes[cursor.position + 1])
                else {
                    document.position = cursor.position - 1
                    throw document.fault("'%' without two hexadecimal digits")
                }
                cursor.position += 2
                try document.append(high << 4 | low)
            case 0..<0x20:
                document.position = cursor.position - 1
                throw document.fault("a control character")
            default: try document.append(byte)
            }
        }
        return cursor.next == stop
    }
}
