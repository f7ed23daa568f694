import Contract
import Telemetry

/// Rows of alerts and their stories that readers refuse: those that a damaged page left, and alerts about what no catalogue
/// knows.
enum StoryFaults {
    private static func list(_ words: [String]) -> String {
        "(" + words.map { "'\($0)'" }.joined(separator: ", ") + ")"
    }

    /// A table, and the condition upon its rows.
    private static let conditions: [(table: String, condition: String)] = {
        let phases = list(AlertPhase.allCases.map(\.rawValue))
        let severities = list(Severity.allCases.map(\.rawValue))
        let kinds = list(Subject.Kind.allCases.map(\.rawValue))
        return [
            (
                "alert",
                """
                phase NOT IN \(phases) OR severity NOT IN \(severities) OR subject NOT IN \(kinds)
                OR device NOT BETWEEN -1 AND (SELECT coalesce(max(id), -1) FROM device)
                OR series NOT BETWEEN -1 AND (SELECT coalesce(max(id), -1) FROM series)
                OR subject = 'series' AND (device < 0 OR series < 0) OR subject = 'device' AND device < 0
                """
            ),
            ("transition", "was NOT IN \(phases) OR became NOT IN \(phases) OR severity NOT IN \(severities)"),
            ("incident", "phase NOT IN \(phases) OR severity NOT IN \(severities)"),
            ("deed", "kind NOT IN \(list(IncidentDeed.Kind.allCases.map(\.rawValue)))"),
        ]
    }()

    /// What hangs on rows that are gone, in this order.
    private static let orphans = [
        "DELETE FROM transition WHERE alert NOT IN (SELECT id FROM alert)",
        "DELETE FROM incident WHERE alert NOT IN (SELECT id FROM alert)",
        "DELETE FROM deed WHERE incident NOT IN (SELECT id FROM incident)",
        "DELETE FROM outbox WHERE transition_id NOT IN (SELECT id FROM transition)",
        "DELETE FROM standing WHERE alert NOT IN (SELECT id FROM alert)",
    ]

    /// How many rows of each table no reader takes; only of a file of this version.
    static func count(_ core: Connection) throws(StoreError) -> [(table: String, rows: Int64)] {
        var found: [(table: String, rows: Int64)] = []
        guard try Schema.version(of: core) == Schema.version else { return found }
        for (table, condition) in conditions {
            let rows = try core.integer("SELECT count(*) FROM \"\(table)\" WHERE \(condition)") ?? 0
            if rows > 0 { found.append((table, rows)) }
        }
        return found
    }

    /// Takes them out with all that hangs on them; what was taken out of each table. In the caller's transaction.
    static func remove(_ core: Connection) throws(StoreError) -> [(table: String, rows: Int64)] {
        let found = try count(core)
        guard !found.isEmpty else { return [] }
        for (table, condition) in conditions { try core.run("DELETE FROM \"\(table)\" WHERE \(condition)") }
        for statement in orphans { try core.run(statement) }
        return found
    }
}
