import Basics
import Frames
import Telemetry

/// Frames in leaves of a damaged file that its tables no longer lead to, put among those of the file that is made anew.
///
/// Only those that match their check values under their own keys, and have times of the file's days. Where the new file has
/// rows of the same stream and times already, those stay: of two frames that were written of the same rows the longer one
/// is the later, for a seal takes the rows of a frame over into the one that replaces it.
struct FrameSalvage: ~Copyable {
    private let part: Part
    private let file: Connection
    /// Keys of the frames that the tables led to.
    private let reached: Set<Int64>
    /// Frames of these streams are left where they are.
    private let strangers: Strangers
    private var writer = ByteWriter(capacity: 1 << 14)
    /// Frames that were taken.
    private(set) var taken = 0
    /// Of those, what was put right.
    private(set) var mended: [FrameWalk.Lost] = []

    init(_ part: Part, into file: Connection, reached: [FrameKey], without strangers: Strangers) {
        self.strangers = strangers
        self.part = part
        self.file = file
        self.reached = Set(reached.map(\.rawValue))
    }

    /// Takes what the leaves of the file at `path` have beyond that. In the caller's transaction.
    mutating func take(from path: String) throws(StoreError) {
        guard let pages = PageFile(path) else { return }
        try TableLeaves(file: pages).forEach { row throws(StoreError) in
            guard let frame = Self.frame(row, part.keys), !reached.contains(frame.key.rawValue),
                !strangers.contains(frame.key.stream),
                let whole = try? WholeFrame(frame), part.times.contains(frame.key.time),
                part.times.contains(whole.last)
            else { return }
            let before = taken
            try put(whole)
            guard taken > before, let mend = whole.mend else { return }
            mended.append(FrameWalk.Lost(key: whole.frame.key, until: whole.last, reason: mend))
        }
    }

    /// As a row of the table `frame` has it.
    private static func frame(_ row: TableLeaves.Row, _ keys: FrameKey.Layout) -> FrameWalk.RawFrame? {
        guard row.values.count == 7, row.key >= 0, case .integer(let span) = row.values[1],
            case .integer(let count) = row.values[2], case .integer(let version) = row.values[3],
            case .integer(let crc) = row.values[5], case .blob(let blob) = row.values[6]
        else { return nil }
        let key = FrameKey(rawValue: row.key, keys)
        return FrameWalk.RawFrame(
            row: FrameRow(key: key, span: span, count: count, version: version, crc: crc), blob: blob)
    }

    private mutating func put(_ whole: WholeFrame) throws(StoreError) {
        let stream = whole.frame.key.stream
        let keys = part.keys(of: stream)
        var overlapping: [Int64] = []
        try file.rows(
            "SELECT k FROM frame WHERE k BETWEEN ? AND ? AND k + span >= ?", .integer(keys.lowerBound),
            .integer(part.key(stream, whole.last).rawValue), .integer(whole.frame.key.rawValue)
        ) { row throws(StoreError) in overlapping.append(row.word("k")) }
        guard !overlapping.isEmpty else {
            try file.insert(whole.frame)
            return taken += 1
        }
        let (known, _) = try file.frames(
            in: overlapping[0]...overlapping[overlapping.count - 1], reaching: whole.frame.key.rawValue, part.keys)
        let isLater = whole.rows.count > known.count && !overlapping.contains(where: reached.contains)
        let merged = isLater ? known.merged(with: whole.rows) : whole.rows.merged(with: known)
        guard merged != known else { return }
        for key in overlapping { try file.run("DELETE FROM frame WHERE k = ?", .integer(key)) }
        for from in stride(from: 0, to: merged.count, by: FrameCodec.rowsMax) {
            let piece = merged.slice(from..<min(from + FrameCodec.rowsMax, merged.count))
            try file.insertFrame(stream, piece, part.keys, &writer)
        }
        taken += 1
    }
}

extension Connection {
    /// Inserts a frame as it is.
    func insert(_ frame: FrameWalk.RawFrame) throws(StoreError) {
        let insert = try statement("INSERT OR REPLACE INTO frame VALUES (?, ?, ?, ?, NULL, ?, ?)")
        insert.bind([
            .integer(frame.key.rawValue), .integer(frame.row.span), .integer(frame.row.count),
            .integer(frame.row.version), .integer(frame.row.crc), .blob(frame.blob),
        ])
        try insert.run()
    }
}
