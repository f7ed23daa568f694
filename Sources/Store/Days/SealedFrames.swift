public import Basics
import Frames
public import Telemetry

/// A store file opened for reading, whether or not its writer runs.
///
/// Beside a writer there is a `-wal`, and `mode=ro` reads with SQLite's locks. Without one nobody writes the file: then
/// `mode=ro` would have to make `-wal` and `-shm`, which a reader of the group may not, so the file is opened immutable.
/// A writer that starts meanwhile leaves its mark, a `-wal` or another modification time, and what was read is read
/// again. So a reader never keeps a daemon from starting, as a lock would.
final class FileReader {
    let file: String
    private let effects: EffectHook?
    private var connection: Connection?
    /// Connections opened so far.
    private(set) var openings = 0
    /// Set when the file was opened immutable.
    private var stamp: FileStamp?

    /// Never written again, so it needs no second look.
    private let isSealed: Bool
    private let isTolerant: Bool

    /// `isTolerant` as for `Connection`.
    init(_ file: String, isSealed: Bool = false, isTolerant: Bool = false, effects: EffectHook?) {
        self.file = file
        self.isSealed = isSealed
        self.isTolerant = isTolerant
        self.effects = effects
    }

    /// A page that did not match its check value and was read all the same.
    var wrongPage: Int64? { connection?.wrongPage }

    /// Runs `body`, again with a new connection where the file changed under it; so `body` must start afresh each time.
    func read<R>(_ body: (Connection) throws(StoreError) -> R) throws(StoreError) -> R {
        var attempt = 1
        while true {
            let connection = try open()
            let outcome: Result<R, StoreError>
            do {
                outcome = .success(try body(connection))
            } catch {
                outcome = .failure(error)
            }
            if isUnchanged { return try outcome.get() }
            self.connection = nil
            attempt += 1
            if attempt > 8 { throw .busy(file: file) }
        }
    }

    private var isUnchanged: Bool {
        guard let stamp else { return true }
        return !Folder.exists(file + "-wal") && FileStamp(file) == stamp
    }

    private func open() throws(StoreError) -> Connection {
        if let connection, isUnchanged { return connection }
        let hasWriter = !isSealed && Folder.exists(file + "-wal")
        stamp = hasWriter || isSealed ? nil : FileStamp(file)
        do {
            let opened = try Connection(
                file, hasWriter ? .readOnly : .immutable, isTolerant: isTolerant, effects: effects)
            // SQLite opens the file at the first look.
            _ = try opened.integer("PRAGMA schema_version")
            connection = opened
            openings += 1
            return opened
        } catch {
            // A `-wal` without its `-shm`, in a folder where this reader may not make one.
            if case .notReadable = error, hasWriter, Folder.isReadable(file) { throw .leftOpen(file: file) }
            throw error
        }
    }
}

/// A frame that could not be read. It was skipped; the rest answers.
public struct DamagedFrame: Hashable, Sendable, CustomStringConvertible {
    public var file: String
    /// nil where a whole file is missing, or a page of it is damaged.
    public var stream: StreamID?
    /// Time of its first row.
    public var start: Timestamp
    public var reason: String

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
                    "SELECT k, crc, b FROM frame WHERE k BETWEEN ? AND ? AND k + span >= ?2 ORDER BY k DESC LIMIT 1",
                    .integer(keys.lowerBound), .integer(keys.upperBound)
                ) { row throws(StoreError) in
                    let key = FrameKey(rawValue: row.integer("k"))
                    do throws(Malformed) {
                        rows = try row.withFrame(key) { frame throws(Malformed) in try frame.rows() }
                    } catch {
                        damage = DamagedFrame(file: reader.file, key: key, reason: error.reason)
                    }
                }
                return (rows, damage)
            }
            if let damage { note(damage) }
            notePage(of: reader, part)
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
        let from = FrameKey(stream, max(span.lowerBound, FrameKey.epoch)).rawValue
        var all = RowBlock()
        let parts = manifest.parts(in: span).filter { $0.file != file }.sorted {
            ($0.generation, $0.isSealed ? 0 : 1) < ($1.generation, $1.isSealed ? 0 : 1)
        }
        for part in parts {
            guard let reader = try reader(of: part) else { continue }
            let keys = keys(of: stream, in: part, span)
            let (rows, damages) = try reader.read { connection throws(StoreError) -> (RowBlock, [DamagedFrame]) in
                try connection.frames(in: keys, reaching: from)
            }
            note(damages)
            all = all.isEmpty ? rows : all.merged(with: rows)
        }
        return all.slice(all.place(of: span.lowerBound)..<all.place(of: span.upperBound))
    }

    /// The keys that frames of `stream` with rows in `span` can have in this file. `span` must overlap its days.
    fileprivate func keys(of stream: Int, in part: Part, _ span: Range<Int64>) -> ClosedRange<Int64> {
        // What a small file's longest frame is may have changed since the manifest was read; its day bounds it.
        let begin = part.isSealed ? span.lowerBound - part.spanMax : part.times.lowerBound
        let first = max(begin, part.times.lowerBound, FrameKey.epoch)
        let last = max(first, min(span.upperBound, part.times.upperBound, FrameKey.times.upperBound) - 1)
        return FrameKey(stream, first).rawValue...FrameKey(stream, last).rawValue
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
            try connection.forEachRollup("hours", "stream", streams, from: [0]) {
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
    fileprivate func reader(of part: Part) throws(StoreError) -> FileReader? {
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
        readers.append((part.file, reader))
        return reader
    }

    /// Tells once more with every answer from a file that one of its pages is damaged: what it lacks cannot be known.
    fileprivate func notePage(of reader: FileReader, _ part: Part) {
        guard let page = reader.wrongPage else { return }
        note(
            DamagedFrame(
                file: reader.file, stream: nil, start: Timestamp(milliseconds: part.first),
                reason: "page \(page) does not match its check value; its frames that read rightly are answered"))
    }

    fileprivate func note(_ damage: DamagedFrame) {
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

/// Rows of one column, in memory that is used again; NaN marks an absent value.
///
/// Frames are decoded into it without an array of their own: 9 ns a reading less than with `times()` and `column(_:)`.
struct ColumnBuffer: ~Copyable {
    private var times: UnsafeMutableBufferPointer<Int64>
    private var values: UnsafeMutableBufferPointer<Double>
    private(set) var count = 0

    init() {
        times = .allocate(capacity: 0)
        values = .allocate(capacity: 0)
    }

    deinit {
        times.deallocate()
        values.deallocate()
    }

    func time(of row: Int) -> Int64 {
        precondition(row < count, "store: row \(row) of \(count)")
        return times[row]
    }

    func value(of row: Int) -> Double {
        precondition(row < count, "store: row \(row) of \(count)")
        return values[row]
    }

    /// The first of `rows` at or after `time`.
    func place(of time: Int64, in rows: Range<Int>) -> Int {
        precondition(rows.upperBound <= count, "store: rows \(rows) of \(count)")
        var (low, high) = (rows.lowerBound, rows.upperBound)
        while low < high {
            let middle = (low &+ high) >> 1
            if times[middle] < time { low = middle &+ 1 } else { high = middle }
        }
        return low
    }

    /// Lends rows.
    func withRows<R>(_ rows: Range<Int>, _ body: (_ times: Span<Int64>, _ values: Span<Double>) -> R) -> R {
        precondition(rows.upperBound <= count, "store: rows \(rows) of \(count)")
        let (times, values) = (UnsafeBufferPointer(times), UnsafeBufferPointer(values))
        return body(times.extracting(rows).span, values.extracting(rows).span)
    }

    mutating func removeAll() { count = 0 }

    /// Appends the rows of a frame; none where it does not read.
    mutating func append(_ frame: FrameCodec.Frame, column: Int) throws(Malformed) {
        reserve(frame.count)
        try frame.times(into: times.extracting(count..<count + frame.count))
        try frame.column(column, into: values.extracting(count..<count + frame.count))
        count += frame.count
    }

    mutating func append(_ block: RowBlock, column: Int, rows: Range<Int>) {
        reserve(rows.count)
        for row in rows {
            times[count] = block.times[row]
            values[count] = block[row, column]
            count += 1
        }
    }

    private mutating func reserve(_ more: Int) {
        guard count + more > times.count else { return }
        let capacity = max(times.count * 2, count + more)
        let (newTimes, newValues) = (
            UnsafeMutableBufferPointer<Int64>.allocate(capacity: capacity),
            UnsafeMutableBufferPointer<Double>.allocate(capacity: capacity)
        )
        _ = newTimes.update(fromContentsOf: times[..<count])
        _ = newValues.update(fromContentsOf: values[..<count])
        times.deallocate()
        values.deallocate()
        (times, values) = (newTimes, newValues)
    }
}

/// Walks one column through files that follow each other in time, some frames at a time.
///
/// The rows at hand are those of `position ..< end`. Rows outside the span are left out.
final class ColumnCursor {
    private var rows = ColumnBuffer()
    private(set) var end = 0
    var position = 0

    private let frames: SealedFrames?
    private let stream: Int
    private let column: Int
    private let span: Range<Int64>
    private var parts: ArraySlice<Part>
    /// The key after the last frame read of the first of `parts`; nil before it.
    private var next: Int64?

    /// Frames held at a time: more of them cost memory, fewer a statement each.
    private static let framesPerRead = 8
    private static let question = """
        SELECT k, crc, b FROM frame WHERE k BETWEEN ? AND ? AND k + span >= ? ORDER BY k LIMIT \(framesPerRead)
        """

    init(_ frames: SealedFrames, parts: [Part], stream: Int, column: Int, span: Range<Int64>) {
        self.frames = frames
        self.parts = parts[...]
        self.stream = stream
        self.column = column
        self.span = span
    }

    /// Over rows in memory.
    init(_ block: RowBlock, column: Int, span: Range<Int64>) {
        frames = nil
        parts = []
        stream = 0
        self.column = column
        self.span = span
        rows.append(block, column: column, rows: block.place(of: span.lowerBound)..<block.place(of: span.upperBound))
        end = rows.count
    }

    var isEmpty: Bool { position == end }
    /// The time and the value of the row at hand, and the time of the last one.
    var time: Int64 { rows.time(of: position) }
    var value: Double { rows.value(of: position) }
    var lastTime: Int64 { rows.time(of: end - 1) }

    /// The place of the first row at hand at or after `time`.
    func place(of time: Int64) -> Int { rows.place(of: time, in: position..<end) }

    /// Lends the rows at hand before the place `stop`, and goes on to it.
    func take<R>(to stop: Int, _ body: (_ times: Span<Int64>, _ values: Span<Double>) -> R) -> R {
        let first = position
        position = stop
        return rows.withRows(first..<stop, body)
    }

    /// Brings rows to hand where there are none; false at the end.
    func fill() throws(StoreError) -> Bool {
        while position == end {
            guard let frames, let part = parts.first else { return false }
            empty()
            guard let reader = try frames.reader(of: part) else {
                nextPart()
                continue
            }
            do throws(StoreError) {
                try read(reader, frames.keys(of: stream, in: part, span), frames)
                frames.notePage(of: reader, part)
            } catch .corrupt(let file, let detail) {
                // A page that does not read: what lies behind it in this file is out of reach.
                empty()
                let start = Timestamp(milliseconds: max(part.first, span.lowerBound))
                frames.note(
                    DamagedFrame(
                        file: file, stream: StreamID(rawValue: UInt32(stream)), start: start, reason: detail))
                nextPart()
            }
            // Frames reach beyond the span.
            end = rows.place(of: span.upperBound, in: 0..<rows.count)
            position = rows.place(of: span.lowerBound, in: 0..<end)
        }
        return true
    }

    private func empty() {
        rows.removeAll()
        (position, end) = (0, 0)
    }

    private func nextPart() {
        parts = parts.dropFirst()
        next = nil
    }

    private func read(
        _ reader: FileReader, _ keys: ClosedRange<Int64>, _ frames: SealedFrames
    ) throws(StoreError) {
        let first = next ?? keys.lowerBound
        let from = FrameKey(stream, max(span.lowerBound, FrameKey.epoch)).rawValue
        let (damages, last, count) = try reader.read {
            connection throws(StoreError) -> ([DamagedFrame], Int64, Int) in
            rows.removeAll()
            var damages: [DamagedFrame] = []
            var (last, count) = (first, 0)
            try connection.rows(
                Self.question, .integer(first), .integer(keys.upperBound), .integer(from)
            ) { row throws(StoreError) in
                let key = FrameKey(rawValue: row.integer("k"))
                last = key.rawValue
                count += 1
                do throws(Malformed) {
                    try row.withFrame(key) { frame throws(Malformed) in
                        try rows.append(frame, column: column)
                    }
                } catch {
                    damages.append(DamagedFrame(file: reader.file, key: key, reason: error.reason))
                }
            }
            return (damages, last, count)
        }
        frames.note(damages)
        if count == Self.framesPerRead { next = last + 1 } else { nextPart() }
    }
}

extension [ColumnCursor] {
    /// Calls `body` with runs of merged rows in order of time, until it returns false. Cursors later in the list win.
    func merge(_ body: (_ times: Span<Int64>, _ values: Span<Double>) -> Bool) throws(StoreError) {
        var open: [ColumnCursor] = []
        for cursor in self where try cursor.fill() { open.append(cursor) }
        while !open.isEmpty {
            // Of those at the smallest time the last one leads.
            var lead = 0
            for index in open.indices where open[index].time <= open[lead].time { lead = index }
            let cursor = open[lead]
            let time = cursor.time
            var limit = Int64.max
            for index in open.indices where index != lead { limit = Swift.min(limit, open[index].time) }
            if limit > time {
                let stop = cursor.lastTime < limit ? cursor.end : cursor.place(of: limit)
                guard cursor.take(to: stop, body) else { return }
            } else {
                var value = Double.nan
                for other in open where other.time == time {
                    let newer = other.value
                    if !newer.isNaN { value = newer }
                    other.position += 1
                }
                guard
                    [time].withUnsafeBufferPointer({ times in
                        [value].withUnsafeBufferPointer { values in body(times.span, values.span) }
                    })
                else { return }
            }
            for index in open.indices.reversed() where try !open[index].fill() { open.remove(at: index) }
        }
    }
}

extension FrameKey {
    /// The smallest key that a frame of this stream and day can have.
    static func first(of stream: Int, day: Int64) -> FrameKey {
        FrameKey(stream, max(day * dayMilliseconds, epoch))
    }

    /// The largest.
    static func last(of stream: Int, day: Int64) -> FrameKey {
        FrameKey(stream, min((day + 1) * dayMilliseconds, times.upperBound) - 1)
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
        in keys: ClosedRange<Int64>, reaching: Int64
    ) throws(StoreError) -> (rows: RowBlock, damaged: [DamagedFrame]) {
        var all = RowBlock()
        var damages: [DamagedFrame] = []
        let file = file
        try rows(
            "SELECT k, crc, b FROM frame WHERE k BETWEEN ? AND ? AND k + span >= ? ORDER BY k",
            .integer(keys.lowerBound), .integer(keys.upperBound), .integer(reaching)
        ) { row throws(StoreError) in
            let key = FrameKey(rawValue: row.integer("k"))
            do throws(Malformed) {
                let rows = try row.withFrame(key) { frame throws(Malformed) in try frame.rows() }
                all = all.isEmpty ? rows : all.joined(with: rows)
            } catch {
                damages.append(DamagedFrame(file: file, key: key, reason: error.reason))
            }
        }
        return (all, damages)
    }
}

extension Statement {
    /// Lends the frame of the row, its columns `crc` and `b`, after its check.
    func withFrame<R>(
        _ key: FrameKey, _ body: (FrameCodec.Frame) throws(Malformed) -> R
    ) throws(Malformed) -> R {
        let expected = integer("crc")
        return try withBlob("b") { bytes throws(Malformed) in
            guard CRC32C.check(key: key.rawValue, bytes) == expected else {
                throw Malformed("its check value is wrong")
            }
            return try body(try FrameCodec.open(bytes, start: key.time))
        }
    }
}
