import Basics
public import Telemetry

/// Which quantities are compared between devices that are like each other.
public struct PeerPlan: Equatable, Sendable {
    /// Whom a device is compared with, beside having the same profile.
    public enum Grouping: String, CaseIterable, Sendable { case profile, area, circuit }

    /// How some quantities are compared.
    public struct Entry: Equatable, Sendable {
        /// Each is compared by itself, and by channel.
        public var quantities: Set<Quantity>
        /// Whom a device is compared with.
        public var by: Grouping
        /// See `PeerGroup`.
        public var spreadsMax: Double
        /// In the canonical unit; see `PeerGroup`.
        public var floor: Double
        /// Minutes, as a round is one; see `PeerGroup`.
        public var rounds: Int

        package init(
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

    /// In the order of the configuration: the first that names a quantity is its own.
    public var entries: [Entry]

    /// Without entries nothing is compared.
    public init(_ entries: [Entry] = []) { self.entries = entries }
}

/// The groups of peers of all devices on the roster, compared once a minute of the gateway's time.
public final class PeerTable: Watcher {
    /// `peers`; never changes.
    public static let stateName = "peers"

    /// Who is compared with whom. A group goes on where it was for as long as it has this name, wherever its entry stands
    /// in the configuration.
    fileprivate struct Name: Hashable, Comparable {
        var quantity: ByteName
        var channel: ByteName
        var by: ByteName
        /// The profile, and the area or circuit.
        var profile: ByteName
        var place: ByteName

        init(quantity: String, channel: String, by: String, profile: String, place: String) {
            self.quantity = ByteName(quantity)
            self.channel = ByteName(channel)
            self.by = ByteName(by)
            self.profile = ByteName(profile)
            self.place = ByteName(place)
        }

        static func < (left: Name, right: Name) -> Bool {
            (left.quantity, left.channel, left.by, left.profile, left.place)
                < (right.quantity, right.channel, right.by, right.profile, right.place)
        }
    }

    private struct Group {
        var name: Name
        var peers: PeerGroup
        /// With how old a newest reading each may be.
        var members: [(series: SeriesID, ageMax: Duration)] = []
    }

    private static let roundMilliseconds: Int64 = 60_000

    /// As the configuration has it.
    public let plan: PeerPlan
    private var groups: [Group] = []
    private var roster = Roster()
    private var groupedSeries = 0
    private var lastRound = Int64.min

    /// Groups are made at the first round.
    public init(plan: PeerPlan) { self.plan = plan }

    /// Groups are made anew at the next round; those that stay keep what was counted.
    public func setRoster(_ roster: Roster, registry: SeriesRegistry) {
        self.roster = roster
        groupedSeries = -1
    }

    /// A round where a minute of the gateway's time has begun since the last, else nothing.
    public func watch(_ turn: Turn, _ scene: Scene, _ noticed: inout Noticed) {
        let (told, standing) = round(
            newest: scene.newest, age: scene.age, registry: scene.registry, at: turn.moment.steady)
        for series in standing {
            let subject = Subject.series(series, of: scene.registry.series[series.index].device)
            noticed.standing.append(.init(kind: .peers, subject: subject, at: turn.now))
        }
        for anomaly in told { noticed.findings.append(Finding(anomaly, registry: scene.registry)) }
    }

    /// Compares the groups where a minute has passed since the last time; `newest` gives a series' newest reading.
    ///
    /// Returns who stands apart since now, and all who stand apart.
    func round(
        newest: (SeriesID) -> (value: Double, observed: Timestamp)?, age: (DeviceIndex, Timestamp) -> Duration,
        registry: SeriesRegistry, at now: SteadyTime
    ) -> (told: [Anomaly], standing: [SeriesID]) {
        let round = now.milliseconds.flooredDivision(by: Self.roundMilliseconds)
        guard !plan.entries.isEmpty, round != lastRound else { return ([], []) }
        lastRound = round
        if groupedSeries != registry.seriesCount { regroup(registry) }
        var told: [Anomaly] = []
        var standing: [SeriesID] = []
        for place in groups.indices {
            let readings = groups[place].members.compactMap { member -> Reading? in
                guard let newest = newest(member.series),
                    age(registry.series[member.series.index].device, newest.observed) <= member.ageMax
                else { return nil }
                return Reading(series: member.series, observed: newest.observed, value: newest.value)
            }
            told += groups[place].peers.compare(readings)
            standing += groups[place].peers.standing
        }
        return (told, standing)
    }

    /// Groups that stay keep what was counted.
    private func regroup(_ registry: SeriesRegistry) {
        groupedSeries = registry.seriesCount
        let before = Dictionary(uniqueKeysWithValues: groups.map { ($0.name, $0.peers) })
        var made: [Name: Group] = [:]
        for index in 0..<registry.seriesCount {
            let series = registry.series[index]
            guard let rule = plan.entries.first(where: { $0.quantities.contains(series.quantity) }),
                let device = roster[series.device]
            else { continue }
            let place =
                switch rule.by {
                case .profile: ""
                case .area: device.area
                case .circuit: device.circuit
                }
            let id = SeriesID(rawValue: UInt32(index))
            let name = Name(
                quantity: series.quantity.name, channel: registry.channelName(of: id) ?? "", by: rule.by.rawValue,
                profile: device.profile, place: place)
            let fresh = before[name] ?? PeerGroup(spreadsMax: rule.spreadsMax, floor: rule.floor, rounds: rule.rounds)
            made[name, default: Group(name: name, peers: fresh)].members.append(
                (id, Staleness.allowance(cadence: device.cadence)))
        }
        groups = made.values.sorted { $0.name < $1.name }
    }

    /// For how many rounds a series has stood apart.
    public func forget(_ order: Forgotten, registry: SeriesRegistry) -> Set<Subject> {
        for place in groups.indices { groups[place].peers.forget(order.series) }
        let compared = order.series.filter { series in
            series.index < registry.seriesCount
                && plan.entries.contains { $0.quantities.contains(registry.series[series.index].quantity) }
        }
        return Set(compared.map { .series($0, of: registry.series[$0.index].device) })
    }

    // MARK: State to bytes and back

    /// Version 2: the last round, and each group by its name.
    public func state() -> [UInt8] {
        var writer = StateWriter()
        writer.append(UInt32(2))
        writer.append(lastRound)
        writer.append(UInt32(groups.count))
        for group in groups {
            for text in [
                group.name.quantity, group.name.channel, group.name.by, group.name.profile, group.name.place,
            ] {
                writer.append(text: text.text)
            }
            writer.append(block: group.peers.state())
        }
        return writer.bytes
    }

    /// As far as the plan still has its groups.
    public func resume(_ state: [UInt8], registry: SeriesRegistry) -> Bool {
        var reader = StateReader(state)
        guard let version = reader.next(UInt32.self), (1...2).contains(version), let round = reader.next(Int64.self),
            let count = reader.next(UInt32.self)
        else { return false }
        var resumed: [Group] = []
        for _ in 0..<count {
            let named: Name?? = version == 1 ? firstName(&reader) : Name(&reader).map { .some($0) }
            guard let named, let peers = reader.nextBlock() else { return false }
            guard let name = named, let quantity = Quantity(named: name.quantity.text),
                let rule = plan.entries.first(where: {
                    $0.quantities.contains(quantity) && $0.by.rawValue == name.by.text
                })
            else { continue }
            var compared = PeerGroup(spreadsMax: rule.spreadsMax, floor: rule.floor, rounds: rule.rounds)
            guard compared.resume(peers), compared.seriesEnd <= registry.seriesCount else { return false }
            resumed.append(Group(name: name, peers: compared))
        }
        // A name that stands twice is no state of ours.
        guard reader.isAtEnd, Set(resumed.map(\.name)).count == resumed.count else { return false }
        groups = resumed
        lastRound = round
        groupedSeries = -1
        return true
    }

    /// A group as version 1 named it: by places in the configuration's list and in the vocabulary. nil where it does not
    /// read, and a name of nil where the configuration has nothing there.
    private func firstName(_ reader: inout StateReader) -> Name?? {
        guard let entry = reader.next(UInt32.self), let quantity = reader.next(UInt32.self),
            let channel = reader.nextText(), let group = reader.nextText()
        else { return nil }
        let parts = group.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
        guard entry < plan.entries.count, quantity < Quantity.all.count, parts.count == 2 else { return .some(nil) }
        return .some(
            Name(
                quantity: Quantity.all[Int(quantity)].name, channel: channel, by: plan.entries[Int(entry)].by.rawValue,
                profile: String(parts[0]), place: String(parts[1])))
    }
}

extension PeerTable.Name {
    fileprivate init?(_ reader: inout StateReader) {
        guard let quantity = reader.nextText(), let channel = reader.nextText(), let by = reader.nextText(),
            let profile = reader.nextText(), let place = reader.nextText()
        else { return nil }
        self.init(quantity: quantity, channel: channel, by: by, profile: profile, place: place)
    }
}
