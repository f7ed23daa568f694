public import Basics
public import Contract
public import Telemetry

// What people do about alerts.
extension Journal {
    /// One deed, as it is kept.
    public struct Deed: Sendable {
        /// What is done.
        public var kind: IncidentDeed.Kind
        /// When.
        public var at: Timestamp
        /// Who.
        public var by: String
        /// As given; empty for nothing.
        public var note: String
        /// As `IncidentDeed.target`; empty for nothing.
        public var target: String
        /// As `IncidentDeed.origin`.
        public var origin: String

        /// `note` and `target` are empty where there is none.
        public init(
            _ kind: IncidentDeed.Kind, at: Timestamp, by: String, note: String = "", target: String = "",
            origin: String = ""
        ) {
            self.kind = kind
            self.at = at
            self.by = by
            self.note = note
            self.target = target
            self.origin = origin
        }
    }

    /// Adds a line to the story of the alert's newest incident, beside those that others wrote. Throws `.noSuchAlert`, and `.noIncident` where none is kept.
    public func add(_ deed: Deed, toAlert id: Int64) throws(StoreError) {
        try core.transaction { () throws(StoreError) in try write(deed, toAlert: id) }
    }

    private func write(_ deed: Deed, toAlert id: Int64) throws(StoreError) {
        guard try core.integer("SELECT 1 FROM alert WHERE id = ?", .integer(id)) != nil else {
            throw .noSuchAlert(id: id)
        }
        if deed.kind == .acknowledged {
            try core.run(
                "UPDATE alert SET acknowledged_at = ?2, acknowledged_by = ?3, note = ?4 WHERE id = ?1", .integer(id),
                .integer(deed.at.milliseconds), .text(deed.by), .text(deed.note))
        }
        let written = try core.integer(
            """
            INSERT INTO deed(incident, after, at, kind, person, note, target, origin)
            SELECT id, (SELECT max(id) FROM transition WHERE alert = ?1), ?2, ?3, ?4, ?5, ?6, ?7 FROM incident
            WHERE alert = ?1 ORDER BY id DESC LIMIT 1 RETURNING id
            """, .integer(id), .integer(deed.at.milliseconds), .text(deed.kind.rawValue), .text(deed.by),
            .text(deed.note), .text(deed.target), .text(deed.origin))
        guard written != nil else { throw .noIncident(alert: id) }
    }

    // MARK: Silences

    /// Keeps a silence and gives it its number; of one alert with the line of its story. Throws `.noSuchAlert`.
    public func add(
        _ silence: Silence, alert: Int64? = nil, with deed: Deed? = nil, at now: Timestamp
    ) throws(StoreError) -> Int64 {
        var silence = silence
        return try core.transaction { () throws(StoreError) in
            if let alert, let deed { try write(deed, toAlert: alert) }
            // What put it aside before does no more.
            if let alert { try end("alert = \(alert) AND over IS NULL", by: silence.by, at: now) }
            silence.id = 1 + (try core.integer("SELECT coalesce(max(id), 0) FROM silence") ?? 0)
            try core.run(
                """
                INSERT INTO silence(id, selection, alert, begins, ends, ends_steady, person, reason, made_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """, .integer(silence.id), .text(silence.selection.stored), .optional(alert),
                .integer(silence.begins.milliseconds), .integer(silence.ends.milliseconds),
                .optional(silence.endsSteady?.milliseconds), .text(silence.by), .text(silence.reason),
                .integer(now.milliseconds))
            return silence.id
        }
    }

    /// Ends one before its end. Throws `.noSuchSilence` where there is none that is not over.
    public func endSilence(_ id: Int64, by: String, at now: Moment) throws(StoreError) {
        try core.transaction { () throws(StoreError) in
            let silence = try silences().first { $0.id == id }
            guard let silence, !silence.isOver(at: now) else { throw .noSuchSilence(id: id) }
            try end("id = \(id)", by: by, at: now.wall)
        }
    }

    /// An alert is put aside no more, with the line of its story; false where it was not. Throws `.noSuchAlert`.
    public func unshelve(_ alert: Int64, with deed: Deed, at now: Moment) throws(StoreError) -> Bool {
        try core.transaction { () throws(StoreError) in
            guard let key = try key(ofAlert: alert) else { throw .noSuchAlert(id: alert) }
            let isShelved = try silences().contains { $0.selection.alert == key && !$0.isOver(at: now) }
            guard isShelved else { return false }
            try end("alert = \(alert) AND over IS NULL", by: deed.by, at: now.wall)
            try write(deed, toAlert: alert)
            return true
        }
    }

    private func end(_ condition: String, by: String, at now: Timestamp) throws(StoreError) {
        try core.run(
            "UPDATE silence SET over = ?, over_by = ? WHERE \(condition)", .integer(now.milliseconds), .text(by))
    }

    /// What a silence means has another name now; one that means it by a pattern stays as it is.
    func renameInSilences(_ key: String, _ old: String, to name: String) throws(StoreError) {
        func line(_ value: String) -> String { "\n\(key)\t\(value)\n" }
        try core.run(
            "UPDATE silence SET selection = trim(replace(char(10) || selection || char(10), ?, ?), char(10)) WHERE over IS NULL",
            .text(line(old)), .text(line(name)))
    }

    /// Those that nobody has ended, by number; some may be over by themselves.
    public func silences() throws(StoreError) -> [Silence] {
        var found: [Silence] = []
        try core.rows(
            """
            SELECT s.id, s.selection, s.begins, s.ends, s.ends_steady, s.person, s.reason, s.alert AS aside, a.rule, a.device,
                a.series, a.subject, a.name
            FROM silence s LEFT JOIN alert a ON a.id = s.alert WHERE s.over IS NULL ORDER BY s.id
            """
        ) { row throws(StoreError) in
            var selection = Silence.Selection(stored: row.text("selection"))
            if row.optionalInteger("aside") != nil {
                guard let key = AlertKey(row, registry) else { return }
                selection.alert = key
            }
            found.append(Silence(row, selection: selection))
        }
        return found
    }
}

extension Archive {
    /// Silences by number, those that are over only where they are asked for, then the newest 1000; at `now`, the wall clock's.
    public func silences(_ request: SilencesRequest, at now: Timestamp) throws(StoreError) -> [SilenceAnswer] {
        guard request.includesOver else {
            return try silences("WHERE over IS NULL ORDER BY id", at: now).filter { $0.state != .over }
        }
        return try silences("ORDER BY id DESC LIMIT 1000", at: now)
    }

    /// Those that were in force at some time of a span, by number; of more the newest 1000.
    func silences(since: Timestamp, until: Timestamp, at now: Timestamp) throws(StoreError) -> [SilenceAnswer] {
        try silences("WHERE begins < \(until.milliseconds) ORDER BY id DESC LIMIT 1000", at: now)
            .filter { ($0.endedAt ?? $0.ends) > since && ($0.endedAt ?? $0.ends) > $0.begins }.reversed()
    }

    /// One of them. Throws `.noSuchSilence`.
    public func silence(_ id: Int64, at now: Timestamp) throws(StoreError) -> SilenceAnswer {
        guard let found = try silences("WHERE id = \(id)", at: now).first else { throw .noSuchSilence(id: id) }
        return found
    }

    private func silences(_ condition: String, at now: Timestamp) throws(StoreError) -> [SilenceAnswer] {
        try withSnapshot { connection throws(StoreError) in
            guard try Schema.version(of: connection) >= 10 else { return [] }
            let clock = try StoredClock.moment(connection)
            // By the clock that nobody sets it is as much later than at the last commit as by the wall clock, or less.
            let steady = clock.map { $0.steady + max(.zero, now - $0.wall) } ?? SteadyTime(milliseconds: 0)
            let moment = Moment(wall: now, steady: steady, listened: steady)
            var answers: [SilenceAnswer] = []
            try connection.rows(
                """
                SELECT id, selection, alert, begins, ends, ends_steady, person, reason, over, over_by,
                    (SELECT count(DISTINCT alert) FROM standing WHERE hold IN ('silenced', 'shelved')
                        AND detail = CAST(silence.id AS TEXT)) AS holds
                FROM silence \(condition)
                """
            ) { row throws(StoreError) in
                let silence = Silence(row, selection: .init())
                let over = row.optionalInteger("over").map { Timestamp(milliseconds: $0) }
                let state: SilenceAnswer.State =
                    over != nil || silence.isOver(at: moment)
                    ? .over : silence.isInForce(at: moment) ? .inForce : .planned
                answers.append(
                    SilenceAnswer(
                        id: silence.id, selection: SilenceSelection(stored: row.text("selection")),
                        alert: row.optionalInteger("alert"), state: state, begins: silence.begins, ends: silence.ends,
                        by: silence.by, reason: silence.reason, endedAt: over, endedBy: row.optionalText("over_by"),
                        holds: Int(row.integer("holds"))))
            }
            return answers
        }
    }
}

extension Silence {
    fileprivate init(_ row: Statement, selection: Selection) {
        self.init(
            id: row.integer("id"), selection: selection, begins: Timestamp(milliseconds: row.integer("begins")),
            ends: Timestamp(milliseconds: row.integer("ends")),
            endsSteady: row.optionalInteger("ends_steady").map { SteadyTime(milliseconds: $0) },
            by: row.text("person"), reason: row.text("reason"))
    }
}

// A selection is stored as lines of a word and its value; no value has a line end.
extension SilenceSelection {
    fileprivate init(stored: String) {
        self.init()
        for line in stored.split(separator: "\n") {
            guard let tab = line.firstIndex(of: "\t") else { continue }
            let value = String(line[line.index(after: tab)...])
            switch line[..<tab] {
            case "rule": rule = value
            case "device": device = value
            case "profile": profile = value
            case "area": area = value
            case "circuit": circuit = value
            case "label": label = value
            default: break
            }
        }
    }

    fileprivate var stored: String { words.map { "\($0.key)\t\($0.value)" }.joined(separator: "\n") }
}

extension Silence.Selection {
    /// What people ask for, as the desk reads it.
    public init(_ asked: SilenceSelection) {
        func list(_ word: String?) -> [String] { word.map { [$0] } ?? [] }
        var labels: [String: [String]] = [:]
        if let (name, value) = asked.label.flatMap({ SilenceSelection.split($0) }) { labels[name] = [value] }
        self.init(
            rules: list(asked.rule),
            devices: DeviceSelector(
                names: list(asked.device), profiles: list(asked.profile), areas: list(asked.area),
                circuits: list(asked.circuit), labels: labels))
    }

    fileprivate init(stored: String) { self.init(SilenceSelection(stored: stored)) }

    /// As it was asked for: each word has one value at most.
    fileprivate var stored: String {
        SilenceSelection(
            rule: rules.first, device: devices.names.first, profile: devices.profiles.first, area: devices.areas.first,
            circuit: devices.circuits.first, label: devices.labels.first.map { "\($0.name)=\($0.values.first ?? "")" }
        ).stored
    }
}
