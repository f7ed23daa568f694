/// A channel is tried with a notice that is of no alert. The answer comes when it has arrived or has not.
public struct NotifyTestOrder: Order {
    package typealias Answer = NotifyTestAnswer
    package static let route = Route(.post, "channels/:id/test")
    package static let deed = "try a channel"

    /// As configured, or `log` or `mqtt`.
    public var channel: String

    package init(channel: String) { self.channel = channel }

    package init(_ form: Form) throws(Refusal) {
        channel = form.text(.id) ?? ""
        guard !channel.isEmpty else { throw .wrong("channel: expected the name of a channel") }
    }

    package func write(to form: inout Form) { form.write(channel, as: .id) }
}

/// What came of it.
public struct NotifyTestAnswer: Codable, Hashable, Sendable {
    /// As in the order.
    public var channel: String
    /// Whether the other side has taken it.
    public var isDelivered: Bool
    /// Why not; nil where it was.
    public var reason: String?
    /// How long it took.
    public var seconds: Double

    enum CodingKeys: String, CodingKey {
        case channel, reason, seconds
        case isDelivered = "delivered"
    }

    package init(channel: String, isDelivered: Bool, reason: String?, seconds: Double) {
        self.channel = channel
        self.isDelivered = isDelivered
        self.reason = reason
        self.seconds = seconds
    }
}
