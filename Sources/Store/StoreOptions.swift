public import Basics
public import Telemetry

/// Where the store lies and how much it may hold open.
public struct StoreOptions: Sendable {
    /// The data folder; made when missing, if the folder above it exists.
    public var folder: String
    /// How many devices and series may become known.
    public var limits = SeriesRegistry.Limits()
    /// Budget for rejected messages, in bytes of their texts and payloads; the oldest go first and are counted.
    public var rejectBytesMax = 64 << 20
    /// A seal is due when the oldest journal row is this old.
    public var sealInterval: Duration = .seconds(7200)
    /// A seal is due when the journal's rows hold this many bytes.
    public var journalBytesMax = 64 << 20

    /// How long readings and the history of alerts are kept.
    public var retention = Retention()
    /// The site's days, which daily statistics are about; nil for those that the store has, which are UTC's at first.
    public var days: LocalDays?
    /// A scrub is due when the last whole one ended so long ago; nil for none.
    public var scrubInterval: Duration? = .seconds(7 * 86_400)
    /// Bytes set aside so that sealing and retention can still work on a full disk; 0 for none.
    public var ballastBytes: Int64 = 0

    /// A file of the gateway in that folder, and none of the store's: under which names the broker keeps messages for it.
    package static let brokerSessionsFile = "broker-sessions"

    /// Called before each effect on a file; a test makes it throw.
    var effects: EffectHook?

    /// All else is as it is by default.
    public init(folder: String) { self.folder = folder }
}

/// What the gateway has taken in since the store was made. Kept in the transaction of each commit.
public struct Counters: Hashable, Sendable {
    /// Messages received.
    public var received: Int64 = 0
    /// Fresh readings committed.
    public var committed: Int64 = 0
    /// Readings dropped because the same value at the same time was already there.
    public var duplicates: Int64 = 0
    /// Readings that replaced another value of the same series and time.
    public var corrected: Int64 = 0
    /// Messages, or parts of them, that gave no reading.
    public var rejected: Int64 = 0
    /// Rejects whose text was dropped to stay within the budget; they stay in `rejected`.
    public var rejectsDropped: Int64 = 0
    /// Readings outside the plausible range of their quantity.
    public var suspect: Int64 = 0
    /// Fresh readings that arrived behind a newer one of their stream.
    public var late: Int64 = 0
    /// Messages that a profile knows and ignores.
    public var ignored: Int64 = 0
    /// Messages understood that carried no value.
    public var empty: Int64 = 0
    /// Journal rows that could not be read at a start.
    public var damagedRows: Int64 = 0

    package init() {}
}
