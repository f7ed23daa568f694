public import Basics

/// Messages received in one turn, their topics and payloads side by side in one block of bytes.
///
/// The block is reused from turn to turn, so a message costs two copies and no allocation. Offsets into it are
/// valid until `removeAll`.
public struct MessageBatch: ~Copyable, Sendable {
    /// One received message; its bytes are reached through the batch.
    public struct Entry: Sendable {
        /// Place of the topic in the block of bytes.
        public var topic: Range<Int>
        /// Place of the payload in the block of bytes; empty where the message has none.
        public var payload: Range<Int>
        /// By the gateway's clock.
        public var receivedAt: Timestamp
        /// The broker replayed its last retained value: it may be old.
        public var isRetained: Bool
        /// The broker says that it may have sent this before.
        public var isRepeated: Bool
    }

    /// In the order of receipt.
    public private(set) var entries: [Entry] = []
    private var bytes: [UInt8] = []

    /// An empty batch, its block not yet allocated.
    public init() {}

    /// Messages, not bytes.
    public var count: Int { entries.count }
    /// Whether no message came since `removeAll`.
    public var isEmpty: Bool { entries.isEmpty }
    /// Bytes of all topics and payloads.
    public var byteCount: Int { bytes.count }

    /// Copies topic and payload to the end of the block.
    public mutating func append(
        topic: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer, receivedAt: Timestamp,
        isRetained: Bool = false, isRepeated: Bool = false
    ) {
        let start = bytes.count
        bytes.append(contentsOf: topic)
        bytes.append(contentsOf: payload)
        let middle = start + topic.count
        entries.append(
            Entry(
                topic: start..<middle, payload: middle..<bytes.count, receivedAt: receivedAt, isRetained: isRetained,
                isRepeated: isRepeated))
    }

    /// For tests and tools; the live path appends bytes.
    public mutating func append(
        topic: String, payload: some Collection<UInt8>, receivedAt: Timestamp, isRetained: Bool = false
    ) {
        let payload = Array(payload)
        Array(topic.utf8).withUnsafeBytes { topic in
            payload.withUnsafeBytes { payload in
                append(topic: topic, payload: payload, receivedAt: receivedAt, isRetained: isRetained)
            }
        }
    }

    /// Forgets the messages and keeps the memory for the next turn.
    public mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
        bytes.removeAll(keepingCapacity: true)
    }

    /// Lends the block that `Entry.topic` and `Entry.payload` point into.
    public borrowing func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try bytes.withUnsafeBytes { try body($0) }
    }
}
