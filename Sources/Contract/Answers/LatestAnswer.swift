public import Basics

/// The newest reading of a series.
public struct LatestAnswer: Codable, Hashable, Sendable {
    public var device: String
    public var quantity: String
    public var channel: String?
    public var value: Double
    public var unit: String
    public var observed: Timestamp

    package init(
        device: String, quantity: String, channel: String? = nil, value: Double, unit: String, observed: Timestamp
    ) {
        self.device = device
        self.quantity = quantity
        self.channel = channel
        self.value = value
        self.unit = unit
        self.observed = observed
    }
}
