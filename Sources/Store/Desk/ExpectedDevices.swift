public import Basics
public import Telemetry

/// A device that the roster names.
public struct ExpectedDevice: Hashable, Sendable {
    /// Its place in the registry.
    public var device: DeviceIndex
    /// Its line, without `constants`: the store does not keep them.
    public var entry: RosterEntry
    /// When the roster first named it, without a break since.
    public var since: Timestamp
    /// The same in the time that the gateway listened; nil where an earlier version named it.
    public var awaited: SteadyTime?
}

/// What another roster brought.
public struct RosterChange: Sendable {
    /// Devices that found no room in the registry or whose name is not usable.
    public var refused: [String] = []
    /// Devices that the roster before named and this one does not.
    public var retired: Set<DeviceIndex> = []
}

// What the roster and messages that are remembered leave in the store.
extension Journal {
    /// Makes `entries` the roster: devices it names are expected from now on, or since they first were; those it no
    /// longer names, and those that are planned or retired, are not.
    ///
    /// `date`: by which it is told who is planned, and who is retired; nil: by the wall clock of `moment`.
    @discardableResult
    public func saveRoster(
        _ entries: [RosterEntry], at moment: Moment, date: Timestamp? = nil
    ) throws(StoreError) -> RosterChange {
        var change = RosterChange()
        var known: [(device: DeviceIndex, entry: RosterEntry)] = []
        var others: [(device: DeviceIndex, entry: RosterEntry)] = []
        for entry in entries {
            guard let device = registry.intern(device: entry.device, profile: entry.profile) else {
                change.refused.append(entry.device)
                continue
            }
            // The roster's word fills a gap; what decoded the device knows better.
            if registry.devices[device.index].profile.isEmpty { registry.setProfile(entry.profile, of: device) }
            if entry.service.isExpected(at: date ?? moment.wall) {
                known.append((device, entry))
            } else {
                others.append((device, entry))
            }
        }
        Catalogue.settle(&registry, beyond: saved)
        try core.rows("SELECT id FROM device WHERE expected_since IS NOT NULL") { row throws(StoreError) in
            change.retired.insert(DeviceIndex(rawValue: UInt32(row.integer("id"))))
        }
        change.retired.subtract(known.map(\.device))
        let (nowSaved, profiles, version) = try core.transaction { () throws(StoreError) in
            let nowSaved = try Catalogue.save(registry, beyond: saved, core)
            // One that is retired ran since the roster named it, which nothing else remembers.
            var services: [ServiceLife] = []
            for (device, entry) in others { services.append(try service(of: device, entry)) }
            // Marked first and swept after, so that `expected_since` of those who stay is kept.
            try core.run("UPDATE device SET expected_since = -expected_since - 1 WHERE expected_since IS NOT NULL")
            try core.run("UPDATE device SET service = NULL WHERE service IS NOT NULL")
            for (device, entry) in known {
                try core.run(
                    """
                    UPDATE device SET profile = ?, area = ?, circuit = ?, latitude = ?, longitude = ?, cadence_ms = ?,
                        expected_since = CASE WHEN expected_since IS NULL THEN ?
                            WHEN expected_since < 0 THEN -expected_since - 1 ELSE expected_since END,
                        expected_listened = CASE WHEN expected_since IS NULL THEN ? ELSE expected_listened END, service = ?
                    WHERE id = ?
                    """, .text(registry.devices[device.index].profile), .text(entry.area), .text(entry.circuit),
                    .optional(entry.latitude), .optional(entry.longitude), .integer(entry.cadence.milliseconds),
                    .integer(moment.wall.milliseconds), .integer(moment.listened.milliseconds),
                    .text(entry.service.text), .integer(Int64(device.rawValue)))
            }
            for ((device, entry), service) in zip(others, services) { try save(service, of: device, entry) }
            try core.run(
                "UPDATE device SET expected_since = NULL, cadence_ms = NULL WHERE expected_since < 0")
            let version = try Meta.rosterVersion.read(core) + 1
            try Meta.rosterVersion.write(version, core)
            return (nowSaved, registry.devices.map(\.profile), version)
        }
        saved = nowSaved
        savedProfiles = profiles
        writeCatalogueCache(version)
        return change
    }

    /// One that nobody waits for.
    private func save(
        _ service: ServiceLife, of device: DeviceIndex, _ entry: RosterEntry
    ) throws(StoreError) {
        try core.run(
            "UPDATE device SET profile = ?, area = ?, circuit = ?, latitude = ?, longitude = ?, service = ? WHERE id = ?",
            .text(registry.devices[device.index].profile), .text(entry.area), .text(entry.circuit),
            .optional(entry.latitude), .optional(entry.longitude), .text(service.text),
            .integer(Int64(device.rawValue)))
    }

    /// That of the roster, with the day since when the device is waited for, or was, where the roster has none.
    private func service(of device: DeviceIndex, _ entry: RosterEntry) throws(StoreError) -> ServiceLife {
        var service = entry.service
        guard service.deployed == nil, !service.isPlanned else { return service }
        try core.rows(
            "SELECT expected_since, coalesce(service, '') AS service FROM device WHERE id = ?",
            .integer(Int64(device.rawValue))
        ) { row throws(StoreError) in
            service.deployed =
                row.optionalInteger("expected_since").map { Timestamp(milliseconds: $0) }
                ?? ServiceLife(text: row.text("service")).deployed
        }
        return service
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

extension ExpectedDevice {
    /// The devices that the roster names, by place in the registry.
    static func all(_ core: Connection, _ registry: SeriesRegistry) throws(StoreError) -> [ExpectedDevice] {
        var devices: [ExpectedDevice] = []
        let version = try Schema.version(of: core)
        let listened = version >= 6 ? "expected_listened" : "NULL AS expected_listened"
        let service = version >= 12 ? "coalesce(service, '') AS service" : "'' AS service"
        try core.rows(
            """
            SELECT id, profile, area, circuit, latitude, longitude, cadence_ms, expected_since, \(listened), \(service)
            FROM device
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
                        cadence: .milliseconds(row.integer("cadence_ms")),
                        service: ServiceLife(text: row.text("service"))),
                    since: Timestamp(milliseconds: row.integer("expected_since")),
                    awaited: row.optionalInteger("expected_listened").map { SteadyTime(milliseconds: $0) }))
        }
        return devices
    }
}

extension Roster {
    /// Of the devices that a store expects. What else the roster's file says of a device the store does not keep:
    /// `constants` has it by the device's name.
    public init(_ expected: [ExpectedDevice], constants: [ByteName: [String: String]] = [:]) {
        var lines: [DeviceIndex: Line] = [:]
        for device in expected {
            var entry = device.entry
            entry.constants = constants[ByteName(entry.device)] ?? [:]
            lines[device.device] = Line(entry: entry, since: device.since, awaited: device.awaited)
        }
        self.init(lines)
    }
}
