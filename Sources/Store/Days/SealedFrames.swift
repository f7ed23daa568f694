public import Basics
import Frames
public import Telemetry

/// A frame that could not be read. It was skipped; the rest answers.
public struct DamagedFrame: Hashable, Sendable, CustomStringConvertible {
    /// Path of the file.
    public var file: String
    /// nil where a whole file is missing, or a page of it is damaged.
    public var stream: StreamID?
    /// Time of its first row.
    public var start: Timestamp
    /// What of it does not read.
    public var reason: String

    /// One line with the file, the stream where it is known, the time and the reason.
    public var description: String {
        guard let stream else { return "\(file), from \(start): \(reason)" }
        return "\(file): the frame of stream \(stream.rawValue) from \(start) is damaged: \(reason)"
    }
}

/// The files of the manifest for reading: a few connections, and the frames last decoded.
final class SealedFrames {
    private let folder: Folder
    private let effects: EffectHook?
    private(set) var manifest = Manifest()
    /// See `Archive`.
    var abandonment: StopRequest?
    /// Newest use last.
    private var readers: [(file: String, reader: FileReader)] = []
    private var cache: [Cached?] = Array(repeating: nil, count: 64)
    private var damaged: [DamagedFrame] = []

    private static let readersMax = 64
    private static let damagedMax = 100

    private struct Cached {
        var stream: Int
        var file: String
        var rows: RowBlock
    }

    init(_ folder: Folder, effects: EffectHook?) {
        self.folder = folder
        self.effects = effects
    }

    /// Takes another manifest, and forgets what was decoded.
    func use(_ manifest: Manifest) {
        self.manifest = manifest
        forget()
    }

    /// Forgets decoded frames; to be called when small files have changed.
    func forget() {
        for index in cache.indices { cache[index] = nil }
        readers.removeAll()
    }

    /// Fills `values` with the row of exactly this time, NaN where absent; false where there is no such row.
    func find(stream: Int, time: Int64, into values: inout [Double]) throws(StoreError) -> Bool {
        var isFound = false
        for part in manifest.parts(of: FrameKey.day(of: time)) {
            let slot = (stream &* 31 &+ Int(part.generation)) % cache.count
            if cache[slot]?.stream != stream || cache[slot]?.file != part.file || !covers(cache[slot]!.rows, time) {
                guard let rows = try frame(of: stream, covering: time, in: part) else { continue }
                cache[slot] = Cached(stream: stream, file: part.file, rows: rows)
            }
            guard let rows = cache[slot]?.rows, let row = rows.row(at: time) else { continue }
            for column in values.indices {
                let value = rows[row, column]
                if !isFound || !value.isNaN { values[column] = value }
            }
            isFound = true
        }
        return isFound
    }

    private func covers(_ rows: RowBlock, _ time: Int64) -> Bool {
        rows.times[0] <= time && time <= rows.times[rows.count - 1]
    }

    private func frame(of stream: Int, covering time: Int64, in part: Part) throws(StoreError) -> RowBlock? {
        guard let reader = try reader(of: part) else { return nil }
        let keys = keys(of: stream, in: part, time..<time + 1)
        do throws(StoreError) {
            let (rows, damage) = try reader.read { connection throws(StoreError) -> (RowBlock?, DamagedFrame?) in
                var rows: RowBlock?
                var damage: DamagedFrame?
                try connection.rows(
                    """
                    SELECT \(FrameRow.columns) FROM frame WHERE k BETWEEN ? AND ? AND k + span >= ?2
                    ORDER BY k DESC LIMIT 1
                    """,
                    .integer(keys.lowerBound), .integer(keys.upperBound)
                ) { row throws(StoreError) in
                    do throws(Malformed) {
                        rows = try row.withFrame(part.keys) { _, frame throws(Malformed) in try frame.rows() }
                    } catch {
                        let key = FrameKey(rawValue: row.word("k"), part.keys)
                        damage = DamagedFrame(file: reader.file, key: key, reason: error.reason)
                    }
                }
                return (rows, damage)
            }
            if let damage { note(damage) }
            rememberPage(of: reader, part)
            return rows
        } catch .corrupt(let file, let detail) {
            // A reading is kept rather than refused for ever because an old page does not read.
            note(
                DamagedFrame(
                    file: file, stream: StreamID(rawValue: UInt32(stream)), start: Timestamp(milliseconds: time),
                    reason: detail))
            return nil
        }
    }

    /// All columns of a stream in `span`, merged over the files; those that do not read are noted and left out.
    func rows(of stream: Int, _ span: Range<Int64>, without file: String? = nil) throws(StoreError) -> RowBlock {
        var all = RowBlock()
        let parts = manifest.parts(in: span).filter { $0.file != file }.sorted {
            ($0.generation, $0.isSealed ? 0 : 1) < ($1.generation, $1.isSealed ? 0 : 1)
        }
        for part in parts {
            guard let reader = try reader(of: part) else { continue }
            let keys = keys(of: stream, in: part, span)
            let from = part.key(stream, span.lowerBound).rawValue
            let (rows, damages) = try reader.read { connection throws(StoreError) -> (RowBlock, [DamagedFrame]) in
                try connection.frames(in: keys, reaching: from, part.keys)
            }
            note(damages)
            all = all.isEmpty ? rows : all.merged(with: rows)
        }
        return all.slice(all.place(of: span.lowerBound)..<all.place(of: span.upperBound))
    }

    /// The keys that frames of `stream` with rows in `span` can have in this file. `span` must overlap its days.
    func keys(of stream: Int, in part: Part, _ span: Range<Int64>) -> ClosedRange<Int64> {
        // What a small file's longest frame is may have changed since the manifest was read; its day bounds it.
        let begin = part.isSealed ? span.lowerBound - part.spanMax : part.times.lowerBound
        let first = max(begin, part.times.lowerBound)
        let last = max(first, min(span.upperBound, part.times.upperBound) - 1)
        return part.key(stream, first).rawValue...part.key(stream, last).rawValue
    }

    /// Calls `body` with the hours that a small file holds, of those of `streams`, which rise. False where it is of the
    /// first version and holds none.
    func forEachSmallHours(
        _ part: Part, _ streams: [Int],
        _ body: (_ stream: Int, _ bytes: UnsafeRawBufferPointer) throws(Malformed) -> Void
    ) throws(StoreError) -> Bool {
        guard let reader = try reader(of: part) else { return false }
        return try reader.read { connection throws(StoreError) in
            guard try Schema.version(of: connection) >= 2 else { return false }
            try connection.forEachRollup("hours", "stream", streams, from: [0], abandonment) {
                _, stream, bytes throws(Malformed) in try body(stream, bytes)
            }
            return true
        }
    }

    /// Those of `streams` that have frames in a file.
    func streamsWithFrames(_ part: Part, _ streams: [Int]) throws(StoreError) -> [Int] {
        guard !streams.isEmpty, let reader = try reader(of: part) else { return [] }
        return try reader.read { connection throws(StoreError) in
            var found: [Int] = []
            for stream in streams {
                let keys = keys(of: stream, in: part, part.times)
                let sql = "SELECT k FROM frame WHERE k BETWEEN ? AND ? LIMIT 1"
                if try connection.integer(sql, .integer(keys.lowerBound), .integer(keys.upperBound)) != nil {
                    found.append(stream)
                }
            }
            return found
        }
    }

    /// Cursors over the rows of one column in `span`, by rising precedence: where two have a row of the same time, the
    /// value of the later one is newer.
    func cursors(stream: Int, column: Int, _ span: Range<Int64>) -> [ColumnCursor] {
        // Each layer is one run in time: its files share no day. Sealed files of one class share none, and small ones
        // only where a damaged one got a successor, which comes after it and so into a later layer.
        var layers: [(isSealed: Bool, parts: [Part])] = []
        for part in manifest.parts(in: span) where part.first < span.upperBound && part.last >= span.lowerBound {
            let fitting = layers.firstIndex {
                $0.isSealed == part.isSealed && $0.parts.last!.days.upperBound < part.days.lowerBound
            }
            if let fitting { layers[fitting].parts.append(part) } else { layers.append((part.isSealed, [part])) }
        }
        return (layers.filter(\.isSealed) + layers.filter { !$0.isSealed }).map {
            ColumnCursor(self, parts: $0.parts, stream: stream, column: column, span: span)
        }
    }

    /// The reader of a file, opened or kept; nil where the file is missing, which is told as damage.
    func reader(of part: Part) throws(StoreError) -> FileReader? {
        if let index = readers.lastIndex(where: { $0.file == part.file }) {
            if index == readers.count - 1 { return readers[index].reader }
            let entry = readers.remove(at: index)
            readers.append(entry)
            return entry.reader
        }
        let path = folder.path(of: part)
        guard Folder.exists(path) else {
            note(
                DamagedFrame(
                    file: path, stream: nil, start: Timestamp(milliseconds: part.first), reason: "the file is missing"))
            return nil
        }
        if readers.count == Self.readersMax { readers.removeFirst() }
        let reader = FileReader(path, isSealed: part.isSealed, isTolerant: true, effects: effects)
        do throws(StoreError) {
            _ = try reader.read { connection throws(StoreError) in try Schema.keys(of: connection) }
        } catch {
            // What does not read is told by who reads it. What a newer version wrote is not to be read as today's.
            guard error.isDamage(of: path) else { throw error }
        }
        readers.append((part.file, reader))
        return reader
    }

    /// Tells once more with every answer from a file that one of its pages is damaged: what it lacks cannot be known.
    func rememberPage(of reader: FileReader, _ part: Part) {
        guard let page = reader.wrongPage else { return }
        note(
            DamagedFrame(
                file: reader.file, stream: nil, start: Timestamp(milliseconds: part.first),
                reason: "page \(page) does not match its check value; its frames that read rightly are answered"))
    }

    func note(_ damage: DamagedFrame) {
        if damaged.count < Self.damagedMax, !damaged.contains(damage) { damaged.append(damage) }
    }

    func note(_ damages: [DamagedFrame]) {
        for damage in damages { note(damage) }
    }

    /// What was found damaged since the last call.
    func takeDamaged() -> [DamagedFrame] {
        defer { damaged.removeAll() }
        return damaged
    }
}

extension Part {
    /// The key of a time in this file, or the one that comes nearest to it.
    func key(_ stream: Int, _ time: Int64) -> FrameKey {
        FrameKey(stream, min(max(time, keys.times.lowerBound), keys.times.upperBound - 1), keys)
    }

    /// The keys that frames of a stream can have in this file.
    func keys(of stream: Int) -> ClosedRange<Int64> {
        key(stream, times.lowerBound).rawValue...key(stream, times.upperBound - 1).rawValue
    }
}

extension DamagedFrame {
    init(file: String, key: FrameKey, reason: String) {
        self.init(
            file: file, stream: StreamID(rawValue: UInt32(key.stream)), start: Timestamp(milliseconds: key.time),
            reason: reason)
    }
}

extension Connection {
    /// The rows of the frames with these keys that reach the time of `reaching`, all of one stream.
    func frames(
        in keys: ClosedRange<Int64>, reaching: Int64, _ layout: FrameKey.Layout
    ) throws(StoreError) -> (rows: RowBlock, damaged: [DamagedFrame]) {
        var all = RowBlock()
        var damages: [DamagedFrame] = []
        let file = file
        try rows(
            "SELECT \(FrameRow.columns) FROM frame WHERE k BETWEEN ? AND ? AND k + span >= ? ORDER BY k",
            .integer(keys.lowerBound), .integer(keys.upperBound), .integer(reaching)
        ) { row throws(StoreError) in
            do throws(Malformed) {
                let rows = try row.withFrame(layout) { _, frame throws(Malformed) in try frame.rows() }
                all = all.isEmpty ? rows : all.joined(with: rows)
            } catch {
                let key = FrameKey(rawValue: row.word("k"), layout)
                damages.append(DamagedFrame(file: file, key: key, reason: error.reason))
            }
        }
        return (all, damages)
    }
}
