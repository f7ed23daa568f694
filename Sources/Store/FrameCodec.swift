import Telemetry

/// Where a frame lies: its stream, and the time of its first row.
struct FrameKey: Hashable, Sendable {
    /// 2020-01-01T00:00:00Z: 41 bits of milliseconds from here reach to 2089.
    static let epoch: Int64 = 1_577_836_800_000
    static let timeBits: Int64 = 41
    /// The times that a key can hold.
    static let times = epoch..<(epoch + 1 << timeBits)
    static let dayMilliseconds: Int64 = 86_400_000

    var rawValue: Int64

    init(rawValue: Int64) { self.rawValue = rawValue }

    init(_ stream: Int, _ time: Int64) {
        precondition(Self.times.contains(time), "store: time \(time) does not fit a frame key")
        rawValue = Int64(stream) << Self.timeBits | (time - Self.epoch)
    }

    var stream: Int { Int(rawValue >> Self.timeBits) }
    var time: Int64 { rawValue & (1 << Self.timeBits - 1) + Self.epoch }

    /// Whole days since 1970, UTC.
    static func day(of time: Int64) -> Int64 { time.flooredDivision(by: dayMilliseconds) }
}

/// Rows to bytes and back, bit for bit; drawn in FRAMES.md.
enum FrameCodec {
    static let version: UInt8 = 1
    static let rowsMax = 1024

    private static let exponentMax = 9
    static let powers: [Double] = (0...exponentMax).map { exponent in
        (0..<exponent).reduce(1.0) { power, _ in power * 10 }
    }
    /// Integers up to here are exact as doubles.
    private static let integerMax = 9_007_199_254_740_992.0

    private enum Kind {
        static let none: UInt8 = 0
        static let decimal: UInt8 = 1
        static let raw: UInt8 = 2
        static let form: UInt8 = 0b11
        static let sparse: UInt8 = 0b100
        static let reserved: UInt8 = 0b1000
    }

    // MARK: Encoding

    /// Appends the blob of `rows`, which must be 1 to `rowsMax` rows of one UTC day.
    static func encode(_ rows: RowBlock, into writer: inout ByteWriter) {
        precondition((1...rowsMax).contains(rows.count), "store: a frame of \(rows.count) rows")
        precondition(rows.stride <= SeriesRegistry.streamColumnsMax, "store: a frame of \(rows.stride) columns")
        precondition(
            FrameKey.day(of: rows.times[0]) == FrameKey.day(of: rows.times[rows.count - 1]),
            "store: a frame over midnight")
        var body = ByteWriter()
        encodeTimes(rows.times, into: &body)
        let timesLength = body.count
        var directory: [(kind: UInt8, length: Int)] = []
        var column: [Double] = []
        for index in 0..<rows.stride {
            let before = body.count
            let kind = encodeColumn(index, of: rows, scratch: &column, into: &body)
            directory.append((kind, body.count - before))
        }
        writer.reserve(3 + ByteWriter.varintBytesMax * 2 + directory.count * 11 + body.count)
        writer.put(byte: version)
        writer.put(varint: UInt64(rows.count))
        writer.put(byte: UInt8(rows.stride))
        for (kind, length) in directory {
            writer.put(byte: kind)
            if kind != Kind.none { writer.put(varint: UInt64(length)) }
        }
        writer.put(varint: UInt64(timesLength))
        body.withBytes { writer.put(bytes: $0) }
    }

    private static func encodeTimes(_ times: [Int64], into body: inout ByteWriter) {
        body.reserve(times.count * ByteWriter.varintBytesMax)
        var stepBefore: Int64 = 0
        for row in 1..<max(1, times.count) {
            let step = times[row] - times[row - 1]
            precondition(step > 0, "store: times of a frame must rise")
            if row == 1 { body.put(varint: UInt64(step)) } else { body.put(zigzag: step - stepBefore) }
            stepBefore = step
        }
    }

    private static func encodeColumn(
        _ index: Int, of rows: RowBlock, scratch present: inout [Double], into body: inout ByteWriter
    ) -> UInt8 {
        present.removeAll(keepingCapacity: true)
        for row in 0..<rows.count {
            let value = rows[row, index]
            if !value.isNaN { present.append(value) }
        }
        guard !present.isEmpty else { return Kind.none }
        body.reserve(rows.count / 8 + 1 + present.count * ByteWriter.varintBytesMax)
        var kind: UInt8 = 0
        if present.count < rows.count {
            kind |= Kind.sparse
            for first in Swift.stride(from: 0, to: rows.count, by: 8) {
                var byte: UInt8 = 0
                for row in first..<min(first + 8, rows.count) where !rows[row, index].isNaN {
                    byte |= 1 << UInt8(row - first)
                }
                body.put(byte: byte)
            }
        }
        if let (exponent, integers) = decimal(present) {
            var before: Int64 = 0
            for integer in integers {
                body.put(zigzag: integer - before)
                before = integer
            }
            return kind | Kind.decimal | UInt8(exponent) << 4
        }
        for value in present { body.put(word: value.bitPattern) }
        return kind | Kind.raw
    }

    /// The values as integers over the smallest power of ten that gives each back bit for bit; nil where there is none,
    /// or where eight raw bytes a value are fewer.
    private static func decimal(_ values: [Double]) -> (exponent: Int, integers: [Int64])? {
        // What is exact over 10^e is exact over 10^(e+1) too while the integer stays below 2^53, so the search only
        // climbs; what it climbs past is checked again in the pass that converts.
        var exponent = 0
        for value in values {
            while integer(value, exponent) == nil {
                exponent += 1
                if exponent > exponentMax { return nil }
            }
        }
        var integers: [Int64] = []
        integers.reserveCapacity(values.count)
        var before: Int64 = 0
        var length = 0
        for value in values {
            guard let integer = integer(value, exponent) else { return nil }
            integers.append(integer)
            let delta = integer - before
            let zigzag = UInt64(bitPattern: delta << 1 ^ delta >> 63)
            length += max(1, (64 - zigzag.leadingZeroBitCount + 6) / 7)
            before = integer
        }
        return length < values.count * 8 ? (exponent, integers) : nil
    }

    @inline(__always)
    private static func integer(_ value: Double, _ exponent: Int) -> Int64? {
        let scaled = (value * powers[exponent]).rounded(.toNearestOrEven)
        guard scaled.magnitude <= integerMax else { return nil }
        // The bit patterns are compared, not the values: -0.0 equals 0 and would come back without its sign.
        return (scaled / powers[exponent] + 0).bitPattern == value.bitPattern ? Int64(scaled) : nil
    }

    // MARK: Decoding

    /// A frame whose shape was checked; its columns are decoded when asked for.
    struct Frame {
        let start: Int64
        let count: Int
        fileprivate var directory: [(kind: UInt8, bytes: ByteReader)]
        fileprivate var timeBytes: ByteReader

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
            let power = FrameCodec.powers[Int(kind >> 4)]
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

        func rows() throws(Malformed) -> RowBlock {
            let times = try times()
            var values = [Double](repeating: RowBlock.absent, count: count * columns)
            for index in 0..<columns {
                let column = try column(index)
                for row in 0..<count { values[row * columns + index] = column[row] }
            }
            return RowBlock(times: times, values: values, stride: columns)
        }
    }

    /// Reads the head of a blob that starts at `start`. The frame points into `bytes` and must not outlive them.
    static func open(_ bytes: UnsafeRawBufferPointer, start: Int64) throws(Malformed) -> Frame {
        var reader = ByteReader(bytes)
        let version = try reader.byte()
        guard version == Self.version else { throw Malformed("frame version \(version) is not known to this build") }
        let count = try reader.count(max: rowsMax, "the number of rows")
        guard count > 0 else { throw Malformed("a frame without rows") }
        let columns = Int(try reader.byte())
        guard columns <= SeriesRegistry.streamColumnsMax else { throw Malformed("\(columns) columns") }
        var lengths: [(kind: UInt8, length: Int)] = []
        for _ in 0..<columns {
            let kind = try reader.byte()
            let form = kind & Kind.form
            let isKnown =
                kind == Kind.none || (form == Kind.decimal && kind >> 4 <= UInt8(exponentMax))
                || (form == Kind.raw && kind >> 4 == 0)
            guard isKnown, kind & Kind.reserved == 0 else { throw Malformed("column kind \(kind)") }
            lengths.append((kind, kind == Kind.none ? 0 : try reader.count(max: bytes.count, "a length")))
        }
        let timeBytes = try reader.slice(try reader.count(max: bytes.count, "a length"))
        var directory: [(kind: UInt8, bytes: ByteReader)] = []
        for (kind, length) in lengths { directory.append((kind, try reader.slice(length))) }
        try reader.end()
        return Frame(start: start, count: count, directory: directory, timeBytes: timeBytes)
    }
}
