public import Basics
import Frames
import Glibc
import Telemetry

/// Something in a store that is not as it was written.
public struct StoreDamage: Sendable, Hashable, Codable {
    /// Which part of a store it is.
    public enum Kind: String, Sendable, Codable {
        /// A whole file: missing, unreadable, or not the bytes that were sealed.
        case file
        /// A page that does not match its check value.
        case page
        /// What SQLite says of the tables in a file.
        case structure
        case frame
        case rollup
        case journal
        case catalogue
        /// The newest readings in core.db are not those that day files have.
        case newest
        case wal
    }

    /// Relative to the store's folder.
    public var file: String
    /// What is damaged.
    public var kind: Kind
    /// Whose readings are concerned; empty where that cannot be told, or there are none.
    public var devices: [String]
    /// Time of the first reading concerned; nil where that cannot be told.
    public var since: Timestamp?
    /// Time of the last reading concerned; nil where that cannot be told.
    public var until: Timestamp?
    /// Where and what it is, and what is lost by it as far as that is known.
    public var sentence: String
}

/// What a check of a store has found.
public struct CheckReport: Sendable, Hashable, Codable {
    /// The folder of the store.
    public var folder: String
    /// A gateway had the store open.
    public var isRunning: Bool
    /// Files of the store that were looked into.
    public var files = 0
    /// Of those files, read or not.
    public var bytes: Int64 = 0
    /// Pages with a check value; files of older versions have none.
    public var pages: Int64 = 0
    /// Frames of day files.
    public var frames: Int64 = 0
    /// Rows of those frames: readings of one stream at one time count as one.
    public var rows: Int64 = 0
    /// Rows that wait in the journal, damaged ones included.
    public var journalRows = 0
    /// Empty where all is as it was written.
    public var damage: [StoreDamage] = []
    /// What is no damage and yet worth knowing.
    public var notes: [String] = []

    /// Notes do not count against it.
    public var isGood: Bool { damage.isEmpty }
}
