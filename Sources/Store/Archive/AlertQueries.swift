import Basics
public import Contract
import Frames
import Telemetry

extension Archive {
    /// The alerts that fit, those that were never more than pending included, newest step first. Throws
    /// `.noSuchDevice` or `.noSuchRule`.
    public func alerts(_ filter: AlertsRequest = AlertsRequest()) throws(StoreError) -> [AlertAnswer] {
        try withSnapshot { connection throws(StoreError) in
            try known(device: filter.device)
            try known(rule: filter.rule, connection)
            let pattern = filter.device.map { NamePattern($0) }
            var answers: [AlertAnswer] = []
            try connection.rows(
                try alertColumns(connection)
                    + " WHERE (?1 IS NULL OR phase = ?1) AND (?2 IS NULL OR rule = ?2) ORDER BY at DESC, id",
                .optional(filter.phase?.rawValue), .optional(filter.rule)
            ) { row throws(StoreError) in
                let answer = try alert(row, connection.file)
                if pattern.map({ answer.device.map($0.matches) ?? false }) ?? true { answers.append(answer) }
            }
            return answers
        }
    }

    /// One alert with every step of it that is kept. Throws `.noSuchAlert`.
    public func alert(_ id: Int64) throws(StoreError) -> AlertStoryAnswer {
        try withSnapshot { connection throws(StoreError) in
            var found: AlertAnswer?
            try connection.rows(alertColumns(connection) + " WHERE id = ?", .integer(id)) { row throws(StoreError) in
                found = try alert(row, connection.file)
            }
            guard let found else { throw .noSuchAlert(id: id) }
            var story = AlertStoryAnswer(alert: found, transitions: [])
            let file = connection.file
            try connection.rows(
                "SELECT id, was, became, at, since, severity, value, sentence FROM transition WHERE alert = ? ORDER BY id",
                .integer(id)
            ) { row throws(StoreError) in
                guard let from = AlertPhase(rawValue: row.text("was")),
                    let to = AlertPhase(rawValue: row.text("became")),
                    let severity = Severity(rawValue: row.text("severity"))
                else { throw .corrupt(file: file, detail: "transition \(row.integer("id")) does not read") }
                story.transitions.append(
                    .init(
                        id: row.integer("id"), from: from, to: to, at: Timestamp(milliseconds: row.integer("at")),
                        since: Timestamp(milliseconds: row.integer("since")), severity: severity,
                        value: row.optionalReal("value"), sentence: row.text("sentence"), notifications: []))
            }
            for index in story.transitions.indices {
                try connection.rows(
                    "SELECT channel, attempts, delivered_at, error FROM outbox WHERE transition_id = ? ORDER BY id",
                    .integer(story.transitions[index].id)
                ) { row throws(StoreError) in
                    story.transitions[index].notifications.append(
                        .init(
                            channel: row.text("channel"), attempts: Int(row.integer("attempts")),
                            deliveredAt: row.optionalInteger("delivered_at").map { Timestamp(milliseconds: $0) },
                            error: row.optionalText("error")))
                }
            }
            guard try Schema.version(of: connection) >= 4 else { return story }
            story.stepsGivenUp = try connection.integer(
                "SELECT n FROM steps_given_up WHERE alert = ?", .integer(id))
            if story.stepsGivenUp != nil { story.toldSince = story.transitions.first?.at }
            return story
        }
    }

    /// Also of a store that no gateway has led forward yet.
    private func alertColumns(_ connection: Connection) throws(StoreError) -> String {
        let subject =
            try Schema.version(of: connection) < 5
            ? "\(Schema.sourceOfNewColumn["alert.subject"]!) AS subject, \(Schema.sourceOfNewColumn["alert.name"]!) AS name"
            : "subject, name"
        return """
            SELECT id, rule, device, series, phase, severity, since, at, value, sentence, acknowledged_at,
                acknowledged_by, note, \(subject) FROM alert
            """
    }

    private func alert(_ row: Statement, _ file: String) throws(StoreError) -> AlertAnswer {
        guard let phase = AlertPhase(rawValue: row.text("phase")),
            let severity = Severity(rawValue: row.text("severity")),
            let key = AlertKey(row, registry)
        else { throw .corrupt(file: file, detail: "alert \(row.integer("id")) does not read") }
        let quantity = key.subject.series.map { registry.series[$0.index].quantity }
        let name = key.subject.name(in: registry)
        let isOfDevice = key.subject.kind.isOfDevice
        return AlertAnswer(
            id: row.integer("id"), rule: key.rule, device: isOfDevice ? name : nil,
            subject: isOfDevice ? nil : key.subject.kind.rawValue, name: isOfDevice ? nil : name,
            quantity: quantity?.name, channel: key.subject.series.flatMap { registry.channelName(of: $0) },
            phase: phase,
            severity: severity, since: Timestamp(milliseconds: row.integer("since")),
            at: Timestamp(milliseconds: row.integer("at")), value: row.optionalReal("value"), unit: quantity?.unit,
            sentence: row.text("sentence"),
            acknowledgedAt: row.optionalInteger("acknowledged_at").map { Timestamp(milliseconds: $0) },
            acknowledgedBy: row.optionalText("acknowledged_by"), note: row.optionalText("note"))
    }
}
