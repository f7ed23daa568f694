public import Basics

/// Readings whose value another one took the place of, newest first.
public struct CorrectionsRequest: Question {
    package typealias Answer = CorrectionsAnswer
    package static let route = Route(.get, "corrections", [.device, .since, .byPeople, .before, .limit])

    /// A name or a pattern, as in `DeviceFilter`; nil for all.
    public var device: String?
    /// Corrected then or later, by the gateway's clock.
    public var since: Timestamp?
    /// Only what people brought, and nothing that the devices said anew themselves.
    public var isByPeople: Bool
    /// Only those with a lower number.
    public var before: Int64?
    /// Corrections at most, one of `limits`.
    public var limit: Int

    /// Of `limit`; beyond them a request is refused.
    public static let limits = 1...10_000

    /// Without arguments, for the newest 100 of all devices.
    public init(
        device: String? = nil, since: Timestamp? = nil, isByPeople: Bool = false, before: Int64? = nil, limit: Int = 100
    ) {
        self.device = device
        self.since = since
        self.isByPeople = isByPeople
        self.before = before
        self.limit = limit
    }

    package init(_ form: Form) throws(Refusal) {
        self.init(
            device: form.text(.device), since: try form.moment(.since), isByPeople: try form.flag(.byPeople),
            before: try form.integer(.before, in: 1...Int.max).map { Int64($0) },
            limit: try form.integer(.limit, in: Self.limits) ?? 100)
    }

    package func write(to form: inout Form) {
        form.write(device, as: .device)
        form.write(since, as: .since)
        form.write(isByPeople, as: .byPeople)
        form.write(before, as: .before)
        form.write(limit, as: .limit)
    }
}

extension Parameter {
    fileprivate static let byPeople = Parameter("by_people")
}
