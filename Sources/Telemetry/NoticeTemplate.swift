internal import Basics

/// JSON with places for what a notice says: `{"text": "{sentence} ({severity})"}`.
///
/// A place stands for its value as JSON has it. Between quotation marks that is the text with its escapes, and nothing for a
/// value that there is not; elsewhere a whole value: a number, a text in quotation marks, or `null`. What is filled in
/// never changes what is around it, whatever a device calls itself.
public struct NoticeTemplate: Hashable, Sendable {
    /// What a notice says; the raw value is the word between the braces.
    public enum Field: String, CaseIterable, Sendable {
        /// The number of the alert.
        case id
        /// Of the rules file.
        case rule
        /// The kind of what the alert is about, such as `device` or `circuit`.
        case subject
        /// And its name.
        case name
        /// Nothing where the alert is about no single series.
        case quantity, channel
        case phase, severity
        /// When the condition began to hold, and when the step was made; RFC 3339 in UTC.
        case since, at
        /// Nothing where no value decided.
        case value, unit
        /// The step in words.
        case sentence
        /// All of the message in one line, also where it is about several alerts.
        case summary
        /// What is to be done; nothing where the rule does not say.
        case runbook
        /// How many alerts the message is about.
        case count
    }

    /// What a field holds.
    package enum Value: Hashable, Sendable {
        case text(String)
        /// Finite.
        case number(Double)
        case whole(Int64)
        case absent
    }

    /// Why a text is no template: a sentence that says what would be right.
    package struct Fault: Error, Hashable, Sendable {
        package var sentence: String
    }

    private enum Piece: Hashable, Sendable {
        case literal(String)
        /// `isInside`: between the quotation marks of a text.
        case field(Field, isInside: Bool)
    }

    private var pieces: [Piece] = []

    /// Whether it has a place for the field.
    package func has(_ field: Field) -> Bool {
        pieces.contains { if case .field(field, _) = $0 { true } else { false } }
    }

    /// Reads a template. Throws for a place that there is not; whether all else is JSON is seen in what is filled.
    ///
    /// A brace is a place's where nothing but small letters and `_` stand up to the next closing one; a text that shall
    /// show such a word has `\u007b` for its brace.
    package init(_ text: String) throws(Fault) {
        var literal: [UInt8] = []
        var isInside = false
        let bytes = Array(text.utf8)
        var at = 0
        while at < bytes.count {
            let byte = bytes[at]
            if byte == UInt8(ascii: "\\"), isInside, at + 1 < bytes.count {
                literal += bytes[at...at + 1]
                at += 2
                continue
            }
            if byte == UInt8(ascii: "{"), let word = Self.word(bytes[(at + 1)...]) {
                guard let field = Field(rawValue: word) else { throw Self.unknown(word) }
                if !literal.isEmpty { pieces.append(.literal(String(decoding: literal, as: UTF8.self))) }
                literal = []
                pieces.append(.field(field, isInside: isInside))
                at += word.utf8.count + 2
                continue
            }
            if byte == UInt8(ascii: "\"") { isInside.toggle() }
            literal.append(byte)
            at += 1
        }
        if !literal.isEmpty { pieces.append(.literal(String(decoding: literal, as: UTF8.self))) }
    }

    private static func word(_ bytes: ArraySlice<UInt8>) -> String? {
        let word = bytes.prefix { (0x61...0x7A).contains($0) || $0 == UInt8(ascii: "_") }
        guard !word.isEmpty, word.endIndex < bytes.endIndex, bytes[word.endIndex] == UInt8(ascii: "}") else {
            return nil
        }
        return String(decoding: word, as: UTF8.self)
    }

    private static func unknown(_ word: String) -> Fault {
        let words = Field.allCases.map(\.rawValue)
        let hint = nearest(to: word, in: words).map { "did you mean {\($0)}? " } ?? ""
        return Fault(
            sentence: "there is no placeholder {\(word)}; \(hint)There are "
                + words.map { "{\($0)}" }.joined(separator: ", "))
    }

    /// The text with every place filled.
    package func filled(_ value: (Field) -> Value) -> String {
        var text = ""
        for piece in pieces {
            switch piece {
            case .literal(let literal): text += literal
            case .field(let field, let isInside): text += Self.shown(value(field), isInside: isInside)
            }
        }
        return text
    }

    private static func shown(_ value: Value, isInside: Bool) -> String {
        switch value {
        case .text(let text):
            let quoted = JSONText.quoted(text)
            // By scalars: an accent upon the last quotation mark would make one `Character` with it.
            return isInside ? String(quoted.unicodeScalars.dropFirst().dropLast()) : quoted
        case .number(let number): return "\(number)"
        case .whole(let number): return "\(number)"
        case .absent: return isInside ? "" : "null"
        }
    }
}
