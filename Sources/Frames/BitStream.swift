/// Writes bits from the lowest of each byte to the highest, into memory of its own.
///
/// `reserve` is the door: the puts after it do not check, and write at most what was reserved.
struct BitWriter: ~Copyable {
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    /// Whole words written, in bytes.
    private var bytes = 0
    private var word: UInt64 = 0
    /// Bits of `word` that are in use, 0 to 63.
    private var used = 0

    init(capacity: Int = 4096) {
        base = .allocate(byteCount: capacity + 16, alignment: 8)
        self.capacity = capacity
    }

    deinit { base.deallocate() }

    var bitCount: Int { bytes &* 8 &+ used }
    /// Bytes that the bits fill, the last one perhaps in part.
    var byteCount: Int { (bitCount &+ 7) / 8 }

    mutating func removeAll() {
        bytes = 0
        word = 0
        used = 0
    }

    /// Makes room for `more` bits.
    mutating func reserve(bits more: Int) {
        let needed = bytes + more / 8 + 16
        guard needed > capacity else { return }
        let larger = max(capacity * 2, needed)
        let moved = UnsafeMutableRawPointer.allocate(byteCount: larger + 16, alignment: 8)
        moved.copyMemory(from: base, byteCount: bytes)
        base.deallocate()
        base = moved
        capacity = larger
    }

    /// Puts the `count` lowest bits, 0 to 64; those above must be zero.
    @inline(__always)
    mutating func put(_ bits: UInt64, _ count: Int) {
        word |= bits &<< UInt64(truncatingIfNeeded: used)
        let sum = used &+ count
        if sum < 64 {
            used = sum
            return
        }
        base.storeBytes(of: word.littleEndian, toByteOffset: bytes, as: UInt64.self)
        bytes &+= 8
        // With `used` 0 the whole word went; a shift by 64 must then give 0.
        word = used == 0 ? 0 : bits &>> UInt64(truncatingIfNeeded: 64 &- used)
        used = sum &- 64
    }

    /// A number of 1 or more: its length in unary, then the bits below its highest. Source: Elias (1975), gamma.
    mutating func put(gamma number: UInt64) {
        let length = 63 &- number.leadingZeroBitCount
        put(length == 0 ? 0 : (1 &<< UInt64(length)) &- 1, length)
        put(0, 1)
        put(number & ((1 &<< UInt64(length)) &- 1), length)
    }

    /// Any number: how many half bytes, in four bits (15 means 16), then they.
    mutating func put(number: UInt64) {
        let needed = (64 &- number.leadingZeroBitCount &+ 3) / 4
        let halves = needed == 15 ? 16 : needed
        put(UInt64(halves == 16 ? 15 : halves), 4)
        put(number, halves * 4)
    }

    /// Fills the last byte with zeros; what is put next starts a byte.
    mutating func align() { put(0, (8 &- used & 7) & 7) }

    /// Lends the bytes, the last one filled up with zeros.
    mutating func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        base.storeBytes(of: word.littleEndian, toByteOffset: bytes, as: UInt64.self)
        return body(UnsafeRawBufferPointer(start: base, count: byteCount))
    }
}

/// Reads bits front to back. Beyond the end it reads zeros and `end` then throws, so that inner loops need no check.
struct BitReader {
    private let base: UnsafeRawPointer
    private let byteCount: Int
    /// In bits.
    private(set) var position = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        // An empty buffer may have no address; with a count of 0 the one put here is never read.
        base = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 8)!
        byteCount = bytes.count
    }

    /// Bits of `peek` that are valid at any position.
    static let peekBits = 57

    /// The next bits, at least `peekBits` of them.
    @inline(__always)
    var peek: UInt64 {
        let byte = position &>> 3
        let shift = UInt64(truncatingIfNeeded: position & 7)
        if byte &+ 8 <= byteCount {
            return UInt64(littleEndian: base.loadUnaligned(fromByteOffset: byte, as: UInt64.self)) &>> shift
        }
        return tail(byte) &>> shift
    }

    @inline(never)
    private func tail(_ byte: Int) -> UInt64 {
        var word: UInt64 = 0
        var place = byte
        while place < byteCount {
            word |= UInt64(base.load(fromByteOffset: place, as: UInt8.self)) &<< UInt64((place &- byte) &* 8)
            place &+= 1
        }
        return word
    }

    @inline(__always)
    mutating func skip(_ bits: Int) { position &+= bits }

    /// The next `count` bits, 0 to 64.
    @inline(__always)
    mutating func read(_ count: Int) -> UInt64 {
        if count <= Self.peekBits {
            let bits = peek & ((1 &<< UInt64(truncatingIfNeeded: count)) &- 1)
            position &+= count
            return bits
        }
        // Not by calling itself: what does so is inlined nowhere, and this is in every inner loop.
        let low = peek & 0xFFFF_FFFF
        position &+= 32
        let high = peek & ((1 &<< UInt64(truncatingIfNeeded: count &- 32)) &- 1)
        position &+= count &- 32
        return low | high &<< 32
    }

    /// See `BitWriter.put(gamma:)`. Bits that no writer puts give some number.
    mutating func gamma() -> UInt64 {
        var length = 0
        while read(1) == 1, length < 63 { length &+= 1 }
        return 1 &<< UInt64(length) | read(length)
    }

    /// See `BitWriter.put(number:)`.
    mutating func number() -> UInt64 {
        let halves = Int(read(4))
        return read(halves == 15 ? 64 : halves &* 4)
    }

    mutating func align() { position = (position &+ 7) & ~7 }

    var isBeyondEnd: Bool { position > byteCount &* 8 }

    /// Throws unless all was read but the zeros that fill the last byte.
    func end() throws(Malformed) {
        guard !isBeyondEnd else { throw Malformed("ends too early") }
        guard byteCount &* 8 &- position < 8 else { throw Malformed("bytes are left over") }
        guard peek == 0 else { throw Malformed("bits are left over") }
    }
}
