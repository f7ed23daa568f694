public import Basics

/// How devices are, put together by where they stand, and how much of a span they were heard in.
public struct HealthRequest: Question {
    package typealias Answer = HealthAnswer
    package static let route = Route(
        .get, "health", [.device, .profile, .area, .circuit, .by, .since, .until, .cells, .top])

    /// What devices are put together into one row.
    public enum Group: String, Hashable, Sendable, CaseIterable, Codable {
        /// Each by itself.
        case device
        case circuit
        case area
        case profile
        /// All of them.
        case city
    }

    /// Of which devices; its `quantity` does not matter.
    public var filter: DeviceFilter
    /// A name, no pattern: of the circuit that the roster has them on.
    public var circuit: String?
    /// What becomes one row.
    public var group: Group
    /// From when on it is told how much of the time they were heard; nil: only how they are now.
    public var since: Timestamp?
    /// nil: the moment of the answer.
    public var until: Timestamp?
    /// Into how many pieces the span is parted, one of `cellsRange`.
    public var cells: Int
    /// Only so many rows, the worst; nil for all.
    public var top: Int?

    /// Of `cells`; beyond them a request is refused.
    public static let cellsRange = 1...400

    /// By the wall clock.
    public init(
        filter: DeviceFilter = DeviceFilter(), circuit: String? = nil, group: Group = .area, since: Timestamp? = nil,
        until: Timestamp? = nil, cells: Int = 24, top: Int? = nil
    ) {
        self.filter = filter
        self.circuit = circuit
        self.group = group
        self.since = since
        self.until = until
        self.cells = cells
        self.top = top
    }

    package init(_ form: Form) throws(Refusal) {
        self.init(
            filter: DeviceFilter(device: form.text(.device), profile: form.text(.profile), area: form.text(.area)),
            circuit: form.text(.circuit), group: try form.word(.by) ?? .area, since: try form.moment(.since),
            until: try form.moment(.until), cells: try form.integer(.cells, in: Self.cellsRange) ?? 24,
            top: try form.integer(.top, in: 1...1_000_000))
        guard let until else { return }
        guard let since else { throw .wrong("until: expected a since with it") }
        if since >= until { throw .wrong("since, until: expected two times, the first one earlier") }
    }

    package func write(to form: inout Form) {
        filter.write(to: &form)
        form.write(circuit, as: .circuit)
        form.write(group, as: .by)
        form.write(since, as: .since)
        form.write(until, as: .until)
        form.write(cells, as: .cells)
        form.write(top, as: .top)
    }
}
