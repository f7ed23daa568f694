public import Basics
public import Telemetry

/// Which quantities are compared between devices that are like each other.
public struct PeerPlan: Equatable, Sendable {
    /// Whom a device is compared with, beside having the same profile.
    public enum Grouping: String, CaseIterable, Sendable { case profile, area, circuit }

    public struct Entry: Equatable, Sendable {
        public var quantities: Set<Quantity>
        public var by: Grouping
        /// See `PeerGroup`.
        public var spreadsMax: Double
        public var floor: Double
        public var rounds: Int

        public init(
            quantities: Set<Quantity>, by: Grouping = .profile, spreadsMax: Double = 6, floor: Double = 0,
            rounds: Int = 3
        ) {
            self.quantities = quantities
            self.by = by
            self.spreadsMax = spreadsMax
            self.floor = floor
            self.rounds = rounds
        }
    }

    public var entries: [Entry]

    public init(_ entries: [Entry] = []) { self.entries = entries }
}

/// The groups of peers of all devices on the roster, compared once a minute of the gateway's time.
public struct PeerTable: Sendable {
    private struct Name: Hashable, Comparable {
        var entry: Int
        var quantity: UInt16
        var channel: String
        var group: String

        static func < (left: Name, right: Name) -> Bool {
            (left.entry, left.quantity, left.channel, left.group)
                < (right.entry, right.quantity, right.channel, right.group)
        }
    }

    private struct Group {
        var name: Name
        var peers: PeerGroup
        /// With how old a newest reading each may be.
        var members: [(series: SeriesID, ageMax: Duration)] = []
    }

    private static let roundMilliseconds: Int64 = 60_000
    private static let ageMin = Duration.seconds(300)

    public let plan: PeerPlan
    private var groups: [Group] = []
    private var roster: [DeviceIndex: RosterEntry] = [:]
    private var groupedSeries = 0
    private var lastRound = Int64.min

    public init(plan: PeerPlan) { self.plan = plan }

    public mutating func setRoster(_ entries: [DeviceIndex: RosterEntry]) {
        roster = entries
        groupedSeries = -1
    }

    /// Compares the groups where a minute has passed since the last time; `newest` gives a series' newest reading.
    ///
    /// Returns who stands apart since now, and all who stand apart.
    public mutating func round(
        newest: (SeriesID) -> (value: Double, observed: Timestamp)?, registry: SeriesRegistry, at now: Timestamp
    ) -> (told: [Anomaly], standing: [SeriesID]) {
        let round = now.milliseconds.flooredDivision(by: Self.roundMilliseconds)
        guard !plan.entries.isEmpty, round != lastRound else { return ([], []) }
        lastRound = round
        if groupedSeries != registry.seriesCount { regroup(registry) }
        var told: [Anomaly] = []
        var standing: [SeriesID] = []
        for place in groups.indices {
            let readings = groups[place].members.compactMap { member -> Reading? in
                guard let newest = newest(member.series), now - newest.observed <= member.ageMax else { return nil }
                return Reading(series: member.series, observed: newest.observed, value: newest.value)
            }
            told += groups[place].peers.compare(readings)
            standing += groups[place].peers.standing
        }
        return (told, standing)
    }

    /// Groups that stay keep what was counted.
    private mutating func regroup(_ registry: SeriesRegistry) {
        groupedSeries = registry.seriesCount
        let before = Dictionary(uniqueKeysWithValues: groups.map { ($0.name, $0.peers) })
        var made: [Name: Group] = [:]
        for index in 0..<registry.seriesCount {
            let series = registry.series[index]
            guard let entry = plan.entries.firstIndex(where: { $0.quantities.contains(series.quantity) }),
                let device = roster[series.device]
            else { continue }
            let rule = plan.entries[entry]
            let place =
                switch rule.by {
                case .profile: ""
                case .area: device.area
                case .circuit: device.circuit
                }
            let id = SeriesID(rawValue: UInt32(index))
            let name = Name(
                entry: entry, quantity: series.quantity.index, channel: registry.channelName(of: id) ?? "",
                group: "\(device.profile)\n\(place)")
            let fresh = before[name] ?? PeerGroup(spreadsMax: rule.spreadsMax, floor: rule.floor, rounds: rule.rounds)
            made[name, default: Group(name: name, peers: fresh)].members.append(
                (id, max(.milliseconds(device.cadence.milliseconds * 3), Self.ageMin)))
        }
        groups = made.values.sorted { $0.name < $1.name }
    }

    // MARK: State to bytes and back

    public func state() -> [UInt8] {
        var writer = StateWriter()
        writer.append(UInt32(1))
        writer.append(lastRound)
        writer.append(UInt32(groups.count))
        for group in groups {
            writer.append(UInt32(group.name.entry))
            writer.append(UInt32(group.name.quantity))
            writer.append(block: Array(group.name.channel.utf8))
            writer.append(block: Array(group.name.group.utf8))
            writer.append(block: group.peers.state())
        }
        return writer.bytes
    }

    /// Takes up what `state()` gave, as far as the plan still has it; false, and nothing taken, for any other bytes.
    public mutating func resume(_ state: [UInt8]) -> Bool {
        var reader = StateReader(state)
        guard reader.next(UInt32.self) == 1, let round = reader.next(Int64.self), let count = reader.next(UInt32.self)
        else { return false }
        var resumed: [Group] = []
        for _ in 0..<count {
            guard let entry = reader.next(UInt32.self), let quantity = reader.next(UInt32.self),
                let channel = reader.nextBlock(), let group = reader.nextBlock(), let peers = reader.nextBlock()
            else { return false }
            guard entry < plan.entries.count, quantity <= UInt16.max else { continue }
            let rule = plan.entries[Int(entry)]
            var compared = PeerGroup(spreadsMax: rule.spreadsMax, floor: rule.floor, rounds: rule.rounds)
            guard compared.resume(peers) else { return false }
            resumed.append(
                Group(
                    name: Name(
                        entry: Int(entry), quantity: UInt16(quantity),
                        channel: String(decoding: channel, as: UTF8.self),
                        group: String(decoding: group, as: UTF8.self)), peers: compared))
        }
        // A name that stands twice is no state of ours.
        guard reader.isAtEnd, Set(resumed.map(\.name)).count == resumed.count else { return false }
        groups = resumed
        lastRound = round
        groupedSeries = -1
        return true
    }
}
