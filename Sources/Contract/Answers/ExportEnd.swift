/// What stands behind an export for a client that asks for it with `end=marked`: that the text is whole, and what had to
/// be left out, which is known only then.
///
/// A record separator parts it from the text: no reading has one. In the text and not in HTTP trailers, because few
/// clients show those.
public struct ExportEnd: Codable, Hashable, Sendable {
    /// ASCII RS, before the JSON of this value.
    public static let separator: UInt8 = 0x1E

    /// Frames that could not be read and are missing from the text, as sentences.
    public var damaged: [String]

    package init(damaged: [String]) { self.damaged = damaged }
}
