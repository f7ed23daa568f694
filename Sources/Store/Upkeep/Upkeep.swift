public import Basics
import Frames
import Glibc
import Telemetry

/// Readings or steps of alerts that the store no longer has, as the ledger keeps it.
public struct GivenUp: Sendable, Hashable, Codable {
    /// Why something is gone.
    public enum Why: String, Sendable, Codable {
        /// Older than its retention class keeps; of core.db, steps of alerts older than any is kept.
        case age
        /// The store was larger than its budget.
        case budget
        /// What a repair could not read.
        case damage
        /// Readings that somebody had taken out.
        case order
    }

    /// When it was given up.
    public var at: Timestamp
    /// `age` and `budget` are retention's, `damage` is a repair's, `order` a person's.
    public var why: Why
    /// The file it was in, relative to the store's folder; core.db for steps of alerts, empty for what was taken out.
    public var file: String
    /// Empty for the default one.
    public var retentionClass: String
    /// Time of the first reading, or step; that of the repair where it could not tell.
    public var first: Timestamp
    /// Time of the last one; that of the repair where it could not tell.
    public var last: Timestamp
    /// Rows: readings of one stream at one time count as one. Or steps.
    public var rows: Int64
    /// Of a file that went as a whole; else 0.
    public var bytes: Int64
    /// What is gone, in words; empty for a file that retention gave up.
    public var detail: String

    enum CodingKeys: String, CodingKey {
        case at, why, file, first, last, rows, bytes, detail
        case retentionClass = "class"
    }

    func write(_ connection: Connection) throws(StoreError) {
        try connection.run(
            """
            INSERT INTO given_up(at, why, file, class, first_ts, last_ts, n, bytes, detail)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, .integer(at.milliseconds), .text(why.rawValue), .text(file), .text(retentionClass),
            .integer(first.milliseconds), .integer(last.milliseconds), .integer(rows), .integer(bytes), .text(detail))
    }
}

extension Archive {
    /// The ledger of what the store no longer has, oldest first.
    public func givenUp() throws(StoreError) -> [GivenUp] {
        try withSnapshot { connection throws(StoreError) in
            var entries: [GivenUp] = []
            guard try Schema.version(of: connection) >= 2 else { return entries }
            try connection.rows(
                "SELECT at, why, file, class, first_ts, last_ts, n, bytes, detail FROM given_up ORDER BY id"
            ) { row throws(StoreError) in
                guard let why = GivenUp.Why(rawValue: row.text("why")) else {
                    throw .corrupt(file: connection.file, detail: "the ledger has '\(row.text("why"))'")
                }
                entries.append(
                    GivenUp(
                        at: Timestamp(milliseconds: row.integer("at")), why: why, file: row.text("file"),
                        retentionClass: row.text("class"), first: Timestamp(milliseconds: row.integer("first_ts")),
                        last: Timestamp(milliseconds: row.integer("last_ts")), rows: row.integer("n"),
                        bytes: row.integer("bytes"), detail: row.text("detail")))
            }
            return entries
        }
    }
}

/// What `Journal.upkeep` did and found.
public struct UpkeepReport: Sendable {
    /// As found by this look at the disk.
    public var disk: DiskState
    /// Free for the store's user.
    public var freeBytes: Int64
    /// The files that this call gave up, one entry each.
    public var gaveUp: [GivenUp] = []
    /// Steps of alerts, told when a walk over all of them has come to its end.
    public var alertSteps: GivenUp?
}

extension Journal {
    /// Readers that opened the manifest before a file was replaced have this long to open the file.
    private static let retiredRest = Duration.seconds(60)
    private static let retentionInterval = Duration.seconds(60)
    /// Some milliseconds of work a second.
    private static let trimRowsMax: Int64 = 32

    /// Looks after room: gives up what is past its retention, unlinks what nobody needs, watches the disk, minds the
    /// ballast, and takes a step of the walk through the history of alerts. To be called about once a second, between
    /// turns; mostly it costs one look at the disk.
    ///
    /// `isTimeTrusted` says whether the wall clock can be believed. Nothing is given up on the word of the clock alone: until
    /// it can, only the budget of bytes gives up anything.
    public func upkeep(now: Timestamp, isTimeTrusted: Bool = true) throws(StoreError) -> UpkeepReport {
        if isTimeTrusted { trustedNow = now }
        var report = UpkeepReport(disk: .ample, freeBytes: 0)
        if lastRetention.map({ now - $0 >= Self.retentionInterval || now < $0 }) ?? true || disk == .full {
            lastRetention = now
            report.gaveUp = try retain(now: now, byAge: isTimeTrusted)
        }
        try sweepRetired(now: now)
        if extent.trimmedThrough < extent.sealedThrough {
            // Without commits to do it with.
            extent.trim(
                through: try core.transaction { () throws(StoreError) in try trim(rowsMax: Self.trimRowsMax) })
        }
        report.freeBytes = try room.look(folder, ballastBytes: options.ballastBytes)
        report.disk = disk
        if isTimeTrusted { report.alertSteps = try retainHistory(now: now) }
        return report
    }

    /// To be told when a seal or a compaction found no room.
    public func foundDiskFull() { room.foundFull() }

    // MARK: Retention

    /// Gives up what its class no longer keeps, then the oldest days while the store is larger than its budget.
    func retain(now: Timestamp, byAge: Bool = true) throws(StoreError) -> [GivenUp] {
        var expired: [(part: Part, why: GivenUp.Why)] = []
        for part in sealed.manifest.live where part.isSealed && byAge {
            guard let raw = options.retention.raw(ofClass: part.retentionClass) else { continue }
            if now - Timestamp(milliseconds: part.times.upperBound) >= raw { expired.append((part, .age)) }
        }
        if let bytesMax = options.retention.bytesMax {
            let gone = Set(expired.map(\.part.file))
            let leaving = sealed.manifest.retired + expired.map(\.part)
            var bytes = folder.byteCount() - leaving.reduce(0) { $0 + Folder.size(of: folder.path(of: $1)) }
            // Only sealed files: what is open is still being written, and is little beside them.
            for part in sealed.manifest.live where part.isSealed && bytes > bytesMax && !gone.contains(part.file) {
                expired.append((part, .budget))
                bytes -= part.bytes
            }
        }
        let gaveUp = expired.isEmpty ? [] : try giveUp(expired, now: now)
        if byAge { try retainRollups(now: now) }
        setFloors()
        return gaveUp
    }

    /// Takes files out of the manifest and writes them into the ledger. The readings in them are gone for readers at
    /// once, and the files a little later.
    private func giveUp(
        _ expired: [(part: Part, why: GivenUp.Why)], now: Timestamp
    ) throws(StoreError) -> [GivenUp] {
        var changes: [Part] = []
        var entries: [GivenUp] = []
        var next = floors
        for (part, why) in expired {
            var retired = part
            retired.retiredAt = now.milliseconds
            changes.append(retired)
            entries.append(
                GivenUp(
                    at: now, why: why, file: part.file, retentionClass: part.retentionClass,
                    first: Timestamp(milliseconds: part.first), last: Timestamp(milliseconds: part.last),
                    rows: part.rows, bytes: part.bytes, detail: ""))
            next[part.retentionClass] = max(next[part.retentionClass] ?? .min, part.times.upperBound)
        }
        try core.transaction { () throws(StoreError) in
            try Manifest.save(changes, core)
            for entry in entries { try entry.write(core) }
            for (name, time) in next {
                try core.run("INSERT OR REPLACE INTO floor VALUES (?, ?)", .text(name), .integer(time))
            }
        }
        floors = next
        var manifest = sealed.manifest
        manifest.put(changes)
        sealed.use(manifest)
        return entries
    }

    /// Readings before these times are not taken: their days were given up, or would be at once.
    func setFloors() {
        var byProfile: [ByteName: Int64] = [:]
        openRows.grow(to: registry.streamCount)
        for (stream, definition) in registry.streams.enumerated() {
            let profile = ByteName(registry.devices[definition.device.index].profile)
            let floor: Int64
            if let known = byProfile[profile] {
                floor = known
            } else {
                let name = options.retention.name(ofProfile: profile.text)
                let age = options.retention.raw(ofClass: name).map { raw in
                    FrameKey.day(of: (trustedNow - raw).milliseconds) * FrameKey.dayMilliseconds
                }
                floor = max(floors[name] ?? .min, age ?? .min)
                byProfile[profile] = floor
            }
            openRows.setFloor(floor, stream: stream)
        }
    }

    private func retainRollups(now: Timestamp) throws(StoreError) {
        guard let rollups = options.retention.rollups else { return }
        let oldest = Folder.year(of: (now - rollups).milliseconds)
        for year in folder.rollupYears() where year < oldest {
            try setRollups(sealed.manifest.rollups.subtracting([year]))
            try options.effects?(Effect(kind: .file, file: folder.rollup(year), sql: "unlink"))
            try Folder.remove(folder.rollup(year))
        }
    }

    /// Puts the files of rollups that there are into the manifest. What is missing of those that were is told, see `RollupReader`.
    func nameRollups() throws(StoreError) {
        let rollups = sealed.manifest.rollups.union(folder.rollupYears())
        if rollups != sealed.manifest.rollups { try setRollups(rollups) }
    }

    private func setRollups(_ rollups: Set<Int>) throws(StoreError) {
        try core.transaction { () throws(StoreError) in try Manifest.save(rollups: rollups, core) }
        var manifest = sealed.manifest
        manifest.set(rollups: rollups)
        sealed.use(manifest)
    }

    /// Unlinks files that were replaced or given up, once no reader can want them. Never while anybody holds a `Pin`.
    func sweepRetired(now: Timestamp) throws(StoreError) {
        let due = sealed.manifest.retired.filter { part in
            let rested = now - Timestamp(milliseconds: part.retiredAt ?? 0)
            return rested >= Self.retiredRest || rested < .zero || disk == .full
        }
        guard !due.isEmpty, !Pin.isHeld(folder) else { return }
        for part in due {
            try options.effects?(Effect(kind: .file, file: folder.path(of: part), sql: "unlink"))
            try Folder.remove(folder.path(of: part))
        }
        let files = due.map(\.file)
        try core.transaction { () throws(StoreError) in try Manifest.delete(files, core) }
        var manifest = sealed.manifest
        manifest.remove(Set(files))
        sealed.use(manifest)
    }

    // MARK: The disk

    /// What a commit says while the disk is full.
    var noRoom: StoreError {
        .diskFull(
            file: folder.path,
            detail: "\(folder.room().free >> 20) MB are free; nothing is acknowledged until there is more")
    }
}

extension Folder {
    /// The years that have a file of rollups, in order.
    func rollupYears() -> [Int] {
        Self.names(in: path).compactMap { name in
            guard name.hasPrefix("rollup-"), name.hasSuffix(".db") else { return nil }
            return Int(name.dropFirst(7).dropLast(3))
        }.sorted()
    }

    /// The times of a year, UTC.
    static func span(ofYear year: Int) -> Range<Int64> {
        func begin(_ year: Int) -> Int64 { CivilTime(year: year, month: 1, day: 1).timestamp().milliseconds }
        return begin(year)..<begin(year + 1)
    }

    static func year(of time: Int64) -> Int {
        Int(Timestamp(milliseconds: time).description.prefix(4)) ?? 0
    }
}
