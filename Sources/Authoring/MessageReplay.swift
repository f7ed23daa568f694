package import Basics
package import Decoding
package import Telemetry

/// Decodes messages that were kept because they gave no reading, as if they came again at their own time.
package struct MessageReplay: Sendable {
    /// A message as the store kept it.
    package struct Kept: Sendable {
        /// Numbers of the rejects it stands in: one message may have several.
        package var ids: [Int64]
        /// As the reject has it: cut at `Reject.topicBytesMax`.
        package var topic: String
        /// As the reject has it: perhaps only the beginning.
        package var payload: [UInt8]
        /// Length of the payload as it came.
        package var payloadByteCount: Int
        /// When it first came; the replay decodes it as of then.
        package var received: Timestamp

        package init(ids: [Int64], topic: String, payload: [UInt8], payloadByteCount: Int, received: Timestamp) {
            self.ids = ids
            self.topic = topic
            self.payload = payload
            self.payloadByteCount = payloadByteCount
            self.received = received
        }

        /// Whether all of the message is there.
        package var isWhole: Bool {
            payload.count == payloadByteCount && topic.utf8.count < Reject.topicBytesMax
        }
    }

    /// What became of one message.
    package enum Outcome: Sendable, Equatable {
        /// The store kept only its beginning.
        case cut
        case readings(Int)
        /// Some values gave readings, others still do not.
        case partly(Int, fault: String)
        case rejected(String)
        /// Understood, but without a reading: a status, nothing but missing values, or ignored.
        case nothing
    }

    /// A reading with the names of what it is of.
    package struct NamedReading: Sendable, Equatable {
        package var device: String
        /// Empty for the device as a whole.
        package var channel: String
        package var quantity: Quantity
        package var observed: Timestamp
        /// In the canonical unit.
        package var value: Double
        /// The profile that decoded it.
        package var profile: String
    }

    /// In the order of the messages.
    package private(set) var outcomes: [Outcome] = []
    /// Readings of all messages, and for each the message it is of.
    package private(set) var readings: [(message: Int, reading: NamedReading)] = []

    /// Messages are decoded in their order, which should be that in which they came.
    package init(_ messages: [Kept], _ decoder: inout MessageDecoder) {
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
    package var description: String {
        switch self {
        case .cut: "left: the store kept only the beginning of it"
        case .readings(let count): counted(count, "reading")
        case .partly(let count, let fault): "\(counted(count, "reading")), and still \(fault)"
        case .rejected(let fault): "still \(fault)"
        case .nothing: "no reading: a status, missing values, or ignored"
        }
    }
}
