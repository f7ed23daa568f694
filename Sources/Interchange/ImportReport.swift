import Basics
import Telemetry

/// What became of the lines that were read.
public struct ImportReport: Sendable {
    /// Readings handed on.
    public internal(set) var readings = 0
    /// Lines, or single values of a line, that gave no reading and should have.
    public private(set) var refused = 0
    /// Text fields of line protocol: Baotu keeps numbers.
    public internal(set) var texts = 0
    /// Values left out on purpose, by a mapping to `-`.
    public internal(set) var leftOut = 0
    /// The first refusals that nobody has taken yet.
    private var refusals: [Refusal] = []
    private var kept = 0

    package init() {}

    /// How many refusals are kept as sentences; all are counted.
    public static let refusalsMax = 20
    /// Bytes of a wrong value that are shown.
    static let shownBytesMax = 48

    /// A line, or a single value of one, that gave no reading and should have.
    public struct Refusal: Hashable, Sendable, CustomStringConvertible {
        /// Of the text, from 1.
        public var line: Int
        /// Which part of the line; empty for all of it.
        public var key: String
        /// As written, or its first 48 bytes and an ellipsis; nil where it is missing or the whole line is meant.
        public var value: String?
        /// What would be right.
        public var expected: String

        package init(line: Int, key: String, value: String?, expected: String) {
            self.line = line
            self.key = key
            self.value = value
            self.expected = expected
        }

        /// Without the line.
        public var sentence: String {
            (key.isEmpty ? "" : "\(key): ") + (value.map { "'\($0)': " } ?? "") + expected
        }

        /// `line 7: value: 'x': expected a number`
        public var description: String {
            Mistake(file: "line \(line)", line: nil, key: key, value: value, expected: expected).description
        }
    }

    /// A word that is no quantity, and how many values stood under it. These are among the refused.
    public struct UnknownWord: Hashable, Sendable {
        /// As the file has it.
        public var word: String
        /// Values that stood under it.
        public var count: Int
        /// The quantity that was probably meant; nil where none is like it.
        public var nearest: String?
    }

    mutating func refuse(
        _ line: Int, _ key: String, _ value: UnsafeRawBufferPointer?, _ expected: @autoclosure () -> String
    ) {
        refused += 1
        guard kept < Self.refusalsMax else { return }
        kept += 1
        let shown = value.map { value in
            String(decoding: value.prefix(Self.shownBytesMax), as: UTF8.self)
                + (value.count > Self.shownBytesMax ? "…" : "")
        }
        refusals.append(Refusal(line: line, key: key, value: shown, expected: expected()))
    }

    /// A value under a word that is no quantity: counted here, told once at the end.
    mutating func countUnknown() { refused += 1 }

    /// The refusals kept since the last call.
    public mutating func takeRefusals() -> [Refusal] {
        defer { refusals.removeAll() }
        return refusals
    }
}
