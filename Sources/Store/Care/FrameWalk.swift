import Basics
import Frames
import Glibc
import Telemetry

/// All frames of a file, front to back and past those that do not read. The connection is a tolerant one.
struct FrameWalk {
    struct Lost {
        var key: FrameKey
        /// The time of its last row, as far as that can be told.
        var until: Int64
        var reason: String
    }

    /// Of the frames that read.
    private(set) var keys: [FrameKey] = []
    private(set) var rows: Int64 = 0
    private(set) var lost: [Lost] = []
    /// Of those that read, what of them is not as it was written, and is known all the same.
    private(set) var mended: [Lost] = []
    /// Keys between these two cannot be reached.
    private(set) var gap: (after: FrameKey?, before: FrameKey?, reason: String)?
    /// A frame beside each damaged page that was met.
    private(set) var pages: [Int64: FrameKey] = [:]
    private(set) var streamMax: Int?
    private(set) var first = Int64.max
    private(set) var last = Int64.min
    private(set) var spanMax: Int64 = 0
    private(set) var newest = NewestTimes()

    /// A row of the table as it is.
    struct RawFrame {
        var row: FrameRow
        var blob: [UInt8]

        var key: FrameKey { row.key }
    }

    /// What is done with a frame that reads, and its rows.
    typealias Body = (RawFrame, RowBlock) throws(StoreError) -> Void

    /// `body` gets each frame that reads, in order of its key.
    init(
        _ connection: Connection, _ part: Part, _ body: Body = { _, _ in }
    ) throws(StoreError) {
        let all = try allKeys(connection, part.keys)
        var (stream, end) = (-1, Int64.min)
        for (index, key) in all.enumerated() {
            // Up to its neighbour, or the end of the file's days: where nothing better is known.
            var until = max(key.time, part.times.upperBound - 1)
            if index + 1 < all.count, all[index + 1].stream == key.stream {
                until = max(key.time, all[index + 1].time - 1)
            }
            do throws(StoreError) {
                guard let read = try Self.frame(key, connection) else {
                    throw .corrupt(file: connection.file, detail: "it is not where its key leads")
                }
                if let told = read.row.last(in: part), told <= until { until = told }
                let whole: WholeFrame
                do throws(Malformed) {
                    whole = try WholeFrame(read)
                } catch {
                    throw .corrupt(file: connection.file, detail: error.reason)
                }
                let last = whole.last
                if key.stream == stream, key.time <= end {
                    throw .corrupt(file: connection.file, detail: "it overlaps the frame before it")
                }
                guard part.times.contains(key.time), part.times.contains(last) else {
                    throw .corrupt(file: connection.file, detail: "its times are not of the file's days")
                }
                (stream, end) = (key.stream, last)
                if let mend = whole.mend { mended.append(Lost(key: key, until: last, reason: mend)) }
                rememberPage(connection, key)
                take(whole)
                try body(whole.frame, whole.rows)
            } catch {
                guard error.isDamage(of: connection.file), case .corrupt(_, let reason) = error else { throw error }
                lost.append(Lost(key: key, until: until, reason: reason))
            }
        }
    }

    private mutating func take(_ whole: WholeFrame) {
        keys.append(whole.frame.key)
        rows += Int64(whole.rows.count)
        newest.take(whole.frame.key.stream, whole.rows)
        streamMax = max(streamMax ?? 0, whole.frame.key.stream)
        first = min(first, whole.frame.key.time)
        last = max(last, whole.last)
        spanMax = max(spanMax, whole.last - whole.frame.key.time)
    }

    private mutating func rememberPage(_ connection: Connection, _ key: FrameKey) {
        if let page = connection.takeWrongPage(), pages[page] == nil { pages[page] = key }
    }

    /// From the front; where that fails, also from the end, and what lies between is the gap.
    private mutating func allKeys(
        _ connection: Connection, _ layout: FrameKey.Layout
    ) throws(StoreError) -> [FrameKey] {
        var all: [FrameKey] = []
        var failure: String?
        do throws(StoreError) {
            try connection.rows("SELECT k FROM frame ORDER BY k") { row throws(StoreError) in
                all.append(FrameKey(rawValue: row.word("k"), layout))
                rememberPage(connection, all[all.count - 1])
            }
        } catch .corrupt(_, let detail) {
            failure = detail
        }
        guard let failure else { return all.isSortedStrictly ? all : Array(Set(all)).sorted() }
        var tail: [FrameKey] = []
        do throws(StoreError) {
            try connection.rows("SELECT k FROM frame ORDER BY k DESC") { row throws(StoreError) in
                tail.append(FrameKey(rawValue: row.word("k"), layout))
            }
        } catch .corrupt {}
        let before = tail.last { last in all.last.map { last.rawValue > $0.rawValue } ?? true }
        gap = (all.last, before, failure)
        return Array(Set(all + tail)).sorted()
    }

    private static func frame(_ key: FrameKey, _ connection: Connection) throws(StoreError) -> RawFrame? {
        var frame: RawFrame?
        try connection.rows("SELECT \(FrameRow.columns) FROM frame WHERE k = ?", .integer(key.rawValue)) {
            row throws(StoreError) in
            frame = RawFrame(row: FrameRow(row, key.layout), blob: row.withBlob("b") { Array($0) })
        }
        return frame
    }
}

/// Of one file.
extension FrameKey: Comparable {
    static func < (left: FrameKey, right: FrameKey) -> Bool { left.rawValue < right.rawValue }
}

extension [FrameKey] {
    fileprivate var isSortedStrictly: Bool { zip(self, dropFirst()).allSatisfy { $0 < $1 } }
}

extension Part {
    /// Takes the numbers of a walk over its file; nil for an empty one.
    mutating func count(_ walk: FrameWalk?) {
        (first, last, spanMax, frames, rows, bytes, sha256) = (.max, .min, 0, 0, 0, 0, [])
        guard let walk else { return }
        first = walk.first
        last = walk.last
        spanMax = walk.spanMax
        frames = Int64(walk.keys.count)
        rows = walk.rows
    }
}
