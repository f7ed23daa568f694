import Basics
import CSQLite
import Frames
import Glibc
import Telemetry

extension Connection {
    /// Names of the tables, SQLite's own left out.
    func tables() throws(StoreError) -> [String] {
        var names: [String] = []
        try rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'") {
            row throws(StoreError) in names.append(row.text("name"))
        }
        return names
    }
}

extension Folder {
    var damaged: String { path + "/" + DamagedFiles.folderName }
}

extension FolderLock {
    /// Whether a gateway has the store open, as far as this user can tell.
    static func isHeld(_ folder: Folder) -> Bool {
        let descriptor = open(folder.lock, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_SH | LOCK_NB) == 0 else { return true }
        flock(descriptor, LOCK_UN)
        return false
    }
}

/// The tables of core.db, in the order in which a repair takes them over.
enum CoreTables {
    static let names = [
        "meta", "counters", "device", "stream", "series", "journal", "latest", "part", "given_up", "floor",
        "snapshot", "alert", "transition", "steps_given_up", "incident", "deed", "outbox", "standing",
        "decision", "silence", "run", "rule_text", "reject",
        "reject_count", "correction", "remembered", "unread", "unread_step",
    ]

    /// By table, the columns that core.db of this version has.
    static let columns: [String: Set<String>] = {
        var database: OpaquePointer?
        defer { sqlite3_close(database) }
        guard sqlite3_open(":memory:", &database) == SQLITE_OK else { return [:] }
        for statement in Schema.core { sqlite3_exec(database, statement, nil, nil, nil) }
        var columns: [String: Set<String>] = [:]
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        sqlite3_prepare_v2(
            database, "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'",
            -1,
            &statement, nil)
        while sqlite3_step(statement) == SQLITE_ROW {
            let (table, column) = (sqlite3_column_text(statement, 0)!, sqlite3_column_text(statement, 1)!)
            columns[String(cString: table), default: []].insert(String(cString: column))
        }
        return columns
    }()

    /// Tables of a core.db of this version that lack a column, as a damaged page may tell of them.
    static func incomplete(_ core: Connection) throws(StoreError) -> [String] {
        guard try Schema.version(of: core) == Schema.version else { return [] }
        var incomplete: [String] = []
        for (table, columns) in columns {
            var found: Set<String> = []
            try core.rows("SELECT name FROM pragma_table_info(?)", .text(table)) { row throws(StoreError) in
                found.insert(row.text("name"))
            }
            if !found.isSuperset(of: columns) { incomplete.append(table) }
        }
        return incomplete.sorted()
    }

    /// What was said to people and what they did, and whose numbers they have in their hands.
    static let story: Set = ["alert", "transition", "incident", "deed"]
}
