import Settings

extension GatewayConfiguration {
    /// Those that a reload takes up, with all below them.
    private static let reloadedKeys = ["devices.folder", "devices.roster", "devices.parameters", "rules"]

    /// The keys that this configuration has otherwise than the one before, and that only a start reads. A key that was
    /// taken away, or written with its default, counts as changed.
    package func restartKeys(since before: GatewayConfiguration) -> [String] {
        Set(written.keys).union(before.written.keys).filter { key in
            written[key] != before.written[key]
                && !Self.reloadedKeys.contains { key == $0 || key.hasPrefix($0 + ".") }
        }.sorted()
    }

    /// What the file says, by dotted path; a list counts as one value.
    static func written(_ setting: Setting) -> [String: String] {
        guard let entries = setting.entries else {
            return setting.path.isEmpty || setting.isMissing ? [:] : [setting.path: text(of: setting)]
        }
        return entries.reduce(into: [:]) { all, entry in all.merge(written(entry.value)) { $1 } }
    }

    private static func text(of setting: Setting) -> String {
        switch setting.content {
        case .scalar(let text): text
        case .list(let items): "[" + items.map(text).joined(separator: "\u{1}") + "]"
        case .map(let entries):
            "{" + entries.map { "\($0.key)\u{2}\(text(of: $0.value))" }.joined(separator: "\u{1}") + "}"
        }
    }
}
