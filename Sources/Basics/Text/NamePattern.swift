/// A name, or a pattern in which `*` stands for any run of characters and `?` for one.
public struct NamePattern: Hashable, Sendable {
    private let pattern: [UInt8]
    /// The name itself where the pattern has no wildcard.
    public let literal: String?

    /// Any text is a pattern; one without a wildcard matches itself alone.
    public init(_ pattern: String) {
        self.pattern = Array(pattern.utf8)
        let wildcards = [UInt8(ascii: "*"), UInt8(ascii: "?")]
        literal = self.pattern.contains(where: wildcards.contains) ? nil : pattern
    }

    /// Takes time in proportion to the product of both lengths at worst, never more.
    public func matches(_ name: String) -> Bool {
        if let literal { return literal.hasBytes(of: name) }
        let text = Array(name.utf8)
        var (inPattern, inText) = (0, 0)
        var star: (pattern: Int, text: Int)?
        while inText < text.count {
            if inPattern < pattern.count, pattern[inPattern] == UInt8(ascii: "*") {
                star = (inPattern, inText)
                inPattern += 1
            } else if inPattern < pattern.count, pattern[inPattern] == UInt8(ascii: "?") {
                inPattern += 1
                inText = Self.afterCharacter(at: inText, in: text)
            } else if inPattern < pattern.count, pattern[inPattern] == text[inText] {
                inPattern += 1
                inText += 1
            } else if let last = star {
                // Let the last star swallow one character more and try again from there.
                inText = Self.afterCharacter(at: last.text, in: text)
                star = (last.pattern, inText)
                inPattern = last.pattern + 1
            } else {
                return false
            }
        }
        return pattern[inPattern...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    /// Past one UTF-8 character: its first byte and the continuation bytes behind it.
    private static func afterCharacter(at start: Int, in text: [UInt8]) -> Int {
        var end = start + 1
        while end < text.count, text[end] & 0xC0 == 0x80 { end += 1 }
        return end
    }
}
