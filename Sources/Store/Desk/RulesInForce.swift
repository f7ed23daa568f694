public import Basics

// Which rules there are: for readers, to whom one that never raised an alert is known all the same, and for the next start,
// which judges by a new one what is known. A row of `meta` for each, with its name in the key and the check value of its
// content.
extension Journal {
    /// Keeps the rules that are in force from now on: the check value of the content of each, by its name, and its text beside
    /// those that it had before. Writes only what has changed.
    public func saveRules(
        _ rules: [ByteName: Int64], texts: [ByteName: String] = [:], at now: Timestamp? = nil
    ) throws(StoreError) {
        if let now { try save(texts, at: now) }
        guard try core.rulesInForce() != rules else { return }
        try core.transaction { () throws(StoreError) in
            try core.run("DELETE FROM meta WHERE key >= ? AND key < ?", .text(Self.ruleKey), .text(Self.ruleKeyEnd))
            for (name, check) in rules {
                try core.run("INSERT INTO meta VALUES (?, ?)", .text(Self.ruleKey + name.text), .integer(check))
            }
        }
    }

    private func save(_ texts: [ByteName: String], at now: Timestamp) throws(StoreError) {
        var known: [ByteName: String] = [:]
        try core.rows("SELECT rule, text FROM rule_text ORDER BY id") { row throws(StoreError) in
            known[ByteName(row.text("rule"))] = row.text("text")
        }
        var changed = texts.filter { known[$0.key] != $0.value }
        for (name, text) in known where texts[name] == nil && !text.isEmpty { changed[name] = "" }
        guard !changed.isEmpty else { return }
        try core.transaction { () throws(StoreError) in
            for (name, text) in changed.sorted(by: { $0.key.text < $1.key.text }) {
                try core.run(
                    "INSERT INTO rule_text(rule, since, text) VALUES (?, ?, ?)", .text(name.text),
                    .integer(now.milliseconds), .text(text))
                try core.run(
                    """
                    DELETE FROM rule_text WHERE rule = ?1 AND id NOT IN
                        (SELECT id FROM rule_text WHERE rule = ?1 ORDER BY id DESC LIMIT ?2)
                    """, .text(name.text), .integer(Self.ruleTextsMax))
            }
        }
    }

    /// Of one rule.
    private static let ruleTextsMax: Int64 = 1000

    /// The rules that were saved last; empty in a store that never had any.
    public func rulesInForce() throws(StoreError) -> [ByteName: Int64] { try core.rulesInForce() }

    fileprivate static let ruleKey = "rule@"
    /// Behind all keys of rules: `A` follows `@`.
    fileprivate static let ruleKeyEnd = "ruleA"
}

extension Archive {
    /// The texts that a rule had, oldest first, each with the moment from which on; empty from when it was gone.
    func texts(ofRule name: String, _ connection: Connection) throws(StoreError) -> [(since: Timestamp, text: String)] {
        var texts: [(since: Timestamp, text: String)] = []
        guard try Schema.version(of: connection) >= 11 else { return texts }
        try connection.rows("SELECT since, text FROM rule_text WHERE rule = ? ORDER BY id", .text(name)) {
            row throws(StoreError) in
            texts.append((Timestamp(milliseconds: row.integer("since")), row.text("text")))
        }
        return texts
    }
}

extension Connection {
    /// As `saveRules` kept them.
    func rulesInForce() throws(StoreError) -> [ByteName: Int64] {
        var rules: [ByteName: Int64] = [:]
        try rows(
            "SELECT key, value FROM meta WHERE key >= ? AND key < ?", .text(Journal.ruleKey), .text(Journal.ruleKeyEnd)
        ) { row throws(StoreError) in
            let name = row.text("key").utf8.dropFirst(Journal.ruleKey.utf8.count)
            rules[ByteName(String(decoding: name, as: UTF8.self))] = row.word("value")
        }
        return rules
    }
}
