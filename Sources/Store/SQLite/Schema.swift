import Frames

/// The tables of core.db and of the day files.
enum Schema {
    /// The newest version of core.db this build reads and writes.
    static let version = 12
    /// That of files of frames: from 2 on a small file holds the hours of its day, from 3 on keys count from 1970, from 4 on there
    /// may be rows of version 3, see `FrameRow`. What a frame is made of has a version of its own.
    static let dayVersion = 4
    static let rollupVersion = 1
    /// `BAOT`, so that another program's database is told from ours.
    static let applicationID = 0x4241_4F54

    // Ids of devices, streams and series are their places in the registry, from 0.
    // Times are milliseconds since 1970, UTC, unless the column says otherwise.
    static let core =
        [
            "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
            """
            CREATE TABLE counters(
                id INTEGER PRIMARY KEY CHECK (id = 1), committed_at INTEGER,
                received INTEGER NOT NULL, committed INTEGER NOT NULL, duplicates INTEGER NOT NULL,
                corrected INTEGER NOT NULL, rejected INTEGER NOT NULL, rejects_dropped INTEGER NOT NULL,
                suspect INTEGER NOT NULL, late INTEGER NOT NULL, ignored INTEGER NOT NULL, empty INTEGER NOT NULL,
                damaged_rows INTEGER NOT NULL)
            """,
            // expected_since: not NULL while the roster names the device and it is neither planned nor retired; service: as
            // `ServiceLife.text` has it, NULL where the roster does not name it.
            """
            CREATE TABLE device(
                id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, profile TEXT NOT NULL, area TEXT NOT NULL DEFAULT '',
                circuit TEXT NOT NULL DEFAULT '', latitude REAL, longitude REAL, cadence_ms INTEGER,
                expected_since INTEGER, last_heard INTEGER, is_online INTEGER, status_at INTEGER,
                last_heard_steady INTEGER, status_over INTEGER, expected_listened INTEGER, service TEXT)
            """,
            "CREATE TABLE stream(id INTEGER PRIMARY KEY, device INTEGER NOT NULL)",
            """
            CREATE TABLE series(
                id INTEGER PRIMARY KEY, device INTEGER NOT NULL, quantity TEXT NOT NULL, channel TEXT NOT NULL,
                stream INTEGER NOT NULL, col INTEGER NOT NULL, UNIQUE(stream, col))
            """,
            // n: NULL once the row was found damaged and counted.
            "CREATE TABLE journal(id INTEGER PRIMARY KEY, now INTEGER NOT NULL, n INTEGER, crc INTEGER, b BLOB)",
            // ts and v: the reading that counts as the newest; top: the latest time in day files, which may lie ahead of it.
            "CREATE TABLE latest(series INTEGER PRIMARY KEY, ts INTEGER NOT NULL, v REAL NOT NULL, top INTEGER)",
            part,
            givenUp,
            floor,
            "CREATE TABLE snapshot(generation INTEGER NOT NULL, chunk INTEGER NOT NULL, b BLOB NOT NULL)",
            alert,
            """
            CREATE TABLE transition(
                id INTEGER PRIMARY KEY, alert INTEGER NOT NULL, was TEXT NOT NULL, became TEXT NOT NULL,
                at INTEGER NOT NULL, since INTEGER NOT NULL, severity TEXT NOT NULL, value REAL, sentence TEXT NOT NULL,
                sentence_key TEXT, sentence_values TEXT)
            """,
            "CREATE INDEX transition_alert ON transition(alert)",
            transitionStart,
            stepsGivenUp,
            incident,
            deed,
        ] + incidentIndexes + [
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
            remembered,
            unread,
            unreadStep,
            countersRow,
        ] + steadyColumns + corrections + deskTables + storyTables

    /// The one row of `counters`, of a store that has done nothing.
    static let countersRow = """
        INSERT OR IGNORE INTO counters(
            id, received, committed, duplicates, corrected, rejected, rejects_dropped, suspect, late, ignored, empty,
            damaged_rows)
        VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        """

    // What is told stands as a key and its values (`Sentence`); `sentence` has the words that an earlier version stored
    // instead, else nothing.
    // subject: what it is about, by `Subject.Kind`; device and series: -1 where it is about none; name: of a circuit or an
    // area, else empty.
    private static let alert = """
        CREATE TABLE alert(
            id INTEGER PRIMARY KEY, rule TEXT NOT NULL, subject TEXT NOT NULL, device INTEGER NOT NULL,
            series INTEGER NOT NULL, name TEXT NOT NULL, phase TEXT NOT NULL, severity TEXT NOT NULL,
            since INTEGER NOT NULL, at INTEGER NOT NULL, value REAL, sentence TEXT NOT NULL, acknowledged_at INTEGER,
            acknowledged_by TEXT, note TEXT, listened INTEGER, watched TEXT NOT NULL DEFAULT '', sentence_key TEXT,
            sentence_values TEXT, UNIQUE(rule, subject, device, series, name))
        """
    // The same as version 5 had it.
    private static let fifthAlert = """
        CREATE TABLE alert(
            id INTEGER PRIMARY KEY, rule TEXT NOT NULL, subject TEXT NOT NULL, device INTEGER NOT NULL,
            series INTEGER NOT NULL, name TEXT NOT NULL, phase TEXT NOT NULL, severity TEXT NOT NULL,
            since INTEGER NOT NULL, at INTEGER NOT NULL, value REAL, sentence TEXT NOT NULL, acknowledged_at INTEGER,
            acknowledged_by TEXT, note TEXT, UNIQUE(rule, subject, device, series, name))
        """
    // The manifest. Days since 1970; class: the retention class; sealed: 1 when never written again; span_max: of the
    // longest frame; n: rows; retired_at: its rows are elsewhere or given up, and it waits to be unlinked; keys: the year
    // that its keys count from.
    private static let part = """
        CREATE TABLE part(
            file TEXT PRIMARY KEY, first_day INTEGER NOT NULL, last_day INTEGER NOT NULL, class TEXT NOT NULL,
            gen INTEGER NOT NULL, sealed INTEGER NOT NULL, min_ts INTEGER NOT NULL, max_ts INTEGER NOT NULL,
            span_max INTEGER NOT NULL, frames INTEGER NOT NULL, n INTEGER NOT NULL, bytes INTEGER NOT NULL,
            sha256 BLOB NOT NULL, made_at INTEGER NOT NULL, retired_at INTEGER, \(keys), \(sealStampColumn)) WITHOUT ROWID
        """
    private static let sealStampColumn = "seal_stamp INTEGER NOT NULL DEFAULT 0"
    // Up to version 6 all counted from 2020.
    private static let keys = "keys INTEGER NOT NULL DEFAULT 2020"
    // The same as versions 2 to 6 had it.
    private static let secondPart = """
        CREATE TABLE part(
            file TEXT PRIMARY KEY, first_day INTEGER NOT NULL, last_day INTEGER NOT NULL, class TEXT NOT NULL,
            gen INTEGER NOT NULL, sealed INTEGER NOT NULL, min_ts INTEGER NOT NULL, max_ts INTEGER NOT NULL,
            span_max INTEGER NOT NULL, frames INTEGER NOT NULL, n INTEGER NOT NULL, bytes INTEGER NOT NULL,
            sha256 BLOB NOT NULL, made_at INTEGER NOT NULL, retired_at INTEGER) WITHOUT ROWID
        """
    // The ledger of what the store no longer has. why: age, budget, damage, order.
    private static let givenUp = """
        CREATE TABLE given_up(
            id INTEGER PRIMARY KEY, at INTEGER NOT NULL, why TEXT NOT NULL, file TEXT NOT NULL, class TEXT NOT NULL,
            first_ts INTEGER NOT NULL, last_ts INTEGER NOT NULL, n INTEGER NOT NULL, bytes INTEGER NOT NULL,
            detail TEXT NOT NULL)
        """
    // Where an alert began: what it did since stays while it is not over, and is found without a walk through it.
    private static let transitionStart =
        "CREATE INDEX transition_start ON transition(alert) WHERE was IN ('inactive', 'resolved')"
    // By alert, how many of its steps are no longer in `transition`.
    private static let stepsGivenUp = "CREATE TABLE steps_given_up(alert INTEGER PRIMARY KEY, n INTEGER NOT NULL)"
    // Messages that later ones are read by; of each topic the last.
    private static let remembered = """
        CREATE TABLE remembered(
            id INTEGER PRIMARY KEY, topic BLOB NOT NULL UNIQUE, received INTEGER NOT NULL, payload BLOB NOT NULL)
        """
    // Messages that gave no reading. device: -1 where they could not be told to be of one, -2 of all beyond those that have
    // rows of their own. run: so many since its last reading, the first of them at run_since.
    private static let unread = """
        CREATE TABLE unread(
            device INTEGER NOT NULL, cause TEXT NOT NULL, n INTEGER NOT NULL, since INTEGER NOT NULL,
            last_at INTEGER NOT NULL, run INTEGER NOT NULL, run_since INTEGER NOT NULL, topic TEXT NOT NULL,
            PRIMARY KEY(device, cause)) WITHOUT ROWID
        """
    // Values that others took the place of. at: when that was; observed: of which time they are; person: who brought the new
    // one, NULL where it was the device.
    private static let corrections = [
        """
        CREATE TABLE correction(
            id INTEGER PRIMARY KEY, at INTEGER NOT NULL, series INTEGER NOT NULL, observed INTEGER NOT NULL,
            was REAL NOT NULL, became REAL NOT NULL, person TEXT)
        """,
        "CREATE INDEX correction_person ON correction(id) WHERE person IS NOT NULL",
    ]
    // What commits added to it since its rows were written last.
    private static let unreadStep =
        "CREATE TABLE unread_step(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, b BLOB NOT NULL)"
    // Readings of a class before ts were given up and are not taken again.
    private static let floor = "CREATE TABLE floor(class TEXT PRIMARY KEY, ts INTEGER NOT NULL) WITHOUT ROWID"

    /// What stands, in rows of a version that had a column not yet, for that column.
    static let sourceOfNewColumn = [
        // Up to version 4 every alert was about a device or a series.
        "alert.subject": "CASE WHEN series < 0 THEN 'device' ELSE 'series' END",
        "alert.name": "''",
        // Up to version 5 there was the wall clock alone.
        "alert.listened": "NULL",
        "alert.watched": "''",
        "latest.top": "NULL",
        "device.last_heard_steady": "NULL",
        "device.status_over": "NULL",
        "device.expected_listened": "NULL",
        "device.service": "NULL",
        "part.keys": "\(FrameKey.Layout.since2020.rawValue)",
        "part.seal_stamp": "0",
        // Up to version 6 there were words alone.
        "alert.sentence_key": "NULL",
        "alert.sentence_values": "NULL",
        "transition.sentence_key": "NULL",
        "transition.sentence_values": "NULL",
    ].merging(steadySources) { $1 }.merging(deskSources) { $1 }

    /// What leads from a version to the next, by the version it starts from.
    private static let steps: [Int: [String]] = [
        1: [
            "ALTER TABLE part RENAME TO part_1",
            secondPart,
            """
            INSERT INTO part SELECT file, day, day, '', gen, 0, min_ts, max_ts, max_ts - min_ts, frames, n, 0, x'',
                min_ts, NULL FROM part_1
            """,
            "DROP TABLE part_1",
            givenUp,
            floor,
        ],
        2: [remembered, "DROP TABLE setting"],
        3: [transitionStart, stepsGivenUp],
        4: [
            "ALTER TABLE alert RENAME TO alert_4",
            fifthAlert,
            """
            INSERT INTO alert SELECT id, rule, \(sourceOfNewColumn["alert.subject"]!), device, series,
                \(sourceOfNewColumn["alert.name"]!), phase, severity, since, at, value, sentence, acknowledged_at,
                acknowledged_by, note FROM alert_4
            """,
            "DROP TABLE alert_4",
        ],
        5: [
            "ALTER TABLE alert ADD COLUMN listened INTEGER",
            "ALTER TABLE alert ADD COLUMN watched TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE latest ADD COLUMN top INTEGER",
            "ALTER TABLE device ADD COLUMN last_heard_steady INTEGER",
            "ALTER TABLE device ADD COLUMN status_over INTEGER",
            "ALTER TABLE device ADD COLUMN expected_listened INTEGER",
        ],
        6: [
            "ALTER TABLE part ADD COLUMN \(keys)",
            "ALTER TABLE alert ADD COLUMN sentence_key TEXT",
            "ALTER TABLE alert ADD COLUMN sentence_values TEXT",
            "ALTER TABLE transition ADD COLUMN sentence_key TEXT",
            "ALTER TABLE transition ADD COLUMN sentence_values TEXT",
            incident,
            deed,
            unread,
            unreadStep,
            "INSERT INTO incident \(incidentsOfSteps)",
        ] + incidentIndexes + ["INSERT INTO deed \(deedsOfAlerts)"],
        7: steadyColumns + steadyFillings,
        8: corrections + ["ALTER TABLE part ADD COLUMN \(sealStampColumn)"],
        9: deskTables + [standingsOfOutbox],
        10: storyTables,
        11: ["ALTER TABLE device ADD COLUMN service TEXT"],
    ]

    private static let frame = """
        CREATE TABLE frame(
            k INTEGER PRIMARY KEY, span INTEGER NOT NULL, n INTEGER NOT NULL, ver INTEGER NOT NULL, stats BLOB,
            crc INTEGER NOT NULL, b BLOB NOT NULL)
        """
    // Of small files: the hours of each stream that has frames here, over all files of the day.
    private static let hours =
        "CREATE TABLE hours(stream INTEGER PRIMARY KEY, crc INTEGER NOT NULL, b BLOB NOT NULL)"

    // Hours by day, then stream; local days by start, then stream.
    private static let rollup = [
        "CREATE TABLE r1h(k INTEGER PRIMARY KEY, crc INTEGER NOT NULL, b BLOB NOT NULL)",
        "CREATE TABLE r1d(k INTEGER PRIMARY KEY, crc INTEGER NOT NULL, b BLOB NOT NULL)",
    ]

    /// Makes the tables of a new core.db, or leads an older one forward, each step in one transaction with its version.
    static func prepareCore(_ connection: Connection) throws(StoreError) {
        try prepare(connection, core, version)
        var found = try version(of: connection)
        while found < version {
            guard let step = steps[found] else {
                throw .corrupt(file: connection.file, detail: "schema version \(found) was never made")
            }
            try connection.transaction { () throws(StoreError) in
                for statement in step { try connection.run(statement) }
                try connection.run("PRAGMA user_version = \(found + 1)")
            }
            found += 1
        }
    }

    /// `keys`: of a new file; one that is there keeps its own.
    static func prepareSmall(
        _ connection: Connection, _ keys: FrameKey.Layout = .since1970
    ) throws(StoreError) {
        try prepare(connection, [frame, hours], dayVersion, new: newestDayVersion(keys))
        for table in [SealStamp.table, StreamName.table] { try connection.run(table) }
        // Builds that know of no rows of version 3 would take those for damaged.
        if try version(of: connection) == 3 { try connection.run("PRAGMA user_version = \(dayVersion)") }
    }

    static func prepareSealed(
        _ connection: Connection, _ keys: FrameKey.Layout = .since1970
    ) throws(StoreError) {
        try prepare(connection, [frame, StreamName.table], dayVersion, new: newestDayVersion(keys))
    }

    private static func newestDayVersion(_ keys: FrameKey.Layout) -> Int {
        switch keys {
        case .since2020: 2
        case .since1970: dayVersion
        }
    }

    /// How the keys of a file of frames are packed, by what the file says.
    static func keys(of connection: Connection) throws(StoreError) -> FrameKey.Layout {
        let found = try version(of: connection)
        guard found <= dayVersion else { throw .schemaTooNew(found: found, supported: dayVersion) }
        return found < 3 ? .since2020 : .since1970
    }

    static func prepareRollup(_ connection: Connection) throws(StoreError) {
        try prepare(connection, rollup, rollupVersion)
    }

    /// A new file gets the version `new`, or the newest.
    private static func prepare(
        _ connection: Connection, _ tables: [String], _ newest: Int, new: Int? = nil
    ) throws(StoreError) {
        if try check(connection, newest) { return }
        try connection.transaction { () throws(StoreError) in
            for table in tables { try connection.run(table) }
            try connection.run("PRAGMA application_id = \(applicationID)")
            try connection.run("PRAGMA user_version = \(new ?? newest)")
        }
    }

    /// Whether core.db has its tables; false for a new, empty one.
    static func check(_ connection: Connection) throws(StoreError) -> Bool { try check(connection, version) }

    /// The same of a file of rollups.
    static func checkRollup(_ connection: Connection) throws(StoreError) -> Bool {
        try check(connection, rollupVersion)
    }

    private static func check(_ connection: Connection, _ newest: Int) throws(StoreError) -> Bool {
        let found = try version(of: connection)
        let owner = Int(try connection.integer("PRAGMA application_id") ?? 0)
        if owner == 0, found == 0, try connection.integer("SELECT count(*) FROM sqlite_schema") == 0 { return false }
        guard owner == applicationID else { throw .foreign(file: connection.file, applicationID: owner) }
        guard found <= newest else { throw .schemaTooNew(found: found, supported: newest) }
        return true
    }

    static func version(of connection: Connection) throws(StoreError) -> Int {
        Int(try connection.integer("PRAGMA user_version") ?? 0)
    }
}
