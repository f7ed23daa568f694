public import Basics
import Frames
import Glibc
import Telemetry

/// Something in a store that is not as it was written.
public struct StoreDamage: Sendable, Hashable, Codable {
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
        case wal
    }

    /// Relative to the store's folder.
    public var file: String
    public var kind: Kind
    /// Whose readings are concerned; empty where that cannot be told, or there are none.
    public var devices: [String]
    /// The times of the readings concerned, both included; nil where that cannot be told.
    public var since: Timestamp?
    public var until: Timestamp?
    public var sentence: String
}

/// What a check of a store has found.
public struct CheckReport: Sendable, Hashable, Codable {
    public var folder: String
    /// A gateway had the store open.
    public var isRunning: Bool
    public var files = 0
    public var bytes: Int64 = 0
    /// Pages with a check value; files of older versions have none.
    public var pages: Int64 = 0
    public var frames: Int64 = 0
    public var rows: Int64 = 0
    public var journalRows = 0
    public var damage: [StoreDamage] = []
    /// What is no damage and yet worth knowing.
    public var notes: [String] = []

    public var isGood: Bool { damage.isEmpty }
}
