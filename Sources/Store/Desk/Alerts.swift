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
    /// The value that decided the newest step, in the canonical unit; nil for absence.
    public var value: Double?
    /// The newest step in words, with the numbers.
    public var sentence: String
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

/// A device that the roster names.
public struct ExpectedDevice: Hashable, Sendable {
    /// Its place in the registry.
    public var device: DeviceIndex
    /// Its line, without `constants`: the store does not keep them.
    public var entry: RosterEntry
    /// When the roster first named it, without a break since.
    public var since: Timestamp
}

extension Journal {
    // MARK: Alerts

    /// Records transitions in order, and a notification for each that people are told of and each channel, in one
    /// transaction with the mark that the alerts of `journalID` are done. Returns the alerts' numbers.
    ///
    /// May be called without transitions to move the mark alone.
    @discardableResult
    public func record(
        _ transitions: [AlertTransition], channels: [String], now: Timestamp, evaluatedThrough journalID: Int64
    ) throws(StoreError) -> [Int64] {
        Catalogue.settle(&registry, beyond: saved)
        var numbers: [Int64] = []
        let nowSaved = try core.transaction { () throws(StoreError) in
            let nowSaved = try Catalogue.save(registry, beyond: saved, core)
            for transition in transitions {
                let number = try upsert(transition)
                numbers.append(number)
                let row = try core.integer(
                    """
                    INSERT INTO transition(alert, was, became, at, since, severity, value, sentence)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id
                    """, .integer(number), .text(transition.from.rawValue), .text(transition.to.rawValue),
                    .integer(transition.at.milliseconds), .integer(transition.since.milliseconds),
                    .text(transition.severity.rawValue), .optional(transition.value), .text(transition.sentence))
                guard transition.isNotified else { continue }
                for channel in channels {
                    try core.run(
                        "INSERT INTO outbox(transition_id, channel, next_attempt) VALUES (?, ?, ?)",
                        .optional(row), .text(channel), .integer(now.milliseconds))
                }
            }
            try Meta.evaluatedThrough.write(journalID, core)
            return nowSaved
        }
        saved = nowSaved
        noteSavedProfiles()
        evaluatedThrough = journalID
        return numbers
    }

    private func upsert(_ transition: AlertTransition) throws(StoreError) -> Int64 {
        // A new incident begins where nothing held before: what was said about the last one is over.
        let isNewIncident: Bool
        switch transition.from {
        case .inactive, .resolved: isNewIncident = true
        case .pending, .firing, .unknown: isNewIncident = false
        }
        let number = try core.integer(
            """
            INSERT INTO alert(rule, device, series, phase, severity, since, at, value, sentence, subject, name)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?11, ?12)
            ON CONFLICT(rule, subject, device, series, name) DO UPDATE SET phase = ?4, severity = ?5, since = ?6, at = ?7, value = ?8,
                sentence = ?9, acknowledged_at = CASE WHEN ?10 THEN NULL ELSE acknowledged_at END,
                acknowledged_by = CASE WHEN ?10 THEN NULL ELSE acknowledged_by END,
                note = CASE WHEN ?10 THEN NULL ELSE note END
            RETURNING id
            """, .text(transition.key.rule), .integer(transition.key.subject.deviceNumber),
            .integer(transition.key.subject.seriesNumber), .text(transition.to.rawValue),
            .text(transition.severity.rawValue), .integer(transition.since.milliseconds),
            .integer(transition.at.milliseconds), .optional(transition.value), .text(transition.sentence),
            .integer(isNewIncident ? 1 : 0), .text(transition.key.subject.kind.rawValue),
            .text(transition.key.subject.storedName))
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
                subject, name
            FROM alert ORDER BY id
            """
        ) { row throws(StoreError) in
            guard let phase = AlertPhase(rawValue: row.text("phase")), let from = AlertPhase(rawValue: row.text("was")),
                let severity = Severity(rawValue: row.text("severity")),
                let key = AlertKey(row, registry)
            else { throw .corrupt(file: file, detail: "alert \(row.integer("id")) does not read") }
            alerts.append(
                StoredAlert(
                    id: row.integer("id"), key: key, phase: phase, from: from, severity: severity,
                    since: Timestamp(milliseconds: row.integer("since")),
                    at: Timestamp(milliseconds: row.integer("at")),
                    value: row.optionalReal("value"), sentence: row.text("sentence"),
                    acknowledgement: row.optionalInteger("acknowledged_at").map {
                        .init(at: Timestamp(milliseconds: $0), by: row.text("acknowledged_by"), note: row.text("note"))
                    }))
        }
        return alerts
    }

    /// Files an alert under another subject, with its number and its story; false where that has an alert of the rule.
    public func refile(_ id: Int64, as key: AlertKey) throws(StoreError) -> Bool {
        try core.integer(
            """
            UPDATE OR IGNORE alert SET subject = ?2, device = ?3, series = ?4, name = ?5 WHERE id = ?1 RETURNING id
            """, .integer(id), .text(key.subject.kind.rawValue), .integer(key.subject.deviceNumber),
            .integer(key.subject.seriesNumber), .text(key.subject.storedName)) != nil
    }

    /// Notes that someone has taken the alert on. Throws `.noSuchAlert`.
    public func acknowledgeAlert(_ id: Int64, by: String, note: String, at: Timestamp) throws(StoreError) {
        let changed = try core.integer(
            "UPDATE alert SET acknowledged_at = ?2, acknowledged_by = ?3, note = ?4 WHERE id = ?1 RETURNING id",
            .integer(id), .integer(at.milliseconds), .text(by), .text(note))
        guard changed != nil else { throw .noSuchAlert(id: id) }
    }

    // MARK: Outbox

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
                t.became, t.at, t.since, t.value, t.sentence, a.subject, a.name, o.next_attempt
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
                        value: row.optionalReal("value"), sentence: row.text("sentence")),
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

    // MARK: Roster

    /// Makes `entries` the roster: devices it names are expected from now on, or since they first were; those it no
    /// longer names are not. Returns the devices that found no room in the registry or whose name is not usable.
    @discardableResult
    public func saveRoster(_ entries: [RosterEntry], now: Timestamp) throws(StoreError) -> [String] {
        var refused: [String] = []
        var known: [(device: DeviceIndex, entry: RosterEntry)] = []
        for entry in entries {
            guard let device = registry.intern(device: entry.device, profile: entry.profile) else {
                refused.append(entry.device)
                continue
            }
            // The roster's word fills a gap; what decoded the device knows better.
            if registry.devices[device.index].profile.isEmpty { registry.setProfile(entry.profile, of: device) }
            known.append((device, entry))
        }
        Catalogue.settle(&registry, beyond: saved)
        let (nowSaved, profiles, version) = try core.transaction { () throws(StoreError) in
            let nowSaved = try Catalogue.save(registry, beyond: saved, core)
            // Marked first and swept after, so that `expected_since` of those who stay is kept.
            try core.run("UPDATE device SET expected_since = -expected_since - 1 WHERE expected_since IS NOT NULL")
            for (device, entry) in known {
                try core.run(
                    """
                    UPDATE device SET profile = ?, area = ?, circuit = ?, latitude = ?, longitude = ?, cadence_ms = ?,
                        expected_since = CASE WHEN expected_since IS NULL THEN ?
                            WHEN expected_since < 0 THEN -expected_since - 1 ELSE expected_since END
                    WHERE id = ?
                    """, .text(registry.devices[device.index].profile), .text(entry.area), .text(entry.circuit),
                    .optional(entry.latitude), .optional(entry.longitude), .integer(entry.cadence.milliseconds),
                    .integer(now.milliseconds), .integer(Int64(device.rawValue)))
            }
            try core.run(
                "UPDATE device SET expected_since = NULL, cadence_ms = NULL WHERE expected_since < 0")
            let version = try Meta.rosterVersion.read(core) + 1
            try Meta.rosterVersion.write(version, core)
            return (nowSaved, registry.devices.map(\.profile), version)
        }
        saved = nowSaved
        savedProfiles = profiles
        writeCatalogueCache(version)
        return refused
    }

    /// The devices that the roster names, by place in the registry.
    public func expectedDevices() throws(StoreError) -> [ExpectedDevice] { try ExpectedDevice.all(core, registry) }

    // MARK: Messages that later ones are read by

    /// In the order in which they came.
    public func remembered() throws(StoreError) -> [RememberedMessage] {
        var messages: [RememberedMessage] = []
        try core.rows("SELECT topic, received, payload FROM remembered ORDER BY received, id") {
            row throws(StoreError) in
            messages.append(
                RememberedMessage(
                    topic: row.withBlob("topic") { Array($0) }, payload: row.withBlob("payload") { Array($0) },
                    receivedAt: Timestamp(milliseconds: row.integer("received"))))
        }
        return messages
    }

    /// In the caller's transaction.
    func remember(_ messages: [RememberedMessage]) throws(StoreError) {
        for message in messages {
            guard !message.payload.isEmpty else {
                try core.run("DELETE FROM remembered WHERE topic = ?", .blob(message.topic))
                continue
            }
            // The same again, as a broker replays what it retains, writes nothing.
            try core.run(
                """
                INSERT INTO remembered(topic, received, payload) VALUES (?, ?, ?) ON CONFLICT(topic) DO UPDATE
                SET received = excluded.received, payload = excluded.payload WHERE payload <> excluded.payload
                """, .blob(message.topic), .integer(message.receivedAt.milliseconds), .blob(message.payload))
        }
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

extension ExpectedDevice {
    /// The devices that the roster names, by place in the registry.
    static func all(_ core: Connection, _ registry: SeriesRegistry) throws(StoreError) -> [ExpectedDevice] {
        var devices: [ExpectedDevice] = []
        try core.rows(
            """
            SELECT id, profile, area, circuit, latitude, longitude, cadence_ms, expected_since FROM device
            WHERE expected_since IS NOT NULL ORDER BY id
            """
        ) { row throws(StoreError) in
            let device = DeviceIndex(rawValue: UInt32(row.integer("id")))
            devices.append(
                ExpectedDevice(
                    device: device,
                    entry: RosterEntry(
                        device: registry.devices[device.index].name, profile: row.text("profile"),
                        area: row.text("area"),
                        circuit: row.text("circuit"), latitude: row.optionalReal("latitude"),
                        longitude: row.optionalReal("longitude"),
                        cadence: .milliseconds(row.integer("cadence_ms"))),
                    since: Timestamp(milliseconds: row.integer("expected_since"))))
        }
        return devices
    }
}

extension Roster {
    /// Of the devices that a store expects. What else the roster's file says of a device the store does not keep:
    /// `constants` has it by the device's name.
    public init(_ expected: [ExpectedDevice], constants: [String: [String: String]] = [:]) {
        var lines: [DeviceIndex: Line] = [:]
        for device in expected {
            var entry = device.entry
            entry.constants = constants[entry.device] ?? [:]
            lines[device.device] = Line(entry: entry, since: device.since)
        }
        self.init(lines)
    }
}
