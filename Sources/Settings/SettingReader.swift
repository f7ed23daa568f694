public import Basics
public import Telemetry

/// Reads the keys of one map, notes every mistake, and goes on, so that all of them are reported together.
///
/// Each key that is read counts as known; `finish` reports the others, with the nearest known word, and keys and places of
/// lists that nothing stands behind.
public struct SettingReader {
    /// The map whose keys are read.
    public let setting: Setting
    private var known: [String] = []
    private var mayBeNull: [String] = []

    /// Notes a mistake where `setting` is not a map; every key then reads as missing.
    public init(_ setting: Setting, _ mistakes: inout [Mistake]) {
        self.setting = setting
        if setting.entries == nil, !setting.isMissing { mistakes.append(setting.mistake("expected a map of keys")) }
    }

    /// The setting under `key`, or nil when it is missing.
    public mutating func optional(_ key: String) -> Setting? {
        known.append(key)
        guard let found = setting[key], !found.isMissing else { return nil }
        return found
    }

    /// The setting under `key`, or nil where the key is not written, for a key that says something with nothing behind it:
    /// a section whose keys all have defaults, or one to which null is a word.
    public mutating func written(_ key: String) -> Setting? {
        known.append(key)
        mayBeNull.append(key)
        return setting[key]
    }

    /// The setting under `key`; a missing one is a mistake.
    public mutating func required(_ key: String, _ meaning: String, _ mistakes: inout [Mistake]) -> Setting? {
        if let found = optional(key) { return found }
        let line = setting.entries?.first { $0.key == key }?.keyLine ?? setting.line
        mistakes.append(
            Mistake(file: setting.file, line: line, key: path(of: key), value: nil, expected: "missing: \(meaning)"))
        return nil
    }

    /// Reports every key that was never asked for, and every known one with nothing behind it: whoever wrote it meant
    /// something, and its default might be the opposite.
    public func finish(_ mistakes: inout [Mistake]) {
        for entry in setting.entries ?? [] {
            guard known.contains(entry.key) else {
                let hint = nearest(to: entry.key, in: known).map { "did you mean '\($0)'?" }
                mistakes.append(
                    Mistake(
                        file: setting.file, line: entry.keyLine, key: path(of: entry.key), value: nil,
                        expected: "unknown key; " + (hint ?? "known here: \(known.joined(separator: ", "))")))
                continue
            }
            if entry.value.isMissing, !mayBeNull.contains(entry.key) {
                note(
                    path(of: entry.key), entry.keyLine,
                    "nothing stands behind this key; write a value, or leave the key out", &mistakes)
            }
            for item in entry.value.items ?? [] where item.isMissing {
                note(
                    item.path, item.line,
                    "nothing stands in this place of the list; write a value, or take the place out",
                    &mistakes)
            }
        }
    }

    /// Unless something is told of the place already.
    private func note(_ path: String, _ line: Int, _ expected: String, _ mistakes: inout [Mistake]) {
        let isTold = mistakes.contains { told in
            guard told.file == setting.file, told.key.hasPrefix(path) else { return false }
            let rest = told.key.utf8.dropFirst(path.utf8.count).first
            return rest == nil || rest == UInt8(ascii: ".") || rest == UInt8(ascii: "[")
        }
        guard !isTold else { return }
        mistakes.append(Mistake(file: setting.file, line: line, key: path, value: nil, expected: expected))
    }

    private func path(of key: String) -> String { setting.path.isEmpty ? key : "\(setting.path).\(key)" }
}

extension SettingReader {
    /// The scalar under `key` as written; the default where it is missing or, with a mistake, a list or a map.
    public mutating func text(_ key: String, default fallback: String, _ mistakes: inout [Mistake]) -> String {
        optionalText(key, &mistakes) ?? fallback
    }

    /// The scalar under `key` as written; nil where it is missing or, with a mistake, a list or a map.
    public mutating func optionalText(_ key: String, _ mistakes: inout [Mistake]) -> String? {
        guard let found = optional(key) else { return nil }
        guard let text = found.text else {
            mistakes.append(found.mistake("expected text"))
            return nil
        }
        return text
    }

    /// `true`, `yes` or `on`; `false`, `no` or `off`. Anything else is a mistake and reads as the default.
    public mutating func flag(_ key: String, default fallback: Bool, _ mistakes: inout [Mistake]) -> Bool {
        guard let found = optional(key) else { return fallback }
        switch found.text {
        case "true", "yes", "on": return true
        case "false", "no", "off": return false
        default:
            mistakes.append(found.mistake("expected true or false"))
            return fallback
        }
    }

    /// A whole number in `range`. Anything else is a mistake and reads as the default.
    public mutating func integer(
        _ key: String, in range: ClosedRange<Int>, default fallback: Int, _ mistakes: inout [Mistake]
    ) -> Int {
        guard let found = optional(key) else { return fallback }
        guard let text = found.text, let number = Int(text), range.contains(number) else {
            mistakes.append(
                found.mistake("expected a whole number from \(range.lowerBound) to \(range.upperBound)"))
            return fallback
        }
        return number
    }

    /// Any finite number.
    public mutating func number(_ key: String, _ mistakes: inout [Mistake]) -> Double? {
        guard let found = optional(key) else { return nil }
        guard let text = found.text, let number = Double(text), number.isFinite else {
            mistakes.append(found.mistake("expected a number" + Self.pointHint(found.text)))
            return nil
        }
        return number
    }

    /// Of a number with a comma for its point.
    private static func pointHint(_ text: String?) -> String {
        guard let text, text.contains(","), let number = Double(text.replacing(",", with: ".")) else { return "" }
        return "; did you mean \(number)?"
    }

    /// A finite number in `range`.
    public mutating func number(
        _ key: String, in range: ClosedRange<Double>, default fallback: Double, _ mistakes: inout [Mistake]
    ) -> Double {
        guard let value = number(key, &mistakes) else { return fallback }
        if range.contains(value) { return value }
        if let found = setting[key] {
            mistakes.append(found.mistake("expected \(range.lowerBound) to \(range.upperBound)"))
        }
        return fallback
    }

    private static func examples(in range: ClosedRange<Duration>) -> String {
        let usual = ["30s", "5m", "1h", "7d"].filter { Duration(shortForm: $0).map(range.contains) ?? false }
        guard usual.count > 1 else { return usual.first ?? range.lowerBound.shortForm }
        return usual.dropLast().joined(separator: ", ") + " or " + usual[usual.count - 1]
    }

    /// A duration with its unit: `250ms`, `30s`, `5m`, `1h`, `7d`.
    public mutating func duration(
        _ key: String, in range: ClosedRange<Duration>, default fallback: Duration, _ mistakes: inout [Mistake]
    ) -> Duration {
        guard let found = optional(key) else { return fallback }
        guard let text = found.text, let duration = Duration(shortForm: text), range.contains(duration) else {
            mistakes.append(
                found.mistake(
                    "expected a duration from \(range.lowerBound.shortForm) to \(range.upperBound.shortForm), "
                        + "such as \(Self.examples(in: range))"))
            return fallback
        }
        return duration
    }

    /// One word of a `CaseIterable` enumeration of strings.
    public mutating func word<Word: RawRepresentable & CaseIterable>(
        _ key: String, default fallback: Word, _ mistakes: inout [Mistake]
    ) -> Word where Word.RawValue == String {
        optional(key).map { $0.word(&mistakes) ?? fallback } ?? fallback
    }

    /// A list of texts; a single text stands for a list of one.
    public mutating func texts(_ key: String, default fallback: [String], _ mistakes: inout [Mistake]) -> [String] {
        guard let found = optional(key) else { return fallback }
        if let text = found.text { return [text] }
        guard let items = found.items else {
            mistakes.append(found.mistake("expected a list of texts"))
            return fallback
        }
        return items.compactMap { item in
            if item.text == nil { mistakes.append(item.mistake("expected text")) }
            return item.text
        }
    }
}

extension Setting {
    /// The word of a `CaseIterable` enumeration of strings; another is a mistake.
    public func word<Word: RawRepresentable & CaseIterable>(
        _ mistakes: inout [Mistake]
    ) -> Word? where Word.RawValue == String {
        if let word = text.flatMap({ Word(rawValue: $0) }) { return word }
        let words = Word.allCases.map(\.rawValue)
        let hint = nearest(to: shown, in: words).map { "; did you mean '\($0)'?" } ?? ""
        mistakes.append(mistake("expected one of \(words.joined(separator: ", "))\(hint)"))
        return nil
    }

    /// The quantity of this name; another name is a mistake.
    public func quantity(_ mistakes: inout [Mistake]) -> Quantity? {
        if let quantity = text.flatMap({ Quantity(named: $0) }) { return quantity }
        let hint = nearest(to: shown, in: Quantity.all.map(\.name)).map { "; did you mean '\($0)'?" }
        mistakes.append(mistake("expected a quantity of the vocabulary\(hint ?? "")"))
        return nil
    }
}
