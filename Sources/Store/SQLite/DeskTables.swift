// What version 10 keeps of who was told what, and of what people wished.
extension Schema {
    // ends_steady: where a span was said, else NULL. selection: lines of a word and its value. over: when it was over,
    // by the wall clock, and by whom where that was before its end.
    private static let silence = """
        CREATE TABLE silence(
            id INTEGER PRIMARY KEY, selection TEXT NOT NULL, alert INTEGER, begins INTEGER NOT NULL, ends INTEGER NOT NULL,
            ends_steady INTEGER, person TEXT NOT NULL, reason TEXT NOT NULL, made_at INTEGER NOT NULL, over INTEGER,
            over_by TEXT)
        """
    // What a recipient knows of an alert (`Shown`) and what holds the rest back (`Hold`); no row where it knows of nothing and
    // nothing is held back. due: by the steady clock.
    private static let standing = """
        CREATE TABLE standing(
            alert INTEGER NOT NULL, recipient TEXT NOT NULL, seen TEXT NOT NULL, severity TEXT, hold TEXT, detail TEXT NOT NULL,
            due INTEGER, PRIMARY KEY(alert, recipient)) WITHOUT ROWID
        """
    // Each change of a standing. verdict: `told`, `over`, or why it is held back.
    private static let decision = """
        CREATE TABLE decision(
            id INTEGER PRIMARY KEY, step INTEGER NOT NULL, recipient TEXT NOT NULL, at INTEGER NOT NULL, verdict TEXT NOT NULL,
            detail TEXT NOT NULL, due INTEGER)
        """

    /// Behind what version 9 has.
    static let deskTables = [
        // lead: with which other one it goes out, NULL of that one; grp: what they have in common, NULL of one alone; made: when
        // the lead goes, by the steady clock; sealed: 1 once it is on its way, and takes no other along; shown: see `Shown`.
        "ALTER TABLE outbox ADD COLUMN lead INTEGER",
        "ALTER TABLE outbox ADD COLUMN grp TEXT",
        "ALTER TABLE outbox ADD COLUMN made INTEGER",
        "ALTER TABLE outbox ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE outbox ADD COLUMN shown TEXT",
        "CREATE INDEX outbox_lead ON outbox(lead) WHERE lead IS NOT NULL",
        "CREATE INDEX outbox_group ON outbox(channel, grp) WHERE grp IS NOT NULL AND lead IS NULL",
        // origin: from where; target: to whom it was given, or until when it was put aside.
        "ALTER TABLE deed ADD COLUMN origin TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE deed ADD COLUMN target TEXT NOT NULL DEFAULT ''",
        // When it first fired, by the steady clock.
        "ALTER TABLE incident ADD COLUMN fired_steady INTEGER",
        "CREATE INDEX incident_fired ON incident(fired_steady) WHERE fired_steady IS NOT NULL",
        silence,
        standing,
        decision,
        "CREATE INDEX decision_step ON decision(step)",
    ]

    /// What those on channels for people were told of alerts that are not over, in a store of version 9.
    static let standingsOfOutbox = """
        INSERT INTO standing
        SELECT t.alert, o.channel, t.became, t.severity, NULL, '', NULL
        FROM outbox o JOIN transition t ON t.id = o.transition_id JOIN alert a ON a.id = t.alert
        WHERE a.phase NOT IN ('inactive', 'resolved') AND o.channel NOT IN ('log', 'mqtt')
            AND t.became IN ('firing', 'unknown')
            AND o.id = (SELECT max(p.id) FROM outbox p JOIN transition s ON s.id = p.transition_id
                WHERE s.alert = t.alert AND p.channel = o.channel)
        """

    /// What the columns have in rows of an earlier version.
    static let deskSources = [
        "outbox.lead": "NULL", "outbox.grp": "NULL", "outbox.made": "NULL", "outbox.sealed": "0",
        "outbox.shown": "NULL",
        "deed.origin": "''", "deed.target": "''", "incident.fired_steady": "NULL",
    ]
}
