public import Basics
public import Contract
import Frames
import Telemetry

extension Archive {
    /// How devices are `now`, group by group, and how much of the span they were heard in. Throws as `devices`, and
    /// `.noSuchCircuit`.
    ///
    /// Of the span the stored hours are read where they are whole, and raw readings for the rest.
    public func health(_ request: HealthRequest, at now: Timestamp) throws(StoreError) -> HealthAnswer {
        _ = takeDamagedFrames()
        var answer = HealthAnswer(at: now)
        let members = try members(request, at: now)
        answer.planned = members.planned
        answer.retired = members.retired
        var tables: [ByteName: HealthTable] = [:]
        var total = HealthTable(name: "")
        func count(_ change: (inout HealthTable) -> Void, in group: ByteName) {
            change(&tables[group, default: HealthTable(name: group.text)])
            change(&total)
        }
        for member in members.devices { count({ $0.count(member.condition) }, in: member.group) }
        if let since = request.since {
            let until = min(request.until ?? now, now)
            let span = HealthSpan(since..<max(since, until), cells: request.cells)
            (answer.since, answer.until, answer.cellSeconds) = (since, until, span.cell.inSeconds)
            for group in Array(tables.keys) { tables[group]!.cells = span.emptyCells }
            total.cells = span.emptyCells
            if since < until {
                try walk(members.devices, span, at: now) { member, cells in
                    count({ $0.add(cells) }, in: member.group)
                }
            }
        }
        let rows = tables.values.map { $0.row }.sorted {
            ($0.available ?? 2, -$0.unwell, ByteName($0.name)) < ($1.available ?? 2, -$1.unwell, ByteName($1.name))
        }
        answer.rows = request.top.map { Array(rows.prefix($0)) } ?? rows
        answer.total = total.row
        answer.damaged = takeDamagedFrames().map(\.description)
        return answer
    }

    // MARK: Which devices

    private struct Member {
        var device: DeviceIndex
        var group: ByteName
        var condition: HealthTable.Condition
        /// At the moment of the answer.
        var isHeard: Bool
        var service: ServiceLife
        /// nil: the roster does not name it, and nobody waits for it.
        var expected: (since: Timestamp, cadence: Duration)?
    }

    private func members(
        _ request: HealthRequest, at now: Timestamp
    ) throws(StoreError) -> (devices: [Member], planned: Int, retired: Int) {
        let all = try devices(request.filter, at: now)
        return try withSnapshot { connection throws(StoreError) in
            try known(circuit: request.circuit, connection)
            let services = try services(connection)
            let held = try heldDevices(connection)
            var found: (devices: [Member], planned: Int, retired: Int) = ([], 0, 0)
            for answer in all where request.circuit.map({ answer.circuit.hasBytes(of: $0) }) ?? true {
                guard let device = registry.device(named: answer.device) else { continue }
                let service = services[device]
                switch service?.phase(at: now) {
                case .planned: found.planned += 1
                case .retired: found.retired += 1
                case .running, .maintenance, nil: break
                }
                // One that was taken down counts for the time before.
                let isThere = answer.expected || service == nil
                guard isThere || request.since != nil else { continue }
                let name =
                    switch request.group {
                    case .device: answer.device
                    case .circuit: answer.circuit
                    case .area: answer.area
                    case .profile: answer.profile
                    case .city: ""
                    }
                found.devices.append(
                    Member(
                        device: device, group: ByteName(name),
                        condition: isThere
                            ? HealthTable.Condition(answer, service?.phase(at: now), held[device]) : .absent,
                        isHeard: isHeard(answer), service: service ?? ServiceLife(),
                        expected: expected(answer, service)))
            }
            return found
        }
    }

    private func isHeard(_ answer: DeviceAnswer) -> Bool {
        let cadence = answer.cadenceSeconds.map { Duration.milliseconds(Int64($0 * 1000)) }
        return answer.lastHeardSecondsAgo.map { $0 <= Staleness.allowance(cadence: cadence).inSeconds } ?? false
    }

    private func expected(
        _ answer: DeviceAnswer, _ service: ServiceLife?
    ) -> (since: Timestamp, cadence: Duration)? {
        guard let service, let since = answer.expectedSince ?? service.deployed else { return nil }
        return (since, .milliseconds(Int64((answer.cadenceSeconds ?? 0) * 1000)))
    }

    /// By device, for those that the roster names.
    private func services(_ connection: Connection) throws(StoreError) -> [DeviceIndex: ServiceLife] {
        var services: [DeviceIndex: ServiceLife] = [:]
        let isKept = try Schema.version(of: connection) >= 12
        try connection.rows(
            "SELECT id, \(isKept ? "coalesce(service, '')" : "''") AS service FROM device WHERE expected_since IS NOT NULL"
                + (isKept ? " OR service IS NOT NULL" : "")
        ) { row throws(StoreError) in
            guard (0..<Int64(registry.deviceCount)).contains(row.integer("id")) else { return }
            services[DeviceIndex(rawValue: UInt32(row.integer("id")))] = ServiceLife(text: row.text("service"))
        }
        return services
    }

    /// Devices of which alerts fire and none is told: because of a silence, or because of maintenance.
    private func heldDevices(_ connection: Connection) throws(StoreError) -> [DeviceIndex: HealthTable.Condition] {
        guard try Schema.version(of: connection) >= 10 else { return [:] }
        var held: [DeviceIndex: HealthTable.Condition] = [:]
        try connection.rows(
            """
            SELECT device, sum(quiet) AS quiet, sum(work) AS work, count(*) AS n FROM (
                SELECT a.device, max(s.hold IN ('silenced', 'shelved')) AS quiet, max(s.hold = 'maintenance') AS work
                FROM alert a LEFT JOIN standing s ON s.alert = a.id WHERE a.phase IN (?, ?) AND a.device >= 0 GROUP BY a.id)
            GROUP BY device
            """, .text(AlertPhase.firing.rawValue), .text(AlertPhase.clearing.rawValue)
        ) { row throws(StoreError) in
            let device = row.integer("device")
            guard (0..<Int64(registry.deviceCount)).contains(device) else { return }
            let (all, quiet, work) = (row.integer("n"), row.integer("quiet"), row.integer("work"))
            guard quiet + work >= all else { return }
            held[DeviceIndex(rawValue: UInt32(device))] = work > 0 ? .maintenance : .silenced
        }
        return held
    }

    // MARK: Through the span

    /// Hours of devices that are in memory at one time.
    private static let hoursAtOnce: Int64 = 65_536
    /// Of one that speaks seldom the last word may lie so long before the span.
    private static let beforeMax = Duration.seconds(90 * 86_400)

    private func walk(
        _ members: [Member], _ span: HealthSpan, at now: Timestamp, _ body: (Member, [HealthCell]) -> Void
    ) throws(StoreError) {
        // Those that speak seldom together, and not each with others that do not.
        var waited = members.filter { $0.expected != nil }[...]
        waited.sort { ($0.expected!.cadence, $0.device) < ($1.expected!.cadence, $1.device) }
        guard let begun = waited.map({ $0.service.deployed ?? $0.expected!.since }).min() else { return }
        let fired = try fired(in: span.span, at: now)
        while let first = waited.first {
            let before = min(Staleness.allowance(cadence: first.expected!.cadence), Self.beforeMax)
            let from = HealthSpan.hour(of: max(span.span.lowerBound, begun) - before)
            let hours = max(1, HealthSpan.hour(of: span.span.upperBound) - from)
            // Their allowances may differ as much again.
            let chunk = waited.prefix(Int(max(1, min(128, Self.hoursAtOnce / hours)))).prefix {
                $0.expected!.cadence <= first.expected!.cadence * 2
            }
            waited = waited.dropFirst(chunk.count)
            let longest = min(Staleness.allowance(cadence: chunk.last!.expected!.cadence), Self.beforeMax)
            let heard = try heard(chunk.map(\.device), from: from - HealthSpan.hours(longest - before), span)
            for (member, hours) in zip(chunk, heard) {
                body(
                    member,
                    span.cells(
                        of: member.service, since: member.expected!.since, hours: hours,
                        allowance: Staleness.allowance(cadence: member.expected!.cadence),
                        isHeardNow: member.isHeard && span.span.upperBound >= now, fired: fired[member.device] ?? []))
            }
        }
    }

    /// By device, the hours since 1970 in which it gave a reading, from this one on.
    private func heard(_ devices: [DeviceIndex], from: Int64, _ span: HealthSpan) throws(StoreError) -> [Set<Int64>] {
        let plan = SummaryRequest(
            series: devices.enumerated().flatMap { place, device in
                registry.series(of: device).map { ($0, place) }
            }, groups: devices.count, since: from * HourRow.hourMilliseconds,
            until: span.span.upperBound.milliseconds, grid: .even(HourRow.hourMilliseconds), withQuantiles: false)
        try catchUp()
        return try summarize(plan).map { buckets in
            Set(buckets.indices.lazy.filter { buckets[$0].summary.count > 0 }.map { from + Int64($0) })
        }
    }

    /// When alerts about each device fired.
    private func fired(
        in span: Range<Timestamp>, at now: Timestamp
    ) throws(StoreError) -> [DeviceIndex: [Range<Timestamp>]] {
        try withSnapshot { connection throws(StoreError) in
            var fired: [DeviceIndex: [Range<Timestamp>]] = [:]
            try connection.rows(
                """
                \(try incidentTable(connection)) SELECT a.device, i.fired, i.ended FROM incident i JOIN alert a ON a.id = i.alert
                WHERE i.fired IS NOT NULL AND a.device >= 0 AND i.fired < ?1 AND coalesce(i.ended, ?1) > ?2
                """, .integer(span.upperBound.milliseconds), .integer(span.lowerBound.milliseconds)
            ) { row throws(StoreError) in
                let device = row.integer("device")
                let from = Timestamp(milliseconds: row.integer("fired"))
                let to = row.optionalInteger("ended").map { Timestamp(milliseconds: $0) } ?? now
                guard (0..<Int64(registry.deviceCount)).contains(device), from < to else { return }
                fired[DeviceIndex(rawValue: UInt32(device)), default: []].append(from..<to)
            }
            return fired
        }
    }
}
