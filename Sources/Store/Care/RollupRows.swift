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
            let day = key >> RollupKey.streamBits
            guard (0..<FrameKey.times.upperBound / FrameKey.dayMilliseconds + 1).contains(day) else { return 0..<1 }
            let begin = day * FrameKey.dayMilliseconds
            return begin..<begin + FrameKey.dayMilliseconds
        }
    }

    /// Those that do not match their check value.
    static func damaged(_ connection: Connection, _ year: Int) throws(StoreError) -> [Row] {
        var bad: [Row] = []
        for table in tables {
            try connection.rows("SELECT k, crc, b FROM \(table)") { row throws(StoreError) in
                let key = row.word("k")
                if !isRight(row) { bad.append(Row(table: table, key: key, year: year)) }
            }
        }
        return bad
    }

    /// Of a row with its key, its check value and its bytes.
    static func isRight(_ row: Statement) -> Bool {
        row.withBlob("b") { CRC32C.check(key: row.word("k"), $0) == row.integer("crc") }
    }

    /// Where a row is.
    struct Place: Hashable {
        var table: String
        var key: Int64
    }

    /// A row that is right, and of how many readings it is, all hours or days together.
    struct Found {
        var crc: Int64
        var blob: [UInt8]
        var readings: Int
    }

    /// A row that was found in a leaf of the file of `year`; nil where it is not right, or could be of either table.
    static func whole(_ row: TableLeaves.Row, in year: Int) -> (Place, Found)? {
        guard row.values.count == 3, case .integer(let crc) = row.values[1], case .blob(let blob) = row.values[2]
        else { return nil }
        return blob.withUnsafeBytes { bytes in
            guard CRC32C.check(key: row.key, bytes) == crc else { return nil }
            let span = Folder.span(ofYear: year)
            let found = tables.compactMap { table -> (Place, Found)? in
                let own = Row(table: table, key: row.key, year: year).span
                guard own.count > 1, span.contains(own.lowerBound), let readings = readings(table, bytes) else {
                    return nil
                }
                return (Place(table: table, key: row.key), Found(crc: crc, blob: blob, readings: readings))
            }
            return found.count == 1 ? found[0] : nil
        }
    }

    /// nil where the bytes are none of a row of that table.
    private static func readings(_ table: String, _ bytes: UnsafeRawBufferPointer) -> Int? {
        let counts: [Int]?
        if table == "r1d" {
            counts = (try? RollupWriter.days(bytes))?.map { $0?.summary.count ?? 0 }
        } else {
            counts = (try? RollupRow.columns(bytes))?.flatMap { ($0?.hours ?? []).map(\.count) }
        }
        // Whatever a row says, the sum of so many fits.
        return counts?.reduce(0) { $0 + min($1, 1 << 40) }
    }
}
