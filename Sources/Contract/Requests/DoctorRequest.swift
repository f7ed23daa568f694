/// What can lose messages or mislead people although the gateway runs.
public struct DoctorRequest: Question {
    public typealias Answer = [FindingAnswer]
    public static let route = Route(.get, "doctor")

    public init() {}
    public init(_ form: Form) {}
    public func write(to form: inout Form) {}
}
