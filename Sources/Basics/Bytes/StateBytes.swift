/// Writes integers little endian, one after another: the form in which a room's state rests in the store.
public struct StateWriter: Sendable {
    // Inlined where it is called: a state of a large city is a hundred million numbers, and each would look its type up.
    @usableFromInline var written: [UInt8] = []

    /// What was written so far.
    public var bytes: [UInt8] { written }

    /// With room for so many bytes; beyond it the room doubles, which for a moment takes thrice the memory.
    package init(capacity: Int = 0) { written.reserveCapacity(capacity) }

    /// As many bytes as the type has.
    @inlinable
    public mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number.littleEndian) { written.append(contentsOf: $0) }
    }

    /// A length and the bytes.
    public mutating func append(block: [UInt8]) {
        append(UInt32(block.count))
        written.append(contentsOf: block)
    }

    /// A length and what `body` appends: for what is too large to be there twice. Returns where in `bytes` that stands.
    package mutating func append(_ body: (inout StateWriter) -> Void) -> Range<Int> {
        let place = written.count
        append(UInt32(0))
        body(&self)
        let count = UInt32(written.count - place - 4)
        withUnsafeBytes(of: count.littleEndian) { written.replaceSubrange(place..<place + 4, with: $0) }
        return place + 4..<written.count
    }

    /// A length and the UTF-8 bytes.
    public mutating func append(text: String) { append(block: Array(text.utf8)) }
}

/// Reads what `StateWriter` wrote; nil at the end or in the middle of a number.
public struct StateReader: Sendable {
    @usableFromInline let bytes: [UInt8]
    @usableFromInline var position = 0

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Whether all bytes were read.
    public var isAtEnd: Bool { position == bytes.count }

    /// What was not read.
    public var rest: [UInt8] { Array(bytes[position...]) }

    /// nil, and nothing is read, where fewer bytes are left than the type has.
    @inlinable
    public mutating func next<Number: FixedWidthInteger>(_: Number.Type) -> Number? {
        let size = MemoryLayout<Number>.size
        guard position + size <= bytes.count else { return nil }
        defer { position += size }
        return bytes.withUnsafeBytes {
            Number(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: Number.self))
        }
    }

    /// Milliseconds since 1970, or a sentinel `none`; nil for what is no time, and would overflow where it is counted on from.
    public mutating func nextTime(none: Int64? = nil) -> Int64? {
        next(Int64.self).flatMap { $0 == none || $0.magnitude < 1 << 52 ? $0 : nil }
    }

    /// A length and so many bytes; nil where fewer are left.
    public mutating func nextBlock() -> [UInt8]? {
        guard let count = next(UInt32.self), position + Int(count) <= bytes.count else { return nil }
        defer { position += Int(count) }
        return Array(bytes[position..<position + Int(count)])
    }

    /// nil also where the bytes are not UTF-8.
    public mutating func nextText() -> String? { nextBlock().flatMap { String(validating: $0, as: UTF8.self) } }
}
