public import Basics
public import Telemetry

/// Which incidents, newest first. What is nil does not matter.
public struct IncidentsRequest: Question {
    package typealias Answer = IncidentsAnswer
    package static let route = Route(
        .get, "incidents",
        [.since, .until, .area, .circuit, .severity, .rule, .device, .state, .before, .limit])

    /// Incidents that were not over before this moment, by the wall clock.
    public var since: Timestamp?
    /// Incidents that began before this moment.
    public var until: Timestamp?
    /// A name, no pattern: where the subject was when the incident began. That of a circuit only where all of it is in one.
    public var area: String?
    /// A name, no pattern: as `area`.
    public var circuit: String?
    /// The gravest that the incident had.
    public var severity: Severity?
    /// A name, no pattern.
    public var rule: String?
    /// A name or a pattern, as in `DeviceFilter`.
    public var device: String?
    /// As they are now.
    public var state: IncidentState?
    /// Incidents of lesser numbers: `IncidentsAnswer.next`.
    public var before: Int64?
    /// Incidents at most, one of `limits`.
    public var limit: Int

    /// Of `limit`; beyond them a request is refused.
    public static let limits = 1...10_000

    /// Without arguments, for the newest 100 of all.
    public init(
        since: Timestamp? = nil, until: Timestamp? = nil, area: String? = nil, circuit: String? = nil,
        severity: Severity? = nil, rule: String? = nil, device: String? = nil, state: IncidentState? = nil,
        before: Int64? = nil, limit: Int = 100
    ) {
        self.since = since
        self.until = until
        self.area = area
        self.circuit = circuit
        self.severity = severity
        self.rule = rule
        self.device = device
        self.state = state
        self.before = before
        self.limit = limit
    }

    package init(_ form: Form) throws(Refusal) {
        self.init(
            since: try form.moment(.since), until: try form.moment(.until), area: form.text(.area),
            circuit: form.text(.circuit), severity: try form.word(.severity), rule: form.text(.rule),
            device: form.text(.device), state: try form.word(.state),
            before: try form.integer(.before, in: 1...Int.max).map { Int64($0) },
            limit: try form.integer(.limit, in: Self.limits) ?? 100)
        if let since, let until, since >= until {
            throw .wrong("since, until: expected two times, the first one earlier")
        }
    }

    package func write(to form: inout Form) {
        form.write(since, as: .since)
        form.write(until, as: .until)
        form.write(area, as: .area)
        form.write(circuit, as: .circuit)
        form.write(severity, as: .severity)
        form.write(rule, as: .rule)
        form.write(device, as: .device)
        form.write(state, as: .state)
        form.write(before, as: .before)
        form.write(limit, as: .limit)
    }
}

/// How an incident stands.
public enum IncidentState: String, CaseIterable, Codable, Sendable {
    /// Not over: `pending`, `firing` (also where it is clearing) or `unknown`.
    case open
    /// The condition holds, not yet long enough.
    case pending
    case firing
    /// The data it is judged by stopped.
    case unknown
    /// Over, whatever it had come to.
    case over
    /// Over, and people were told of it.
    case resolved
    /// Over before it fired.
    case unfired
}

/// One incident with its story.
public struct IncidentRequest: Question {
    package typealias Answer = IncidentStoryAnswer
    package static let route = Route(.get, "incidents/:id")

    /// As `IncidentAnswer.id`.
    public var id: Int64

    package init(_ id: Int64) { self.id = id }

    package init(_ form: Form) throws(Refusal) { id = try form.id(of: "an incident") }
    package func write(to form: inout Form) { form.write(id, as: .id) }
}
