import Basics
import Telemetry

/// CBOR, RFC 8949: maps, arrays, texts and numbers as in JSON.
///
/// Integer keys become their decimal text, byte strings text in hexadecimal digits or base64. Tags are passed over,
/// `undefined` and unassigned simple values are null. Well-formedness is checked; duplicate keys are not a fault, the
/// first one counts.
enum CBORFormat {
    enum BytesForm { case hex, base64 }

    static func lay(
        _ payload: UnsafeRawBufferPointer, bytesAs form: BytesForm = .hex, into document: inout DocumentWriter
    ) throws(FormatFault) {
        document.begin(payloadBytes: payload.count)
        var reader = Reader(cursor: ByteCursor(payload), form: form)
        try reader.item(into: &document)
        guard reader.cursor.isAtEnd else {
            document.position = reader.cursor.position
            throw document.fault("bytes left over behind the CBOR item")
        }
    }

    /// The first byte of an item.
    private struct Head {
        var major: UInt8
        var info: UInt8
        /// Value, length or count; the bits of a float.
        var argument: UInt64
        var isIndefinite: Bool { info == 31 }
    }

    private struct Reader {
        var cursor: ByteCursor
        let form: BytesForm

        /// Recurses as deep as the document may nest, which the writer bounds.
        mutating func item(into document: inout DocumentWriter) throws(FormatFault) {
            let start = cursor.position
            var head = try head(document)
            // A chain of tags costs its own length and no depth.
            while head.major == 6 { head = try self.head(document) }
            document.position = start
            switch head.major {
            case 0: try document.number(magnitude: head.argument)
            case 1:
                document.beginText()
                try negative(head.argument, &document)
                try document.endText(.number)
            case 2, 3:
                document.beginText()
                try string(head, &document)
                try document.endText()
            case 4:
                try document.beginArray()
                try items(head, &document) { (reader, document) throws(FormatFault) in
                    try reader.item(into: &document)
                }
                document.end()
            case 5:
                try document.beginObject()
                try items(head, &document) { (reader, document) throws(FormatFault) in
                    try reader.key(&document)
                    try reader.item(into: &document)
                }
                document.end()
            default: try simple(head, &document)
            }
        }

        private mutating func items(
            _ head: Head, _ document: inout DocumentWriter,
            _ each: (inout Reader, inout DocumentWriter) throws(FormatFault) -> Void
        ) throws(FormatFault) {
            if head.isIndefinite {
                while !cursor.skip(0xFF) { try each(&self, &document) }
                return
            }
            // Each item has at least one byte: more of them than bytes are not there.
            guard head.argument <= UInt64(cursor.left) else { throw document.fault("more items than bytes") }
            for _ in 0..<head.argument { try each(&self, &document) }
        }

        private mutating func key(_ document: inout DocumentWriter) throws(FormatFault) {
            let start = cursor.position
            var head = try head(document)
            while head.major == 6 { head = try self.head(document) }
            document.position = start
            document.beginText()
            switch head.major {
            case 0: try document.append(magnitude: head.argument, isNegative: false)
            case 1: try negative(head.argument, &document)
            case 2, 3: try string(head, &document)
            default: throw document.fault("a map key that is neither text nor integer")
            }
            try document.nameText()
        }

        /// -1 - `argument`, which reaches one beyond what 64 bits hold.
        private func negative(_ argument: UInt64, _ document: inout DocumentWriter) throws(FormatFault) {
            if argument == .max {
                try document.append(UnsafeRawBufferPointer(start: Self.least.utf8Start, count: 21))
            } else {
                try document.append(magnitude: argument + 1, isNegative: true)
            }
        }

        private static let least: StaticString = "-18446744073709551616"

        private mutating func string(_ head: Head, _ document: inout DocumentWriter) throws(FormatFault) {
            guard head.isIndefinite else { return try chunk(head, &document) }
            while !cursor.skip(0xFF) {
                document.position = cursor.position
                let part = try self.head(document)
                guard part.major == head.major, !part.isIndefinite else {
                    throw document.fault("a string of another kind inside a string")
                }
                try chunk(part, &document)
            }
        }

        private mutating func chunk(_ head: Head, _ document: inout DocumentWriter) throws(FormatFault) {
            guard head.argument <= UInt64(cursor.left) else {
                throw document.fault("\(head.argument) bytes of text wanted, \(cursor.left) there,")
            }
            let bytes = cursor.slice(cursor.position..<cursor.position + Int(head.argument))
            cursor.position += bytes.count
            if head.major == 3 {
                // Each piece must be whole: a character may not be cut between two of them.
                guard
                    bytes.isEmpty
                        || UTF8Check.isValid(bytes.assumingMemoryBound(to: UInt8.self).baseAddress!, count: bytes.count)
                else { throw document.fault("text that is not UTF-8") }
                try document.append(bytes)
            } else if form == .hex {
                try document.append(hex: bytes)
            } else {
                // Pieces are joined only where none is cut within three bytes; others would read as another text.
                guard document.openText.count % 4 == 0 else { throw document.fault("bytes in uneven pieces") }
                try document.append(base64: bytes)
            }
        }

        private func simple(_ head: Head, _ document: inout DocumentWriter) throws(FormatFault) {
            switch head.info {
            case 20: try document.truth(false)
            case 21: try document.truth(true)
            case 25: try document.real(half(UInt16(head.argument)))
            case 26: try document.real(Double(Float(bitPattern: UInt32(head.argument))))
            case 27: try document.real(Double(bitPattern: head.argument))
            case 31: throw document.fault("a break outside of what it could end")
            case 24 where head.argument < 32: throw document.fault("a simple value in two bytes that needs one")
            default: try document.null()
            }
        }

        /// IEEE 754 binary16; `Float16` is not on every platform.
        private func half(_ bits: UInt16) -> Double {
            let exponent = Int(bits >> 10 & 0x1F)
            let fraction = Double(bits & 0x3FF)
            let magnitude: Double =
                switch exponent {
                case 0: fraction * 0x1p-24
                case 31: fraction == 0 ? .infinity : .nan
                default: Double(sign: .plus, exponent: exponent - 25, significand: 1024 + fraction)
                }
            return bits >> 15 == 1 ? -magnitude : magnitude
        }

        private mutating func head(_ document: borrowing DocumentWriter) throws(FormatFault) -> Head {
            func fault(_ sentence: String, at position: Int) -> FormatFault {
                FormatFault(.malformed, "\(sentence) at byte \(position)")
            }
            let start = cursor.position
            guard let first = cursor.next else { throw fault("the end of the payload inside a CBOR item", at: start) }
            cursor.position += 1
            let (major, info) = (first >> 5, first & 0x1F)
            switch info {
            case 0..<24: return Head(major: major, info: info, argument: UInt64(info))
            case 24...27:
                let count = 1 << Int(info - 24)
                guard cursor.left >= count else { throw fault("the end of the payload inside a CBOR item", at: start) }
                var argument: UInt64 = 0
                for offset in 0..<count { argument = argument << 8 | UInt64(cursor.bytes[cursor.position + offset]) }
                cursor.position += count
                return Head(major: major, info: info, argument: argument)
            case 31 where (2...5).contains(major) || major == 7:
                return Head(major: major, info: info, argument: 0)
            default: throw fault("a reserved first byte of a CBOR item", at: start)
            }
        }
    }
}

extension DocumentWriter {
    /// The URL alphabet of base64, without padding.
    fileprivate mutating func append(base64 data: UnsafeRawBufferPointer) throws(FormatFault) {
        var bits: UInt32 = 0
        var bitCount = 0
        for byte in data {
            bits = bits << 8 | UInt32(byte)
            bitCount += 8
            while bitCount >= 6 {
                bitCount -= 6
                try append(Self.sign(bits >> UInt32(bitCount) & 0x3F))
            }
        }
        if bitCount > 0 { try append(Self.sign(bits << UInt32(6 - bitCount) & 0x3F)) }
    }

    private static func sign(_ sextet: UInt32) -> UInt8 {
        switch UInt8(sextet) {
        case let sextet where sextet < 26: UInt8(ascii: "A") + sextet
        case let sextet where sextet < 52: UInt8(ascii: "a") + sextet - 26
        case let sextet where sextet < 62: UInt8(ascii: "0") + sextet - 52
        case 62: UInt8(ascii: "-")
        default: UInt8(ascii: "_")
        }
    }
}
