import Basics
import Telemetry

/// Why a payload could not be read by its format: a reason, and a sentence with the offset of the byte.
struct FormatFault: Error, Equatable {
    var reason: Reject.Reason
    var detail: String

    init(_ reason: Reject.Reason, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }
}

/// Lays a document on a tape for the formats that are not JSON.
///
/// Names and texts are copied into a buffer that is kept from message to message; the offsets on the tape are those of
/// that buffer. What a document may cost is bounded: values, nesting, and bytes of text in relation to the payload, so
/// that a few bytes which stand for many (base names, aliases) cannot grow without end.
struct DocumentWriter: ~Copyable {
    /// The document. Swapped with the decoder's tape once it is complete.
    var tape: Tape
    /// Names and texts, side by side. Stays where it is until the next `begin`.
    private(set) var bytes: UnsafeMutablePointer<UInt8>
    /// Byte of the payload that the format stands at; faults name it.
    var position = 0

    private(set) var byteCount = 0
    private var capacity = 4096
    private var bytesMax = 0
    private let limits: DecodingLimits
    /// Name of the next value.
    private var key = Tape.Node()
    private var textStart = 0
    private var isText = true
    private let open: FixedArray<UInt32>
    private var depth = 0

    /// Bytes of text for each byte of payload. A Sparkplug metric of ten bytes may stand for a name of a hundred.
    private static let growthMax = 16

    init(limits: DecodingLimits) {
        self.limits = limits
        tape = Tape(nodesMax: limits.nodesMax)
        bytes = .allocate(capacity: capacity)
        open = FixedArray(count: limits.nestingMax, of: 0)
    }

    deinit { bytes.deallocate() }

    /// Forgets the document before, and takes the measure of the payload to come.
    mutating func begin(payloadBytes: Int) {
        tape.clear()
        byteCount = 0
        depth = 0
        position = 0
        key = Tape.Node()
        bytesMax = max(65_536, payloadBytes * Self.growthMax)
    }

    func fault(_ sentence: String) -> FormatFault { FormatFault(.malformed, "\(sentence) at byte \(position)") }

    // MARK: Containers

    mutating func beginObject() throws(FormatFault) { try begin(.object) }

    mutating func beginArray() throws(FormatFault) { try begin(.array) }

    private mutating func begin(_ kind: Tape.Kind) throws(FormatFault) {
        guard depth < limits.nestingMax else {
            throw FormatFault(.tooLarge, "nested deeper than \(limits.nestingMax) levels")
        }
        let node = try append(kind)
        open[depth] = UInt32(truncatingIfNeeded: node)
        depth += 1
    }

    mutating func end() {
        depth -= 1
        tape.close(Int(open[depth]))
    }

    // MARK: Names

    /// Names the next value.
    mutating func name(_ text: StaticString) throws(FormatFault) {
        try name(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func name(_ text: UnsafeRawBufferPointer) throws(FormatFault) {
        beginText()
        try append(text)
        try nameText()
    }

    /// Names the next value by the text appended since `beginText`.
    mutating func nameText() throws(FormatFault) {
        try checkText()
        let length = byteCount - textStart
        key.keyStart = UInt32(truncatingIfNeeded: textStart)
        key.keyCount = UInt32(truncatingIfNeeded: length)
        key.keyPrefix = Words.prefix(bytes + textStart, count: length)
    }

    // MARK: Values

    mutating func text(_ text: UnsafeRawBufferPointer) throws(FormatFault) {
        beginText()
        try append(text)
        try endText()
    }

    /// A number in decimal digits, kept as it is written.
    mutating func number(_ text: UnsafeRawBufferPointer) throws(FormatFault) {
        beginText()
        try append(text)
        try endText(.number)
    }

    mutating func number(_ whole: Int64) throws(FormatFault) {
        try number(magnitude: whole.magnitude, isNegative: whole < 0)
    }

    mutating func number(magnitude: UInt64, isNegative: Bool = false) throws(FormatFault) {
        beginText()
        try append(magnitude: magnitude, isNegative: isNegative)
        try endText(.number)
    }

    mutating func real(_ number: Double) throws(FormatFault) {
        let node = try append(.real)
        tape.nodes[node].real = number
    }

    mutating func truth(_ isTrue: Bool) throws(FormatFault) { _ = try append(isTrue ? .yes : .no) }

    mutating func null() throws(FormatFault) { _ = try append(.null) }

    // MARK: Text in pieces

    mutating func beginText() { textStart = byteCount }

    mutating func append(_ byte: UInt8) throws(FormatFault) {
        if byteCount == capacity { try grow(by: 1) }
        bytes[byteCount] = byte
        byteCount &+= 1
    }

    mutating func append(_ text: UnsafeRawBufferPointer) throws(FormatFault) {
        guard let base = text.baseAddress else { return }
        if byteCount + text.count > capacity { try grow(by: text.count) }
        (bytes + byteCount).update(from: base.assumingMemoryBound(to: UInt8.self), count: text.count)
        byteCount += text.count
    }

    mutating func append(magnitude: UInt64, isNegative: Bool) throws(FormatFault) {
        if isNegative { try append(UInt8(ascii: "-")) }
        var divisor: UInt64 = 1
        while magnitude / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            try append(UInt8(ascii: "0") + UInt8(magnitude / divisor % 10))
            divisor /= 10
        }
    }

    /// Two hexadecimal digits in small letters for each byte.
    mutating func append(hex data: UnsafeRawBufferPointer) throws(FormatFault) {
        for byte in data {
            for digit in [byte >> 4, byte & 0xF] {
                try append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            }
        }
    }

    /// The text since `beginText` becomes a value.
    mutating func endText(_ kind: Tape.Kind = .text) throws(FormatFault) {
        try checkText()
        let start = textStart
        let node = try append(kind)
        tape.nodes[node].start = UInt32(truncatingIfNeeded: start)
        tape.nodes[node].count = UInt32(truncatingIfNeeded: byteCount - start)
    }

    /// What was appended since `beginText`.
    var openText: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: bytes + textStart, count: byteCount - textStart)
    }

    private func checkText() throws(FormatFault) {
        guard UTF8Check.isValid(bytes + textStart, count: byteCount - textStart) else {
            throw fault("text that is not UTF-8")
        }
    }

    private mutating func append(_ kind: Tape.Kind) throws(FormatFault) -> Int {
        var node = key
        key = Tape.Node()
        node.kind = kind
        node.next = UInt32(truncatingIfNeeded: tape.count + 1)
        guard let position = tape.append(node) else {
            throw FormatFault(.tooLarge, "more than \(limits.nodesMax) values")
        }
        return position
    }

    private mutating func grow(by count: Int) throws(FormatFault) {
        let needed = byteCount + count
        guard needed <= bytesMax else {
            throw FormatFault(.tooLarge, "the texts of the message unfold to more than \(bytesMax) bytes")
        }
        let larger = max(needed, min(capacity * 2, bytesMax))
        let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        moved.update(from: bytes, count: byteCount)
        bytes.deallocate()
        bytes = moved
        capacity = larger
    }
}

/// Bytes of a payload, taken from the front.
struct ByteCursor {
    let bytes: UnsafeRawBufferPointer
    var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { position >= bytes.count }
    var left: Int { bytes.count - position }
    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[range]) }

    /// Takes `byte` where it comes next.
    mutating func skip(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    /// The bytes up to `byte` or the end, which is not taken.
    mutating func until(_ byte: UInt8) -> UnsafeRawBufferPointer {
        let start = position
        while position < bytes.count, bytes[position] != byte { position &+= 1 }
        return slice(start..<position)
    }
}

extension UnsafeRawBufferPointer {
    /// Without the blanks, line ends and NUL bytes around it.
    var trimmed: UnsafeRawBufferPointer {
        var start = 0
        var end = count
        while start < end, self[start] <= 0x20 { start += 1 }
        while end > start, self[end - 1] <= 0x20 { end -= 1 }
        return UnsafeRawBufferPointer(rebasing: self[start..<end])
    }
}
