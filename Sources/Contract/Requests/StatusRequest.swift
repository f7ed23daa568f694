/// How much there is, and how it goes, by the files.
public struct StatusRequest: Question {
    public typealias Answer = StatusAnswer
    public static let route = Route(.get, "status")

    public init() {}
    public init(_ form: Form) {}
    public func write(to form: inout Form) {}
}
