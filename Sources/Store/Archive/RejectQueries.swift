import Basics
public import Contract
import Frames
import Telemetry

extension Archive {
    /// The newest messages that gave no reading, how many there were by reason, and who sends them.
    ///
    /// Counts go back to the beginning; the messages themselves to what the budget holds. Throws `.noSuchDevice`.
    public func rejects(_ request: RejectsRequest = RejectsRequest()) throws(StoreError) -> RejectsAnswer {
        try withSnapshot { connection throws(StoreError) in
            var answer = RejectsAnswer(counts: [], rejects: [], unread: [])
            try known(device: request.device)
            let pattern = request.device.map { NamePattern($0) }
            // Their numbers as a JSON list: as many as there are.
            let wanted = pattern.map { pattern in
                registry.devices.indices.filter { pattern.matches(registry.devices[$0].name) }.description
            }
            try connection.rows(
                """
                SELECT reason, sum(n) AS count, max(last_at) AS last_at FROM reject_count
                WHERE (?1 IS NULL OR reason = ?1) AND (?2 IS NULL OR device IN (SELECT value FROM json_each(?2)))
                GROUP BY reason ORDER BY sum(n) DESC, reason
                """, .optional(request.reason?.rawValue), .optional(wanted)
            ) { row throws(StoreError) in
                answer.counts.append(
                    .init(
                        reason: row.text("reason"), count: row.integer("count"),
                        lastAt: Timestamp(milliseconds: row.integer("last_at"))))
            }
            answer.unread = try unread(
                connection, cause: request.reason,
                of: pattern.map { pattern in { pattern.matches(self.registry.devices[$0].name) } })
            try connection.rows(
                """
                SELECT id, received, reason, detail, topic, device, payload, payload_bytes FROM reject
                WHERE (?1 IS NULL OR reason = ?1) AND (?2 IS NULL OR device IN (SELECT value FROM json_each(?2))) ORDER BY id DESC LIMIT ?3
                """, .optional(request.reason?.rawValue), .optional(wanted), .integer(Int64(request.limit))
            ) { row throws(StoreError) in
                let payload = row.withBlob("payload") { Array($0) }
                let text = String(validating: payload, as: UTF8.self)
                let device = row.optionalInteger("device").flatMap { $0 < registry.deviceCount ? Int($0) : nil }
                answer.rejects.append(
                    .init(
                        id: row.integer("id"), receivedAt: Timestamp(milliseconds: row.integer("received")),
                        reason: row.text("reason"), detail: row.text("detail"), topic: row.text("topic"),
                        device: device.map { registry.devices[$0].name },
                        payload: text, payloadHex: text == nil ? hexadecimal(payload) : nil,
                        payloadBytes: Int(row.integer("payload_bytes"))))
            }
            return answer
        }
    }
}

private func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
