public import Basics
public import Telemetry

/// One message that someone must still get.
public struct PendingNotification: Hashable, Sendable {
    /// Its number in the outbox: the older notification has the lesser.
    public var id: Int64
    /// The channel that is to deliver it, by its name in the outbox.
    public var channel: String
    /// Attempts that failed.
    public var attempts: Int
    /// As `StoredAlert.id`.
    public var alertID: Int64
    /// What is to be told.
    public var transition: AlertTransition
    /// The name of what the alert is about; see `Subject.name`.
    public var subject: String
    /// nil where it is about no series.
    public var quantity: Quantity?
    /// The channel of the device, such as `l1`; nil for the device as a whole.
    public var deviceChannel: String?
}

/// An attempt that failed.
public struct FailedNotification: Hashable, Sendable {
    /// Of the notification in the outbox.
    public var id: Int64
    /// Why, as a sentence without a full stop.
    public var error: String
    /// Not tried again before this moment.
    public var nextAttempt: Timestamp

    package init(id: Int64, error: String, nextAttempt: Timestamp) {
        self.id = id
        self.error = error
        self.nextAttempt = nextAttempt
    }
}

/// Who is told of which alerts: those on one channel.
public struct NotificationRoute: Hashable, Sendable, ExpressibleByStringLiteral {
    /// By its name in the outbox.
    public var channel: String
    /// An alert reaches the channel when it fires with at least this severity, and from then on to its end; what it has not
    /// reached, it tells nothing of. nil: every step is told, whatever was told before.
    public var severityMin: Severity?

    /// Those who are told of `severityMin` and graver, or of all.
    public init(channel: String, from severityMin: Severity? = nil) {
        self.channel = channel
        self.severityMin = severityMin
    }

    /// A channel that is told of every step.
    public init(stringLiteral channel: String) { self.init(channel: channel) }
}

// What someone must still be told.
extension Journal {
    /// Puts a step of an alert into the outbox for everyone who is to be told of it, within the transaction of the step.
    func enqueue(
        _ transition: AlertTransition, step: Int64, alert: Int64, for routes: [NotificationRoute], now: Timestamp
    ) throws(StoreError) {
        guard transition.isNotified else { return }
        for route in routes where try reaches(transition, alert, route) {
            try core.run(
                "INSERT INTO outbox(transition_id, channel, next_attempt) VALUES (?, ?, ?)", .integer(step),
                .text(route.channel), .integer(now.milliseconds))
        }
    }

    private func reaches(
        _ transition: AlertTransition, _ alert: Int64, _ route: NotificationRoute
    ) throws(StoreError) -> Bool {
        guard let least = route.severityMin else { return true }
        if transition.to == .firing, transition.severity >= least { return true }
        // The incident is that of the step: both are written in one transaction.
        return try core.integer(
            """
            SELECT 1 FROM transition t JOIN outbox o ON o.transition_id = t.id AND o.channel = ?2
            WHERE t.alert = ?1 AND t.id >= (SELECT max(id) FROM incident WHERE alert = ?1) LIMIT 1
            """, .integer(alert), .text(route.channel)) != nil
    }

    /// What is next to be told on a channel: of each alert its oldest notification that has not arrived, where its
    /// next attempt is due. Oldest first.
    ///
    /// A next attempt further off than `waitMax` is due too: nobody waits so long, so the clock was set back.
    public func pendingNotifications(
        on channel: String, atMost limit: Int, now: Timestamp, waitMax: Duration = .seconds(86_400)
    ) throws(StoreError) -> [PendingNotification] {
        var pending: [PendingNotification] = []
        let file = core.file
        // Of a group SQLite takes the columns from the row that has the minimum.
        try core.rows(
            """
            SELECT min(o.id) AS id, o.channel, o.attempts, a.id AS alert, a.rule, a.device, a.series, t.severity, t.was,
                t.became, t.at, t.since, t.value, t.sentence, t.sentence_key, t.sentence_values, a.subject, a.name, o.next_attempt
            FROM outbox o JOIN transition t ON t.id = o.transition_id JOIN alert a ON a.id = t.alert
            WHERE o.delivered_at IS NULL AND o.channel = ?1
            GROUP BY t.alert HAVING o.next_attempt <= ?2 OR o.next_attempt > ?3 ORDER BY 1 LIMIT ?4
            """, .text(channel), .integer(now.milliseconds), .integer((now + waitMax).milliseconds),
            .integer(Int64(limit))
        ) { row throws(StoreError) in
            guard let key = AlertKey(row, registry),
                let severity = Severity(rawValue: row.text("severity")),
                let from = AlertPhase(rawValue: row.text("was")),
                let to = AlertPhase(rawValue: row.text("became"))
            else { throw .corrupt(file: file, detail: "notification \(row.integer("id")) does not read") }
            pending.append(
                PendingNotification(
                    id: row.integer("id"), channel: row.text("channel"), attempts: Int(row.integer("attempts")),
                    alertID: row.integer("alert"),
                    transition: AlertTransition(
                        key: key, severity: severity, from: from, to: to,
                        at: Timestamp(milliseconds: row.integer("at")),
                        since: Timestamp(milliseconds: row.integer("since")),
                        value: row.optionalReal("value"), sentence: Sentence(row)),
                    subject: key.subject.name(in: registry),
                    quantity: key.subject.series.map { registry.series[$0.index].quantity },
                    deviceChannel: key.subject.series.flatMap { registry.channelName(of: $0) }))
        }
        return pending
    }

    /// Writes down what became of notifications: those that have arrived, and those that are to be tried again.
    public func mark(
        delivered: [Int64], failed: [FailedNotification] = [], now: Timestamp
    ) throws(StoreError) {
        try core.transaction { () throws(StoreError) in
            for id in delivered {
                try core.run(
                    "UPDATE outbox SET delivered_at = ?, error = NULL WHERE id = ?", .integer(now.milliseconds),
                    .integer(id))
            }
            for one in failed {
                try core.run(
                    "UPDATE outbox SET attempts = attempts + 1, error = ?, next_attempt = ? WHERE id = ?",
                    .text(one.error), .integer(one.nextAttempt.milliseconds), .integer(one.id))
            }
        }
    }

    /// What waits for a channel that there is no more waits for nobody.
    public func giveUpNotifications(exceptOn channels: [String], now: Timestamp) throws(StoreError) {
        var strays: [String] = []
        try core.rows("SELECT DISTINCT channel FROM outbox WHERE delivered_at IS NULL") { row throws(StoreError) in
            let channel = row.text("channel")
            if !channels.contains(channel) { strays.append(channel) }
        }
        for channel in strays {
            try core.run(
                "UPDATE outbox SET delivered_at = ?, error = ? WHERE delivered_at IS NULL AND channel = ?",
                .integer(now.milliseconds), .text("the channel was switched off"), .text(channel))
        }
    }
}
