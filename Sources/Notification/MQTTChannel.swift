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

    /// The filter of all that it publishes.
    public static func filter(topicPrefix: String) -> String { "\(topicPrefix)/alerts/+" }

    /// Of one alert.
    public static func topic(ofAlert id: Int64, topicPrefix: String) -> String { "\(topicPrefix)/alerts/\(id)" }

    /// The number of the alert that a topic is of; nil for one of something else.
    public static func alert(ofTopic topic: String, topicPrefix: String) -> Int64? {
        let beginning = "\(topicPrefix)/alerts/"
        guard topic.hasPrefix(beginning), let id = Int64(topic.dropFirst(beginning.count)), id > 0 else { return nil }
        return id
    }

    /// The topic is `topicPrefix` with `/alerts/` and the alert's number; `publish` returns with the broker's word.
    public init(
        topicPrefix: String, publish: @escaping @Sendable (_ topic: String, _ payload: String) async -> Delivery
    ) {
        self.topicPrefix = topicPrefix
        self.publish = publish
    }

    /// Publishes the notice's JSON; returns when the broker has confirmed or refused it.
    public func deliver(_ notice: AlertNotice) async -> Delivery {
        let topic = Self.topic(ofAlert: notice.alertID, topicPrefix: topicPrefix)
        let delivery = await publish(topic, notice.json)
        // Retained, the word on a trial would stand for ever; one without a payload takes it away (MQTT 5, 3.3.1.3).
        if notice.isTrial, delivery == .delivered { _ = await publish(topic, "") }
        return delivery
    }
}
