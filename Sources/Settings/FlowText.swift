extension Setting {
    /// As one line of YAML: what somebody wrote, without its comments and line ends. It reads again as the same.
    public var flow: String {
        switch content {
        case .scalar(let text): isQuoted || Self.needsQuotes(text) ? Self.quoted(text) : text
        case .list(let items): "[\(items.map(\.flow).joined(separator: ", "))]"
        case .map(let entries): "{\(entries.map { "\(Self.key($0.key)): \($0.value.flow)" }.joined(separator: ", "))}"
        }
    }

    /// The same of a map, a line for each of its keys but `left`.
    public func flowLines(without left: String) -> String {
        (entries ?? []).filter { $0.key != left }.map { "\(Self.key($0.key)): \($0.value.flow)" }.joined(
            separator: "\n")
    }

    private static func key(_ text: String) -> String { needsQuotes(text) ? quoted(text) : text }

    /// Whether a text stands for something else, or for itself only in part, where it is written without quotation marks.
    private static func needsQuotes(_ text: String) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last else { return true }
        return ",[]{}#&*!|>'\"%@`?-: ".utf8.contains(first) && !isNumber(text) || last == UInt8(ascii: " ")
            || last == UInt8(ascii: ":") || text.utf8.contains { $0 < 0x20 || ",[]{}".utf8.contains($0) }
            || text.contains(": ") || text.contains(" #")
    }

    private static func isNumber(_ text: String) -> Bool { Double(text) != nil }

    /// Between quotation marks, with every sign that YAML or a terminal would take for something else written out.
    ///
    /// Source: YAML 1.2.2, 5.7.
    package static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22: result += "\\\""
            case 0x5C: result += "\\\\"
            case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0xFEFF:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
