public import Basics

/// Messages that gave no reading.
public struct RejectsAnswer: Codable, Hashable, Sendable {
    /// All there ever were that fit the filter, also those whose text is gone, most frequent first.
    public var counts: [Count]
    /// Newest first.
    public var rejects: [Entry]

    public struct Count: Codable, Hashable, Sendable {
        public var reason: String
        public var count: Int64
        public var lastAt: Timestamp

        enum CodingKeys: String, CodingKey {
            case reason, count
            case lastAt = "last_at"
        }

        package init(
            reason: String, count: Int64, lastAt: Timestamp
        ) {
            self.reason = reason
            self.count = count
            self.lastAt = lastAt
        }
    }

    public struct Entry: Codable, Hashable, Sendable {
        public var id: Int64
        public var receivedAt: Timestamp
        public var reason: String
        public var detail: String
        public var topic: String
        public var device: String?
        /// The first bytes of the payload where they are UTF-8 text.
        public var payload: String?
        /// The same bytes in hexadecimal where they are not.
        public var payloadHex: String?
        public var payloadBytes: Int

        enum CodingKeys: String, CodingKey {
            case id, reason, detail, topic, device, payload
            case receivedAt = "received_at"
            case payloadHex = "payload_hex"
            case payloadBytes = "payload_bytes"
        }

        package init(
            id: Int64, receivedAt: Timestamp, reason: String, detail: String, topic: String, device: String? = nil,
            payload: String? = nil, payloadHex: String? = nil, payloadBytes: Int
        ) {
            self.id = id
            self.receivedAt = receivedAt
            self.reason = reason
            self.detail = detail
            self.topic = topic
            self.device = device
            self.payload = payload
            self.payloadHex = payloadHex
            self.payloadBytes = payloadBytes
        }
    }

    package init(
        counts: [Count], rejects: [Entry]
    ) {
        self.counts = counts
        self.rejects = rejects
    }
}
