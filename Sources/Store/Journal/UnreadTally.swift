import Basics
import Frames
import Telemetry

/// Messages that gave no reading, by device and cause: how many there are, since when, and since the last reading.
///
/// Each commit writes what it adds as a step, and the rows are written once in so many commits: a thousand devices that
/// send what nobody reads cost one insert a turn instead of a thousand updates. The gateway and every reader make the same
/// tally of rows and steps. Its size is bounded: devices beyond `rowsMax` are summed.
struct UnreadTally {
    /// Rows of devices by name, at most; whoever comes later is counted among `others`.
    static let rowsMax = 4096
    /// A device that sent no such message for so long gives its row up when room gets scarce.
    private static let memory = Duration.seconds(7 * 86_400)
    static let stepsMax = 256
    private static let stepBytesMax = 1 << 20
    /// What stands for a device in messages of none, and for those without a row.
    static let nobody: Int64 = -1
    static let others: Int64 = -2
    /// A greater number is damage, and no reason to make room for it.
    private static let placesMax: Int64 = 1 << 24
    private static let countMax = 1 << 40

    struct Key: Hashable {
        var device: Int64
        var cause: Unread.Cause
    }

    struct Row {
        var key: Key
        var count: Int64 = 0
        var since: Int64
        var lastAt: Int64
        /// Since the device's last reading.
        var run: Int64 = 0
        var runSince: Int64
        /// The first of the run and the newest message, by the time that the gateway listened: spans are counted by it.
        var runListened: Int64
        var lastListened: Int64
        /// Of the first message.
        var topic: String
        var isChanged = false
        /// The next row of the device, -1 behind its last one.
        var next = -1
    }

    /// When messages came.
    private struct Stamp {
        /// By the wall clock, which names it.
        var at: Int64
        /// By the time that the gateway listened.
        var listened: Int64
    }

    private(set) var rows: [Row] = []
    private var places: [Key: Int] = [:]
    /// By device: its first row, -1 where it has none.
    private var heads: [Int] = []
    private var deviceRows = 0
    /// Rows that were given up and still stand in the table.
    private var gone: [Key] = []
    private var steps = 0
    private var stepBytes = 0

    /// As core.db has it; empty for one of a version before it.
    init(_ core: Connection) throws(StoreError) {
        guard try Schema.version(of: core) >= 7 else { return }
        let isTimed = try Schema.version(of: core) >= 8
        let listened =
            isTimed
            ? "run_listened, last_listened"
            : "\(Schema.listened(at: "run_since")) AS run_listened, \(Schema.listened(at: "last_at")) AS last_listened"
        try core.rows("SELECT device, cause, n, since, last_at, run, run_since, \(listened), topic FROM unread") {
            row throws(StoreError) in
            // A cause that a later version knows is none of ours to tell.
            guard let cause = Unread.Cause(rawValue: row.text("cause")), row.integer("device") < Self.placesMax else {
                return
            }
            put(
                Row(
                    key: Key(device: row.integer("device"), cause: cause), count: row.integer("n"),
                    since: row.integer("since"), lastAt: row.integer("last_at"), run: row.integer("run"),
                    runSince: row.integer("run_since"), runListened: row.integer("run_listened"),
                    lastListened: row.integer("last_listened"), topic: row.text("topic")))
        }
        let ofStep = isTimed ? "listened" : "\(Schema.listened(at: "at")) AS listened"
        try core.rows("SELECT at, \(ofStep), b FROM unread_step ORDER BY id") { row throws(StoreError) in
            let moment = Stamp(at: row.integer("at"), listened: row.integer("listened"))
            // A step is whole or its page is damaged; what reads of it counts.
            row.withBlob("b") { bytes in try? replay(bytes, at: moment) }
        }
    }

    subscript(key: Key) -> Row? { places[key].map { rows[$0] } }

    /// Whether a reading of the device ends a run.
    func hasRun(_ device: DeviceIndex) -> Bool {
        guard device.index < heads.count else { return false }
        var place = heads[device.index]
        while place >= 0 {
            if rows[place].run > 0 { return true }
            place = rows[place].next
        }
        return false
    }

    // MARK: Counting

    /// What was staged is on disk.
    mutating func add(_ step: borrowing UnreadStep, at moment: Moment) {
        guard !step.isEmpty else { return }
        let stamp = Stamp(at: moment.wall.milliseconds, listened: moment.listened.milliseconds)
        step.forEachAddition { key, count, topic in
            add(key, count, at: stamp) { String(decoding: topic, as: UTF8.self) }
        }
        for device in step.read { endRun(Int64(device.rawValue)) }
        steps += 1
        stepBytes += step.byteCount
    }

    private mutating func add(_ key: Key, _ count: Int64, at moment: Stamp, topic: () -> String) {
        var place = places[key] ?? -1
        if place < 0, key.device >= 0, deviceRows >= Self.rowsMax {
            return add(Key(device: Self.others, cause: key.cause), count, at: moment, topic: { "" })
        }
        if place < 0 {
            put(
                Row(
                    key: key, since: moment.at, lastAt: moment.at, runSince: moment.at, runListened: moment.listened,
                    lastListened: moment.listened, topic: topic()))
            place = rows.count - 1
        }
        rows[place].count += count
        rows[place].lastAt = moment.at
        // After a crash the time listened may go on from a little before.
        rows[place].lastListened = max(rows[place].lastListened, moment.listened)
        // A clock that was ahead for a while makes no run begin after its end.
        rows[place].since = min(rows[place].since, moment.at)
        if rows[place].run == 0 || moment.at < rows[place].runSince { rows[place].runSince = moment.at }
        if rows[place].run == 0 { rows[place].runListened = rows[place].lastListened }
        rows[place].run += count
        rows[place].isChanged = true
    }

    private mutating func put(_ row: Row) {
        var row = row
        if row.key.device >= 0 {
            let device = Int(row.key.device)
            if device >= heads.count { heads.append(contentsOf: repeatElement(-1, count: device + 1 - heads.count)) }
            row.next = heads[device]
            heads[device] = rows.count
            deviceRows += 1
        }
        places[row.key] = rows.count
        rows.append(row)
    }

    private mutating func endRun(_ device: Int64) {
        guard device < heads.count else { return }
        var place = heads[Int(device)]
        while place >= 0 {
            if rows[place].run > 0 { (rows[place].run, rows[place].isChanged) = (0, true) }
            place = rows[place].next
        }
    }

    private mutating func replay(_ bytes: UnsafeRawBufferPointer, at moment: Stamp) throws(Malformed) {
        var reader = ByteReader(bytes)
        steps += 1
        stepBytes += bytes.count
        while reader.remaining > 0 {
            let device = try reader.zigzag()
            guard device >= Self.others, device < Self.placesMax else { throw Malformed("a device") }
            let count = try reader.count(max: Self.countMax, "a count")
            guard count > 0 else {
                endRun(device)
                continue
            }
            let name = try reader.text(try reader.count(max: reader.remaining, "a cause"))
            let topic = try reader.text(try reader.count(max: reader.remaining, "a topic"))
            guard let cause = Unread.Cause(rawValue: name) else { continue }
            add(Key(device: device, cause: cause), Int64(count), at: moment) { topic }
        }
    }

    // MARK: Folding the steps into the table

    var isFoldDue: Bool { steps >= Self.stepsMax || stepBytes >= Self.stepBytesMax }

    /// Where room gets scarce, sums the devices that sent no such message for long, as far as the gateway listened.
    mutating func forgetOld(at now: SteadyTime) {
        let floor = (now - Self.memory).milliseconds
        guard deviceRows > Self.rowsMax / 4 * 3,
            rows.contains(where: { $0.key.device >= 0 && $0.lastListened < floor })
        else {
            return
        }
        let all = rows
        (rows, places, deviceRows) = ([], [:], 0)
        heads.removeAll(keepingCapacity: true)
        for row in all where row.key.device < 0 || row.lastListened >= floor { put(row) }
        for row in all where row.key.device >= 0 && row.lastListened < floor {
            gone.append(row.key)
            let stamp = Stamp(at: row.lastAt, listened: row.lastListened)
            add(Key(device: Self.others, cause: row.key.cause), row.count, at: stamp) { "" }
        }
    }

    /// Writes the rows that changed, in the caller's transaction; `folded` once that is on disk.
    func fold(_ core: Connection) throws(StoreError) {
        for key in gone {
            try core.run(
                "DELETE FROM unread WHERE device = ? AND cause = ?", .integer(key.device), .text(key.cause.rawValue))
        }
        for row in rows where row.isChanged {
            try core.run(
                """
                INSERT OR REPLACE INTO unread(
                    device, cause, n, since, last_at, run, run_since, topic, run_listened, last_listened)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """, .integer(row.key.device), .text(row.key.cause.rawValue), .integer(row.count),
                .integer(row.since), .integer(row.lastAt), .integer(row.run), .integer(row.runSince), .text(row.topic),
                .integer(row.runListened), .integer(row.lastListened))
        }
        try core.run("DELETE FROM unread_step")
    }

    mutating func folded() {
        for place in rows.indices { rows[place].isChanged = false }
        gone.removeAll(keepingCapacity: true)
        (steps, stepBytes) = (0, 0)
    }
}

/// What one commit adds to the tally; its buffers are used again.
struct UnreadStep: ~Copyable {
    private var writer = ByteWriter(capacity: 1024)
    private var additions: [(key: UnreadTally.Key, count: Int64, topic: Range<Int>)] = []
    private var topics: [UInt8] = []
    /// Devices whose run ended.
    private(set) var read: [DeviceIndex] = []

    var isEmpty: Bool { additions.isEmpty && read.isEmpty }
    var byteCount: Int { writer.count }

    mutating func removeAll() {
        writer.removeAll()
        additions.removeAll(keepingCapacity: true)
        topics.removeAll(keepingCapacity: true)
        read.removeAll(keepingCapacity: true)
    }

    func forEachAddition(_ body: (UnreadTally.Key, Int64, ArraySlice<UInt8>) -> Void) {
        for addition in additions { body(addition.key, addition.count, topics[addition.topic]) }
    }

    /// What the decoder noted, what the store knew already or refuses, and whose readings came again.
    mutating func stage(
        _ batch: DecodedBatch, _ rows: borrowing OpenRows, refused: [Reject], _ tally: UnreadTally,
        _ registry: SeriesRegistry
    ) {
        removeAll()
        for unread in batch.unread {
            append(unread.device, unread.cause, batch.unreadTopics[unread.topic], tally)
        }
        for stream in rows.knownRows { append(registry.streams[Int(stream)].device, .duplicate, [], tally) }
        for stream in rows.correctedRows { append(registry.streams[Int(stream)].device, .corrected, [], tally) }
        for device in rows.knownWords { append(device, .known, [], tally) }
        for (place, reject) in refused.enumerated() {
            // The readings of one message follow each other.
            let (reading, before) = (rows.refused[place], place > 0 ? rows.refused[place - 1] : nil)
            if let before, before.observed == reading.observed, refused[place - 1].device == reject.device { continue }
            append(reject.device, .rejected(reject.reason), [], tally)
        }
        // Not in the tally yet: a reading of the same turn ends their runs all the same.
        let newcomers = Set(additions.lazy.filter { tally[$0.key] == nil }.map(\.key.device))
        for stream in rows.newRows {
            let device = registry.streams[Int(stream)].device
            guard read.last != device, tally.hasRun(device) || newcomers.contains(Int64(device.rawValue)) else {
                continue
            }
            read.append(device)
        }
        encode()
    }

    private mutating func append(
        _ device: DeviceIndex?, _ cause: Unread.Cause, _ topic: ArraySlice<UInt8>, _ tally: UnreadTally
    ) {
        let key = UnreadTally.Key(device: device.map { Int64($0.rawValue) } ?? UnreadTally.nobody, cause: cause)
        if let last = additions.indices.last, additions[last].key == key {
            additions[last].count += 1
            return
        }
        let start = topics.count
        if tally[key] == nil { topics.append(contentsOf: topic) }
        additions.append((key: key, count: 1, topic: start..<topics.count))
    }

    /// Longest name of a cause, in bytes, with room for those to come.
    private static let nameBytesMax = 64

    private mutating func encode() {
        for addition in additions {
            writer.reserve(4 * ByteWriter.varintBytesMax + Self.nameBytesMax + addition.topic.count)
            writer.put(zigzag: addition.key.device)
            writer.put(varint: UInt64(addition.count))
            put(addition.key.cause.rawValue)
            writer.put(varint: UInt64(addition.topic.count))
            topics[addition.topic].withUnsafeBytes { writer.put(bytes: $0) }
        }
        for device in read {
            writer.reserve(2 * ByteWriter.varintBytesMax)
            writer.put(zigzag: Int64(device.rawValue))
            writer.put(varint: 0)
        }
    }

    private mutating func put(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            precondition(utf8.count <= Self.nameBytesMax, "store: a cause with a name of \(utf8.count) bytes")
            writer.put(varint: UInt64(utf8.count))
            writer.put(bytes: UnsafeRawBufferPointer(utf8))
        }
    }

    /// In the caller's transaction.
    func insert(_ core: Connection, at moment: Moment) throws(StoreError) {
        guard !isEmpty else { return }
        let statement = try core.statement("INSERT INTO unread_step(at, listened, b) VALUES (?, ?, ?)")
        try writer.withBytes { bytes throws(StoreError) in
            statement.bind(1, moment.wall.milliseconds)
            statement.bind(2, moment.listened.milliseconds)
            try statement.run(lending: bytes, at: 3)
        }
    }
}
