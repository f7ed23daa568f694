public import Basics

/// Messages that gave no reading.
public struct RejectsAnswer: Codable, Hashable, Sendable {
    /// All there ever were that fit the filter, also those whose text is gone, most frequent first.
    public var counts: [Count]
    /// Newest first.
    public var rejects: [Entry]
    /// Whose messages gave no reading, those that are no rejects included: first the devices of which messages come and
    /// readings do not.
    public var unread: [Unread]

    /// How often one reason was met.
    public struct Count: Codable, Hashable, Sendable {
        /// The raw value of a `Reject.Reason`.
        public var reason: String
        /// Messages or parts of messages, since the store was made.
        public var count: Int64
        /// When the newest of them was received.
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

    /// A message, or a part of one, that gave no reading.
    public struct Entry: Codable, Hashable, Sendable {
        /// Rising; the newest has the greatest.
        public var id: Int64
        /// By the gateway's clock.
        public var receivedAt: Timestamp
        /// The raw value of a `Reject.Reason`.
        public var reason: String
        /// What exactly was wrong, as a sentence; without payload content that could be secret.
        public var detail: String
        /// Its first 512 bytes.
        public var topic: String
        /// nil where the message could not be told to be of one.
        public var device: String?
        /// The first bytes of the payload where they are UTF-8 text.
        public var payload: String?
        /// The same bytes in hexadecimal where they are not.
        public var payloadHex: String?
        /// Length of the whole payload; of a long one only the first bytes are kept.
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
        counts: [Count], rejects: [Entry], unread: [Unread]
    ) {
        self.counts = counts
        self.rejects = rejects
        self.unread = unread
    }
}
