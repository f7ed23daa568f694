import Basics
import Telemetry

/// A way to tell people.
public protocol NotificationChannel {
    /// As it stands in the outbox.
    var name: String { get }
    mutating func deliver(_ notice: AlertNotice) -> Delivery
}

/// What came of one attempt.
public enum Delivery: Equatable, Sendable {
    case delivered
    /// Handed over; the channel will confirm this token later.
    case underway(token: UInt64)
    case failed(reason: String)
}

/// Writes the notice into the gateway's log.
public struct LogChannel: NotificationChannel {
    /// `log`, as it stands in the outbox.
    public let name = "log"
    private let write: (AlertNotice) -> Void

    package init(write: @escaping (AlertNotice) -> Void) { self.write = write }

    /// Always delivered: what becomes of the line is the log's affair.
    public mutating func deliver(_ notice: AlertNotice) -> Delivery {
        write(notice)
        return .delivered
    }
}

/// Publishes the notice, retained, at QoS 1: the newest word on an alert stays readable on the broker.
public struct MQTTChannel: NotificationChannel {
    /// `mqtt`, as it stands in the outbox.
    public let name = "mqtt"
    private let topicPrefix: String
    private let publish: (_ topic: String, _ payload: String) -> UInt64?

    /// `publish` returns the token by which the broker's confirmation will be known, nil when it cannot be sent now.
    public init(topicPrefix: String, publish: @escaping (_ topic: String, _ payload: String) -> UInt64?) {
        self.topicPrefix = topicPrefix
        self.publish = publish
    }

    /// Underway once it is handed to the line; failed where `publish` returns nil.
    public mutating func deliver(_ notice: AlertNotice) -> Delivery {
        guard let token = publish("\(topicPrefix)/alerts/\(notice.alertID)", notice.json) else {
            return .failed(reason: "the broker is not connected, or too many messages wait for its confirmation")
        }
        return .underway(token: token)
    }
}
