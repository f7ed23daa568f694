import Basics
import Frames
import Telemetry

/// The catalogue of a core.db that is built anew from what reads of a damaged one.
///
/// Readings are known by the ids of their series, so what does not read must keep its id, and better its name.
struct CatalogueRepair {
    private let folder: Folder
    private let core: Connection
    /// What was done, a sentence each.
    private(set) var done: [String] = []
    /// What `fill` made: names of devices, and `series N`.
    private(set) var standIns: [String] = []

    /// No device and no series has a greater number.
    static let idMax: Int64 = 4_194_303

    /// `core` has the rows that read, those of damaged pages as they are.
    init(_ folder: Folder, _ core: Connection) {
        self.folder = folder
        self.core = core
    }

    // MARK: From the cache

    /// Takes rows that are not on good pages of the old file from the cache of the catalogue, which the last seal wrote.
    ///
    /// Only where the cache is of the seal that the old file tells of, as far as that reads, or of a later one. An id is never
    /// given again, so rows that read must be the same in both; from the first that differs on the cache counts for nothing.
    mutating func recall(from old: FileReader) throws(StoreError) {
        var stamp: CatalogueCache.Stamp?
        do throws(StoreError) {
            stamp = try old.read { connection throws(StoreError) in
                CatalogueCache.Stamp(
                    sealedThrough: try Meta.sealedThrough.read(connection),
                    rosterVersion: try Meta.rosterVersion.read(connection))
            }
        } catch {
            guard error.isDamage(of: folder.core) else { throw error }
        }
        guard let cache = CatalogueCache(in: folder, nil) else { return }
        // Of an old copy, or of one that has lost its end: the cache is of a later seal. An earlier one tells nothing more.
        if let stamp, cache.stamp != stamp, cache.stamp.sealedThrough <= stamp.sealedThrough { return }
        let known = cache.registry
        let devices = try recall(
            "device", known.deviceCount, from: old,
            { row, id in row.text(1) == known.devices[id].name }
        ) { (id) throws(StoreError) in
            let name = known.devices[id].name
            // The row that took the name is of a damaged page, too, and gets its own back where that is known.
            try core.run(
                "UPDATE device SET name = ? || id WHERE name = ? AND id <> ?", .text(StandIn.prefix), .text(name),
                .integer(Int64(id)))
            try core.run(
                """
                INSERT INTO device(id, name, profile) VALUES (?, ?, ?)
                ON CONFLICT(id) DO UPDATE SET name = excluded.name, profile = excluded.profile
                """, .integer(Int64(id)), .text(name), .text(known.devices[id].profile))
        }
        let streams = try recall(
            "stream", known.streamCount, from: old,
            { row, id in row.integer(1) == Int64(known.streams[id].device.rawValue) }
        ) { (id) throws(StoreError) in
            try core.run(
                "INSERT OR REPLACE INTO stream VALUES (?, ?)", .integer(Int64(id)),
                .integer(Int64(known.streams[id].device.rawValue)))
        }
        let series = try recall(
            "series", known.seriesCount, from: old,
            { row, id in
                let (series, place) = (known.series[id], known.place(of: SeriesID(rawValue: UInt32(id))))
                return row.integer(1) == Int64(series.device.rawValue) && row.text(2) == series.quantity.name
                    && row.text(3) == known.name(of: series.channel) && row.integer(4) == Int64(place.stream.rawValue)
                    && row.integer(5) == Int64(place.column)
            }
        ) { (id) throws(StoreError) in
            let (series, place) = (known.series[id], known.place(of: SeriesID(rawValue: UInt32(id))))
            try core.run(
                "INSERT OR REPLACE INTO series VALUES (?, ?, ?, ?, ?, ?)", .integer(Int64(id)),
                .integer(Int64(series.device.rawValue)), .text(series.quantity.name),
                .text(known.name(of: series.channel)), .integer(Int64(place.stream.rawValue)),
                .integer(Int64(place.column)))
        }
        guard devices + streams + series > 0 else { return }
        done.append(
            "the catalogue's rows on damaged pages were taken from catalogue.cache: \(devices) devices, \(streams) "
                + "streams, \(series) series")
    }

    /// Calls `put` for each of the first `count` ids whose row the old file has on no good page; returns how many.
    ///
    /// Its columns are read by place: what they are called lies in the old file, too, and may be damaged.
    private func recall(
        _ table: String, _ count: Int, from old: FileReader, _ isSame: (Statement, Int) -> Bool,
        _ put: (Int) throws(StoreError) -> Void
    ) throws(StoreError) -> Int {
        var isRead = [Bool](repeating: false, count: count)
        var end = count
        for order in ["", " DESC"] {
            do throws(StoreError) {
                try old.read { connection throws(StoreError) in
                    try connection.rows("SELECT * FROM \(table) ORDER BY id\(order)") { row in
                        let id = row.integer(0)
                        guard id >= 0, id < count else { return }
                        if isSame(row, Int(id)) { isRead[Int(id)] = true } else { end = min(end, Int(id)) }
                    }
                }
            } catch {
                guard error.isDamage(of: folder.core) else { throw error }
            }
        }
        var recalled = 0
        for id in 0..<end where !isRead[id] {
            try put(id)
            recalled += 1
        }
        return recalled
    }

    // MARK: Stand-ins

    // Long: devices, streams and series get their stand-ins in this order, and each makes more of the one before.
    /// Gives every id that something refers to a row, so that no later one gets it: ids are places, without gaps.
    /// `widths`: by stream, the columns that its frames have, where they are known to have more than the catalogue tells;
    /// `waiting`: what rows that wait in the journal are about.
    mutating func fill(_ widths: [Int: Int] = [:], waiting: TurnReferences = TurnReferences()) throws(StoreError) {
        let widths = widths.merging(waiting.widths) { max($0, $1) }
        func highest(_ sql: String) throws(StoreError) -> Int64 { try core.integer(sql) ?? -1 }
        func missing(_ table: String, through last: Int64) throws(StoreError) -> [Int64] {
            var known: Set<Int64> = []
            try core.rows("SELECT id FROM \(table)") { row throws(StoreError) in known.insert(row.integer("id")) }
            guard last < known.count + 100_000 else {
                throw .corrupt(file: folder.core, detail: "too little of the catalogue reads; restore a backup")
            }
            return last < 0 ? [] : (0...last).filter { !known.contains($0) }
        }
        let streams = Int64(SeriesRegistry.streamsMax)
        for table in ["device", "series"] { try core.run("DELETE FROM \(table) WHERE id < 0 OR id > \(Self.idMax)") }
        try core.run("DELETE FROM stream WHERE id < 0 OR id >= ?", .integer(streams))
        let columns = Int64(SeriesRegistry.streamColumnsMax)
        try core.run(
            "DELETE FROM series WHERE stream < 0 OR stream >= ? OR col < 0 OR col >= ?", .integer(streams),
            .integer(columns))
        let known = Set(Quantity.all.map(\.name))
        var strange: [Int64] = []
        try core.rows("SELECT id, quantity FROM series") { row throws(StoreError) in
            if !known.contains(row.text("quantity")) { strange.append(row.integer("id")) }
        }
        for id in strange { try core.run("DELETE FROM series WHERE id = ?", .integer(id)) }
        // A device that no stream or series has would be of a damaged reference.
        var deviceEnd = try max(
            highest("SELECT max(id) FROM device"), highest("SELECT max(device) FROM stream"),
            highest("SELECT max(device) FROM series"), waiting.deviceMax)
        deviceEnd = try max(deviceEnd, ofAlerts("device", beyond: deviceEnd))
        var names: [String] = []
        func nameless(_ id: Int64) throws(StoreError) {
            names.append(StandIn.name(id))
            try core.run(
                "INSERT INTO device(id, name, profile) VALUES (?, ?, '')", .integer(id), .text(StandIn.name(id)))
        }
        for id in try missing("device", through: deviceEnd) { try nameless(id) }
        func stand() throws(StoreError) -> Int64 {
            deviceEnd += 1
            try nameless(deviceEnd)
            return deviceEnd
        }
        var streamEnd = try max(
            highest("SELECT max(id) FROM stream"), highest("SELECT max(stream) FROM series"), streamsInFiles(),
            waiting.widths.keys.max().map { Int64($0) } ?? -1)
        for id in try missing("stream", through: streamEnd) {
            var device = try core.integer("SELECT device FROM series WHERE stream = ?", .integer(id))
            if device == nil { device = try stand() }
            try core.run("INSERT INTO stream VALUES (?, ?)", .integer(id), .optional(device))
        }
        // Of these only the highest column counts, and that as if it were claimed.
        try core.run("CREATE TEMP TABLE width(stream INTEGER PRIMARY KEY, col INTEGER NOT NULL)")
        for (stream, width) in widths where width <= SeriesRegistry.streamColumnsMax {
            try core.run("INSERT INTO width VALUES (?, ?)", .integer(Int64(stream)), .integer(Int64(width) - 1))
        }
        // Columns that a stream must have and no series claims.
        var free: [(stream: Int64, column: Int64)] = []
        try core.rows(
            """
            WITH RECURSIVE place(stream, col, top) AS (
                SELECT s.id, 0, max(
                    coalesce((SELECT max(col) FROM series WHERE stream = s.id), 0),
                    coalesce((SELECT col FROM width WHERE stream = s.id), 0)) FROM stream s
                UNION ALL SELECT stream, col + 1, top FROM place WHERE col < top)
            SELECT stream, col FROM place WHERE NOT EXISTS
                (SELECT 1 FROM series WHERE series.stream = place.stream AND series.col = place.col)
            ORDER BY stream, col
            """
        ) { row throws(StoreError) in free.append((row.integer("stream"), row.integer("col"))) }
        try core.run("DROP TABLE width")
        var seriesEnd = try max(
            highest("SELECT max(id) FROM series"), highest("SELECT max(series) FROM latest"), waiting.seriesMax)
        seriesEnd = try max(seriesEnd, ofAlerts("series", beyond: seriesEnd))
        func place(_ id: Int64) throws(StoreError) {
            if free.isEmpty {
                streamEnd += 1
                try core.run("INSERT INTO stream VALUES (?, ?)", .integer(streamEnd), .integer(try stand()))
                free.append((streamEnd, 0))
            }
            let (stream, column) = free.removeFirst()
            try core.run(
                "INSERT INTO series SELECT ?1, device, ?2, ?3, ?4, ?5 FROM stream WHERE id = ?4", .integer(id),
                .text(Quantity.all[0].name), .text(StandIn.name(id)), .integer(stream), .integer(column))
            names.append("series \(id)")
        }
        for id in try missing("series", through: seriesEnd) { try place(id) }
        while !free.isEmpty {
            seriesEnd += 1
            try place(seriesEnd)
        }
        standIns = names
        if !names.isEmpty {
            done.append("the catalogue got stand-ins for what does not read: \(names.joined(separator: ", "))")
        }
        var registry = SeriesRegistry()
        try Catalogue.load(core, into: &registry)
    }

    /// The highest number that an alert has of these, as far as it can be one of `last` and those after it: a row of a damaged
    /// page may have any.
    private func ofAlerts(_ column: String, beyond last: Int64) throws(StoreError) -> Int64 {
        try core.integer(
            "SELECT max(\(column)) FROM alert WHERE \(column) <= ?", .integer(min(max(last, 0), Self.idMax) + 65_536))
            ?? -1
    }

    /// The highest stream that a file has frames of.
    private func streamsInFiles() throws(StoreError) -> Int64 {
        var highest: Int64 = -1
        for part in try Manifest(core).live {
            let reader = FileReader(folder.path(of: part), isTolerant: true, effects: nil)
            let key = try? reader.read { connection throws(StoreError) in
                try connection.integer("SELECT max(k) FROM frame")
            }
            if let key = key ?? nil, key >= 0 {
                highest = max(highest, Int64(FrameKey(rawValue: key, part.keys).stream))
            }
        }
        return highest
    }
}
