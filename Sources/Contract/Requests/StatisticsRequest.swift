import Basics

/// Which rolling statistics are asked for; what is nil matches all.
public struct StatisticsRequest: Question {
    package typealias Answer = [StatisticsAnswer]
    package static let route = Route(.get, "statistics", [.device, .quantity, .window])

    /// A name or a pattern, as in `DeviceFilter`.
    public var device: String?
    /// A name of the vocabulary of quantities.
    public var quantity: String?
    /// Length of the window; one that is not configured has no statistics.
    public var window: Duration?

    /// Windows of one answer: they are put together between two turns.
    public static let answersMax = 100_000

    package init(device: String? = nil, quantity: String? = nil, window: Duration? = nil) {
        self.device = device
        self.quantity = quantity
        self.window = window
    }

    package init(_ form: Form) throws(Refusal) {
        self.init(
            device: form.text(.device), quantity: try form.quantity(), window: try form.milliseconds(.window))
    }

    /// Throws `.wrong` where the window is none of `kept`: an empty answer would say that nothing was measured in it.
    package func check(windows kept: [Duration]) throws(Refusal) {
        guard let window, !kept.contains(window) else { return }
        let lengths = kept.map(\.shortForm).joined(separator: ", ")
        throw .wrong("there is no window of \(window.shortForm); there are \(lengths)")
    }

    package func write(to form: inout Form) {
        form.write(device, as: .device)
        form.write(quantity, as: .quantity)
        form.write(window, as: .window)
    }
}
