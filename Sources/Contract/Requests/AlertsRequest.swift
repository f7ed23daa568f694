public import Telemetry

/// Which alerts an answer is about. What is nil does not matter.
public struct AlertsRequest: Question {
    package typealias Answer = [AlertAnswer]
    package static let route = Route(.get, "alerts", [.phase, .device, .rule])

    /// Those in this phase now.
    public var phase: AlertPhase?
    /// A name or a pattern, as in `DeviceFilter`.
    public var device: String?
    /// A name, no pattern.
    public var rule: String?

    /// Without arguments, for all alerts.
    public init(phase: AlertPhase? = nil, device: String? = nil, rule: String? = nil) {
        self.phase = phase
        self.device = device
        self.rule = rule
    }

    package init(_ form: Form) throws(Refusal) {
        self.init(phase: try form.word(.phase), device: form.text(.device), rule: form.text(.rule))
    }

    package func write(to form: inout Form) {
        form.write(phase, as: .phase)
        form.write(device, as: .device)
        form.write(rule, as: .rule)
    }
}

/// One alert with its story.
public struct AlertRequest: Question {
    package typealias Answer = AlertStoryAnswer
    package static let route = Route(.get, "alerts/:id")

    /// As `AlertAnswer.id`.
    public var id: Int64

    package init(_ id: Int64) { self.id = id }

    package init(_ form: Form) throws(Refusal) { id = try form.id() }
    package func write(to form: inout Form) { form.write(id, as: .id) }
}
