/// A name from outside as a key: equal where its bytes are, and in no other case.
///
/// `String` holds a composed "é" and a decomposed one for equal (Unicode's canonical equivalence), and so do its hash and
/// its order. The store, the broker and the registry compare bytes: two devices there would be one here.
public struct ByteName: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// As it came.
    public let text: String

    /// Any text is a name.
    public init(_ text: some StringProtocol) { self.text = String(text) }

    /// By bytes.
    public static func == (left: ByteName, right: ByteName) -> Bool { left.text.hasBytes(of: right.text) }

    /// By bytes, which for texts in UTF-8 is the order of their scalars.
    public static func < (left: ByteName, right: ByteName) -> Bool { left.text.precedesByBytes(right.text) }

    /// Of the bytes.
    public func hash(into hasher: inout Hasher) { text.hashBytes(into: &hasher) }

    /// The name itself.
    public var description: String { text }
}

extension ByteName: ExpressibleByStringLiteral {
    /// Any text is a name.
    public init(stringLiteral text: String) { self.text = text }
}

extension String {
    /// Whether both are the same bytes of UTF-8.
    public func hasBytes(of other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        return utf8Bytes { left in other.utf8Bytes { right in left.elementsEqual(right) } }
    }

    /// Whether it comes first by the bytes of UTF-8.
    public func precedesByBytes(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }

    /// What `hasBytes(of:)` holds for equal hashes equal.
    public func hashBytes(into hasher: inout Hasher) {
        utf8Bytes { hasher.combine(bytes: $0) }
        // No byte of UTF-8, so that names side by side do not run into each other.
        hasher.combine(UInt8.max)
    }
}
