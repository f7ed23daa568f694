import Basics
import Frames

/// A row of the table `frame`, as it is kept.
///
/// Version 3 of a row: the check value is over all of it. In rows of versions 1 and 2, whose number is that of their blob, it
/// is over the key and the blob alone; files of frames up to version 3 have no others. Each row tells for itself, so a small
/// file may hold both.
struct FrameRow {
    var key: FrameKey
    /// Milliseconds from the first row of the frame to the last.
    var span: Int64
    /// Rows of the frame.
    var count: Int64
    var version: Int64
    var crc: Int64

    static let version: Int64 = 3
    /// What is written into files whose keys count from 2020: builds that know of no other read them.
    static func version(of keys: FrameKey.Layout) -> Int64 {
        switch keys {
        case .since2020: Int64(FrameCodec.version)
        case .since1970: version
        }
    }

    /// The columns that `init` wants.
    static let columns = "k, span, n, ver, crc, b"

    init(_ row: Statement, _ keys: FrameKey.Layout) {
        key = FrameKey(rawValue: row.word("k"), keys)
        span = row.integer("span")
        count = row.integer("n")
        version = row.integer("ver")
        crc = row.integer("crc")
    }

    init(key: FrameKey, span: Int64, count: Int64, version: Int64, crc: Int64) {
        (self.key, self.span, self.count, self.version, self.crc) = (key, span, count, version, crc)
    }

    /// What its check value must be.
    func check(_ blob: UnsafeRawBufferPointer) -> Int64 {
        version < Self.version
            ? CRC32C.check(key: key.rawValue, blob)
            : CRC32C.check(key: key.rawValue, span, count, version, blob)
    }

    /// Opens the frame in its blob, after its check.
    func open(_ blob: UnsafeRawBufferPointer) throws(Malformed) -> FrameCodec.Frame {
        guard (1...Self.version).contains(version) else {
            throw Malformed("its row is of version \(version), which is not known to this build")
        }
        guard check(blob) == crc else { throw Malformed("its check value is wrong") }
        guard key.rawValue >= 0 else { throw Malformed("its key is none") }
        return try FrameCodec.open(blob, start: key.time)
    }

    /// The time of its last row as the row tells it; nil where that is beyond the times of `part`.
    func last(in part: Part) -> Int64? {
        guard part.times.contains(key.time), span >= 0, span < part.times.upperBound - key.time else { return nil }
        return key.time + span
    }

    /// Rows as the row tells them; nil where no frame has so many.
    var rows: Int64? { (1...Int64(FrameCodec.rowsMax)).contains(count) ? count : nil }
}

extension Part {
    /// Counts a frame. One whose row cannot be right counts as one to the end of the file's days: nobody passes it over.
    mutating func count(_ key: FrameKey, span: Int64, rows: Int64) {
        frames += 1
        guard times.contains(key.time) else { return }
        let row = FrameRow(key: key, span: span, count: rows, version: 0, crc: 0)
        let last = row.last(in: self) ?? times.upperBound - 1
        self.first = min(first, key.time)
        self.last = max(self.last, last)
        spanMax = max(spanMax, last - key.time)
        self.rows += row.rows ?? 0
    }
}

extension Statement {
    /// Lends the frame of the row, whose columns are those of `FrameRow`, after its check.
    func withFrame<R>(
        _ keys: FrameKey.Layout, _ body: (FrameKey, FrameCodec.Frame) throws(Malformed) -> R
    ) throws(Malformed) -> R {
        let row = FrameRow(self, keys)
        return try withBlob("b") { bytes throws(Malformed) in try body(row.key, try row.open(bytes)) }
    }
}

extension Connection {
    /// Encodes and inserts one frame; returns its span in milliseconds.
    @discardableResult
    func insertFrame(
        _ stream: Int, _ rows: RowBlock, _ keys: FrameKey.Layout, _ writer: inout ByteWriter
    ) throws(StoreError) -> Int64 {
        let insert = try statement("INSERT OR REPLACE INTO frame VALUES (?, ?, ?, ?, NULL, ?, ?)")
        let row = FrameRow(
            key: FrameKey(stream, rows.times[0], keys), span: rows.times[rows.count - 1] - rows.times[0],
            count: Int64(rows.count), version: FrameRow.version(of: keys), crc: 0)
        writer.removeAll()
        FrameCodec.encode(rows, into: &writer)
        try writer.withBytes { bytes throws(StoreError) in
            insert.bind(1, row.key.rawValue)
            insert.bind(2, row.span)
            insert.bind(3, row.count)
            insert.bind(4, row.version)
            insert.bind(5, row.check(bytes))
            try insert.run(lending: bytes, at: 6)
        }
        return row.span
    }
}
