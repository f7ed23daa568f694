import Basics
import Telemetry

/// Where a frame lies: its stream, and the time of its first row.
public struct FrameKey: Hashable, Sendable {
    /// How the keys of a file are packed: the stream, and below it the milliseconds since the year that it is named for.
    /// All keys of a file have the same, so who reads keys asks the file, and no key is ever compared with one of another
    /// layout.
    package enum Layout: Int64, Hashable, Sendable {
        /// 41 bits of milliseconds, which reach to 2089, and 22 of streams: files of versions 1 and 2.
        case since2020 = 2020
        /// 42 bits of milliseconds, which reach to 2109, and 21 of streams.
        case since1970 = 1970

        package var epoch: Int64 {
            switch self {
            case .since2020: 1_577_836_800_000
            case .since1970: 0
            }
        }
        package var timeBits: Int64 {
            switch self {
            case .since2020: 41
            case .since1970: 42
            }
        }
        /// The times that a key can hold.
        package var times: Range<Int64> { epoch..<(epoch + 1 << timeBits) }
        /// Streams have lower numbers than this.
        package var streamsMax: Int { 1 << (63 - timeBits) }
    }

    /// The last day of which the store takes any time.
    package static let lastDay = "2109-05-15"
    /// The times that the store takes: those of a new file's keys.
    @inlinable package static var times: Range<Int64> { 0..<(1 << 42) }
    package static let dayMilliseconds: Int64 = 86_400_000

    package let rawValue: Int64
    package let layout: Layout

    package init(rawValue: Int64, _ layout: Layout) {
        self.rawValue = rawValue
        self.layout = layout
    }

    package init(_ stream: Int, _ time: Int64, _ layout: Layout) {
        precondition(layout.times.contains(time), "store: time \(time) does not fit a frame key")
        precondition((0..<layout.streamsMax).contains(stream), "store: stream \(stream) does not fit a frame key")
        rawValue = Int64(stream) << layout.timeBits | (time - layout.epoch)
        self.layout = layout
    }

    package var stream: Int { Int(rawValue >> layout.timeBits) }
    package var time: Int64 { rawValue & (1 << layout.timeBits - 1) + layout.epoch }

    /// Whole days since 1970, UTC.
    package static func day(of time: Int64) -> Int64 { time.flooredDivision(by: dayMilliseconds) }
}

/// Rows to bytes and back, bit for bit; drawn in FRAMES.md.
///
/// Version 2 is written; versions 1 and 2 are read.
package enum FrameCodec {
    package static let version: UInt8 = 2
    package static let rowsMax = 1024

    /// Appends the blob of `rows`, which must be 1 to `rowsMax` rows with times of `FrameKey.times`.
    package static func encode(_ rows: RowBlock, into writer: inout ByteWriter) {
        precondition((1...rowsMax).contains(rows.count), "store: a frame of \(rows.count) rows")
        precondition(rows.stride <= SeriesRegistry.streamColumnsMax, "store: a frame of \(rows.stride) columns")
        precondition(
            FrameKey.times.contains(rows.times[0]) && FrameKey.times.contains(rows.times[rows.count - 1]),
            "store: a frame beyond the times of its key")
        for row in 1..<max(1, rows.count) {
            precondition(rows.times[row] > rows.times[row - 1], "store: times of a frame must rise")
        }
        let scratch = FrameScratch(rows: rows.count)
        var body = BitWriter()
        TimeColumn.encode(rows.times, scratch: scratch, into: &body)
        body.align()
        var end = body.byteCount
        writer.reserve(2 + (2 + rows.stride) * ByteWriter.varintBytesMax)
        writer.put(byte: version)
        writer.put(varint: UInt64(rows.count))
        writer.put(byte: UInt8(rows.stride))
        writer.put(varint: UInt64(end))
        var presences = ValueColumn.Presences()
        for column in 0..<rows.stride {
            ValueColumn.encode(column, of: rows, scratch: scratch, &presences, into: &body)
            body.align()
            writer.put(varint: UInt64(body.byteCount - end))
            end = body.byteCount
        }
        writer.reserve(end)
        body.withBytes { writer.put(bytes: $0) }
    }

    /// A frame whose shape was checked; its times and columns are decoded when asked for.
    package struct Frame {
        package let start: Int64
        package let count: Int
        package let columns: Int
        private let layout: Layout

        private enum Layout {
            case first(FrameVersion1)
            /// Of the bytes: where the lengths of the columns stand, and where the times do, which the columns follow.
            case second(UnsafeRawBufferPointer, lengths: Int, times: Range<Int>)
        }

        fileprivate init(_ frame: FrameVersion1) {
            start = frame.start
            count = frame.count
            columns = frame.columns
            layout = .first(frame)
        }

        fileprivate init(_ bytes: UnsafeRawBufferPointer, start: Int64) throws(Malformed) {
            var reader = ByteReader(bytes)
            _ = try reader.byte()
            count = try reader.count(max: rowsMax, "the number of rows")
            guard count > 0 else { throw Malformed("a frame without rows") }
            columns = Int(try reader.byte())
            guard columns <= SeriesRegistry.streamColumnsMax else { throw Malformed("\(columns) columns") }
            let times = try reader.count(max: bytes.count, "a length")
            let lengths = reader.position
            var rest = 0
            for _ in 0..<columns { rest += try reader.count(max: bytes.count, "a length") }
            guard reader.position + times + rest == bytes.count else {
                throw Malformed("its parts are not as long as the whole")
            }
            self.start = start
            layout = .second(bytes, lengths: lengths, times: reader.position..<reader.position + times)
        }

        /// Fills the first `count` places of `times`.
        package func times(into times: UnsafeMutableBufferPointer<Int64>) throws(Malformed) {
            let part = UnsafeMutableBufferPointer(rebasing: times[..<count])
            switch layout {
            case .first(let frame):
                for (row, time) in try frame.times().enumerated() { part[row] = time }
            case .second(let bytes, _, let range):
                try TimeColumn.decode(UnsafeRawBufferPointer(rebasing: bytes[range]), start: start, into: part)
            }
        }

        /// Fills the first `count` places of `values`, NaN where absent; a column beyond the frame's is absent
        /// throughout.
        package func column(_ index: Int, into values: UnsafeMutableBufferPointer<Double>) throws(Malformed) {
            let part = UnsafeMutableBufferPointer(rebasing: values[..<count])
            switch layout {
            case .first(let frame):
                for (row, value) in try frame.column(index).enumerated() { part[row] = value }
            case .second(let bytes, let lengths, let times):
                let column = Self.column(index, bytes, lengths, times)
                guard index < columns, !column.isEmpty else { return part.update(repeating: RowBlock.absent) }
                try ValueColumn.decode(column, index: index, into: part) { Self.column($0, bytes, lengths, times) }
            }
        }

        /// The bytes of a column. The lengths were checked when the frame was opened.
        private static func column(
            _ index: Int, _ bytes: UnsafeRawBufferPointer, _ lengths: Int, _ times: Range<Int>
        ) -> UnsafeRawBufferPointer {
            var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[lengths..<times.lowerBound]))
            var start = times.upperBound
            for _ in 0..<index { start += Int((try? reader.varint()) ?? 0) }
            let length = Int((try? reader.varint()) ?? 0)
            return UnsafeRawBufferPointer(rebasing: bytes[start..<start + length])
        }

        package func times() throws(Malformed) -> [Int64] {
            var times = [Int64](repeating: 0, count: count)
            try times.withUnsafeMutableBufferPointer { buffer throws(Malformed) in try self.times(into: buffer) }
            return times
        }

        package func column(_ index: Int) throws(Malformed) -> [Double] {
            var values = [Double](repeating: RowBlock.absent, count: count)
            try values.withUnsafeMutableBufferPointer { buffer throws(Malformed) in try column(index, into: buffer) }
            return values
        }

        package func rows() throws(Malformed) -> RowBlock {
            let times = try times()
            var values = [Double](repeating: RowBlock.absent, count: count * columns)
            var column = [Double](repeating: RowBlock.absent, count: count)
            for index in 0..<columns {
                try column.withUnsafeMutableBufferPointer { buffer throws(Malformed) in
                    try self.column(index, into: buffer)
                }
                for row in 0..<count { values[row &* columns &+ index] = column[row] }
            }
            return RowBlock(times: times, values: values, stride: columns)
        }
    }

    /// Reads the head of a blob that starts at `start`. The frame points into `bytes` and must not outlive them.
    package static func open(_ bytes: UnsafeRawBufferPointer, start: Int64) throws(Malformed) -> Frame {
        var reader = ByteReader(bytes)
        switch try reader.byte() {
        case 1: return Frame(try FrameVersion1(bytes, start: start))
        case 2: return try Frame(bytes, start: start)
        case let version: throw Malformed("frame version \(version) is not known to this build")
        }
    }
}
