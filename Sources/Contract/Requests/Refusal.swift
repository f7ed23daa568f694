/// Why there is no answer: a sentence, and what the asker can do about it.
public enum Refusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// The question is wrong; the sentence says what would be right.
    case wrong(String)
    /// Not for this asker.
    case forbidden(String)
    /// There is no such thing.
    case notFound(String)
    /// The files that the gateway should read are wrong; a line for each mistake.
    case misconfigured(String)
    /// Not now: the same question may be answered in a moment.
    case unavailable(String)
    /// The world failed: disk, store.
    case failed(String)

    /// The refusal behind an HTTP status.
    public init(status: Int, sentence: String) {
        switch status {
        case 400: self = .wrong(sentence)
        case 403: self = .forbidden(sentence)
        case 404: self = .notFound(sentence)
        case 422: self = .misconfigured(sentence)
        case 503: self = .unavailable(sentence)
        default: self = .failed(sentence)
        }
    }

    /// Of HTTP.
    public var status: Int {
        switch self {
        case .wrong: 400
        case .forbidden: 403
        case .notFound: 404
        case .misconfigured: 422
        case .unavailable: 503
        case .failed: 500
        }
    }

    /// The sentence alone.
    public var description: String {
        switch self {
        case .wrong(let sentence), .forbidden(let sentence), .notFound(let sentence), .misconfigured(let sentence),
            .unavailable(let sentence),
            .failed(let sentence):
            sentence
        }
    }

    /// Its JSON.
    package struct Body: Codable, Sendable {
        package var error: String

        package init(error: String) { self.error = error }
    }
}
