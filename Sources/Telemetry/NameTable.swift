/// Interned byte strings: each distinct name has one index, dense from 0 in order of first use.
///
/// Open addressing over names that lie in one block; finding a known name allocates nothing.
public struct NameTable: Sendable {
    private var bytes: [UInt8] = []
    private var ends: [Int] = []
    private var hashes: [UInt64] = []
    /// Index + 1, or 0 for a free slot; a power of two of them, at most half full.
    private var slots = [UInt32](repeating: 0, count: 64)

    /// A table without names; its 64 slots double whenever they are half full.
    public init() {}

    /// How many names it holds, and the index of the next one.
    public var count: Int { ends.count }

    /// The name of an index below `count`; bytes that are not UTF-8 are mended with U+FFFD.
    public func name(at index: Int) -> String { String(decoding: bytes[range(of: index)], as: UTF8.self) }

    /// The index of these bytes; nil for a name that was never interned.
    public func find(_ name: UnsafeRawBufferPointer) -> Int? {
        let hash = Self.hash(name)
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != 0 {
            let index = Int(slots[slot]) - 1
            if hashes[index] == hash, isEqual(name, index) { return index }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// The index of these bytes: `count` for a new name, which is copied and kept.
    public mutating func intern(_ name: UnsafeRawBufferPointer) -> Int {
        if let known = find(name) { return known }
        bytes.append(contentsOf: name)
        ends.append(bytes.count)
        hashes.append(Self.hash(name))
        if ends.count * 2 > slots.count {
            slots = [UInt32](repeating: 0, count: slots.count * 2)
            for index in ends.indices { place(index) }
        } else {
            place(ends.count - 1)
        }
        return ends.count - 1
    }

    private mutating func place(_ index: Int) {
        var slot = Int(truncatingIfNeeded: hashes[index]) & (slots.count - 1)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = UInt32(index + 1)
    }

    private func range(of index: Int) -> Range<Int> { (index == 0 ? 0 : ends[index - 1])..<ends[index] }

    private func isEqual(_ name: UnsafeRawBufferPointer, _ index: Int) -> Bool {
        let range = range(of: index)
        guard range.count == name.count else { return false }
        return bytes.withUnsafeBytes { all in
            zip(all[range], name).allSatisfy { $0 == $1 }
        }
    }

    /// Multiply-and-fold over 8-byte words; the table is private to the process, so any good mixing will do.
    private static func hash(_ name: UnsafeRawBufferPointer) -> UInt64 {
        var hash: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(name.count)
        var offset = 0
        while offset + 8 <= name.count {
            hash = mix(hash ^ name.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        var tail: UInt64 = 0
        while offset < name.count {
            tail = tail << 8 | UInt64(name[offset])
            offset += 1
        }
        return mix(hash ^ tail)
    }

    @inline(__always)
    private static func mix(_ word: UInt64) -> UInt64 {
        let product = word.multipliedFullWidth(by: 0xA076_1D64_78BD_642F)
        return product.high ^ product.low
    }
}

/// A map from packed 64-bit keys to 32-bit values: open addressing, half full at most, never removes.
struct IntegerTable: Sendable {
    private var keys = [UInt64](repeating: .max, count: 64)
    private var values = [UInt32](repeating: 0, count: 64)
    private var count = 0

    @inline(__always)
    func find(_ key: UInt64) -> UInt32? {
        keys.withUnsafeBufferPointer { keys in
            let mask = keys.count &- 1
            var slot = Self.slot(of: key, mask)
            while true {
                let found = keys[slot]
                if found == key { return values[slot] }
                if found == .max { return nil }
                slot = (slot &+ 1) & mask
            }
        }
    }

    mutating func insert(_ key: UInt64, _ value: UInt32) {
        precondition(key != .max, "registry: the key of all ones marks a free slot")
        if (count + 1) * 2 > keys.count { grow() }
        place(key, value)
        count += 1
    }

    private mutating func grow() {
        let (oldKeys, oldValues) = (keys, values)
        keys = [UInt64](repeating: .max, count: oldKeys.count * 2)
        values = [UInt32](repeating: 0, count: oldKeys.count * 2)
        for index in oldKeys.indices where oldKeys[index] != .max { place(oldKeys[index], oldValues[index]) }
    }

    private mutating func place(_ key: UInt64, _ value: UInt32) {
        let mask = keys.count - 1
        var slot = Self.slot(of: key, mask)
        while keys[slot] != .max { slot = (slot + 1) & mask }
        keys[slot] = key
        values[slot] = value
    }

    @inline(__always)
    private static func slot(of key: UInt64, _ mask: Int) -> Int {
        // Fibonacci hashing: the high half of the product depends on every bit of the key.
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
    }
}
