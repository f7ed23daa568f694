import CSQLite
import Measuring

/// Bytes of the pages of each table of a SQLite file.
///
/// By SQLite's own table of pages; where it was built without that, by the lengths of the blobs, scaled to the file.
func tableBytes(_ file: String, tables: [String]) -> [String: Double] {
    var handle: OpaquePointer?
    defer { sqlite3_close_v2(handle) }
    // Immutable: a reader of a file in WAL mode would leave a WAL beside it.
    let uri = "file:\(file)?immutable=1"
    guard sqlite3_open_v2(uri, &handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, nil) == SQLITE_OK else { return [:] }
    func number(_ sql: String) -> Double? {
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK,
            sqlite3_step(statement) == SQLITE_ROW
        else { return nil }
        return sqlite3_column_double(statement, 0)
    }
    var bytes: [String: Double] = [:]
    for table in tables { bytes[table] = number("SELECT sum(pgsize) FROM dbstat WHERE name = '\(table)'") }
    if bytes.count == tables.count { return bytes }
    for table in tables { bytes[table] = number("SELECT sum(length(b)) FROM \(table)") ?? 0 }
    let all = bytes.values.reduce(0, +)
    let whole = Double(Machine.size(of: file))
    return bytes.mapValues { all > 0 ? $0 / all * whole : 0 }
}
