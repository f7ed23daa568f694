import Basics

/// Which rolling statistics are asked for; what is nil matches all.
public struct StatisticsRequest: Question {
    public typealias Answer = [StatisticsAnswer]
    public static let route = Route(.get, "statistics", [.device, .quantity, .window])

    /// A name or a pattern, as in `DeviceFilter`.
    public var device: String?
    public var quantity: String?
    public var window: Duration?

    /// Windows of one answer: they are put together between two turns.
    public static let answersMax = 100_000

    public init(device: String? = nil, quantity: String? = nil, window: Duration? = nil) {
        self.device = device
        self.quantity = quantity
        self.window = window
    }

    public init(_ form: Form) throws(Refusal) {
        self.init(
            device: form.text(.device), quantity: try form.quantity(), window: try form.milliseconds(.window))
    }

    public func write(to form: inout Form) {
        form.write(device, as: .device)
        form.write(quantity, as: .quantity)
        form.write(window, as: .window)
    }
}
