import Basics
import Telemetry

/// The fields of one protocol-buffers message, in order; source: protobuf.dev/programming-guides/encoding.
struct ProtobufReader {
    enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        case bytes(UnsafeRawBufferPointer)

        /// Whole numbers and truth values.
        var whole: UInt64? {
            if case .varint(let number) = self { number } else { nil }
        }

        var text: UnsafeRawBufferPointer? {
            if case .bytes(let bytes) = self { bytes } else { nil }
        }
    }

    private var cursor: ByteCursor
    /// Where the message starts in the payload, for faults.
    private let origin: Int

    init(_ bytes: UnsafeRawBufferPointer, in payload: UnsafeRawBufferPointer) {
        cursor = ByteCursor(bytes)
        origin =
            if let start = bytes.baseAddress, let base = payload.baseAddress { start - base } else { 0 }
    }

    private func fault(_ sentence: String, at position: Int) -> FormatFault {
        FormatFault(.malformed, "\(sentence) at byte \(origin + position)")
    }

    /// The next field; nil at the end of the message.
    mutating func next() throws(FormatFault) -> (number: UInt64, value: Value)? {
        guard !cursor.isAtEnd else { return nil }
        let start = cursor.position
        let key = try varint()
        guard key >> 3 > 0 else { throw fault("a protobuf field without a number", at: start) }
        switch key & 7 {
        case 0: return (key >> 3, .varint(try varint()))
        case 1: return (key >> 3, .fixed64(try fixed(8)))
        case 2:
            let count = try varint()
            guard count <= UInt64(cursor.left) else {
                throw fault("a protobuf field of \(count) bytes, \(cursor.left) of them there,", at: start)
            }
            let bytes = cursor.slice(cursor.position..<cursor.position + Int(count))
            cursor.position += Int(count)
            return (key >> 3, .bytes(bytes))
        case 5: return (key >> 3, .fixed32(UInt32(try fixed(4))))
        default: throw fault("a protobuf field of unknown type", at: start)
        }
    }

    private mutating func varint() throws(FormatFault) -> UInt64 {
        let start = cursor.position
        var number: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = cursor.next {
            cursor.position += 1
            // Ten bytes hold 64 bits; of the last one only the lowest bit is left.
            guard shift < 63 || byte <= 1 else { throw fault("a protobuf number of more than 64 bits", at: start) }
            number |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return number }
            shift += 7
        }
        throw fault("the end of the payload inside a protobuf number", at: start)
    }

    private mutating func fixed(_ count: Int) throws(FormatFault) -> UInt64 {
        let start = cursor.position
        guard cursor.left >= count else { throw fault("the end of the payload inside a protobuf number", at: start) }
        cursor.position += count
        return (0..<count).reduce(0) { $0 | UInt64(cursor.bytes[start + $1]) << UInt64(8 * $1) }
    }
}
