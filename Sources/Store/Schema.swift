/// The tables of core.db and of the day files.
enum Schema {
    /// The newest version this build reads and writes.
    static let version = 1
    /// `BAOT`, so that another program's database is told from ours.
    static let applicationID = 0x4241_4F54

    // Ids of devices, streams and series are their places in the registry, from 0.
    // Times are milliseconds since 1970, UTC, unless the column says otherwise.
    private static let core = [
        "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE TABLE setting(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        """
        CREATE TABLE counters(
            id INTEGER PRIMARY KEY CHECK (id = 1), committed_at INTEGER,
            received INTEGER NOT NULL, committed INTEGER NOT NULL, duplicates INTEGER NOT NULL,
            corrected INTEGER NOT NULL, rejected INTEGER NOT NULL, rejects_dropped INTEGER NOT NULL,
            suspect INTEGER NOT NULL, late INTEGER NOT NULL, ignored INTEGER NOT NULL, empty INTEGER NOT NULL,
            damaged_rows INTEGER NOT NULL)
        """,
        // expected_since: not NULL while the roster names the device.
        """
        CREATE TABLE device(
            id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, profile TEXT NOT NULL, area TEXT NOT NULL DEFAULT '',
            circuit TEXT NOT NULL DEFAULT '', latitude REAL, longitude REAL, cadence_ms INTEGER,
            expected_since INTEGER, last_heard INTEGER, is_online INTEGER, status_at INTEGER)
        """,
        "CREATE TABLE stream(id INTEGER PRIMARY KEY, device INTEGER NOT NULL)",
        """
        CREATE TABLE series(
            id INTEGER PRIMARY KEY, device INTEGER NOT NULL, quantity TEXT NOT NULL, channel TEXT NOT NULL,
            stream INTEGER NOT NULL, col INTEGER NOT NULL, UNIQUE(stream, col))
        """,
        // n: NULL once the row was found damaged and counted.
        "CREATE TABLE journal(id INTEGER PRIMARY KEY, now INTEGER NOT NULL, n INTEGER, crc INTEGER, b BLOB)",
        "CREATE TABLE latest(series INTEGER PRIMARY KEY, ts INTEGER NOT NULL, v REAL NOT NULL)",
        // day: since 1970. gen: 0 is the file of small frames, l0.
        """
        CREATE TABLE part(
            day INTEGER NOT NULL, gen INTEGER NOT NULL, file TEXT NOT NULL, min_ts INTEGER NOT NULL,
            max_ts INTEGER NOT NULL, frames INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY(day, gen)) WITHOUT ROWID
        """,
        "CREATE TABLE snapshot(generation INTEGER NOT NULL, chunk INTEGER NOT NULL, b BLOB NOT NULL)",
        // series: -1 where the rule judges the device as a whole.
        """
        CREATE TABLE alert(
            id INTEGER PRIMARY KEY, rule TEXT NOT NULL, device INTEGER NOT NULL, series INTEGER NOT NULL,
            phase TEXT NOT NULL, severity TEXT NOT NULL, since INTEGER NOT NULL, at INTEGER NOT NULL, value REAL,
            sentence TEXT NOT NULL, acknowledged_at INTEGER, acknowledged_by TEXT, note TEXT,
            UNIQUE(rule, device, series))
        """,
        """
        CREATE TABLE transition(
            id INTEGER PRIMARY KEY, alert INTEGER NOT NULL, was TEXT NOT NULL, became TEXT NOT NULL,
            at INTEGER NOT NULL, since INTEGER NOT NULL, severity TEXT NOT NULL, value REAL, sentence TEXT NOT NULL)
        """,
        "CREATE INDEX transition_alert ON transition(alert)",
        """
        CREATE TABLE outbox(
            id INTEGER PRIMARY KEY, transition_id INTEGER NOT NULL, channel TEXT NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0, next_attempt INTEGER NOT NULL, error TEXT, delivered_at INTEGER)
        """,
        "CREATE INDEX outbox_waiting ON outbox(next_attempt) WHERE delivered_at IS NULL",
        "CREATE INDEX outbox_transition ON outbox(transition_id)",
        // bytes: what the row counts against the budget.
        """
        CREATE TABLE reject(
            id INTEGER PRIMARY KEY, received INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
            topic TEXT NOT NULL, payload BLOB NOT NULL, payload_bytes INTEGER NOT NULL, device INTEGER,
            bytes INTEGER NOT NULL)
        """,
        // device: -1 where the message could not be told to be of one.
        """
        CREATE TABLE reject_count(
            device INTEGER NOT NULL, reason TEXT NOT NULL, n INTEGER NOT NULL, last_at INTEGER NOT NULL,
            PRIMARY KEY(device, reason)) WITHOUT ROWID
        """,
        "INSERT INTO counters VALUES (1, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)",
    ]

    private static let day = [
        """
        CREATE TABLE frame(
            k INTEGER PRIMARY KEY, span INTEGER NOT NULL, n INTEGER NOT NULL, ver INTEGER NOT NULL, stats BLOB,
            crc INTEGER NOT NULL, b BLOB NOT NULL)
        """
    ]

    static func prepareCore(_ connection: Connection) throws(StoreError) { try prepare(connection, core) }
    static func prepareDay(_ connection: Connection) throws(StoreError) { try prepare(connection, day) }

    /// Makes the tables of a new file, in one transaction with its version; checks the version of an old one.
    private static func prepare(_ connection: Connection, _ tables: [String]) throws(StoreError) {
        if try check(connection) { return }
        try connection.transaction { () throws(StoreError) in
            for table in tables { try connection.run(table) }
            try connection.run("PRAGMA application_id = \(applicationID)")
            try connection.run("PRAGMA user_version = \(version)")
        }
    }

    /// Whether the file has its tables; false for a new, empty one.
    static func check(_ connection: Connection) throws(StoreError) -> Bool {
        let found = Int(try connection.integer("PRAGMA user_version") ?? 0)
        let owner = Int(try connection.integer("PRAGMA application_id") ?? 0)
        if owner == 0, found == 0, try connection.integer("SELECT count(*) FROM sqlite_schema") == 0 { return false }
        guard owner == applicationID else { throw .foreign(file: connection.file, applicationID: owner) }
        guard found <= version else { throw .schemaTooNew(found: found, supported: version) }
        return true
    }
}

/// Single numbers kept in `meta`; 0 where never written.
enum Meta: String {
    /// The last journal row that is in day files.
    case sealedThrough = "sealed_through"
    /// The last journal row whose alerts are recorded.
    case evaluatedThrough = "evaluated_through"
    /// The journal row after which the stored state was taken, and the number that its chunks carry.
    case snapshotJournal = "snapshot_journal"
    case snapshotGeneration = "snapshot_generation"
    /// Steps with each roster saved, so that readers notice.
    case rosterVersion = "roster_version"

    func read(_ connection: Connection) throws(StoreError) -> Int64 {
        try connection.integer("SELECT value FROM meta WHERE key = ?", .text(rawValue)) ?? 0
    }

    func write(_ value: Int64, _ connection: Connection) throws(StoreError) {
        try connection.run(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
            .text(rawValue), .integer(value))
    }
}
