public import Telemetry

extension Sentence: ExpressibleByStringInterpolation {
    /// Words as they stand: what a test says needs no key.
    public init(stringLiteral words: String) { self.init(words: words) }
}
