/// What became of imported readings. It is given only after they are on disk: the receipt is the row.
public struct ImportReceipt: Codable, Hashable, Sendable {
    public var fresh = 0
    /// They were there already, equal.
    public var duplicates = 0
    /// They replaced another value of the same series and time.
    public var corrected = 0
    public var refused = 0
    /// The first refusals; `refused` counts all.
    public var refusals: [Refusal] = []

    public static let refusalsMax = 20

    public struct Refusal: Codable, Hashable, Sendable {
        /// Of the text in which the reading came, from 1.
        public var line: Int
        public var sentence: String

        public init(line: Int, sentence: String) {
            self.line = line
            self.sentence = sentence
        }
    }

    public init() {}

    package mutating func refuse(_ line: Int, _ sentence: @autoclosure () -> String) {
        refused += 1
        if refusals.count < Self.refusalsMax { refusals.append(Refusal(line: line, sentence: sentence())) }
    }
}
