public import Basics
public import Contract
import Frames
import Telemetry

extension Archive {
    /// The alerts that fit, those that were never more than pending included, newest step first. Throws
    /// `.noSuchDevice` or `.noSuchRule`.
    ///
    /// `now` is the wall clock's, for how long they stand; without it that is not told.
    public func alerts(
        _ filter: AlertsRequest = AlertsRequest(), at now: Timestamp? = nil
    ) throws(StoreError) -> [AlertAnswer] {
        try withSnapshot { connection throws(StoreError) in
            try known(device: filter.device)
            try known(rule: filter.rule, connection)
            let pattern = filter.device.map { NamePattern($0) }
            var answers: [AlertAnswer] = []
            try connection.rows(
                try alertColumns(connection)
                    + " WHERE (?1 IS NULL OR phase = ?1 OR ?1 = 'firing' AND phase = 'clearing') AND (?2 IS NULL OR rule = ?2) ORDER BY at DESC, id",
                .optional(filter.phase?.rawValue), .optional(filter.rule)
            ) { row throws(StoreError) in
                let answer = try alert(row, connection.file, at: now)
                if pattern.map({ answer.device.map($0.matches) ?? false }) ?? true { answers.append(answer) }
            }
            return answers
        }
    }

    /// Those of these numbers that there are, the greatest first, `now` as in `alerts`.
    func alerts(numbered numbers: [Int64], at now: Timestamp?) throws(StoreError) -> [AlertAnswer] {
        try withSnapshot { connection throws(StoreError) in
            var answers: [AlertAnswer] = []
            try connection.rows(
                try alertColumns(connection) + " WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id DESC",
                .text(numbers.description)
            ) { row throws(StoreError) in answers.append(try alert(row, connection.file, at: now)) }
            return answers
        }
    }

    /// One alert with every step of it that is kept, `now` as in `alerts`. Throws `.noSuchAlert`.
    public func alert(_ id: Int64, at now: Timestamp? = nil) throws(StoreError) -> AlertStoryAnswer {
        try withSnapshot { connection throws(StoreError) in
            var found: AlertAnswer?
            try connection.rows(alertColumns(connection) + " WHERE id = ?", .integer(id)) { row throws(StoreError) in
                found = try alert(row, connection.file, at: now)
            }
            guard let found else { throw .noSuchAlert(id: id) }
            var story = AlertStoryAnswer(
                alert: found, transitions: try steps(of: id, through: 0...Int64.max, connection),
                deeds: try deeds("WHERE i.alert = ?", .integer(id), connection: connection))
            guard try Schema.version(of: connection) >= 4 else { return story }
            story.stepsGivenUp = try connection.integer(
                "SELECT n FROM steps_given_up WHERE alert = ?", .integer(id))
            if story.stepsGivenUp != nil { story.toldSince = story.transitions.first?.at }
            return story
        }
    }

    /// Also of a store that no gateway has led forward yet.
    private func alertColumns(_ connection: Connection) throws(StoreError) -> String {
        let steady =
            try Schema.version(of: connection) < 8
            ? "\(Schema.steady(at: "since")) AS since_steady, \(Schema.steady(at: "at")) AS at_steady"
            : "since_steady, at_steady"
        return """
            SELECT id, rule, device, series, phase, severity, since, at, value, sentence, acknowledged_at, acknowledged_by,
                note, \(steady), \(try subjectColumns(connection)), \(try sentenceColumns("alert", connection)) FROM alert
            """
    }

    /// Of table `alert`: what it is about.
    func subjectColumns(_ connection: Connection) throws(StoreError) -> String {
        try Schema.version(of: connection) < 5
            ? "\(Schema.sourceOfNewColumn["alert.subject"]!) AS subject, \(Schema.sourceOfNewColumn["alert.name"]!) AS name"
            : "subject, name"
    }

    /// What is told beside the words.
    func sentenceColumns(_ table: String, _ connection: Connection) throws(StoreError) -> String {
        try Schema.version(of: connection) < 7
            ? "NULL AS sentence_key, NULL AS sentence_values"
            : "\(table).sentence_key, \(table).sentence_values"
    }

    /// The steps of an alert whose numbers lie in a range, with whom they were told.
    func steps(
        of alert: Int64, through numbers: ClosedRange<Int64>, _ connection: Connection
    ) throws(StoreError) -> [AlertStoryAnswer.Transition] {
        var steps: [AlertStoryAnswer.Transition] = []
        let file = connection.file
        try connection.rows(
            """
            SELECT id, was, became, at, since, severity, value, sentence, \(try sentenceColumns("transition", connection))
            FROM transition WHERE alert = ? AND id BETWEEN ? AND ? ORDER BY id
            """, .integer(alert), .integer(numbers.lowerBound), .integer(numbers.upperBound)
        ) { row throws(StoreError) in
            guard let from = AlertPhase(rawValue: row.text("was")), let to = AlertPhase(rawValue: row.text("became")),
                let severity = Severity(rawValue: row.text("severity"))
            else { throw .corrupt(file: file, detail: "transition \(row.integer("id")) does not read") }
            let sentence = Sentence(row)
            steps.append(
                .init(
                    id: row.integer("id"), from: from, to: to, at: Timestamp(milliseconds: row.integer("at")),
                    since: Timestamp(milliseconds: row.integer("since")), severity: severity,
                    value: row.optionalReal("value"), sentence: sentence.words, meaning: sentence.unlessWords,
                    notifications: []))
        }
        for index in steps.indices {
            try connection.rows(
                "SELECT channel, attempts, delivered_at, error FROM outbox WHERE transition_id = ? ORDER BY id",
                .integer(steps[index].id)
            ) { row throws(StoreError) in
                steps[index].notifications.append(
                    .init(
                        channel: row.text("channel"), attempts: Int(row.integer("attempts")),
                        deliveredAt: row.optionalInteger("delivered_at").map { Timestamp(milliseconds: $0) },
                        error: row.optionalText("error")))
            }
            guard try Schema.version(of: connection) >= 10 else { continue }
            try connection.rows(
                "SELECT recipient, at, verdict, detail FROM decision WHERE step = ? ORDER BY id",
                .integer(steps[index].id)
            ) { row throws(StoreError) in
                steps[index].decisions.append(
                    .init(
                        recipient: row.text("recipient"), at: Timestamp(milliseconds: row.integer("at")),
                        verdict: row.text("verdict"), detail: row.filledText("detail")))
            }
        }
        return steps
    }

    /// What an alert is about, as answers tell it: a device by its name, anything else by its kind and its name.
    func about(_ subject: Subject) -> (
        device: String?, subject: String?, name: String?, quantity: Quantity?, channel: String?
    ) {
        let (name, isOfDevice) = (subject.name(in: registry), subject.kind.isOfDevice)
        return (
            isOfDevice ? name : nil, isOfDevice ? nil : subject.kind.rawValue, isOfDevice ? nil : name,
            subject.series.map { registry.series[$0.index].quantity },
            subject.series.flatMap { registry.channelName(of: $0) }
        )
    }

    private func alert(_ row: Statement, _ file: String, at now: Timestamp?) throws(StoreError) -> AlertAnswer {
        guard let phase = AlertPhase(rawValue: row.text("phase")),
            let severity = Severity(rawValue: row.text("severity")),
            let key = AlertKey(row, registry)
        else { throw .corrupt(file: file, detail: "alert \(row.integer("id")) does not read") }
        let (about, sentence) = (about(key.subject), Sentence(row))
        func secondsAgo(_ column: StaticString) -> Double? {
            secondsSince(row.optionalInteger(column).map { SteadyTime(milliseconds: $0) }, at: now)
        }
        return AlertAnswer(
            id: row.integer("id"), rule: key.rule, device: about.device, subject: about.subject, name: about.name,
            quantity: about.quantity?.name, channel: about.channel,
            phase: phase,
            severity: severity, since: Timestamp(milliseconds: row.integer("since")),
            at: Timestamp(milliseconds: row.integer("at")), sinceSecondsAgo: secondsAgo("since_steady"),
            atSecondsAgo: secondsAgo("at_steady"), value: row.optionalReal("value"),
            unit: sentence.statisticUnit ?? about.quantity?.unit,
            sentence: sentence.words, meaning: sentence.unlessWords,
            acknowledgedAt: row.optionalInteger("acknowledged_at").map { Timestamp(milliseconds: $0) },
            acknowledgedBy: row.optionalText("acknowledged_by"), note: row.optionalText("note"))
    }
}
