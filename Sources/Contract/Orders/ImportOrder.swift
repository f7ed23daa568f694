import Telemetry

/// Readings to be committed beside the live ones; the body is their text. The answer comes when they are on disk.
public struct ImportOrder: Order {
    package typealias Answer = ImportReceipt
    package static let route = Route(.post, "readings", [.format, .profile])
    package static let deed = "take readings over its socket"
    /// Of one batch. A thousand readings take about 70 KB.
    public static let bodyBytesMax = 1 << 20
    /// A batch is one commit between two turns of live readings, so it must not take long.
    public static let readingsMax = 2000
    /// The profile of devices that only an import has named.
    public static let usualProfile = "imported"

    /// Of the text in `body`.
    public var format: ReadingFormat
    /// New devices get it.
    public var profile: String
    /// The readings as text, at most `bodyBytesMax`; empty in an order that was read from its URL alone.
    public var body: [UInt8]

    package init(format: ReadingFormat = .csv, profile: String = usualProfile, body: [UInt8] = []) {
        self.format = format
        self.profile = profile
        self.body = body
    }

    package init(_ form: Form) throws(Refusal) {
        format = try ReadingFormat(form)
        profile = form.text(.profile) ?? Self.usualProfile
        body = []
        guard (1...UsableName.bytesMax).contains(profile.utf8.count) else {
            throw .wrong("profile: expected a name of 1 to \(UsableName.bytesMax) bytes")
        }
    }

    package func write(to form: inout Form) {
        form.write(format, as: .format)
        form.write(profile, as: .profile)
    }
}
