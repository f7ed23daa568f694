import Telemetry

/// A store file opened for reading, whether or not its writer runs.
///
/// Beside a writer there is a `-wal`, and `mode=ro` reads with SQLite's locks. Without one nobody writes the file: then
/// `mode=ro` would have to make `-wal` and `-shm`, which a reader of the group may not, so the file is opened immutable.
/// A writer that starts meanwhile leaves its mark, a `-wal` or another modification time, and what was read is read
/// again. So a reader never keeps a daemon from starting, as a lock would.
final class FileReader {
    let file: String
    private let effects: EffectHook?
    private let isTolerant: Bool
    private var connection: Connection?
    /// Set when the file was opened immutable.
    private var stamp: FileStamp?

    /// `isTolerant` as for `Connection`.
    init(_ file: String, isTolerant: Bool = false, effects: EffectHook?) {
        self.file = file
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
        let hasWriter = Folder.exists(file + "-wal")
        stamp = hasWriter ? nil : FileStamp(file)
        do {
            let opened = try Connection(
                file, hasWriter ? .readOnly : .immutable, isTolerant: isTolerant, effects: effects)
            // SQLite opens the file at the first look.
            _ = try opened.integer("PRAGMA schema_version")
            connection = opened
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
    public var stream: StreamID
    /// Time of its first row.
    public var start: Timestamp
    public var reason: String
    /// Set where a page of the file is damaged, and any of its frames may be: those that read rightly are answered.
    public var page: Int64?

    public var description: String {
        if let page { return "\(file): page \(page) is damaged: \(reason)" }
        return "\(file): the frame of stream \(stream.rawValue) from \(start) is damaged: \(reason)"
    }
}

/// Day files for reading: a few connections, and the frames last decoded.
final class SealedFrames {
    private let folder: Folder
    private let effects: EffectHook?
    /// Newest use last.
    private var readers: [(day: Int64, reader: FileReader)] = []
    private var cache: [Cached?] = Array(repeating: nil, count: 64)
    private var damaged: [DamagedFrame] = []

    private static let readersMax = 8
    private static let damagedMax = 100

    private struct Cached {
        var stream: Int
        var rows: RowBlock
    }

    init(_ folder: Folder, effects: EffectHook?) {
        self.folder = folder
        self.effects = effects
    }

    /// Forgets decoded frames; to be called when day files have changed.
    func forget() {
        for index in cache.indices { cache[index] = nil }
        readers.removeAll()
    }

    /// Fills `values` with the row of exactly this time, NaN where absent; false where there is no such row.
    func find(stream: Int, time: Int64, into values: inout [Double]) throws(StoreError) -> Bool {
        let slot = stream % cache.count
        if cache[slot]?.stream != stream || !covers(cache[slot]!.rows, time) {
            guard let rows = try frame(of: stream, covering: time) else { return false }
            cache[slot] = Cached(stream: stream, rows: rows)
        }
        guard let rows = cache[slot]?.rows, let row = rows.row(at: time) else { return false }
        for column in values.indices { values[column] = rows[row, column] }
        return true
    }

    private func covers(_ rows: RowBlock, _ time: Int64) -> Bool {
        rows.times[0] <= time && time <= rows.times[rows.count - 1]
    }

    private func frame(of stream: Int, covering time: Int64) throws(StoreError) -> RowBlock? {
        let day = FrameKey.day(of: time)
        guard let reader = reader(of: day) else { return nil }
        let (rows, damage) = try reader.read { connection throws(StoreError) -> (RowBlock?, DamagedFrame?) in
            var rows: RowBlock?
            var damage: DamagedFrame?
            try connection.rows(
                "SELECT k, crc, b FROM frame WHERE k BETWEEN ? AND ? AND k + span >= ?2 ORDER BY k DESC LIMIT 1",
                .integer(FrameKey.first(of: stream, day: day).rawValue), .integer(FrameKey(stream, time).rawValue)
            ) { row throws(StoreError) in
                let key = FrameKey(rawValue: row.integer(0))
                do throws(Malformed) {
                    rows = try row.withFrame(key, crc: 1, blob: 2) { frame throws(Malformed) in try frame.rows() }
                } catch {
                    damage = DamagedFrame(file: reader.file, key: key, reason: error.reason)
                }
            }
            return (rows, damage)
        }
        if let damage { note(damage) }
        notePage(reader, stream: stream, time: time)
        return rows
    }

    /// Calls `body` with the times and values of one column in `span`, frame by frame in order of time, until it
    /// returns false.
    ///
    /// Values are NaN where absent, and a frame may reach over the ends of `span`. No transaction is open while `body`
    /// runs. At most `framesPerRead` frames are held at a time.
    func scan(
        stream: Int, column: Int, day: Int64, _ span: Range<Int64>, body: (_ times: [Int64], _ values: [Double]) -> Bool
    ) throws(StoreError) -> Bool {
        guard let reader = reader(of: day) else { return true }
        let begin = day * FrameKey.dayMilliseconds
        let from = max(span.lowerBound, begin, FrameKey.epoch)
        let until = min(span.upperBound, begin + FrameKey.dayMilliseconds, FrameKey.times.upperBound)
        guard from < until else { return true }
        var next = FrameKey.first(of: stream, day: day).rawValue
        let last = FrameKey(stream, until - 1).rawValue
        while true {
            typealias Part = (times: [Int64], values: [Double])
            let start = next
            let (parts, damages, end) = try reader.read {
                connection throws(StoreError) -> ([Part], [DamagedFrame], Int64?) in
                var parts: [Part] = []
                var damages: [DamagedFrame] = []
                var end: Int64?
                try connection.rows(
                    """
                    SELECT k, crc, b FROM frame WHERE k BETWEEN ? AND ? AND k + span >= ? ORDER BY k
                    LIMIT \(Self.framesPerRead)
                    """, .integer(start), .integer(last), .integer(FrameKey(stream, from).rawValue)
                ) { row throws(StoreError) in
                    let key = FrameKey(rawValue: row.integer(0))
                    end = key.rawValue
                    do throws(Malformed) {
                        parts.append(
                            try row.withFrame(key, crc: 1, blob: 2) { frame throws(Malformed) in
                                (try frame.times(), try frame.column(column))
                            })
                    } catch {
                        damages.append(DamagedFrame(file: reader.file, key: key, reason: error.reason))
                    }
                }
                return (parts, damages, parts.count + damages.count == Self.framesPerRead ? end : nil)
            }
            for damage in damages { note(damage) }
            notePage(reader, stream: stream, time: from)
            for part in parts {
                guard body(part.times, part.values) else { return false }
            }
            guard let end else { return true }
            next = end + 1
        }
    }

    private static let framesPerRead = 32

    private func reader(of day: Int64) -> FileReader? {
        if let index = readers.firstIndex(where: { $0.day == day }) {
            let entry = readers.remove(at: index)
            readers.append(entry)
            return entry.reader
        }
        let file = folder.dayFile(day)
        guard Folder.exists(file) else { return nil }
        if readers.count == Self.readersMax { readers.removeFirst() }
        let reader = FileReader(file, isTolerant: true, effects: effects)
        readers.append((day, reader))
        return reader
    }

    private func notePage(_ reader: FileReader, stream: Int, time: Int64) {
        guard let page = reader.wrongPage else { return }
        let reason = "it does not match its check value; of its frames, those that read rightly are answered"
        var damage = DamagedFrame(file: reader.file, key: FrameKey(stream, time), reason: reason)
        damage.page = page
        note(damage)
    }

    private func note(_ damage: DamagedFrame) {
        if damaged.count < Self.damagedMax, !damaged.contains(damage) { damaged.append(damage) }
    }

    /// What was found damaged since the last call.
    func takeDamaged() -> [DamagedFrame] {
        defer { damaged.removeAll() }
        return damaged
    }
}

extension FrameKey {
    /// The smallest key that a frame of this stream and day can have.
    static func first(of stream: Int, day: Int64) -> FrameKey {
        FrameKey(stream, max(day * dayMilliseconds, epoch))
    }
}

extension DamagedFrame {
    init(file: String, key: FrameKey, reason: String) {
        self.init(
            file: file, stream: StreamID(rawValue: UInt32(key.stream)), start: Timestamp(milliseconds: key.time),
            reason: reason)
    }
}

extension Statement {
    /// Lends the frame of the row after its check; the columns of the query are given by their places.
    func withFrame<R>(
        _ key: FrameKey, crc: Int, blob: Int, _ body: (FrameCodec.Frame) throws(Malformed) -> R
    ) throws(Malformed) -> R {
        let expected = integer(crc)
        return try withBlob(blob) { bytes throws(Malformed) in
            guard CRC32C.check(key: key.rawValue, bytes) == expected else {
                throw Malformed("its check value is wrong")
            }
            return try body(try FrameCodec.open(bytes, start: key.time))
        }
    }
}
