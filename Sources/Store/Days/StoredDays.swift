import Basics

// In core.db: `day_offset` before the first change, and a row of `meta` for each change with its moment in the key. Builds
// of before see the first only: for them days are those of a fixed offset, and stored rows of 24 hours have the keys that
// they look for.
extension LocalDays {
    private static let key = Meta.dayOffset.rawValue + "@"
    private static let keys = [SQLValue.text(key), .text(Meta.dayOffset.rawValue + "A")]

    /// What the store has; nil where that does not read.
    init?(_ connection: Connection) throws(StoreError) {
        var changes: [Change] = []
        var isRight = true
        let sql = "SELECT key, value FROM meta WHERE key >= ? AND key < ? LIMIT \(Self.changesMax + 1)"
        try connection.rows(sql, Self.keys[0], Self.keys[1]) { row throws(StoreError) in
            guard let moment = Int64(row.text("key").dropFirst(Self.key.count)) else { return isRight = false }
            changes.append(
                Change(at: Timestamp(milliseconds: moment), offsetSeconds: Int(row.integer("value"))))
        }
        guard isRight, let offset = try Meta.dayOffset.find(connection) else { return nil }
        changes.sort { $0.at < $1.at }
        self.init(offsetSeconds: Int(offset), changes: changes)
    }

    /// The error where `init(_:)` gave nil.
    static func unreadable(_ connection: Connection) -> StoreError {
        .corrupt(file: connection.file, detail: "the clock changes that the site's days follow do not read")
    }

    /// Replaces what the store has, in the caller's transaction.
    func save(_ connection: Connection) throws(StoreError) {
        try connection.run("DELETE FROM meta WHERE key >= ? AND key < ?", Self.keys[0], Self.keys[1])
        try Meta.dayOffset.write(Int64(offsetSeconds), connection)
        for change in changes {
            try connection.run(
                "INSERT INTO meta VALUES (?, ?)", .text(Self.key + "\(change.at.milliseconds)"),
                .integer(Int64(change.offsetSeconds)))
        }
    }
}
