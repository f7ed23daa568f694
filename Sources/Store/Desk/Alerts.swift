public import Basics
public import Telemetry

/// An alert as it was last recorded, to restore the alert book from.
public struct StoredAlert: Hashable, Sendable {
    /// Stable for the key: one alert keeps its number through all its incidents.
    public var id: Int64
    /// The rule, and what the alert is about.
    public var key: AlertKey
    /// Into which its newest step led.
    public var phase: AlertPhase
    /// The phase before: an unknown alert goes on differently when people had been told that it fires.
    public var from: AlertPhase
    /// Of its newest step.
    public var severity: Severity
    /// When the condition began to hold.
    public var since: Timestamp
    /// When the alert came into its phase.
    public var at: Timestamp
    /// The same moment in the time that the gateway listened.
    public var listened: SteadyTime
    /// What its rule watched then; empty where an earlier version stored it.
    public var watched: String
    /// The value that decided the newest step, in the canonical unit; nil for absence.
    public var value: Double?
    /// What the newest step tells, with the numbers.
    public var meaning: Sentence
    /// The worst value of the incident that is not over; nil where there is none, or none is known.
    public var peak: AlertPeak?
    /// nil where nobody has taken this incident on.
    public var acknowledgement: Acknowledgement?

    /// Someone has taken the alert on. It ends with the incident: a new one starts without.
    public struct Acknowledgement: Hashable, Sendable {
        /// When the order was carried out.
        public var at: Timestamp
        /// Who, as given with the order.
        public var by: String
        /// What is being done; empty where nothing was given.
        public var note: String
    }
}

extension Journal {
    // MARK: Alerts

    /// Records transitions in order, a notification for each that people are told of and each of `channels`, and what the desk
    /// decided of the others, in one transaction with the mark that the alerts of `journalID` are done. Returns the alerts'
    /// numbers.
    ///
    /// `peaks` are the worst values of alerts that are up, where they have changed without a transition. With `clock` what was
    /// judged by the time listened finds no less of it after a crash. May be called without transitions to move the mark alone.
    @discardableResult
    public func record(
        _ transitions: [AlertTransition], decisions: [DeskDecision] = [], peaks: [AlertKey: AlertPeak] = [:],
        channels: [String], now: Timestamp,
        evaluatedThrough journalID: Int64, clock: StoredClock? = nil
    ) throws(StoreError) -> [Int64] {
        Catalogue.settle(&registry, beyond: saved)
        var (numbers, steps): ([Int64], [Int64]) = ([], [])
        let nowSaved = try core.transaction { () throws(StoreError) in
            let nowSaved = try Catalogue.save(registry, beyond: saved, core)
            for transition in transitions {
                let number = try upsert(transition)
                numbers.append(number)
                let row = try core.integer(
                    """
                    INSERT INTO transition(
                        id, alert, was, became, at, since, severity, value, sentence, sentence_key, sentence_values)
                    VALUES (\(LostStory.nextNumber(of: "transition")), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id
                    """, .integer(number), .text(transition.from.rawValue), .text(transition.to.rawValue),
                    .integer(transition.at.milliseconds), .integer(transition.since.milliseconds),
                    .text(transition.severity.rawValue), .optional(transition.value),
                    .text(transition.meaning.storedWords), .optional(transition.meaning.storedKey),
                    .optional(transition.meaning.valuesBesideKey))
                guard let row else { throw .corrupt(file: core.file, detail: "a step was written but has no number") }
                steps.append(row)
                try recordIncident(of: transition, step: row, alert: number)
                try enqueue(transition, step: row, for: channels, now: now)
            }
            for decision in decisions { try record(decision, steps, now: now) }
            for (key, peak) in peaks { try recordPeak(peak, of: key) }
            try Meta.evaluatedThrough.write(journalID, core)
            try clock?.write(core)
            return nowSaved
        }
        if let clock { storedClock = clock }
        saved = nowSaved
        markProfilesSaved()
        evaluatedThrough = journalID
        return numbers
    }

    private func upsert(_ transition: AlertTransition) throws(StoreError) -> Int64 {
        // A new incident begins where nothing held before: what was said about the last one is over.
        let number = try core.integer(
            """
            INSERT INTO alert(
                id, rule, device, series, phase, severity, since, at, value, sentence, subject, name, listened, watched,
                sentence_key, sentence_values, since_steady, at_steady)
            VALUES (\(LostStory.nextNumber(of: "alert")), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?11, ?12, ?13, ?14, ?15, ?16,
                CASE WHEN ?6 = ?7 THEN ?17 END, ?17)
            ON CONFLICT(rule, subject, device, series, name) DO UPDATE SET phase = ?4, severity = ?5, since = ?6, at = ?7, value = ?8,
                sentence = ?9, listened = ?13, watched = ?14, sentence_key = ?15, sentence_values = ?16, at_steady = ?17,
                since_steady = CASE WHEN ?6 = ?7 THEN ?17 WHEN since = ?6 THEN since_steady END, acknowledged_at = CASE WHEN ?10 THEN NULL ELSE acknowledged_at END,
                acknowledged_by = CASE WHEN ?10 THEN NULL ELSE acknowledged_by END,
                note = CASE WHEN ?10 THEN NULL ELSE note END
            RETURNING id
            """, .text(transition.key.rule), .integer(transition.key.subject.deviceNumber),
            .integer(transition.key.subject.seriesNumber), .text(transition.to.rawValue),
            .text(transition.severity.rawValue), .integer(transition.since.milliseconds),
            .integer(transition.at.milliseconds), .optional(transition.value), .text(transition.meaning.storedWords),
            .integer(transition.isBeginning ? 1 : 0), .text(transition.key.subject.kind.rawValue),
            .text(transition.key.subject.storedName), .integer(transition.listened.milliseconds),
            .text(transition.watched), .optional(transition.meaning.storedKey),
            .optional(transition.meaning.valuesBesideKey), .integer(transition.steady.milliseconds))
        guard let number else { throw .corrupt(file: core.file, detail: "an alert was written but has no number") }
        return number
    }

    /// All alerts ever recorded, in the phase they are in, by number.
    public func alertStates() throws(StoreError) -> [StoredAlert] {
        var alerts: [StoredAlert] = []
        let file = core.file
        try core.rows(
            """
            SELECT id, rule, device, series, phase, severity, since, at, value, sentence, acknowledged_at,
                acknowledged_by, note,
                (SELECT was FROM transition WHERE alert = alert.id ORDER BY transition.id DESC LIMIT 1) AS was,
                subject, name, listened, watched, sentence_key, sentence_values, peak, peak_at, peak_gravity
            FROM alert LEFT JOIN (
                SELECT alert AS owner, peak, peak_at, peak_gravity FROM incident WHERE last IS NULL AND peak_at IS NOT NULL)
                ON owner = alert.id
            ORDER BY id
            """
        ) { row throws(StoreError) in
            // Its steps may be lost: then it is as if it had always been so.
            let was = row.optionalText("was") ?? row.text("phase")
            guard let phase = AlertPhase(rawValue: row.text("phase")), let from = AlertPhase(rawValue: was),
                let severity = Severity(rawValue: row.text("severity")),
                let key = AlertKey(row, registry)
            else { throw .corrupt(file: file, detail: "alert \(row.integer("id")) does not read") }
            alerts.append(
                StoredAlert(
                    id: row.integer("id"), key: key, phase: phase, from: from, severity: severity,
                    since: Timestamp(milliseconds: row.integer("since")),
                    at: Timestamp(milliseconds: row.integer("at")),
                    listened: SteadyTime(milliseconds: row.optionalInteger("listened") ?? row.integer("at")),
                    watched: row.text("watched"), value: row.optionalReal("value"), meaning: Sentence(row),
                    peak: row.optionalInteger("peak_at").map {
                        AlertPeak(
                            value: row.optionalReal("peak") ?? 0, at: Timestamp(milliseconds: $0),
                            gravity: row.optionalReal("peak_gravity") ?? 1)
                    },
                    acknowledgement: row.optionalInteger("acknowledged_at").map {
                        .init(at: Timestamp(milliseconds: $0), by: row.text("acknowledged_by"), note: row.text("note"))
                    }))
        }
        return alerts
    }

    /// The alerts that are not over and that somebody has taken on.
    public func takenAlerts() throws(StoreError) -> Set<AlertKey> {
        var taken: Set<AlertKey> = []
        try core.rows(
            """
            SELECT rule, device, series, subject, name FROM alert
            WHERE acknowledged_at IS NOT NULL AND phase NOT IN ('inactive', 'resolved')
            """
        ) { row throws(StoreError) in
            if let key = AlertKey(row, registry) { taken.insert(key) }
        }
        return taken
    }

    /// nil where there is no such alert.
    public func key(ofAlert id: Int64) throws(StoreError) -> AlertKey? {
        var key: AlertKey?
        try core.rows("SELECT rule, device, series, subject, name FROM alert WHERE id = ?", .integer(id)) {
            row throws(StoreError) in key = AlertKey(row, registry)
        }
        return key
    }

    /// Files the alerts of a rule that are not over under its new name, with their numbers and their stories. What is over was
    /// told under the old name, and is found by it; where the new name has such a story of the same subject, as after a rename
    /// back, the two change names.
    public func rename(rule: String, to name: String) throws(StoreError) {
        // No rule is called so.
        let between = "\u{1}\(name)"
        let over = "('\(AlertPhase.inactive.rawValue)', '\(AlertPhase.resolved.rawValue)')"
        try core.transaction { () throws(StoreError) in
            try core.run(
                """
                UPDATE alert SET rule = ?3 WHERE rule = ?2 AND phase IN \(over) AND EXISTS (
                    SELECT 1 FROM alert AS up WHERE up.rule = ?1 AND up.phase NOT IN \(over)
                        AND (up.subject, up.device, up.series, up.name)
                            = (alert.subject, alert.device, alert.series, alert.name))
                """, .text(rule), .text(name), .text(between))
            try core.run(
                "UPDATE OR IGNORE alert SET rule = ?2 WHERE rule = ?1 AND phase NOT IN \(over)", .text(rule),
                .text(name))
            try core.run("UPDATE alert SET rule = ?2 WHERE rule = ?1", .text(between), .text(rule))
            try renameInSilences("rule", rule, to: name)
        }
    }

    /// Files the alerts about a circuit under its new name, with their numbers and their stories; those stay where that name has
    /// one of the same rule. Returns the rules of the others.
    public func rename(circuit: String, to name: String) throws(StoreError) -> Set<ByteName> {
        var rules: Set<ByteName> = []
        try core.rows(
            "UPDATE OR IGNORE alert SET name = ?2 WHERE subject = ?3 AND name = ?1 RETURNING rule", .text(circuit),
            .text(name), .text(Subject.Kind.circuit.rawValue)
        ) { row in rules.insert(ByteName(row.text("rule"))) }
        try renameInSilences("circuit", circuit, to: name)
        return rules
    }

    /// Files an alert under another subject, with its number and its story; false where that has an alert of the rule.
    public func refile(_ id: Int64, as key: AlertKey) throws(StoreError) -> Bool {
        try core.integer(
            """
            UPDATE OR IGNORE alert SET subject = ?2, device = ?3, series = ?4, name = ?5 WHERE id = ?1 RETURNING id
            """, .integer(id), .text(key.subject.kind.rawValue), .integer(key.subject.deviceNumber),
            .integer(key.subject.seriesNumber), .text(key.subject.storedName)) != nil
    }
}

extension AlertKey {
    /// Reads the key from the columns rule, subject, device, series and name; nil where it names what the registry does not
    /// have.
    init?(_ row: Statement, _ registry: SeriesRegistry) {
        let (device, series) = (row.integer("device"), row.integer("series"))
        guard (-1..<Int64(registry.deviceCount)).contains(device), (-1..<Int64(registry.seriesCount)).contains(series),
            let kind = Subject.Kind(rawValue: row.text("subject")),
            let subject = Subject(kind, device: device, series: series, name: row.text("name"))
        else { return nil }
        self.init(rule: row.text("rule"), subject: subject)
    }
}

// How a subject stands in table `alert`.
extension Subject {
    /// -1 where it is about no device.
    var deviceNumber: Int64 { device.map { Int64($0.rawValue) } ?? -1 }
    /// -1 where it is about no series.
    var seriesNumber: Int64 { series.map { Int64($0.rawValue) } ?? -1 }

    /// Of what the registry has no number for; else empty.
    var storedName: String {
        switch self {
        case .circuit(let name), .area(let name): name
        case .series, .device, .gateway, .broker: ""
        }
    }

    /// nil where a number is missing that the kind needs.
    init?(_ kind: Kind, device: Int64, series: Int64, name: String) {
        let index = device < 0 ? nil : DeviceIndex(rawValue: UInt32(device))
        switch kind {
        case .series:
            guard let index, series >= 0 else { return nil }
            self = .series(SeriesID(rawValue: UInt32(series)), of: index)
        case .device:
            guard let index else { return nil }
            self = .device(index)
        case .circuit: self = .circuit(name)
        case .area: self = .area(name)
        case .gateway: self = .gateway
        case .broker: self = .broker
        }
    }
}
