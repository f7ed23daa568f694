public import Telemetry

/// Messages that gave no reading, the newest.
public struct RejectsRequest: Question {
    public typealias Answer = RejectsAnswer
    public static let route = Route(.get, "rejects", [.limit, .reason, .device])

    /// Messages at most, one of `limits`.
    public var limit: Int
    public var reason: Reject.Reason?
    /// A name.
    public var device: String?

    public static let limits = 1...10_000

    public init(limit: Int = 100, reason: Reject.Reason? = nil, device: String? = nil) {
        self.limit = limit
        self.reason = reason
        self.device = device
    }

    public init(_ form: Form) throws(Refusal) {
        self.init(
            limit: try form.integer(.limit, in: Self.limits) ?? 100, reason: try form.word(.reason),
            device: form.text(.device))
    }

    public func write(to form: inout Form) {
        form.write(limit, as: .limit)
        form.write(reason, as: .reason)
        form.write(device, as: .device)
    }
}
