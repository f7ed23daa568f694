import Basics
import Frames
import Telemetry

/// Reads the journal row by row.
enum JournalRows {
    struct Row {
        enum Content {
            case turn(Turn)
            case damaged(String)
        }
        var id: Int64
        var byteCount: Int
        /// A damaged row that an earlier start has counted.
        var isCounted: Bool
        /// Its bytes are as they were written, whatever the catalogue knows of what they name.
        var isWhole: Bool
        var content: Content
    }

    /// Calls `body` for each row after `first`, in order. Each row is read in a transaction of its own, or in the one
    /// that the caller holds.
    static func forEach(
        _ core: Connection, _ registry: SeriesRegistry, after first: Int64, _ body: (Row) throws(StoreError) -> Void
    ) throws(StoreError) {
        var last = first
        var turn = Turn(origin: .live, at: Moment(Timestamp(milliseconds: 0)))
        while let row = try next(core, registry, after: last, &turn) {
            last = row.id
            try body(row)
        }
    }

    /// As `forEach`, without the damaged rows, for a body that may fail in its own way.
    static func replay(
        _ core: Connection, _ registry: SeriesRegistry, after first: Int64, _ body: (Turn) throws -> Void
    ) throws {
        var last = first
        var turn = Turn(origin: .live, at: Moment(Timestamp(milliseconds: 0)))
        while let row = try next(core, registry, after: last, &turn) {
            last = row.id
            if case .turn(let turn) = row.content { try body(turn) }
        }
    }

    static func next(
        _ core: Connection, _ registry: SeriesRegistry, after last: Int64, _ turn: inout Turn
    ) throws(StoreError) -> Row? {
        var found: Row?
        try core.rows("SELECT id, n, crc, b FROM journal WHERE id > ? ORDER BY id LIMIT 1", .integer(last)) {
            row throws(StoreError) in
            let id = row.integer("id")
            guard Meta.possible.contains(id) else {
                throw .corrupt(file: core.file, detail: "journal row \(id) is none")
            }
            // A damaged tree gives what nobody asked for, and whoever goes on from there would never come to the end.
            guard id > last else {
                throw .corrupt(file: core.file, detail: "journal row \(id) stands behind row \(last)")
            }
            let crc = row.integer("crc")
            var (byteCount, isWhole) = (0, false)
            let content: Row.Content
            do throws(Malformed) {
                try row.withBlob("b") { bytes throws(Malformed) in
                    byteCount = bytes.count
                    guard CRC32C.check(key: id, bytes) == crc else { throw Malformed("its check value is wrong") }
                    isWhole = true
                    try TurnCodec.decode(bytes, registry: registry, into: &turn)
                }
                turn.journalID = id
                turn.isReplayed = true
                content = .turn(turn)
            } catch {
                content = .damaged(error.reason)
            }
            found = Row(id: id, byteCount: byteCount, isCounted: row.isNull("n"), isWhole: isWhole, content: content)
        }
        return found
    }
}
