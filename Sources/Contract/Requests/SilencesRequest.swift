/// Silences: those in force and planned, by number; or all that are kept, newest first.
public struct SilencesRequest: Question {
    package typealias Answer = [SilenceAnswer]
    package static let route = Route(.get, "silences", [.all])

    /// Those that are over too, 1000 at most.
    public var includesOver: Bool

    /// Without arguments, for those that are not over.
    public init(includesOver: Bool = false) { self.includesOver = includesOver }

    package init(_ form: Form) throws(Refusal) { includesOver = try form.flag(.all) }
    package func write(to form: inout Form) { form.write(includesOver, as: .all) }
}

extension Parameter {
    fileprivate static let all = Parameter("all")
}
