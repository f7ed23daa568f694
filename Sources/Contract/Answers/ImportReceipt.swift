/// What became of imported readings. It is given only after they are on disk: the receipt is the row.
public struct ImportReceipt: Codable, Hashable, Sendable {
    /// Readings that were not there before.
    public var fresh = 0
    /// They were there already, equal.
    public var duplicates = 0
    /// They replaced another value of the same series and time.
    public var corrected = 0
    /// Readings that were not taken, and lines that did not read.
    public var refused = 0
    /// The first refusals; `refused` counts all.
    public var refusals: [Refusal] = []

    /// How many refusals are kept as sentences.
    public static let refusalsMax = 20

    /// Why something was not taken.
    public struct Refusal: Codable, Hashable, Sendable {
        /// Of the text in which the reading came, from 1; 0 for a word that is no quantity, wherever it stood.
        public var line: Int
        /// What is wrong with it.
        public var sentence: String

        package init(line: Int, sentence: String) {
            self.line = line
            self.sentence = sentence
        }
    }

    package init() {}

    package mutating func refuse(_ line: Int, _ sentence: @autoclosure () -> String) {
        refused += 1
        if refusals.count < Self.refusalsMax { refusals.append(Refusal(line: line, sentence: sentence())) }
    }
}
