/// Single numbers kept in `meta`; 0 where never written.
enum Meta: String, CaseIterable {
    /// The last journal row that is in day files.
    case sealedThrough = "sealed_through"
    /// The last journal row whose alerts are recorded.
    case evaluatedThrough = "evaluated_through"
    /// The journal row after which the stored state was taken, and the number that its chunks carry.
    case snapshotJournal = "snapshot_journal"
    case snapshotGeneration = "snapshot_generation"
    /// Steps with each roster saved, so that readers notice.
    case rosterVersion = "roster_version"
    /// Steps with each change of the manifest.
    case manifestVersion = "manifest_version"
    /// Seconds that the site's days are ahead of UTC, before the first of the changes that `LocalDays` keeps beside it.
    case dayOffset = "day_offset"
    /// When the last finished seal began, in milliseconds since 1970.
    case sealedAt = "sealed_at"
    /// The clocks as they were last written down: see `StoredClock`.
    case clockWall = "clock_wall"
    case clockSteady = "clock_steady"
    case clockListened = "clock_listened"
    /// Which run of the machine that was, and by how much the steady clock is ahead of that run's own.
    case clockBoot = "clock_boot"
    case clockOffset = "clock_offset"
    /// Since when the wall clock ran without a step, by the steady clock.
    case clockUnbroken = "clock_unbroken"
    /// Steps of the wall clock that were seen, and the last one.
    case clockSteps = "clock_steps"
    case clockStepAt = "clock_step_at"
    case clockStepBy = "clock_step_by"
    /// When core.db's story was last lost, in milliseconds since 1970, and how: see `LostStory`.
    case storyLostAt = "story_lost_at"
    case storyLostBy = "story_lost_by"
    /// Alerts and their steps have numbers above this one.
    case numbersAbove = "numbers_above"
    /// See `RetainedWords`.
    case retainedWords = "retained_words"
    /// What the gateway's client id at the broker was made of, 32 bits each and one more: see `ClientNumber`.
    case clientNumber0 = "client_number_0"
    case clientNumber1 = "client_number_1"
    case clientNumber2 = "client_number_2"
    case clientNumber3 = "client_number_3"
    /// How often another client took the session at the broker, and when last: see `Takeovers`.
    case takeovers = "takeovers"
    case takenOverAt = "taken_over_at"
    /// The messages that the broker had thrown away when it was last heard, plus 1.
    case brokerDropped = "broker_dropped"

    /// Throws `.corrupt` for a number that none of them can be: sums of those that can never overflow.
    func read(_ connection: Connection) throws(StoreError) -> Int64 {
        let value = try stored(connection)
        guard Self.possible.contains(value) else {
            throw .corrupt(file: connection.file, detail: "the number \(rawValue) is \(value), which it cannot be")
        }
        return value
    }

    /// The same for who has a better one; nil where it can be none.
    func find(_ connection: Connection) throws(StoreError) -> Int64? {
        let value = try stored(connection)
        return Self.possible.contains(value) ? value : nil
    }

    private func stored(_ connection: Connection) throws(StoreError) -> Int64 {
        try connection.integer("SELECT value FROM meta WHERE key = ?", .text(rawValue)) ?? 0
    }

    /// Milliseconds, ids and counts of millions of years.
    static let possible: ClosedRange<Int64> = -(1 << 56)...(1 << 56)

    /// The possible one that is nearest.
    static func possible(_ value: Int64) -> Int64 { min(max(value, possible.lowerBound), possible.upperBound) }

    /// Reads them all.
    static func check(_ connection: Connection) throws(StoreError) {
        for number in allCases { _ = try number.read(connection) }
    }

    /// Takes out numbers that cannot be right, in the caller's transaction; returns how many.
    static func dropImpossible(_ connection: Connection) throws(StoreError) -> Int {
        try connection.run(
            "DELETE FROM meta WHERE typeof(value) <> 'integer' OR value NOT BETWEEN ? AND ?",
            .integer(possible.lowerBound), .integer(possible.upperBound))
        return connection.changes
    }

    /// The last id in the journal; 0 where it is empty.
    static func lastJournalID(_ connection: Connection) throws(StoreError) -> Int64 {
        let id = try connection.integer("SELECT max(id) FROM journal") ?? 0
        guard possible.contains(id) else {
            throw .corrupt(file: connection.file, detail: "journal row \(id) is none")
        }
        return id
    }

    func write(_ value: Int64, _ connection: Connection) throws(StoreError) {
        try connection.run(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
            .text(rawValue), .integer(value))
    }
}
