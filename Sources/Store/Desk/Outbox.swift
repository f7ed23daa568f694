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
    /// With which severity the alert was told on the channel the last time; nil where that was its end, or never.
    public var toldSeverity: Severity?
    /// What it has in common with others that go out with it; nil of one that goes alone.
    public var group: String?
    /// Whether it tells that the alert begins and ends again and again.
    public var isFlapping: Bool
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

/// The notices that go out as one message.
public struct NoticeMembers: Hashable, Sendable {
    /// What they have in common; see `NoticeGroup.name`.
    public var group: String
    /// How many alerts they are about.
    public var count: Int
    /// How many of them came into each phase with their newest notice.
    public var phases: [AlertPhase: Int]
    /// The newest notice of each: those that fire first, the graver first, at most `listedMax`.
    public var listed: [PendingNotification]

    /// Most that are told one by one.
    public static let listedMax = 20

    package init(group: String, count: Int, phases: [AlertPhase: Int], listed: [PendingNotification]) {
        self.group = group
        self.count = count
        self.phases = phases
        self.listed = listed
    }
}

// What someone must still be told.
extension Journal {
    /// Puts a step of an alert into the outbox for each channel that is told of every one, within the transaction of the step.
    func enqueue(
        _ transition: AlertTransition, step: Int64, for channels: [String], now: Timestamp
    ) throws(StoreError) {
        guard transition.isNotified else { return }
        for channel in channels {
            try core.run(
                "INSERT INTO outbox(transition_id, channel, next_attempt) VALUES (?, ?, ?)", .integer(step),
                .text(channel), .integer(now.milliseconds))
        }
    }

    /// What is next to be told on a channel: of each alert, and of each group of them, its oldest notification that has not
    /// arrived, where its next attempt is due. Oldest first.
    ///
    /// A next attempt further off than `waitMax` is due too: nobody waits so long, so the clock was set back. What gathers
    /// others waits by the steady clock.
    public func pendingNotifications(
        on channel: String, atMost limit: Int, now: Moment, waitMax: Duration = .seconds(86_400)
    ) throws(StoreError) -> [PendingNotification] {
        var pending: [PendingNotification] = []
        // Of a group SQLite takes the columns from the row that has the minimum.
        try core.rows(
            """
            SELECT min(o.id) AS id, \(Self.noticeColumns), o.next_attempt, o.made
            FROM outbox o JOIN transition t ON t.id = o.transition_id JOIN alert a ON a.id = t.alert
            WHERE o.delivered_at IS NULL AND o.channel = ?1 AND o.lead IS NULL
            GROUP BY coalesce(o.grp, t.alert)
            HAVING (o.next_attempt <= ?2 OR o.next_attempt > ?3) AND (o.made IS NULL OR o.made <= ?5)
            ORDER BY 1 LIMIT ?4
            """, .text(channel), .integer(now.wall.milliseconds), .integer((now.wall + waitMax).milliseconds),
            .integer(Int64(limit)), .integer(now.steady.milliseconds)
        ) { row throws(StoreError) in pending.append(try notification(row)) }
        return pending
    }

    /// Takes a notification on its way: from now on none of its group joins it. Returns those that did, nil where it is about one
    /// alert alone.
    public func takeUp(_ notification: PendingNotification) throws(StoreError) -> NoticeMembers? {
        guard let group = notification.group else { return nil }
        try core.run("UPDATE outbox SET sealed = 1 WHERE id = ?", .integer(notification.id))
        // Of an alert its newest notice alone.
        let newest = """
            SELECT max(o.id) AS id, \(Self.noticeColumns)
            FROM outbox o JOIN transition t ON t.id = o.transition_id JOIN alert a ON a.id = t.alert
            WHERE o.id = ?1 OR o.lead = ?1 GROUP BY t.alert
            """
        var (count, phases): (Int, [AlertPhase: Int]) = (0, [:])
        try core.rows(
            "SELECT became, count(*) AS n FROM (\(newest)) GROUP BY became", .integer(notification.id)
        ) { row throws(StoreError) in
            let number = Int(row.integer("n"))
            count += number
            if let phase = AlertPhase(rawValue: row.text("became")) { phases[phase] = number }
        }
        var listed: [PendingNotification] = []
        try core.rows(
            """
            SELECT * FROM (\(newest)) ORDER BY became <> 'firing', became <> 'unknown', \(Schema.rank("severity")) DESC, id
            LIMIT ?2
            """, .integer(notification.id), .integer(Int64(NoticeMembers.listedMax))
        ) { row throws(StoreError) in listed.append(try self.notification(row)) }
        return NoticeMembers(group: group, count: count, phases: phases, listed: listed)
    }

    private static let noticeColumns = """
        o.channel, o.attempts, o.grp, o.shown, a.id AS alert, a.rule, a.device, a.series, t.severity, t.was, t.became, t.at,
            t.since, t.value, t.sentence, t.sentence_key, t.sentence_values, a.subject, a.name,
            (SELECT CASE WHEN s.became IN ('firing', 'unknown') THEN s.severity END FROM transition s
                JOIN outbox p ON p.transition_id = s.id AND p.channel = o.channel
                WHERE s.alert = t.alert AND p.id < o.id ORDER BY p.id DESC LIMIT 1) AS told
        """

    private func notification(_ row: Statement) throws(StoreError) -> PendingNotification {
        guard let key = AlertKey(row, registry), let severity = Severity(rawValue: row.text("severity")),
            let from = AlertPhase(rawValue: row.text("was")), let to = AlertPhase(rawValue: row.text("became"))
        else { throw .corrupt(file: core.file, detail: "notification \(row.integer("id")) does not read") }
        return PendingNotification(
            id: row.integer("id"), channel: row.text("channel"), attempts: Int(row.integer("attempts")),
            alertID: row.integer("alert"),
            transition: AlertTransition(
                key: key, severity: severity, from: from, to: to, at: Timestamp(milliseconds: row.integer("at")),
                since: Timestamp(milliseconds: row.integer("since")), value: row.optionalReal("value"),
                sentence: Sentence(row)),
            subject: key.subject.name(in: registry),
            quantity: key.subject.series.map { registry.series[$0.index].quantity },
            deviceChannel: key.subject.series.flatMap { registry.channelName(of: $0) },
            toldSeverity: row.optionalText("told").flatMap { Severity(rawValue: $0) },
            group: row.optionalText("grp"), isFlapping: row.optionalText("shown") == "flapping")
    }

    /// Writes down what became of notifications: those that have arrived, and those that are to be tried again.
    public func mark(
        delivered: [Int64], failed: [FailedNotification] = [], now: Timestamp
    ) throws(StoreError) {
        try core.transaction { () throws(StoreError) in
            for id in delivered {
                try core.run(
                    "UPDATE outbox SET delivered_at = ?1, error = NULL WHERE id = ?2 OR lead = ?2",
                    .integer(now.milliseconds), .integer(id))
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

    /// What waits on a channel since so long ago is told nobody any more, for this reason. Returns how many notifications that are.
    ///
    /// Only where the wall clock, by which steps are dated, took none itself for so long: one that was set ahead makes nothing old.
    public func giveUpNotifications(
        on channel: String, olderThan age: Duration, because reason: String, now: Moment
    ) throws(StoreError) -> Int {
        guard let unbroken = storedClock?.unbrokenSince, now.steady - unbroken >= age else { return 0 }
        return try core.transaction { () throws(StoreError) in
            try core.run(
                """
                UPDATE outbox SET delivered_at = ?1, error = ?2 WHERE delivered_at IS NULL AND channel = ?3
                    AND transition_id IN (SELECT id FROM transition WHERE at <= ?4)
                """, .integer(now.wall.milliseconds), .text(reason), .text(channel),
                .integer((now.wall - age).milliseconds))
            return Int(try core.integer("SELECT changes()") ?? 0)
        }
    }
}
