/// Publishes the notice, retained, at QoS 1: the newest word on an alert stays readable on the broker.
public struct MQTTChannel: NotificationChannel {
    /// As it stands in the outbox.
    public static let channelName = "mqtt"

    /// `mqtt`.
    public var name: String { Self.channelName }
    /// 64.
    public let width = 64
    /// What the broker was sent once is confirmed or refused in the end, over lost lines too.
    public let timeLimit: Duration? = nil
    private let topicPrefix: String
    private let publish: @Sendable (_ topic: String, _ payload: String) async -> Delivery

    /// The topic is `topicPrefix` with `/alerts/` and the alert's number; `publish` returns with the broker's word.
    public init(
        topicPrefix: String, publish: @escaping @Sendable (_ topic: String, _ payload: String) async -> Delivery
    ) {
        self.topicPrefix = topicPrefix
        self.publish = publish
    }

    /// Publishes the notice's JSON; returns when the broker has confirmed or refused it.
    public func deliver(_ notice: AlertNotice) async -> Delivery {
        await publish("\(topicPrefix)/alerts/\(notice.alertID)", notice.json)
    }
}
