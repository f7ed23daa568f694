/// How the running gateway does, beyond what its files say.
public struct LiveRequest: Question {
    public typealias Answer = LiveStatusAnswer
    public static let route = Route(.get, "live")

    public init() {}
    public init(_ form: Form) {}
    public func write(to form: inout Form) {}
}
