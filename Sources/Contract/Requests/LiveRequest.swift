/// How the running gateway does, beyond what its files say.
public struct LiveRequest: Question {
    package typealias Answer = LiveStatusAnswer
    package static let route = Route(.get, "live")

    package init() {}
    package init(_ form: Form) {}
    package func write(to form: inout Form) {}
}
