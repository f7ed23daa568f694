/// The running check value of a WAL: two sums, each taking the other in, over words of 4 bytes.
///
/// A frame's check value goes on from that of the frame before it, so the stored value of a damaged frame still leads
/// to those behind it. The sums are linear: a single flipped bit shows where it is by what it does to them.
///
/// Source: sqlite.org, "WAL-mode File Format", "Checksum Algorithm".
struct WALCheckValue: Equatable {
    var first: UInt32 = 0
    var second: UInt32 = 0

    /// Goes on over `bytes`, a multiple of 8 of them at an address that is a multiple of 4.
    ///
    /// 0.43 us for a page of 4 KB: most of the time that a WAL takes goes into reading it.
    mutating func add(_ bytes: UnsafeRawBufferPointer, isBigEndian: Bool) {
        let words = bytes.assumingMemoryBound(to: UInt32.self)
        var (first, second) = (first, second)
        var index = 0
        if isBigEndian {
            while index < words.count {
                first = first &+ UInt32(bigEndian: words[index]) &+ second
                second = second &+ UInt32(bigEndian: words[index &+ 1]) &+ first
                index &+= 2
            }
        } else {
            while index < words.count {
                first = first &+ UInt32(littleEndian: words[index]) &+ second
                second = second &+ UInt32(littleEndian: words[index &+ 1]) &+ first
                index &+= 2
            }
        }
        (self.first, self.second) = (first, second)
    }

    /// Whether one flipped bit makes the difference between two stored values.
    func isOneBit(from other: WALCheckValue) -> Bool {
        (first ^ other.first).nonzeroBitCount + (second ^ other.second).nonzeroBitCount == 1
    }
}

/// A bit of the bytes that a frame's check value is over: the first 8 of its header, then the page.
struct WALBit: Equatable {
    /// In bytes.
    var offset: Int
    var mask: UInt8

    private init(word: Int, bit: Int, isBigEndian: Bool) {
        offset = word * 4 + (isBigEndian ? 3 - bit / 8 : bit / 8)
        mask = 1 << UInt8(bit % 8)
    }

    /// In a number of 4 bytes, the highest first, that has this bit; as those of the header are.
    var inNumber: Int64 { Int64(mask) << Int64(8 * (3 - offset % 4)) }

    /// The bits each of which, flipped alone, makes `computed` of `stored` over these bytes.
    ///
    /// None says that more than one bit is wrong. Of several it is one: the high bits of a word do the same as those of
    /// others, for Fibonacci numbers repeat modulo a power of two. 2 to 7 us for a page of 4 KB.
    static func flips(
        in bytes: UnsafeRawBufferPointer, stored: WALCheckValue, computed: WALCheckValue, isBigEndian: Bool
    ) -> [WALBit] {
        let (first, second) = (stored.first &- computed.first, stored.second &- computed.second)
        // A word that changes by e changes the sums by e times two Fibonacci numbers that follow each other; of those
        // one is odd, so the lower zeros of the differences are those of e.
        let bit = min(first.trailingZeroBitCount, second.trailingZeroBitCount)
        guard bit < 32 else { return [] }
        let weight = UInt32(1) << UInt32(bit)
        let words = bytes.assumingMemoryBound(to: UInt32.self)
        var flips: [WALBit] = []
        var (one, next) = (UInt32(0), UInt32(1))
        for index in stride(from: words.count - 1, through: 0, by: -1) {
            let word = isBigEndian ? UInt32(bigEndian: words[index]) : UInt32(littleEndian: words[index])
            let change = word & weight == 0 ? weight : 0 &- weight
            if change &* one == first, change &* next == second {
                flips.append(WALBit(word: index, bit: bit, isBigEndian: isBigEndian))
            }
            (one, next) = (next, one &+ next)
        }
        return flips
    }
}
