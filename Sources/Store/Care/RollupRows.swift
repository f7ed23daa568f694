import Basics
import Frames
import Glibc
import Telemetry

/// Rows of a file of rollups.
enum RollupRows {
    static let tables = ["r1h", "r1d"]

    struct Row {
        var table: String
        var key: Int64
        /// Of its file.
        var year: Int

        var stream: Int { RollupKey.stream(key) }
        /// The day, in milliseconds since 1970; an empty one where the key is of none.
        var span: Range<Int64> {
            if table == "r1d" { return RollupKey.span(ofDay: key, in: year) ?? 0..<1 }
            let begin = (key >> RollupKey.streamBits) * FrameKey.dayMilliseconds
            return begin..<begin + FrameKey.dayMilliseconds
        }
    }

    /// Those that do not match their check value.
    static func damaged(_ connection: Connection, _ year: Int) throws(StoreError) -> [Row] {
        var bad: [Row] = []
        for table in tables {
            try connection.rows("SELECT k, crc, b FROM \(table)") { row throws(StoreError) in
                let key = row.integer("k")
                if !isRight(row) { bad.append(Row(table: table, key: key, year: year)) }
            }
        }
        return bad
    }

    /// Of a row with its key, its check value and its bytes.
    static func isRight(_ row: Statement) -> Bool {
        row.withBlob("b") { CRC32C.check(key: row.integer("k"), $0) == row.integer("crc") }
    }
}
