/// How much there is, and how it goes, by the files.
public struct StatusRequest: Question {
    package typealias Answer = StatusAnswer
    package static let route = Route(.get, "status")

    package init() {}
    package init(_ form: Form) {}
    package func write(to form: inout Form) {}
}
