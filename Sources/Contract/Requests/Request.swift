/// What is asked or commanded, as a value that knows its URL. Who asks writes it and who answers reads it with the same
/// lines, so the two cannot part.
package protocol Request: Hashable, Sendable {
    static var route: Route { get }

    /// Reads it. Throws `.wrong` with the parameter, its value and what would be right.
    init(_ form: Form) throws(Refusal)

    func write(to form: inout Form)
}

extension Request {
    /// `/v1/latest?device=lamp-17`
    package var target: String {
        var form = Form()
        write(to: &form)
        return form.target(on: Self.route)
    }

    /// Reads the target of an HTTP request that has come to this request's route.
    package init(target: String) throws(Refusal) {
        try self.init(try Form(target: target, on: Self.route))
    }
}

/// A request that changes nothing and is answered in JSON.
package protocol Question: Request {
    associatedtype Answer: Codable & Sendable
}
