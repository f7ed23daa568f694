/// Some of the rows of a frame, a bit for each, in memory that is lent to it.
struct RowSet {
    private let words: UnsafeMutableBufferPointer<UInt64>
    private let count: Int

    init(_ words: Slice<UnsafeMutableBufferPointer<UInt64>>, _ count: Int) {
        self.words = UnsafeMutableBufferPointer(rebasing: words)
        self.count = count
    }

    var size: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    func fill() { insert(0..<count) }

    func copy(_ other: RowSet) { _ = words.update(fromContentsOf: other.words) }

    private func insert(_ rows: Range<Int>) {
        for row in rows { words[row / 64] |= 1 &<< UInt64(row % 64) }
    }

    func read(_ reader: inout BitReader, asRuns: Bool) throws(Malformed) {
        if asRuns {
            try Self.readRuns(&reader, count) { insert($0) }
        } else {
            for place in words.indices { words[place] = reader.read(min(64, count &- place &* 64)) }
        }
    }

    /// Calls `body` with the runs inside; those outside are in between.
    private static func readRuns(
        _ reader: inout BitReader, _ count: Int, _ body: (Range<Int>) -> Void
    ) throws(Malformed) {
        var start = 0
        var isInside = true
        var length = reader.gamma() &- 1
        while true {
            guard length <= UInt64(count &- start) else { throw Malformed("a run beyond the last row") }
            let end = start &+ Int(length)
            if isInside { body(start..<end) }
            isInside.toggle()
            start = end
            if start == count { return }
            length = reader.gamma()
        }
    }

    /// Makes this the members of a layer, and takes them out of `remaining`: what is read names those that stay there.
    func takeMembers(of remaining: RowSet, _ reader: inout BitReader) throws(Malformed) {
        copy(remaining)
        var cursor = Cursor()
        let size = size
        if reader.read(1) == 1 {
            var place = 0
            try Self.readRuns(&reader, size) { run in
                while place < run.lowerBound {
                    _ = next(&cursor)
                    place += 1
                }
                for _ in run {
                    let row = next(&cursor)
                    words[row / 64] &= ~(1 << UInt64(row % 64))
                    place += 1
                }
            }
        } else {
            for _ in 0..<size {
                let row = next(&cursor)
                if reader.read(1) == 1 { words[row / 64] &= ~(1 << UInt64(row % 64)) }
            }
        }
        for place in words.indices { remaining.words[place] &= ~words[place] }
    }

    struct Cursor {
        fileprivate var word = -1
        fileprivate var bits: UInt64 = 0
    }

    /// The next row of the set; asked for at most `size` times. Rows before the one returned may leave the set.
    @inline(__always)
    func next(_ cursor: inout Cursor) -> Int {
        while cursor.bits == 0 {
            cursor.word &+= 1
            cursor.bits = words[cursor.word]
        }
        let bit = cursor.bits.trailingZeroBitCount
        cursor.bits &= cursor.bits &- 1
        return cursor.word &* 64 &+ bit
    }
}
