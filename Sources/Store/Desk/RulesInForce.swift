import Basics

// Which rules there are, for readers: one that never raised an alert is known all the same. A row of `meta` for each, with
// its name in the key; builds of before pass over them.
extension Journal {
    /// Notes the names of the rules that are in force from now on. Writes only what has changed.
    public func saveRules(_ names: [String]) throws(StoreError) {
        let known = try core.rulesInForce()
        guard Set(known.map { ByteName($0) }) != Set(names.map { ByteName($0) }) else { return }
        try core.transaction { () throws(StoreError) in
            try core.run("DELETE FROM meta WHERE key >= ? AND key < ?", .text(Self.ruleKey), .text(Self.ruleKeyEnd))
            for name in names {
                try core.run("INSERT OR IGNORE INTO meta VALUES (?, 1)", .text(Self.ruleKey + name))
            }
        }
    }

    fileprivate static let ruleKey = "rule@"
    /// Behind all keys of rules: `A` follows `@`.
    fileprivate static let ruleKeyEnd = "ruleA"
}

extension Connection {
    /// As `saveRules` noted them.
    func rulesInForce() throws(StoreError) -> [String] {
        var names: [String] = []
        try rows(
            "SELECT key FROM meta WHERE key >= ? AND key < ? ORDER BY key", .text(Journal.ruleKey),
            .text(Journal.ruleKeyEnd)
        ) { row throws(StoreError) in
            let key = row.text("key").utf8.dropFirst(Journal.ruleKey.utf8.count)
            names.append(String(decoding: key, as: UTF8.self))
        }
        return names
    }
}
