public import Basics
public import Decoding
public import Telemetry

/// Decodes messages that were kept because they gave no reading, as if they came again at their own time.
public struct MessageReplay: Sendable {
    /// A message as the store kept it.
    public struct Kept: Sendable {
        /// Numbers of the rejects it stands in: one message may have several.
        public var ids: [Int64]
        public var topic: String
        public var payload: [UInt8]
        /// Length of the payload as it came.
        public var payloadByteCount: Int
        public var received: Timestamp

        public init(ids: [Int64], topic: String, payload: [UInt8], payloadByteCount: Int, received: Timestamp) {
            self.ids = ids
            self.topic = topic
            self.payload = payload
            self.payloadByteCount = payloadByteCount
            self.received = received
        }

        /// Whether all of the message is there.
        public var isWhole: Bool {
            payload.count == payloadByteCount && topic.utf8.count < Reject.topicBytesMax
        }
    }

    /// What became of one message.
    public enum Outcome: Sendable, Equatable {
        /// The store kept only its beginning.
        case cut
        case readings(Int)
        /// Some values gave readings, others still do not.
        case partly(Int, fault: String)
        case rejected(String)
        /// Understood, but without a reading: a status, nothing but missing values, or ignored.
        case nothing
    }

    public struct NamedReading: Sendable, Equatable {
        public var device: String
        public var channel: String
        public var quantity: Quantity
        public var observed: Timestamp
        public var value: Double
        /// The profile that decoded it.
        public var profile: String
    }

    /// In the order of the messages.
    public private(set) var outcomes: [Outcome] = []
    /// Readings of all messages, and for each the message it is of.
    public private(set) var readings: [(message: Int, reading: NamedReading)] = []

    /// Messages are decoded in their order, which should be that in which they came.
    public init(_ messages: [Kept], _ decoder: inout MessageDecoder) {
        var registry = SeriesRegistry()
        var decoded = DecodedBatch()
        var batch = MessageBatch()
        for (index, message) in messages.enumerated() {
            guard message.isWhole else {
                outcomes.append(.cut)
                continue
            }
            batch.removeAll()
            decoded.removeAll()
            batch.append(topic: message.topic, payload: message.payload, receivedAt: message.received)
            decoder.decode(batch, into: &decoded, registry: &registry)
            for reading in decoded.readings {
                let series = registry.series[reading.series.index]
                let device = registry.devices[series.device.index]
                let named = NamedReading(
                    device: device.name, channel: registry.channelName(of: reading.series) ?? "",
                    quantity: series.quantity, observed: reading.observed, value: reading.value,
                    profile: device.profile)
                readings.append((index, named))
            }
            let fault = decoded.rejects.first.map { "\($0.reason.rawValue): \($0.detail)" }
            switch (decoded.readings.count, fault) {
            case (0, nil): outcomes.append(.nothing)
            case (0, let fault?): outcomes.append(.rejected(fault))
            case (let count, nil): outcomes.append(.readings(count))
            case (let count, let fault?): outcomes.append(.partly(count, fault: fault))
            }
        }
    }
}

extension MessageReplay.Outcome: CustomStringConvertible {
    public var description: String {
        switch self {
        case .cut: "left: the store kept only the beginning of it"
        case .readings(let count): counted(count, "reading")
        case .partly(let count, let fault): "\(counted(count, "reading")), and still \(fault)"
        case .rejected(let fault): "still \(fault)"
        case .nothing: "no reading: a status, missing values, or ignored"
        }
    }
}
