import Basics
import Telemetry

/// The rejects in core.db: all are counted, and of the messages the newest are kept that a budget of bytes holds.
struct RejectBudget {
    private let bytesMax: Int64
    /// What those that are kept come to.
    private(set) var bytes: Int64

    init(_ core: Connection, bytesMax: Int) throws(StoreError) {
        self.bytesMax = Int64(bytesMax)
        bytes = try core.integer("SELECT sum(bytes) FROM reject") ?? 0
    }

    /// Inserts rejects, in the caller's transaction, and deletes the oldest beyond the budget, which are added to
    /// `dropped`. Returns the bytes that all take then, for `settle` once the transaction is on disk.
    func insert(_ rejects: [Reject], _ core: Connection, dropped: inout Int64) throws(StoreError) -> Int64 {
        guard !rejects.isEmpty else { return bytes }
        var bytes = bytes
        for reject in rejects {
            let size = Int64(reject.detail.utf8.count + reject.topic.utf8.count + reject.payload.count + 64)
            bytes += size
            let device = reject.device.map { Int64($0.rawValue) }
            try core.run(
                """
                INSERT INTO reject(received, reason, detail, topic, payload, payload_bytes, device, bytes)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """, .integer(reject.receivedAt.milliseconds), .text(reject.reason.rawValue), .text(reject.detail),
                .text(reject.topic), .blob(reject.payload), .integer(Int64(reject.payloadByteCount)),
                .optional(device), .integer(size))
            try core.run(
                """
                INSERT INTO reject_count VALUES (?, ?, 1, ?)
                ON CONFLICT(device, reason) DO UPDATE SET n = n + 1, last_at = max(last_at, excluded.last_at)
                """, .integer(device ?? -1), .text(reject.reason.rawValue),
                .integer(reject.receivedAt.milliseconds))
        }
        guard bytes > bytesMax else { return bytes }
        var (last, excess): (Int64, Int64) = (0, bytes - bytesMax)
        let oldest = try core.statement("SELECT id, bytes FROM reject ORDER BY id")
        while excess > 0, try oldest.step() {
            last = oldest.integer("id")
            excess -= oldest.integer("bytes")
            bytes -= oldest.integer("bytes")
            dropped += 1
        }
        oldest.reset()
        try core.run("DELETE FROM reject WHERE id <= ?", .integer(last))
        return bytes
    }

    mutating func settle(_ bytes: Int64) { self.bytes = bytes }
}
