public import Basics

/// Readings of one series in order of time, with the names under which they leave the house.
public struct ReadingRun: Sendable {
    /// The device's name.
    public var device: String
    /// Canonical name: `pm2_5`.
    public var quantity: String
    /// nil for the device as a whole.
    public var channel: String?
    /// Of the values: the canonical unit, a UCUM code.
    public var unit: String
    /// Oldest first.
    public var points: [(observed: Timestamp, value: Double)]

    package init(
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
