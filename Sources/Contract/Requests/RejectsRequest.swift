public import Telemetry

/// Messages that gave no reading, the newest.
public struct RejectsRequest: Question {
    package typealias Answer = RejectsAnswer
    package static let route = Route(.get, "rejects", [.limit, .reason, .device])

    /// Messages at most, one of `limits`.
    public var limit: Int
    /// nil for all. What is counted without being a reject has no messages to show, only who sends it.
    public var reason: Unread.Cause?
    /// A name or a pattern, as in `DeviceFilter`.
    public var device: String?

    /// Of `limit`; beyond them a request is refused.
    public static let limits = 1...10_000

    /// Without arguments, for the newest 100 of all reasons and devices.
    public init(limit: Int = 100, reason: Unread.Cause? = nil, device: String? = nil) {
        self.limit = limit
        self.reason = reason
        self.device = device
    }

    package init(_ form: Form) throws(Refusal) {
        self.init(
            limit: try form.integer(.limit, in: Self.limits) ?? 100, reason: try form.word(.reason),
            device: form.text(.device))
    }

    package func write(to form: inout Form) {
        form.write(limit, as: .limit)
        form.write(reason, as: .reason)
        form.write(device, as: .device)
    }
}
