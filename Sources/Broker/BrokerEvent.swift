public import Basics
import Telemetry

/// A change on the line to the broker, for the log and the metrics.
public enum BrokerEvent: Equatable, Sendable {
    case connected(Session)
    case disconnected(BrokerError)
    case connectFailed(BrokerError, retryAfter: Duration)
    case subscribed(filter: String, granted: BrokerOptions.QualityOfService)
    case subscriptionRefused(filter: String, reason: String)
    /// The broker will not take one of our own messages.
    case publishRefused(MessageToken, reason: String)
    /// The broker threw messages away, for us or for others: `total` since the broker started, `increase` since the
    /// last report, 0 with the first where none was known. Usually a full queue: `max_queued_messages` of the broker.
    case droppedByBroker(total: Int, increase: Int)
    /// What the broker says that it is, such as `mosquitto version 2.0.11`.
    case version(String)
    /// The session moves from a client id of before to the one of now.
    case handover(Handover)

    /// A step of it.
    public enum Handover: Equatable, Sendable {
        case began
        /// The broker knows no session under the id of before.
        case nothingWaited
        /// The broker goes by user names (`use_username_as_clientid`): under any id it is the same session.
        case sameSession
        /// The new session has the subscriptions now, and what waits in the one of before is taken.
        case draining
        /// It was taken, and the session of before is ended.
        case ended(messages: Int)
        /// It is tried again at the next start.
        case givenUp(reason: String)
    }

    /// What the broker granted.
    public struct Session: Equatable, Sendable {
        /// When the broker accepted the connection.
        public var at: Timestamp
        /// Whether the broker still had our session, with the messages that came while we were away.
        public var isPresent: Bool
        /// QoS 1 publishes of ours that the broker handles at once; nil where it did not say.
        public var serverReceiveMaximum: Int?
        /// Nil where the broker grants what was asked for, or speaks 3.1.1.
        public var sessionExpiryGranted: Duration?
        /// 2 where the broker did not say.
        public var maximumQoS: Int
        /// The keep-alive that the broker wants instead of ours; nil where ours holds.
        public var serverKeepAlive: Duration?
        /// Whether the broker says by which subscription a message came; false where it speaks 3.1.1.
        public var hasSubscriptionIdentifiers = false
    }
}

/// A message of ours that the broker retains.
public struct OwnWord: Equatable, Sendable {
    /// As it was published.
    public var topic: String
    /// As it was published.
    public var payload: [UInt8]

    package init(topic: String, payload: [UInt8]) {
        self.topic = topic
        self.payload = payload
    }
}

/// Names one message that we published, until the broker confirms it.
public struct MessageToken: Hashable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }
}
