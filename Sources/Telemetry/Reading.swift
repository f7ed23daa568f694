public import Basics

/// A series: one quantity of one device (and channel). Dense from 0, durable: the catalogue keeps it across restarts.
public struct SeriesID: Hashable, Comparable, Sendable {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    @inlinable public var index: Int { Int(rawValue) }
    @inlinable public static func < (left: SeriesID, right: SeriesID) -> Bool { left.rawValue < right.rawValue }
}

/// A device by its place in the registry. Dense from 0 and durable.
public struct DeviceIndex: Hashable, Comparable, Sendable {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    @inlinable public var index: Int { Int(rawValue) }
    @inlinable public static func < (left: DeviceIndex, right: DeviceIndex) -> Bool { left.rawValue < right.rawValue }
}

/// A stream: the series that one kind of device message carries, sharing one timestamp. Dense from 0 and durable.
public struct StreamID: Hashable, Comparable, Sendable {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    @inlinable public var index: Int { Int(rawValue) }
    @inlinable public static func < (left: StreamID, right: StreamID) -> Bool { left.rawValue < right.rawValue }
}

/// A channel name (`l1`, `dc2`) by its place in the registry; `none` for the device as a whole.
public struct ChannelIndex: Hashable, Sendable {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let none = ChannelIndex(rawValue: 0)
}

/// One value of one series at one observed time, in the canonical unit of its quantity. Always finite.
public struct Reading: Hashable, Sendable {
    public var series: SeriesID
    public var observed: Timestamp
    public var value: Double

    @inlinable
    public init(series: SeriesID, observed: Timestamp, value: Double) {
        self.series = series
        self.observed = observed
        self.value = value
    }
}

/// What decoding made of one batch of messages. Buffers are reused from turn to turn.
public struct DecodedBatch: Sendable {
    /// In message order; the readings of one message that share device and time stand together.
    public var readings: [Reading] = []
    /// Values outside the plausible range of their quantity: each also stands in `rejects`.
    public var suspects: [Reading] = []
    public var rejects: [Reject] = []
    /// Devices that said they are online or offline (last will).
    public var statuses: [DeviceStatus] = []
    /// Devices heard from, one entry a message and device; may repeat.
    public var heard: [Hearing] = []
    /// Messages that later ones are read by, such as a birth that names the metrics: to be kept over a restart.
    public var remembered: [RememberedMessage] = []
    /// Messages that a profile knows and ignores.
    public var ignoredMessages = 0
    /// Messages understood that carried no value (all absent, null or marked as missing).
    public var emptyMessages = 0

    public init() {}

    public mutating func removeAll() {
        readings.removeAll(keepingCapacity: true)
        suspects.removeAll(keepingCapacity: true)
        rejects.removeAll(keepingCapacity: true)
        statuses.removeAll(keepingCapacity: true)
        heard.removeAll(keepingCapacity: true)
        remembered.removeAll(keepingCapacity: true)
        ignoredMessages = 0
        emptyMessages = 0
    }
}

/// A message that others are read by. A later one of the same topic replaces it; one without payload ends it.
public struct RememberedMessage: Hashable, Sendable {
    public var topic: [UInt8]
    public var payload: [UInt8]
    public var receivedAt: Timestamp

    public init(topic: [UInt8], payload: [UInt8], receivedAt: Timestamp) {
        self.topic = topic
        self.payload = payload
        self.receivedAt = receivedAt
    }
}

/// A device's own word about its link.
public struct DeviceStatus: Hashable, Sendable {
    public var device: DeviceIndex
    public var isOnline: Bool
    public var at: Timestamp

    public init(device: DeviceIndex, isOnline: Bool, at: Timestamp) {
        self.device = device
        self.isOnline = isOnline
        self.at = at
    }
}
