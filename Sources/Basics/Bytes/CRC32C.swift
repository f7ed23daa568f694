import CLinux

/// CRC-32C (Castagnoli), the check of every blob and block: SQLite itself does not notice a flipped bit in a page.
///
/// Source: polynomial 0x1EDC6F41 reflected, as in RFC 3720 appendix B.4; the processor's
/// instruction where it has one, else eight tables that take eight bytes a step.
package struct CRC32C {
    private var register: UInt32 = 0xFFFF_FFFF

    /// The check value of what was added so far.
    package var value: UInt32 { ~register }

    package init() {}

    private static let isBuiltIn = baotu_has_crc32c() != 0

    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        if Self.isBuiltIn {
            register = baotu_crc32c(register, bytes.baseAddress, bytes.count)
        } else {
            addByTables(bytes)
        }
    }

    package mutating func addByTables(_ bytes: UnsafeRawBufferPointer) {
        register = Self.tables.withUnsafeBufferPointer { table in
            var crc = register
            var offset = 0
            while offset + 8 <= bytes.count {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                let low = UInt32(truncatingIfNeeded: word) ^ crc
                let high = UInt32(truncatingIfNeeded: word >> 32)
                crc =
                    table[0x700 | Int(low & 0xFF)] ^ table[0x600 | Int(low >> 8 & 0xFF)]
                    ^ table[0x500 | Int(low >> 16 & 0xFF)] ^ table[0x400 | Int(low >> 24)]
                    ^ table[0x300 | Int(high & 0xFF)] ^ table[0x200 | Int(high >> 8 & 0xFF)]
                    ^ table[0x100 | Int(high >> 16 & 0xFF)] ^ table[Int(high >> 24)]
                offset += 8
            }
            while offset < bytes.count {
                crc = crc >> 8 ^ table[Int((crc ^ UInt32(bytes[offset])) & 0xFF)]
                offset += 1
            }
            return crc
        }
    }

    /// The check of a blob that belongs to `key`, so that a blob under another key does not pass.
    package static func check(key: Int64, _ bytes: UnsafeRawBufferPointer) -> Int64 {
        var crc = CRC32C()
        withUnsafeBytes(of: key.littleEndian) { crc.add($0) }
        crc.add(bytes)
        return Int64(crc.value)
    }

    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var crc = UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
            tables[byte] = crc
        }
        for table in 1..<8 {
            for byte in 0..<256 {
                let before = tables[(table - 1) * 256 + byte]
                tables[table * 256 + byte] = before >> 8 ^ tables[Int(before & 0xFF)]
            }
        }
        return tables
    }()
}
