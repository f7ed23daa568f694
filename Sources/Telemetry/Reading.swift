public import Basics

/// A series: one quantity of one device (and channel). Dense from 0, durable: the catalogue keeps it across restarts.
public struct SeriesID: Hashable, Comparable, Sendable {
    /// As the catalogue stores it.
    public let rawValue: UInt32
    /// The series of this number, which nothing checks against a registry.
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// Its place in arrays by series.
    @inlinable public var index: Int { Int(rawValue) }
    /// By number, which is the order of first use.
    @inlinable public static func < (left: SeriesID, right: SeriesID) -> Bool { left.rawValue < right.rawValue }
}

/// A device by its place in the registry. Dense from 0 and durable.
public struct DeviceIndex: Hashable, Comparable, Sendable {
    /// As the catalogue stores it.
    public let rawValue: UInt32
    /// The device of this number, which nothing checks against a registry.
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// Its place in arrays by device.
    @inlinable public var index: Int { Int(rawValue) }
    /// By number, which is the order of first use.
    @inlinable public static func < (left: DeviceIndex, right: DeviceIndex) -> Bool { left.rawValue < right.rawValue }
}

/// A stream: the series that one kind of device message carries, sharing one timestamp. Dense from 0 and durable.
public struct StreamID: Hashable, Comparable, Sendable {
    /// As the catalogue stores it.
    public let rawValue: UInt32
    /// The stream of this number, which nothing checks against a registry.
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// Its place in arrays by stream.
    @inlinable public var index: Int { Int(rawValue) }
    /// By number, which is the order of first use.
    @inlinable public static func < (left: StreamID, right: StreamID) -> Bool { left.rawValue < right.rawValue }
}

/// A channel name (`l1`, `dc2`) by its place in the registry; `none` for the device as a whole.
public struct ChannelIndex: Hashable, Sendable {
    /// Not durable: a start may count the channels anew, and what is stored is the name.
    public let rawValue: UInt32
    /// The channel of this number, which nothing checks against a registry.
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// The device as a whole, whose channel name is empty.
    public static let none = ChannelIndex(rawValue: 0)
}

/// One value of one series at one observed time, in the canonical unit of its quantity. Always finite.
public struct Reading: Hashable, Sendable {
    /// Whose value it is.
    public var series: SeriesID
    /// When the device measured; where it does not say, when we heard of it.
    public var observed: Timestamp
    /// In the canonical unit of the quantity.
    public var value: Double

    /// Takes the value as it stands: that it is finite is for the caller to see.
    @inlinable
    public init(series: SeriesID, observed: Timestamp, value: Double) {
        self.series = series
        self.observed = observed
        self.value = value
    }
}

/// The readings of one message without a time of their own, by their places in the batch: they bear the time of the receipt.
///
/// Such a message is itself by having come, not by a time: two that say the same in one millisecond are two.
public struct StampedRow: Hashable, Sendable {
    /// Its first reading.
    public var start: Int
    /// Behind its last one.
    public var end: Int
    /// The broker had kept the message: a word, not a moment. What is known already it does not say again.
    public var isRetained: Bool

    package init(start: Int, end: Int, isRetained: Bool) {
        self.start = start
        self.end = end
        self.isRetained = isRetained
    }
}

/// What decoding made of one batch of messages. Buffers are reused from turn to turn.
public struct DecodedBatch: Sendable {
    /// In message order; the readings of one message that share device and time stand together.
    public var readings: [Reading] = []
    /// Those of `readings` that bear no time of their own, in their order.
    public var stamped: [StampedRow] = []
    /// Values outside the plausible range of their quantity: each also stands in `rejects`.
    public var suspects: [Reading] = []
    /// In message order; a message may bring several, and readings beside them.
    public var rejects: [Reject] = []
    /// Devices that said they are online or offline (last will).
    public var statuses: [DeviceStatus] = []
    /// Devices heard from, one entry a message and device; may repeat.
    public var heard: [Hearing] = []
    /// Messages that later ones are read by, such as a birth that names the metrics: to be kept over a restart.
    public var remembered: [RememberedMessage] = []
    /// What messages with a time of their own say of the gateway's clock.
    public var clockVotes = ClockVotes()
    /// Messages that a profile knows and ignores.
    public var ignoredMessages = 0
    /// Messages understood that carried no value (all absent, null or marked as missing).
    public var emptyMessages = 0
    /// Messages, and what of them is about one device, that gave no reading; those in `rejects` too.
    public var unread: [Unread] = []
    /// Beginnings of their topics, one after another.
    public var unreadTopics: [UInt8] = []

    /// Without anything in it.
    public init() {}

    /// Empties it and keeps its memory.
    public mutating func removeAll() {
        readings.removeAll(keepingCapacity: true)
        stamped.removeAll(keepingCapacity: true)
        suspects.removeAll(keepingCapacity: true)
        rejects.removeAll(keepingCapacity: true)
        statuses.removeAll(keepingCapacity: true)
        heard.removeAll(keepingCapacity: true)
        remembered.removeAll(keepingCapacity: true)
        clockVotes = ClockVotes()
        ignoredMessages = 0
        emptyMessages = 0
        unread.removeAll(keepingCapacity: true)
        unreadTopics.removeAll(keepingCapacity: true)
    }
}

/// A message that others are read by. A later one of the same topic replaces it; one without payload ends it.
public struct RememberedMessage: Hashable, Sendable {
    /// Bytes of UTF-8, as received.
    public var topic: [UInt8]
    /// As received; empty where the message ends the earlier one.
    public var payload: [UInt8]
    /// By the gateway's clock.
    public var receivedAt: Timestamp

    package init(topic: [UInt8], payload: [UInt8], receivedAt: Timestamp) {
        self.topic = topic
        self.payload = payload
        self.receivedAt = receivedAt
    }
}

/// A device's own word about its link.
public struct DeviceStatus: Hashable, Sendable {
    /// Whose link it is.
    public var device: DeviceIndex
    /// false where its last will, or the device itself, said that it is gone.
    public var isOnline: Bool
    /// When it became so, by the device where it says, else by the gateway.
    public var at: Timestamp
    /// When the gateway heard it, by its wall clock.
    public var heardAt: Timestamp
    /// The broker had kept the word and gave it to a new subscriber.
    public var isRetained: Bool

    /// `heardAt` is `at` where nothing else is said.
    package init(
        device: DeviceIndex, isOnline: Bool, at: Timestamp, heardAt: Timestamp? = nil, isRetained: Bool = false
    ) {
        self.device = device
        self.isOnline = isOnline
        self.at = at
        self.heardAt = heardAt ?? at
        self.isRetained = isRetained
    }
}
