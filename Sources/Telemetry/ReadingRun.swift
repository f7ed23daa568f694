public import Basics

/// Readings of one series in order of time, with the names under which they leave the house.
public struct ReadingRun: Sendable {
    public var device: String
    public var quantity: String
    public var channel: String?
    public var unit: String
    public var points: [(observed: Timestamp, value: Double)]

    public init(
        device: String, quantity: String, channel: String?, unit: String,
        points: [(observed: Timestamp, value: Double)]
    ) {
        self.device = device
        self.quantity = quantity
        self.channel = channel
        self.unit = unit
        self.points = points
    }
}
