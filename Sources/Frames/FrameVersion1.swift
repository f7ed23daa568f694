import Basics
import Telemetry

/// A frame of version 1: within one UTC day, varints of differences. Only read; drawn in FRAMES.md.
struct FrameVersion1 {
    let start: Int64
    let count: Int
    private let directory: [(kind: UInt8, bytes: ByteReader)]
    private let timeBytes: ByteReader

    private static let exponentMax: UInt8 = 9

    private enum Kind {
        static let none: UInt8 = 0
        static let decimal: UInt8 = 1
        static let raw: UInt8 = 2
        static let form: UInt8 = 0b11
        static let sparse: UInt8 = 0b100
        static let reserved: UInt8 = 0b1000
    }

    /// Reads the head; the version byte is known to be 1.
    init(_ bytes: UnsafeRawBufferPointer, start: Int64) throws(Malformed) {
        var reader = ByteReader(bytes)
        _ = try reader.byte()
        guard FrameKey.times.contains(start) else { throw Malformed("a frame starts at \(start)") }
        let count = try reader.count(max: FrameCodec.rowsMax, "the number of rows")
        guard count > 0 else { throw Malformed("a frame without rows") }
        let columns = Int(try reader.byte())
        guard columns <= SeriesRegistry.streamColumnsMax else { throw Malformed("\(columns) columns") }
        var lengths: [(kind: UInt8, length: Int)] = []
        for _ in 0..<columns {
            let kind = try reader.byte()
            let form = kind & Kind.form
            let isKnown =
                kind == Kind.none || (form == Kind.decimal && kind >> 4 <= Self.exponentMax)
                || (form == Kind.raw && kind >> 4 == 0)
            guard isKnown, kind & Kind.reserved == 0 else { throw Malformed("column kind \(kind)") }
            lengths.append((kind, kind == Kind.none ? 0 : try reader.count(max: bytes.count, "a length")))
        }
        let timeBytes = try reader.slice(try reader.count(max: bytes.count, "a length"))
        var directory: [(kind: UInt8, bytes: ByteReader)] = []
        for (kind, length) in lengths { directory.append((kind, try reader.slice(length))) }
        try reader.end()
        self.start = start
        self.count = count
        self.directory = directory
        self.timeBytes = timeBytes
    }

    var columns: Int { directory.count }

    func times() throws(Malformed) -> [Int64] {
        var reader = timeBytes
        var times: [Int64] = []
        times.reserveCapacity(count)
        times.append(start)
        // Within one day: this bounds every sum below, so none can overflow.
        let end = (FrameKey.day(of: start) + 1) * FrameKey.dayMilliseconds
        var time = start
        var step: Int64 = 0
        for row in 1..<max(1, count) {
            if row == 1 {
                step = Int64(try reader.count(max: Int(FrameKey.dayMilliseconds), "a step of time"))
            } else {
                let change = try reader.zigzag()
                guard change.magnitude <= UInt64(FrameKey.dayMilliseconds) else {
                    throw Malformed("a step of time is longer than a day")
                }
                step += change
            }
            time += step
            guard step > 0, time < end else { throw Malformed("times do not rise within one day") }
            times.append(time)
        }
        try reader.end()
        return times
    }

    /// The values of one column, NaN where absent; a column beyond the frame's is absent throughout.
    func column(_ index: Int) throws(Malformed) -> [Double] {
        var values = [Double](repeating: RowBlock.absent, count: count)
        guard index < directory.count else { return values }
        var (kind, reader) = directory[index]
        guard kind != Kind.none else { return values }
        var bitmap: ByteReader?
        if kind & Kind.sparse != 0 { bitmap = try reader.slice((count + 7) / 8) }
        var bits: UInt8 = 0
        var integer: Int64 = 0
        let power = ValueColumn.powers[Int(kind >> 4)]
        for row in 0..<count {
            if bitmap != nil {
                if row % 8 == 0 { bits = try bitmap!.byte() }
                let isPresent = bits & 1 == 1
                bits >>= 1
                guard isPresent else { continue }
            }
            if kind & Kind.form == Kind.decimal {
                let (sum, overflow) = integer.addingReportingOverflow(try reader.zigzag())
                guard !overflow, sum.magnitude <= 1 << 53 else { throw Malformed("an integer is beyond 2^53") }
                integer = sum
                values[row] = Double(sum) / power
            } else {
                let value = Double(bitPattern: try reader.word())
                guard value.isFinite else { throw Malformed("a value is not finite") }
                values[row] = value
            }
        }
        if bitmap != nil, bits != 0 { throw Malformed("presence bits beyond the last row") }
        try reader.end()
        return values
    }
}
