/// Where a request stands among the URLs of the gateway, and which parameters it may have.
package struct Route: Hashable, Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
    }

    package let method: Method
    /// `/v1/alerts/:id`: a part with a colon is a parameter.
    package let pattern: String
    /// Those behind the question mark.
    package let parameters: [Parameter]
    /// The parts of the pattern.
    let parts: [Part]

    enum Part: Hashable, Sendable {
        case word(String)
        case value(Parameter)
    }

    /// `pattern` without the version, `alerts/:id`.
    init(_ method: Method, _ pattern: String, _ parameters: [Parameter] = []) {
        self.method = method
        self.pattern = "/v1/" + pattern
        self.parameters = parameters
        parts = self.pattern.split(separator: "/").map { part in
            part.first == ":" ? .value(Parameter(String(part.dropFirst()))) : .word(String(part))
        }
    }
}
