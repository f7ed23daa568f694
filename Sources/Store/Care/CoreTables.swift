import Basics
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

    /// What was said to people and what they did, and whose numbers they have in their hands.
    static let story: Set = ["alert", "transition", "incident", "deed"]
}
