/// A growing block of bytes, reused from commit to commit.
///
/// `reserve` is the door: the puts after it do not check, and write at most what was reserved.
public struct ByteWriter: ~Copyable {
    /// The longest varint.
    @inlinable package static var varintBytesMax: Int { 10 }

    @usableFromInline var base: UnsafeMutableRawPointer
    private var capacity: Int
    @usableFromInline package private(set) var count = 0

    package init(capacity: Int = 4096) {
        base = .allocate(byteCount: capacity, alignment: 8)
        self.capacity = capacity
    }

    deinit { base.deallocate() }

    package mutating func removeAll() { count = 0 }

    /// Makes room for `more` bytes.
    package mutating func reserve(_ more: Int) {
        guard count + more > capacity else { return }
        let larger = max(capacity * 2, count + more)
        let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 8)
        moved.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = moved
        capacity = larger
    }

    @inlinable package mutating func put(byte: UInt8) {
        base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count &+= 1
    }

    @inlinable package mutating func put(word: UInt64) {
        base.storeBytes(of: word.littleEndian, toByteOffset: count, as: UInt64.self)
        count &+= 8
    }

    @inlinable package mutating func put(varint number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            put(byte: UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        put(byte: UInt8(truncatingIfNeeded: rest))
    }

    @inlinable package mutating func put(zigzag number: Int64) {
        put(varint: UInt64(bitPattern: number << 1 ^ number >> 63))
    }

    package mutating func put(bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        base.advanced(by: count).copyMemory(from: start, byteCount: bytes.count)
        count &+= bytes.count
    }

    package borrowing func withBytes<R, E>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try body(UnsafeRawBufferPointer(start: base, count: count))
    }
}

/// Bytes that do not say what their format allows; the text says what was wrong.
public struct Malformed: Error, Equatable {
    package var reason: String
    @usableFromInline package init(_ reason: String) { self.reason = reason }
}

/// Reads bytes front to back and never past their end, whatever they say.
public struct ByteReader {
    @usableFromInline let bytes: UnsafeRawBufferPointer
    @usableFromInline package private(set) var position = 0

    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    @inlinable package var remaining: Int { bytes.count &- position }

    @inlinable package mutating func byte() throws(Malformed) -> UInt8 {
        guard position < bytes.count else { throw Malformed("ends too early") }
        let byte = bytes[position]
        position &+= 1
        return byte
    }

    @inlinable package mutating func word() throws(Malformed) -> UInt64 {
        guard remaining >= 8 else { throw Malformed("ends too early") }
        let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
        position &+= 8
        return UInt64(littleEndian: word)
    }

    @inlinable package mutating func varint() throws(Malformed) -> UInt64 {
        let first = try byte()
        guard first >= 0x80 else { return UInt64(first) }
        var number = UInt64(first & 0x7F)
        var shift: UInt64 = 7
        while true {
            let next = try byte()
            // The tenth byte holds the one bit that is left.
            guard shift < 63 || next <= 1 else { throw Malformed("a number is longer than 64 bits") }
            number |= UInt64(next & 0x7F) << shift
            if next < 0x80 { return number }
            shift += 7
        }
    }

    @inlinable package mutating func zigzag() throws(Malformed) -> Int64 {
        let number = try varint()
        return Int64(bitPattern: number >> 1) ^ -Int64(bitPattern: number & 1)
    }

    /// A number that must be at most `max`.
    @inlinable package mutating func count(max: Int, _ what: @autoclosure () -> String) throws(Malformed) -> Int {
        let number = try varint()
        guard max >= 0, number <= UInt64(max) else { throw Malformed("\(what()) is \(number), more than \(max)") }
        return Int(number)
    }

    /// The next `count` bytes as a reader of their own.
    package mutating func slice(_ count: Int) throws(Malformed) -> ByteReader {
        guard count <= remaining else { throw Malformed("a part is longer than the whole") }
        let part = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[position..<position + count]))
        position += count
        return part
    }

    /// The next `count` bytes as a text.
    package mutating func text(_ count: Int) throws(Malformed) -> String {
        guard count <= remaining else { throw Malformed("a part is longer than the whole") }
        defer { position += count }
        return String(decoding: bytes[position..<position + count], as: UTF8.self)
    }

    package func end() throws(Malformed) {
        guard remaining == 0 else { throw Malformed("\(remaining) bytes are left over") }
    }
}
