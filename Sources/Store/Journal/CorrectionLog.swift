import Basics
import Telemetry

/// What stood where a correction stands now, and who wrote over it.
///
/// Who corrects much harms the memory of his own corrections alone: of each device the newest ones that it made itself are kept,
/// and of all people the newest that they brought.
struct CorrectionLog {
    /// Of a device, by itself.
    static let ofDeviceMax = 16
    /// Of all devices, by themselves: 2 MB.
    static let ofDevicesMax = 20_000
    /// Brought by people: 20 MB.
    static let ofPeopleMax = 200_000
    /// People's are given up by so many at a time.
    private static let pieceRows = 1000

    /// Ids, oldest first.
    private var ofDevice: [Int64: [Int64]] = [:]
    private var ofDevices = 0
    private var ofPeople = 0

    /// What a transaction adds, for `settle` once it is on disk.
    struct Change {
        fileprivate var added: [(device: Int64, id: Int64)] = []
        fileprivate var gone: [(device: Int64, id: Int64)] = []
        fileprivate var ofPeople = 0
    }

    init(_ core: Connection, _ registry: SeriesRegistry) throws(StoreError) {
        ofPeople = Int(try core.integer("SELECT count(*) FROM correction WHERE person IS NOT NULL") ?? 0)
        var (ofDevice, count) = (ofDevice, 0)
        try core.rows("SELECT id, series FROM correction WHERE person IS NULL ORDER BY id") { row in
            let series = row.integer("series")
            let isKnown = series >= 0 && series < registry.seriesCount
            let device = isKnown ? Int64(registry.series[Int(series)].device.rawValue) : -1
            ofDevice[device, default: []].append(row.integer("id"))
            count += 1
        }
        (self.ofDevice, ofDevices) = (ofDevice, count)
    }

    /// Inserts corrections with the values that stood there, in the caller's transaction. `person` is nil where the devices
    /// made them.
    func insert(
        _ corrections: [Reading], was: [Double], by person: String?, at now: Timestamp, _ registry: SeriesRegistry,
        _ core: Connection
    ) throws(StoreError) -> Change {
        var change = Change()
        guard !corrections.isEmpty else { return change }
        let insert = try core.statement("INSERT INTO correction VALUES (NULL, ?, ?, ?, ?, ?, ?)")
        func add(_ place: Int) throws(StoreError) {
            let reading = corrections[place]
            insert.bind([
                .integer(now.milliseconds), .integer(Int64(reading.series.rawValue)),
                .integer(reading.observed.milliseconds), .real(was[place]), .real(reading.value), .optional(person),
            ])
            try insert.run()
        }
        if person != nil {
            for place in corrections.indices { try add(place) }
            change.ofPeople = corrections.count
            let beyond = ofPeople + corrections.count - Self.ofPeopleMax
            guard beyond > 0 else { return change }
            let piece = max(beyond, min(Self.pieceRows, ofPeople))
            try core.run(
                """
                DELETE FROM correction WHERE id IN
                    (SELECT id FROM correction WHERE person IS NOT NULL ORDER BY id LIMIT ?)
                """, .integer(Int64(piece)))
            change.ofPeople -= core.changes
            return change
        }
        // Of a device that corrects a thousand readings at once the last ones stay, so only those need to come.
        var count: [Int64: Int] = [:]
        for reading in corrections { count[device(of: reading, registry), default: 0] += 1 }
        for place in corrections.indices {
            let device = device(of: corrections[place], registry)
            count[device]! -= 1
            guard count[device]! < Self.ofDeviceMax else { continue }
            try add(place)
            change.added.append((device, core.lastInsertedID))
        }
        change.gone = beyond(change.added)
        let delete = try core.statement("DELETE FROM correction WHERE id = ?")
        for (_, id) in change.gone {
            delete.bind(1, id)
            try delete.run()
        }
        return change
    }

    private func device(of reading: Reading, _ registry: SeriesRegistry) -> Int64 {
        Int64(registry.series[reading.series.index].device.rawValue)
    }

    /// Which of those that are kept make room: the oldest of a device that has too many, else the oldest of who has most.
    private func beyond(_ added: [(device: Int64, id: Int64)]) -> [(device: Int64, id: Int64)] {
        var fresh: [Int64: Int] = [:]
        for one in added { fresh[one.device, default: 0] += 1 }
        var gone: [(device: Int64, id: Int64)] = []
        var left: [Int64: ArraySlice<Int64>] = [:]
        for (device, count) in fresh {
            let kept = ofDevice[device] ?? []
            let dropped = max(0, kept.count + count - Self.ofDeviceMax)
            for id in kept.prefix(dropped) { gone.append((device, id)) }
            left[device] = kept.dropFirst(dropped)
        }
        var excess = ofDevices + added.count - gone.count - Self.ofDevicesMax
        guard excess > 0 else { return gone }
        // Rare: a little more than needed, of who has most; so many who correct do not throw out the one who did once.
        excess += Self.pieceRows
        var all = ofDevice.flatMap { device, ids in
            let ids = left[device] ?? ids[...]
            return ids.enumerated().map { (behind: ids.count - $0.offset, device: device, id: $0.element) }
        }
        all.sort { ($0.behind, -$0.id) > ($1.behind, -$1.id) }
        gone += all.prefix(excess).map { (device: $0.device, id: $0.id) }
        return gone
    }

    /// The transaction is on disk.
    mutating func settle(_ change: Change) {
        ofPeople += change.ofPeople
        guard !change.added.isEmpty else { return }
        var dropped: [Int64: Set<Int64>] = [:]
        for one in change.gone { dropped[one.device, default: []].insert(one.id) }
        for (device, ids) in dropped {
            ofDevice[device]?.removeAll { ids.contains($0) }
            if ofDevice[device]?.isEmpty ?? false { ofDevice[device] = nil }
        }
        for one in change.added { ofDevice[one.device, default: []].append(one.id) }
        ofDevices += change.added.count - change.gone.count
    }
}
