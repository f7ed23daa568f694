/// Which seal wrote a small file last, in the file and in its row of core.db: where both have the same, core.db knows what is in
/// the file, and nobody needs to count its rows.
///
/// Written in one transaction with the rows. 0 stands for none: files of before have none, nor those that a repair wrote.
enum SealStamp {
    static let table = "CREATE TABLE IF NOT EXISTS seal(id INTEGER PRIMARY KEY CHECK (id = 1), stamp INTEGER NOT NULL)"

    /// Of two seals that ever wrote the same file no two have the same: not both the moment at which they began and the last row of
    /// the journal that they took are equal, also where an old copy of core.db went on with its numbers.
    static func of(journalID: Int64, beganAt: Int64) -> Int64 { beganAt << 20 ^ journalID & 0xF_FFFF }

    static func read(_ file: Connection) throws(StoreError) -> Int64 {
        guard try file.tables().contains("seal") else { return 0 }
        return try file.integer("SELECT stamp FROM seal") ?? 0
    }

    /// In the caller's transaction.
    static func write(_ stamp: Int64, _ file: Connection) throws(StoreError) {
        try file.run("INSERT OR REPLACE INTO seal VALUES (1, ?)", .integer(stamp))
    }
}
