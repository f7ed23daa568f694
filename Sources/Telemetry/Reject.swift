public import Basics

/// A message, or a part of one, that we kept but could not turn into a reading, with the reason.
public struct Reject: Hashable, Sendable {
    /// Why, by the names under which it is stored, counted and shown.
    public enum Reason: String, Sendable, CaseIterable, Codable {
        /// No profile knows the topic.
        case unknownTopic = "unknown-topic"
        /// A profile knows the topic, but none of its rules fits the message.
        case noRule = "no-rule"
        /// The payload is not of the format that the profile names: truncated, wrong syntax, invalid UTF-8.
        case malformed
        /// The check sum of the message does not match: it was damaged on its way.
        case crc
        /// A message of the right kind without the parts that it must have, or a part of one.
        case structure
        /// The values are encrypted, and no key is known.
        case encrypted
        /// The payload is well formed but a field has the wrong type or a value that the profile does not know.
        case unexpectedValue = "unexpected-value"
        /// No device name could be made, or the name is not usable.
        case noDevice = "no-device"
        /// Its own time cannot be used: of a clock that was never set, too far ahead of ours, or not to be read.
        case unusableTime = "unusable-time"
        /// A value outside the plausible range of its quantity.
        case implausible
        /// Observed on a day that retention has given up already.
        case tooOld = "too-old"
        /// Payload longer, nested deeper, or with more items than the limits allow.
        case tooLarge = "too-large"
        /// The limit of devices or series is reached.
        case cardinality
        /// A device, series or channel is new, and too many came too fast: it may come again.
        case newNames = "new-names"
        /// Of a device that the roster does not name; kept until it does.
        case quarantined
        /// Of a device that the roster does not name, whose messages are not wanted.
        case refused
        /// The message counts, but lacks values that its device always sent before.
        case shapeChanged = "shape-changed"
    }

    /// Which kind of fault, for counting.
    public var reason: Reason
    /// What exactly was wrong, in a sentence; without payload content that could be secret.
    public var detail: String
    /// As received, at most `Reject.topicBytesMax`; what is not UTF-8 is mended with U+FFFD.
    public var topic: String
    /// The first bytes of the payload, at most `Reject.payloadBytesMax`.
    public var payload: [UInt8]
    /// Length of the whole payload in bytes.
    public var payloadByteCount: Int
    /// By the gateway's clock.
    public var receivedAt: Timestamp
    /// Where the message could be told to be of one device.
    public var device: DeviceIndex?

    /// Of a longer payload the first 16 KiB are kept.
    public static let payloadBytesMax = 16_384
    /// Of a longer topic the first bytes are kept.
    public static let topicBytesMax = 512

    /// Copies what it keeps of the message: the beginnings of topic and payload.
    public init(
        reason: Reason, detail: String, topic: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer,
        receivedAt: Timestamp, device: DeviceIndex? = nil
    ) {
        self.reason = reason
        self.detail = detail
        self.topic = String(decoding: topic.prefix(Self.topicBytesMax), as: UTF8.self)
        self.payload = Array(payload.prefix(Self.payloadBytesMax))
        self.payloadByteCount = payload.count
        self.receivedAt = receivedAt
        self.device = device
    }
}
