/// Where a request stands among the URLs of the gateway, and which parameters it may have.
public struct Route: Hashable, Sendable {
    public enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
    }

    public let method: Method
    /// `/v1/alerts/:id`: a part with a colon is a parameter.
    public let pattern: String
    /// Those behind the question mark.
    public let parameters: [Parameter]
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
