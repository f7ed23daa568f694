import Basics
import Contract
public import Telemetry

// Who was told what, and what held the rest back.
extension Journal {
    /// Writes down what the desk decided, within the transaction of its step; `steps` are the rows of those that were given.
    func record(_ decision: DeskDecision, _ steps: [Int64], now: Timestamp) throws(StoreError) {
        guard let alert = try number(of: decision.key) else { return }
        let newest =
            if let place = decision.step { steps[place] } else {
                try core.integer("SELECT max(id) FROM transition WHERE alert = ?", .integer(alert))
            }
        guard let step = newest else { return }
        var (verdict, hold): (String, Hold?) = ("", nil)
        switch decision.verdict {
        case .told(let shown, let group):
            verdict = AlertStoryAnswer.Decision.told
            try enqueue(step, on: decision.recipient, shown, group, decision.at)
        case .held(let held): (verdict, hold) = (held.reason.rawValue, held)
        case .over: verdict = AlertStoryAnswer.Decision.over
        }
        try core.run(
            "INSERT INTO decision(step, recipient, at, verdict, detail, due) VALUES (?, ?, ?, ?, ?, ?)", .integer(step),
            .text(decision.recipient), .integer(decision.at.wall.milliseconds), .text(verdict),
            .text(hold?.detail ?? ""),
            .optional(hold?.due?.milliseconds))
        if decision.seen == .nothing, hold == nil {
            try core.run(
                "DELETE FROM standing WHERE alert = ? AND recipient = ?", .integer(alert), .text(decision.recipient))
        } else {
            try core.run(
                "INSERT OR REPLACE INTO standing VALUES (?, ?, ?, ?, ?, ?, ?)", .integer(alert),
                .text(decision.recipient), .text(decision.seen.word), .optional(decision.seen.severity?.rawValue),
                .optional(hold?.reason.rawValue), .text(hold?.detail ?? ""), .optional(hold?.due?.milliseconds))
        }
    }

    /// nil for one that was never recorded.
    func number(of key: AlertKey) throws(StoreError) -> Int64? {
        try core.integer(
            "SELECT id FROM alert WHERE rule = ? AND subject = ? AND device = ? AND series = ? AND name = ?",
            .text(key.rule), .text(key.subject.kind.rawValue), .integer(key.subject.deviceNumber),
            .integer(key.subject.seriesNumber), .text(key.subject.storedName))
    }

    /// What each recipient knew and what was held back, to go on from.
    public func standings() throws(StoreError) -> [StoredStanding] {
        var found: [StoredStanding] = []
        try core.rows(
            """
            SELECT s.recipient, s.seen, s.severity AS known, s.hold, s.detail, s.due, a.rule, a.device, a.series,
                a.subject, a.name
            FROM standing s JOIN alert a ON a.id = s.alert ORDER BY s.alert, s.recipient
            """
        ) { row throws(StoreError) in
            // What another version wrote is decided anew.
            guard let key = AlertKey(row, registry),
                let seen = Shown(
                    word: row.text("seen"), severity: row.optionalText("known").flatMap { Severity(rawValue: $0) })
            else { return }
            let reason = row.optionalText("hold").flatMap { Hold.Reason(rawValue: $0) }
            found.append(
                StoredStanding(
                    key: key, recipient: row.text("recipient"), seen: seen,
                    hold: reason.map {
                        Hold(
                            $0, by: row.text("detail"),
                            due: row.optionalInteger("due").map { SteadyTime(milliseconds: $0) })
                    }))
        }
        return found
    }

    /// When alerts fired since `time`, rising.
    public func beginnings(since time: SteadyTime) throws(StoreError) -> [(key: AlertKey, at: SteadyTime)] {
        var found: [(key: AlertKey, at: SteadyTime)] = []
        try core.rows(
            """
            SELECT i.fired_steady, a.rule, a.device, a.series, a.subject, a.name FROM incident i JOIN alert a ON a.id = i.alert
            WHERE i.fired_steady >= ? ORDER BY i.fired_steady, i.id
            """, .integer(time.milliseconds)
        ) { row throws(StoreError) in
            guard let key = AlertKey(row, registry) else { return }
            found.append((key, SteadyTime(milliseconds: row.integer("fired_steady"))))
        }
        return found
    }

    /// When the alerts that are not over fired first.
    public func firedSince() throws(StoreError) -> [AlertKey: SteadyTime] {
        var found: [AlertKey: SteadyTime] = [:]
        try core.rows(
            """
            SELECT i.fired_steady, a.rule, a.device, a.series, a.subject, a.name FROM incident i JOIN alert a ON a.id = i.alert
            WHERE i.last IS NULL AND i.fired_steady IS NOT NULL
            """
        ) { row throws(StoreError) in
            guard let key = AlertKey(row, registry) else { return }
            found[key] = SteadyTime(milliseconds: row.integer("fired_steady"))
        }
        return found
    }

    /// What recipients knew who are no more is of no use.
    public func forgetStandings(exceptOf recipients: [String]) throws(StoreError) {
        var gone: [String] = []
        try core.rows("SELECT DISTINCT recipient FROM standing") { row throws(StoreError) in
            if !recipients.contains(row.text("recipient")) { gone.append(row.text("recipient")) }
        }
        for name in gone { try core.run("DELETE FROM standing WHERE recipient = ?", .text(name)) }
    }

    /// A notice of its own, or one more of a message that waits for others of its group.
    private func enqueue(
        _ step: Int64, on channel: String, _ shown: Shown, _ group: NoticeGroup?, _ now: Moment
    ) throws(StoreError) {
        var (lead, made): (Int64?, Int64?) = (nil, nil)
        if let group {
            made = now.steady.milliseconds
            try core.rows(
                """
                SELECT id, made, sealed, delivered_at FROM outbox WHERE channel = ? AND grp = ? AND lead IS NULL
                ORDER BY id DESC LIMIT 1
                """, .text(channel), .text(group.name)
            ) { row throws(StoreError) in
                if row.integer("sealed") == 0, row.optionalInteger("delivered_at") == nil {
                    lead = row.integer("id")
                } else if let last = row.optionalInteger("made") {
                    made = max(now.steady.milliseconds, last + group.interval.milliseconds)
                }
            }
        }
        try core.run(
            """
            INSERT INTO outbox(transition_id, channel, next_attempt, lead, grp, made, shown) VALUES (?, ?, ?, ?, ?, ?, ?)
            """, .integer(step), .text(channel), .integer(now.wall.milliseconds), .optional(lead),
            .optional(group?.name), .optional(lead == nil ? made : nil), .text(shown.word))
    }
}
