public import Basics
public import Telemetry

/// What the gateway said and what people did about it, and how that was lost: core.db alone has it.
public struct LostStory: Hashable, Sendable {
    /// How it was lost. The raw values are stored and never change.
    public enum Cause: Int64, Sendable, CaseIterable {
        /// core.db was gone, or did not read, and a repair made it anew.
        case rebuilt = 1
        /// core.db was an older copy of itself: what came after it is lost.
        case oldCopy = 2
        /// A backup was put back: what came after it is lost.
        case restored = 3
        /// The whole store was gone, and somebody said that another is to begin.
        case begunAnew = 4
    }

    /// When it was found and the store went on without.
    public var at: Timestamp
    /// How it was lost.
    public var cause: Cause

    package init(at: Timestamp, cause: Cause) {
        self.at = at
        self.cause = cause
    }

    /// nil where nothing was ever lost.
    init?(_ core: Connection) throws(StoreError) {
        let at = try Meta.storyLostAt.read(core)
        guard at != 0, let cause = Cause(rawValue: try Meta.storyLostBy.read(core)) else { return nil }
        self.init(at: Timestamp(milliseconds: at), cause: cause)
    }

    /// What was lost, as a sentence.
    public var sentence: String {
        let what = "alerts, their stories, what people did about them, rejects and unread messages"
        return switch cause {
        case .rebuilt:
            "core.db was lost and made anew at \(at): \(what) of before are gone, or what of them did not read"
        case .oldCopy: "core.db was an old copy, found at \(at): \(what) that came after the copy are gone"
        case .restored: "a backup was put back at \(at): \(what) that came after it are gone"
        case .begunAnew: "the store was gone, and begun anew at \(at): everything of before is lost"
        }
    }
}

/// Whether the words on alerts that the broker keeps were held against the alerts of the store. The raw values are stored.
public enum RetainedWords: Int64, Sendable {
    /// Not yet: a store that is new, or of a version that did not.
    case unread = 0
    /// Nothing is to be done.
    case read = 1
    /// Not yet, and the store has lost its story: words that it does not know stand for alerts that nobody ends.
    case owed = 2
}

extension LostStory {
    /// Notes it, in the caller's transaction: from now on alerts and steps have numbers that were never given before.
    static func write(_ cause: Cause, at now: Timestamp, _ core: Connection) throws(StoreError) {
        try Meta.storyLostAt.write(now.milliseconds, core)
        try Meta.storyLostBy.write(cause.rawValue, core)
        try Meta.retainedWords.write(RetainedWords.owed.rawValue, core)
        try raiseNumbers(above: newNumbers(at: now), core)
    }

    /// A number that none has reached: one a second since 2020 would have to have been given. What was lost is not known, and the
    /// numbers stand in messages, notes and books that outlive any store.
    static func newNumbers(at now: Timestamp) -> Int64 { max(0, (now.milliseconds - 1_577_836_800_000) / 1000) }

    static func raiseNumbers(above number: Int64, _ core: Connection) throws(StoreError) {
        guard number > (try Meta.numbersAbove.read(core)) else { return }
        try Meta.numbersAbove.write(number, core)
    }

    /// The next number of a table that has them from `Meta.numbersAbove` on, as an SQL expression.
    static func nextNumber(of table: String) -> String {
        """
        (SELECT 1 + max(coalesce((SELECT max(id) FROM \(table)), 0),
            coalesce((SELECT value FROM meta WHERE key = '\(Meta.numbersAbove.rawValue)'), 0)))
        """
    }
}

extension Journal {
    /// nil where the story of this store was never lost.
    public var lostStory: LostStory? {
        get throws(StoreError) { try LostStory(core) }
    }

    /// Whether the broker's words on alerts are still to be held against the store.
    public var retainedWords: RetainedWords {
        get throws(StoreError) { RetainedWords(rawValue: try Meta.retainedWords.read(core)) ?? .unread }
    }

    /// They were.
    public func retainedWordsAreRead() throws(StoreError) {
        try core.transaction { () throws(StoreError) in
            try Meta.retainedWords.write(RetainedWords.read.rawValue, core)
        }
    }

    /// Alerts and steps get no number up to this one any more: it stands for something already.
    public func raiseNumbers(above number: Int64) throws(StoreError) {
        try core.transaction { () throws(StoreError) in try LostStory.raiseNumbers(above: number, core) }
    }

    /// As after a loss: there was a store before this one, and nobody knows what numbers it gave.
    public func raiseNumbers(at now: Timestamp) throws(StoreError) {
        try raiseNumbers(above: LostStory.newNumbers(at: now))
    }

    /// The phase of the newest step of an alert that people were told of, by the alert's number; nil where the store has none.
    public func toldPhase(ofAlert id: Int64) throws(StoreError) -> AlertPhase? {
        var phase: AlertPhase?
        try core.rows(
            """
            SELECT became FROM transition t WHERE alert = ?1 AND EXISTS (SELECT 1 FROM outbox WHERE transition_id = t.id)
            ORDER BY id DESC LIMIT 1
            """, .integer(id)
        ) { row throws(StoreError) in phase = AlertPhase(rawValue: row.text("became")) }
        return phase
    }

    /// Whether the store has an alert of this number.
    public func hasAlert(_ id: Int64) throws(StoreError) -> Bool {
        try core.integer("SELECT 1 FROM alert WHERE id = ?", .integer(id)) != nil
    }

    /// Has the newest step of an alert that people were told of told once more on a channel.
    public func tellAgain(alert id: Int64, on channel: String, now: Timestamp) throws(StoreError) {
        try core.run(
            """
            UPDATE outbox SET delivered_at = NULL, attempts = 0, error = NULL, next_attempt = ?3 WHERE id = (
                SELECT o.id FROM outbox o JOIN transition t ON t.id = o.transition_id
                WHERE t.alert = ?1 AND o.channel = ?2 ORDER BY t.id DESC, o.id DESC LIMIT 1)
            """, .integer(id), .text(channel), .integer(now.milliseconds))
    }
}

extension Archive {
    /// nil where the story of this store was never lost.
    public func lostStory() throws(StoreError) -> LostStory? {
        try withSnapshot { connection throws(StoreError) in try LostStory(connection) }
    }
}
