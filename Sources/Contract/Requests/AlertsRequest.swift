public import Telemetry

/// Which alerts an answer is about. What is nil does not matter.
public struct AlertsRequest: Question {
    public typealias Answer = [AlertAnswer]
    public static let route = Route(.get, "alerts", [.phase, .device, .rule])

    public var phase: AlertPhase?
    /// A name or a pattern, as in `DeviceFilter`.
    public var device: String?
    public var rule: String?

    public init(phase: AlertPhase? = nil, device: String? = nil, rule: String? = nil) {
        self.phase = phase
        self.device = device
        self.rule = rule
    }

    public init(_ form: Form) throws(Refusal) {
        self.init(phase: try form.word(.phase), device: form.text(.device), rule: form.text(.rule))
    }

    public func write(to form: inout Form) {
        form.write(phase, as: .phase)
        form.write(device, as: .device)
        form.write(rule, as: .rule)
    }
}

/// One alert with its story.
public struct AlertRequest: Question {
    public typealias Answer = AlertStoryAnswer
    public static let route = Route(.get, "alerts/:id")

    public var id: Int64

    public init(_ id: Int64) { self.id = id }

    public init(_ form: Form) throws(Refusal) { id = try form.alertID() }
    public func write(to form: inout Form) { form.write(id, as: .id) }
}
