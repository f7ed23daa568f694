// What version 11 keeps of the gateway's own story.
extension Schema {
    // Each time that a gateway ran on the store. ended: the last moment that it wrote down, where it was not ended in order.
    private static let run = """
        CREATE TABLE run(
            id INTEGER PRIMARY KEY, began INTEGER NOT NULL, version TEXT NOT NULL, ended INTEGER,
            in_order INTEGER NOT NULL DEFAULT 0)
        """
    // Each text that a rule had; empty from when it was gone.
    private static let ruleText =
        "CREATE TABLE rule_text(id INTEGER PRIMARY KEY, rule TEXT NOT NULL, since INTEGER NOT NULL, text TEXT NOT NULL)"

    /// Behind what version 10 has.
    static let storyTables = [run, ruleText, "CREATE INDEX rule_text_rule ON rule_text(rule)"]
}
