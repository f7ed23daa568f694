/// Why an alert is as it is.
public struct WhyRequest: Question {
    package typealias Answer = WhyAnswer
    package static let route = Route(.get, "alerts/:id/why")

    /// As `AlertAnswer.id`.
    public var id: Int64

    package init(_ id: Int64) { self.id = id }

    package init(_ form: Form) throws(Refusal) { id = try form.id() }
    package func write(to form: inout Form) { form.write(id, as: .id) }
}
