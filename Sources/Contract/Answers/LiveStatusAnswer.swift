public import Basics

/// How the running gateway does, beyond what its files say.
public struct LiveStatusAnswer: Codable, Hashable, Sendable {
    /// Of the gateway's program, such as `0.1.0`.
    public var version: String
    /// When this process had its store open.
    public var startedAt: Timestamp
    /// `host:port`, as configured.
    public var broker: String
    /// As looked up each second.
    public var brokerConnected: Bool
    /// nil while there is no connection.
    public var brokerConnectedSince: Timestamp?
    /// The last turn that passed receive, commit and evaluate.
    public var lastTurnAt: Timestamp
    /// Turns that passed since the start, those without messages included.
    public var turns: Int64
    /// Messages the broker threw away since the gateway listens to it.
    public var droppedByBroker: Int64
    /// Why the store takes nothing at the moment; nil while it does.
    public var storeTrouble: String?

    enum CodingKeys: String, CodingKey {
        case version, broker, turns
        case startedAt = "started_at"
        case brokerConnected = "broker_connected"
        case brokerConnectedSince = "broker_connected_since"
        case lastTurnAt = "last_turn_at"
        case droppedByBroker = "dropped_by_broker"
        case storeTrouble = "store_trouble"
    }

    package init(version: String, startedAt: Timestamp, broker: String) {
        self.version = version
        self.startedAt = startedAt
        self.broker = broker
        brokerConnected = false
        lastTurnAt = startedAt
        turns = 0
        droppedByBroker = 0
    }
}
