public import Basics

// Which rules there are: for readers, to whom one that never raised an alert is known all the same, and for the next start,
// which judges by a new one what is known. A row of `meta` for each, with its name in the key and the check value of its
// content.
extension Journal {
    /// Keeps the rules that are in force from now on: the check value of the content of each, by its name. Writes only what
    /// has changed.
    public func saveRules(_ rules: [ByteName: Int64]) throws(StoreError) {
        guard try core.rulesInForce() != rules else { return }
        try core.transaction { () throws(StoreError) in
            try core.run("DELETE FROM meta WHERE key >= ? AND key < ?", .text(Self.ruleKey), .text(Self.ruleKeyEnd))
            for (name, check) in rules {
                try core.run("INSERT INTO meta VALUES (?, ?)", .text(Self.ruleKey + name.text), .integer(check))
            }
        }
    }

    /// The rules that were saved last; empty in a store that never had any.
    public func rulesInForce() throws(StoreError) -> [ByteName: Int64] { try core.rulesInForce() }

    fileprivate static let ruleKey = "rule@"
    /// Behind all keys of rules: `A` follows `@`.
    fileprivate static let ruleKeyEnd = "ruleA"
}

extension Connection {
    /// As `saveRules` kept them.
    func rulesInForce() throws(StoreError) -> [ByteName: Int64] {
        var rules: [ByteName: Int64] = [:]
        try rows(
            "SELECT key, value FROM meta WHERE key >= ? AND key < ?", .text(Journal.ruleKey), .text(Journal.ruleKeyEnd)
        ) { row throws(StoreError) in
            let name = row.text("key").utf8.dropFirst(Journal.ruleKey.utf8.count)
            rules[ByteName(String(decoding: name, as: UTF8.self))] = row.integer("value")
        }
        return rules
    }
}
