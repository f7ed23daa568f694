/// What stands behind an export for a client that asks for it with `end=marked`: that the text is whole, and what had to
/// be left out, which is known only then.
///
/// A record separator parts it from the text: no reading has one. In the text and not in HTTP trailers, because few
/// clients show those.
public struct ExportEnd: Codable, Hashable, Sendable {
    public static let separator: UInt8 = 0x1E

    public var damaged: [String]

    public init(damaged: [String]) { self.damaged = damaged }
}
