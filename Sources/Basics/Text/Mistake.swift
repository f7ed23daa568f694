/// One mistake in a configuration file, a profile, a rule file or a roster: where it is and what would be right.
///
/// A mistake can never be meant, and nothing is started on it. A warning is what may be meant and probably is not: it is
/// told, and everything goes on.
public struct Mistake: Error, Hashable, Sendable, CustomStringConvertible {
    /// Its path, or another name for where the text came from.
    public let file: String
    /// Line from 1; nil where the mistake is the file itself (missing, unreadable).
    public let line: Int?
    /// Dotted path of the key, such as `rules[2].raise.above`; empty for the file itself.
    public let key: String
    /// The value as written; nil where the key is missing.
    public let value: String?
    /// A sentence: what would be right.
    public let expected: String
    /// Whether it is a warning only.
    public let isWarning: Bool

    package init(
        file: String, line: Int?, key: String, value: String?, expected: String, isWarning: Bool = false
    ) {
        self.isWarning = isWarning
        self.file = file
        self.line = line
        self.key = key
        self.value = value
        self.expected = expected
    }

    /// `Config/baotu.yaml:12: mqtt.port: 70000: expected a port from 1 to 65535`
    public var description: String {
        var text = file
        if let line { text += ":\(line)" }
        if isWarning { text += ": warning" }
        if !key.isEmpty { text += ": \(key)" }
        if let value { text += ": '\(value)'" }
        return text + ": \(expected)"
    }
}

/// All mistakes found in one reading of the configuration: they are reported together, not one a start.
public struct Mistakes: Error, Sendable, CustomStringConvertible {
    /// In the order in which they were found.
    public let list: [Mistake]

    package init(_ list: [Mistake]) { self.list = list }

    /// One line a mistake.
    public var description: String { list.map(\.description).joined(separator: "\n") }
}
