// The tables of what alerts have been, and what fills them in a store that had only the steps.
extension Schema {
    // One stretch of one alert, from the step with which it began to the one that ended it. id: the number of the first step
    // that was kept when it was written, so that incidents are in the order in which they began, whatever the clock said;
    // last: of the step that ended it, NULL until then. began, ended: by the wall clock; low, high: the earlier and the later
    // of the two, for questions by span, high beyond all times until it ends. fired: when it first fired; phase: of the
    // newest step; severity: the gravest; area, circuit: of the subject when it began.
    static let incident = """
        CREATE TABLE incident(
            id INTEGER PRIMARY KEY, alert INTEGER NOT NULL, last INTEGER, began INTEGER NOT NULL, ended INTEGER,
            low INTEGER NOT NULL, high INTEGER NOT NULL, fired INTEGER, phase TEXT NOT NULL, severity TEXT NOT NULL,
            peak REAL, peak_at INTEGER, peak_gravity REAL, area TEXT NOT NULL, circuit TEXT NOT NULL)
        """
    // What people did about an incident. after: the alert's newest step then.
    static let deed = """
        CREATE TABLE deed(
            id INTEGER PRIMARY KEY, incident INTEGER NOT NULL, after INTEGER NOT NULL, at INTEGER NOT NULL,
            kind TEXT NOT NULL, person TEXT NOT NULL, note TEXT NOT NULL)
        """
    /// What lasts longer is looked for by `incident_long`.
    static let longIncident: Int64 = 86_400_000
    static let incidentIndexes = [
        "CREATE INDEX incident_alert ON incident(alert)",
        "CREATE INDEX incident_open ON incident(alert) WHERE last IS NULL",
        "CREATE INDEX incident_low ON incident(low, high)",
        "CREATE INDEX incident_long ON incident(low, high) WHERE high - low > \(longIncident)",
        "CREATE INDEX deed_incident ON deed(incident)",
    ]

    /// The incidents that the steps of a store without that table tell of, with its columns. Of one whose first steps are
    /// given up the oldest that is kept stands for its beginning. What its worst value was nobody wrote down; one that goes on
    /// has at least the value with which it began.
    static let incidentsOfSteps = """
        SELECT t.id, t.alert, e.id AS last, t.since AS began, e.at AS ended, min(t.since, coalesce(e.at, t.since)) AS low,
            CASE WHEN e.id IS NULL THEN 9223372036854775807 ELSE max(t.since, e.at) END AS high,
            (SELECT s.at FROM transition s WHERE s.alert = t.alert AND s.id BETWEEN t.id AND coalesce(e.id, s.id)
                AND s.became = 'firing' ORDER BY s.id LIMIT 1) AS fired,
            coalesce(e.became, a.phase) AS phase,
            (SELECT s.severity FROM transition s WHERE s.alert = t.alert AND s.id BETWEEN t.id AND coalesce(e.id, s.id)
                ORDER BY \(rank("s.severity")) DESC LIMIT 1) AS severity,
            CASE WHEN e.id IS NULL THEN t.value END AS peak,
            CASE WHEN e.id IS NULL AND t.value IS NOT NULL THEN t.at END AS peak_at,
            CASE WHEN e.id IS NULL AND t.value IS NOT NULL THEN 0.5 END AS peak_gravity,
            coalesce(d.area, '') AS area, coalesce(d.circuit, '') AS circuit
        FROM transition t JOIN alert a ON a.id = t.alert LEFT JOIN device d ON d.id = a.device
        LEFT JOIN transition e ON e.id = (
            SELECT s.id FROM transition s WHERE s.alert = t.alert AND s.id >= t.id AND s.became IN ('inactive', 'resolved')
            ORDER BY s.id LIMIT 1)
        WHERE t.was IN ('inactive', 'resolved')
            OR t.id = (SELECT s.id FROM transition s WHERE s.alert = t.alert ORDER BY s.id LIMIT 1)
        """
    /// The deeds of such a store: of each alert the last one alone, filed under its newest incident.
    static let deedsOfAlerts = """
        SELECT a.id, (SELECT i.id FROM incident i WHERE i.alert = a.id ORDER BY i.id DESC LIMIT 1) AS incident,
            coalesce((SELECT t.id FROM transition t WHERE t.alert = a.id AND t.at <= a.acknowledged_at
                ORDER BY t.id DESC LIMIT 1), 0) AS after,
            a.acknowledged_at AS at, 'acknowledged' AS kind, coalesce(a.acknowledged_by, '') AS person,
            coalesce(a.note, '') AS note
        FROM alert a WHERE a.acknowledged_at IS NOT NULL AND EXISTS (SELECT 1 FROM incident i WHERE i.alert = a.id)
        """

    /// A severity as a number that grows with it.
    static func rank(_ column: String) -> String {
        "CASE \(column) WHEN 'critical' THEN 2 WHEN 'warning' THEN 1 ELSE 0 END"
    }
}
