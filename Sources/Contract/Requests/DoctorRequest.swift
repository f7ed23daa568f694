/// What can lose messages or mislead people although the gateway runs.
public struct DoctorRequest: Question {
    package typealias Answer = [Diagnosis]
    package static let route = Route(.get, "doctor")

    package init() {}
    package init(_ form: Form) {}
    package func write(to form: inout Form) {}
}
