public import Basics

/// The newest reading of a series.
public struct LatestAnswer: Codable, Hashable, Sendable {
    /// Its name, as in `DeviceAnswer`.
    public var device: String
    /// Its name in the vocabulary of quantities.
    public var quantity: String
    /// Of the device, such as `l1`; nil for the device as a whole.
    public var channel: String?
    /// In `unit`.
    public var value: Double
    /// Canonical unit of the quantity (UCUM).
    public var unit: String
    /// When the device measured, as far as it said.
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
