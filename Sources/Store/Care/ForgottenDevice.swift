import Basics
import Telemetry

/// A device of which an order took out every reading: a row of `meta`, `forgotten-<device>`, with the moment in milliseconds
/// since 1970. It tells nothing any more once others came.
enum ForgottenDevice {
    private static let key = "forgotten-"

    /// Where no reading of the device is left, in the caller's transaction.
    static func note(_ device: DeviceIndex, at now: Timestamp, _ core: Connection) throws(StoreError) {
        try core.run(
            """
            INSERT OR REPLACE INTO meta SELECT ?1, ?2 WHERE NOT EXISTS
                (SELECT 1 FROM latest l JOIN series s ON s.id = l.series WHERE s.device = ?3)
            """, .text("\(key)\(device.rawValue)"), .integer(now.milliseconds), .integer(Int64(device.rawValue)))
    }

    static func at(_ device: DeviceIndex, _ core: Connection) throws(StoreError) -> Timestamp? {
        try core.integer("SELECT value FROM meta WHERE key = ?", .text("\(key)\(device.rawValue)"))
            .map { Timestamp(milliseconds: $0) }
    }

    /// By the number of the device.
    static func all(_ core: Connection) throws(StoreError) -> [Int64: Timestamp] {
        var found: [Int64: Timestamp] = [:]
        try core.rows("SELECT key, value FROM meta WHERE key GLOB ?", .text(key + "*")) { row in
            if let device = Int64(row.text("key").dropFirst(key.count)) {
                found[device] = Timestamp(milliseconds: row.integer("value"))
            }
        }
        return found
    }
}
