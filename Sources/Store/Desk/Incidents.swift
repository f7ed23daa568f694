import Basics
import Telemetry

// One stretch of one alert from its beginning to its end: what is kept of it beside its steps.
extension Journal {
    /// Begins, goes on with or ends the incident that a step belongs to, within the transaction of the step.
    func recordIncident(of transition: AlertTransition, step: Int64, alert: Int64) throws(StoreError) {
        let open =
            transition.isBeginning
            ? nil : try core.integer("SELECT id FROM incident WHERE alert = ? AND last IS NULL", .integer(alert))
        if let open {
            try core.run(
                """
                UPDATE incident SET phase = ?2, fired = coalesce(fired, CASE WHEN ?2 = 'firing' THEN ?3 END),
                    fired_steady = coalesce(fired_steady, CASE WHEN ?2 = 'firing' AND fired IS NULL THEN ?5 END),
                    severity = CASE WHEN \(Schema.rank("?4")) > \(Schema.rank("severity")) THEN ?4 ELSE severity END
                WHERE id = ?1
                """, .integer(open), .text(transition.to.rawValue), .integer(transition.at.milliseconds),
                .text(transition.severity.rawValue), .integer(transition.steady.milliseconds))
        } else {
            try begin(transition, step: step, alert: alert)
        }
        let incident = open ?? step
        if let peak = transition.peak { try write(peak, of: incident) }
        guard transition.isEnd else { return }
        try core.run(
            """
            UPDATE incident SET last = ?2, ended = ?3, low = min(began, ?3), high = max(began, ?3), ended_steady = ?4
            WHERE id = ?1
            """, .integer(incident), .integer(step), .integer(transition.at.milliseconds),
            .integer(transition.steady.milliseconds))
    }

    /// Where it is, is of now: lamps are moved from one circuit to another, and what was there stays there.
    private func begin(_ transition: AlertTransition, step: Int64, alert: Int64) throws(StoreError) {
        // One whose end was never recorded is over where the next begins.
        try core.run(
            """
            UPDATE incident SET phase = CASE WHEN fired IS NULL THEN 'inactive' ELSE 'resolved' END, ended = ?3, low = min(began, ?3), high = max(began, ?3),
                ended_steady = ?4, last = (SELECT id FROM transition WHERE alert = ?1 AND id < ?2 ORDER BY id DESC LIMIT 1)
            WHERE alert = ?1 AND last IS NULL
            """, .integer(alert), .integer(step), .integer(transition.at.milliseconds),
            .integer(transition.steady.milliseconds))
        let place: (area: String, circuit: String)
        switch transition.key.subject {
        case .series(_, let device), .device(let device):
            var found = (area: "", circuit: "")
            try core.rows("SELECT area, circuit FROM device WHERE id = ?", .integer(Int64(device.rawValue))) {
                row throws(StoreError) in
                found = (row.text("area"), row.text("circuit"))
            }
            place = found
        case .circuit(let name):
            // Where all of it lies in one area.
            var areas: [String] = []
            try core.rows("SELECT DISTINCT area FROM device WHERE circuit = ? LIMIT 2", .text(name)) {
                row throws(StoreError) in
                areas.append(row.text("area"))
            }
            place = (areas.count == 1 ? areas[0] : "", name)
        case .area(let name): place = (name, "")
        case .gateway, .broker: place = ("", "")
        }
        try core.run(
            """
            INSERT INTO incident(id, alert, began, low, high, fired, phase, severity, area, circuit, began_steady, fired_steady)
            VALUES (?1, ?2, ?3, ?3, ?4, CASE WHEN ?5 = 'firing' THEN ?6 END, ?5, ?7, ?8, ?9, ?10,
                CASE WHEN ?5 = 'firing' THEN ?11 END)
            """, .integer(step), .integer(alert), .integer(transition.since.milliseconds), .integer(.max),
            .text(transition.to.rawValue), .integer(transition.at.milliseconds), .text(transition.severity.rawValue),
            .text(place.area), .text(place.circuit),
            .optional(transition.isSinceNow ? transition.steady.milliseconds : nil),
            .integer(transition.steady.milliseconds))
    }

    /// The worst value of an alert that is up; one that is not recorded yet brings it along with its first step.
    func recordPeak(_ peak: AlertPeak, of key: AlertKey) throws(StoreError) {
        let open = try core.integer(
            """
            SELECT i.id FROM alert a JOIN incident i ON i.alert = a.id AND i.last IS NULL
            WHERE a.rule = ? AND a.subject = ? AND a.device = ? AND a.series = ? AND a.name = ?
            """, .text(key.rule), .text(key.subject.kind.rawValue), .integer(key.subject.deviceNumber),
            .integer(key.subject.seriesNumber), .text(key.subject.storedName))
        if let open { try write(peak, of: open) }
    }

    private func write(_ peak: AlertPeak, of incident: Int64) throws(StoreError) {
        try core.run(
            "UPDATE incident SET peak = ?2, peak_at = ?3, peak_gravity = ?4 WHERE id = ?1", .integer(incident),
            .optional(peak.value), .integer(peak.at.milliseconds), .optional(peak.gravity))
    }

    /// The incident that ended with a step which is given up, with what people did about it.
    func giveUpIncident(endedBy step: Int64, alert: Int64) throws(StoreError) {
        let incident = try core.integer(
            """
            SELECT CASE last WHEN ?1 THEN id END FROM incident WHERE alert = ?2 AND id <= ?1 ORDER BY id DESC LIMIT 1
            """, .integer(step), .integer(alert))
        guard let incident else { return }
        try core.run("DELETE FROM deed WHERE incident = ?", .integer(incident))
        try core.run("DELETE FROM incident WHERE id = ?", .integer(incident))
    }
}

// How what is told stands in tables `alert` and `transition`.
extension Sentence {
    /// Empty where there is a key: the words are made anew each time.
    var storedWords: String { key == .words ? words : "" }
    /// nil for words alone.
    var storedKey: String? { key == .words ? nil : key.rawValue }
    /// nil for words alone.
    var valuesBesideKey: String? { key == .words ? nil : storedValues }

    /// From the columns sentence, sentence_key and sentence_values.
    init(_ row: Statement) {
        self = Sentence(row, words: "sentence", key: "sentence_key", values: "sentence_values") ?? Sentence(words: "")
    }

    /// By the names of the columns; nil where there is neither a key nor words.
    init?(_ row: Statement, words: StaticString, key: StaticString, values: StaticString) {
        if let key = row.optionalText(key) {
            self.init(storedKey: key, values: row.optionalText(values) ?? "")
        } else if let words = row.optionalText(words) {
            self.init(words: words)
        } else {
            return nil
        }
    }
}
