public import Basics
public import Contract
import Telemetry

extension Archive {
    /// The incidents that fit, newest first: in the order in which they began, whatever the clock said. Throws
    /// `.noSuchDevice`, `.noSuchRule`, `.noSuchArea` or `.noSuchCircuit`.
    ///
    /// `now` is the wall clock's, for how long those last that are not over; without it that is not told.
    public func incidents(
        _ request: IncidentsRequest = IncidentsRequest(), at now: Timestamp? = nil
    ) throws(StoreError) -> IncidentsAnswer {
        try withSnapshot { connection throws(StoreError) in
            let with = try incidentTable(connection)
            try known(device: request.device)
            try known(rule: request.rule, connection)
            try known(area: request.area, circuit: request.circuit, inIncidentsOf: with, connection)
            var answers: [IncidentAnswer] = []
            let (query, values) = try query(request, connection)
            let statement = try connection.statement(query)
            defer { statement.reset() }
            statement.bind(values)
            while try statement.step() { answers.append(try incident(statement, connection.file, at: now)) }
            let hasMore = answers.count > request.limit
            if hasMore { answers.removeLast() }
            if let newest = answers.first?.id, let oldest = answers.last?.id {
                try attachDeeds(to: &answers, from: oldest, through: newest, connection)
            }
            return IncidentsAnswer(incidents: answers, next: hasMore ? answers.last?.id : nil)
        }
    }

    /// One incident with every step of it that is kept, `now` as in `incidents`. Throws `.noSuchIncident`.
    public func incident(_ id: Int64, at now: Timestamp? = nil) throws(StoreError) -> IncidentStoryAnswer {
        try withSnapshot { connection throws(StoreError) in
            var found: (answer: IncidentAnswer, last: Int64?)?
            let with = try incidentTable(connection)
            try connection.rows(
                "\(with) \(try incidentColumns(connection)) WHERE i.id = ?", .integer(id)
            ) { row throws(StoreError) in
                found = (try incident(row, connection.file, at: now), row.optionalInteger("last"))
            }
            guard let found else { throw .noSuchIncident(id: id) }
            var answer = found.answer
            answer.deeds = try deeds("WHERE i.id = ?", .integer(id), connection: connection)
            return IncidentStoryAnswer(
                incident: answer,
                transitions: try steps(of: answer.alert, through: id...max(id, found.last ?? .max), connection))
        }
    }

    /// What people did about the incidents of a condition upon table `incident i`, in order.
    func deeds(
        _ condition: String, _ values: SQLValue..., connection: Connection
    ) throws(StoreError) -> [IncidentDeed] {
        var deeds: [IncidentDeed] = []
        let more = try Schema.version(of: connection) < 10 ? "'' AS target, '' AS origin" : "d.target, d.origin"
        let statement = try connection.statement(
            """
            \(try incidentTable(connection)) SELECT d.id, d.incident, d.after, d.at, d.kind, d.person, d.note, \(more)
            FROM incident i JOIN deed d ON d.incident = i.id \(condition) ORDER BY d.id
            """)
        defer { statement.reset() }
        statement.bind(values)
        while try statement.step() {
            guard let kind = IncidentDeed.Kind(rawValue: statement.text("kind")) else {
                throw .corrupt(file: connection.file, detail: "deed \(statement.integer("id")) does not read")
            }
            deeds.append(
                IncidentDeed(
                    incident: statement.integer("incident"), after: statement.integer("after"),
                    at: Timestamp(milliseconds: statement.integer("at")), kind: kind, by: statement.text("person"),
                    note: statement.text("note"), target: statement.filledText("target"),
                    origin: statement.filledText("origin")))
        }
        return deeds
    }

    private func attachDeeds(
        to answers: inout [IncidentAnswer], from oldest: Int64, through newest: Int64, _ connection: Connection
    ) throws(StoreError) {
        let all = try deeds(
            "WHERE i.id BETWEEN ? AND ?", .integer(oldest), .integer(newest), connection: connection)
        guard !all.isEmpty else { return }
        let byIncident = Dictionary(grouping: all, by: \.incident)
        for index in answers.indices { answers[index].deeds = byIncident[answers[index].id] ?? [] }
    }

    // MARK: SQL

    private func query(
        _ request: IncidentsRequest, _ connection: Connection
    ) throws(StoreError) -> (sql: String, values: [SQLValue]) {
        let (conditions, values) = conditions(request)
        let sql = """
            \(try incidentTable(connection)) \(try incidentColumns(connection))
            WHERE \(conditions.joined(separator: " AND ")) ORDER BY i.id DESC LIMIT ?
            """
        // One more than fits says whether there are more.
        return (sql, values + [.integer(Int64(request.limit) + 1)])
    }

    /// How SQLite finds what a request is about, line by line.
    func incidentPlan(_ request: IncidentsRequest) throws(StoreError) -> [String] {
        try withSnapshot { connection throws(StoreError) in
            let (sql, values) = try query(request, connection)
            let statement = try connection.statement("EXPLAIN QUERY PLAN " + sql)
            defer { statement.reset() }
            statement.bind(values)
            var lines: [String] = []
            while try statement.step() { lines.append(statement.text("detail")) }
            return lines
        }
    }

    /// What a question begins with. Of a store that no gateway has led forward yet its steps tell of incidents.
    func incidentTable(_ connection: Connection) throws(StoreError) -> String {
        try Schema.version(of: connection) < 7
            ? "WITH incident AS MATERIALIZED (\(Schema.incidentsOfSteps)), deed AS (\(Schema.deedsOfAlerts))" : ""
    }

    private func incidentColumns(_ connection: Connection) throws(StoreError) -> String {
        let version = try Schema.version(of: connection)
        let isOld = version < 7
        func steady(_ column: String) -> String {
            version < 8 ? Schema.steady(at: "i.\(column)") : "i.\(column)_steady"
        }
        func sentence(_ step: String) -> String {
            "\(step).sentence AS \(step)_sentence, "
                + (isOld
                    ? "NULL AS \(step)_key, NULL AS \(step)_values"
                    : "\(step).sentence_key AS \(step)_key, \(step).sentence_values AS \(step)_values")
        }
        return """
            SELECT i.id, i.alert, i.last, i.began, i.ended, i.fired, i.phase, i.severity, i.peak, i.peak_at, i.area,
                i.circuit, \(steady("began")) AS began_steady, \(steady("ended")) AS ended_steady, a.rule, a.device, a.series, \(try subjectColumns(connection)),
                \(sentence("first")), \(sentence("final"))
            FROM incident i JOIN alert a ON a.id = i.alert LEFT JOIN transition first ON first.id = i.id
            LEFT JOIN transition final ON final.id = i.last
            """
    }

    /// Conditions upon `incident i` and `alert a`, and the values of their question marks.
    private func conditions(_ request: IncidentsRequest) -> (sql: [String], values: [SQLValue]) {
        var (sql, values): ([String], [SQLValue]) = (["1"], [])
        func add(_ condition: String, _ bound: SQLValue...) {
            sql.append(condition)
            values += bound
        }
        let (since, until) = (request.since?.milliseconds ?? .min, request.until?.milliseconds ?? .max)
        if request.since != nil || request.until != nil {
            // Those that began within the span; those that began before it and reach into it, from the indexes of short ones
            // and of long ones. (Of a million in a year: a night 1.5 ms, the whole year 200; by a walk a night of long ago 50.)
            add(
                """
                i.id IN (
                    SELECT id FROM incident WHERE low >= ? AND low < ?
                    UNION ALL SELECT id FROM incident WHERE low >= ? AND low < ? AND high > ?
                    UNION ALL SELECT id FROM incident WHERE high - low > \(Schema.longIncident) AND low < ? AND high > ?)
                """, .integer(since), .integer(until),
                .integer(since < .min + Schema.longIncident ? .min : since - Schema.longIncident),
                .integer(min(since, until)), .integer(since), .integer(min(since, until)), .integer(since))
        }
        if let before = request.before { add("i.id < ?", .integer(before)) }
        if let area = request.area { add("i.area = ?", .text(area)) }
        if let circuit = request.circuit { add("i.circuit = ?", .text(circuit)) }
        if let severity = request.severity { add("i.severity = ?", .text(severity.rawValue)) }
        if let rule = request.rule {
            add("i.alert IN (SELECT id FROM alert WHERE rule = ?)", .text(rule))
        }
        if let device = request.device {
            let pattern = NamePattern(device)
            let wanted = registry.devices.indices.filter { pattern.matches(registry.devices[$0].name) }
            add(
                "i.alert IN (SELECT id FROM alert WHERE device IN (SELECT value FROM json_each(?)))",
                .text(wanted.description))
        }
        switch request.state {
        case nil: break
        case .open?: add("i.last IS NULL")
        case .over?: add("i.last IS NOT NULL")
        case .pending?: add("i.phase = ?", .text(AlertPhase.pending.rawValue))
        case .firing?:
            add("i.phase IN (?, '\(AlertPhase.clearing.rawValue)')", .text(AlertPhase.firing.rawValue))
        case .unknown?: add("i.phase = ?", .text(AlertPhase.unknown.rawValue))
        case .resolved?: add("i.phase = ?", .text(AlertPhase.resolved.rawValue))
        case .unfired?: add("i.phase = ?", .text(AlertPhase.inactive.rawValue))
        }
        return (sql, values)
    }

    private func incident(_ row: Statement, _ file: String, at now: Timestamp?) throws(StoreError) -> IncidentAnswer {
        guard let phase = AlertPhase(rawValue: row.text("phase")),
            let severity = Severity(rawValue: row.text("severity")), let key = AlertKey(row, registry)
        else { throw .corrupt(file: file, detail: "incident \(row.integer("id")) does not read") }
        func time(_ column: StaticString) -> Timestamp? {
            row.optionalInteger(column).map { Timestamp(milliseconds: $0) }
        }
        func steady(_ column: StaticString) -> SteadyTime? {
            row.optionalInteger(column).map { SteadyTime(milliseconds: $0) }
        }
        let (began, ended) = (steady("began_steady"), steady("ended_steady"))
        let lasted = began.flatMap { began in ended.map { $0 - began } }
        let about = about(key.subject)
        let beginning = Sentence(row, words: "first_sentence", key: "first_key", values: "first_values")
        let (area, circuit) = (row.text("area"), row.text("circuit"))
        return IncidentAnswer(
            id: row.integer("id"), alert: row.integer("alert"), rule: key.rule, device: about.device,
            subject: about.subject, name: about.name, quantity: about.quantity?.name, channel: about.channel,
            unit: beginning?.statisticUnit ?? about.quantity?.unit, area: area.isEmpty ? nil : area,
            circuit: circuit.isEmpty ? nil : circuit,
            state: IncidentState(phase), severity: severity, began: time("began") ?? Timestamp(milliseconds: 0),
            ended: time("ended"), durationSeconds: lasted.flatMap { $0 < .zero ? nil : $0.inSeconds },
            openSeconds: time("ended") == nil ? secondsSince(began, at: now) : nil, firedAt: time("fired"),
            peak: time("peak_at") == nil ? nil : row.optionalReal("peak"),
            peakAt: time("peak_at"),
            beginning: beginning,
            ending: Sentence(row, words: "final_sentence", key: "final_key", values: "final_values"))
    }
}

extension IncidentState {
    /// Of an incident whose newest step led into this phase.
    fileprivate init(_ phase: AlertPhase) {
        switch phase {
        case .pending: self = .pending
        case .firing, .clearing: self = .firing
        case .unknown: self = .unknown
        case .resolved: self = .resolved
        case .inactive: self = .unfired
        }
    }
}
