import Basics
import Glibc
import Synchronization
import Telemetry
import TestSupport

@testable import Store

/// A folder that goes when the value does.
final class TemporaryFolder: Sendable {
    let path: String
    /// Where a store may be made.
    var store: String { path + "/store" }

    init() {
        // In memory where there is such a place: thousands of commits wait for a disk otherwise, and prove no more.
        let base = Folder.isFolder("/dev/shm") ? "/dev/shm" : "/tmp"
        var template = Array("\(base)/baotu-store-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { buffer in
            String(cString: mkdtemp(buffer.baseAddress!))
        }
    }

    deinit { removeTree(path) }
}

func removeTree(_ path: String) {
    for name in names(in: path) {
        let entry = path + "/" + name
        if Folder.isFolder(entry) { removeTree(entry) } else { unlink(entry) }
    }
    rmdir(path)
}

func names(in folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
}

func readFile(_ path: String) -> [UInt8] {
    let descriptor = open(path, O_RDONLY)
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = read(descriptor, &chunk, chunk.count), count > 0 {
        bytes.append(contentsOf: chunk[..<count])
    }
    return bytes
}

func writeFile(_ path: String, _ bytes: [UInt8]) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o640)
    defer { close(descriptor) }
    var offset = 0
    while offset < bytes.count {
        offset += bytes[offset...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }
}

/// What a crash leaves: every file as the kernel has it now. The `-shm` is left behind, as after a power cut.
func copyStore(_ from: String, to: String) {
    mkdir(to, 0o750)
    for name in names(in: from) where name != "lock" && !name.hasSuffix("-shm") {
        if Folder.isFolder(from + "/" + name) {
            copyStore(from + "/" + name, to: to + "/" + name)
        } else {
            writeFile(to + "/" + name, readFile(from + "/" + name))
        }
    }
}

/// Fails the effect of a given number, counting from 0, and remembers how many there were.
final class Saboteur: Sendable {
    private let state = Mutex((count: 0, target: Int.max, error: StoreError.diskFull(file: "test", detail: "test")))

    /// Counts from 0 again, and fails at `target`.
    func arm(_ target: Int, _ error: StoreError) { state.withLock { $0 = (0, target, error) } }
    func disarm() { state.withLock { $0.target = .max } }
    var count: Int { state.withLock { $0.count } }

    var hook: EffectHook {
        { [self] _ throws(StoreError) in
            let error: StoreError? = state.withLock { state in
                defer { state.count += 1 }
                return state.count == state.target ? state.error : nil
            }
            if let error { throw error }
        }
    }
}

func at(_ text: String) -> Timestamp { Timestamp(iso8601: text)! }

/// Noon of a day in the middle of a month.
let noon = at("2026-03-15T12:00:00Z")

func seconds(_ count: Int) -> Timestamp { noon + .seconds(count) }

extension Journal {
    /// The series of a device, interned as a decoder does.
    func series(_ device: String, _ quantity: String, _ channel: String = "") -> SeriesID {
        let device = registry.intern(device: device, profile: "test")!
        let channel = registry.intern(channel: channel)!
        return registry.intern(device: device, quantity: Quantity(named: quantity)!, channel: channel)!
    }

    /// Commits one row: one device, one time.
    @discardableResult
    func put(
        _ device: String, _ time: Timestamp, _ values: [String: Double], now: Timestamp? = nil
    ) throws(StoreError) -> Commit {
        var batch = DecodedBatch()
        for (quantity, value) in values.sorted(by: { $0.key < $1.key }) {
            batch.readings.append(Reading(series: series(device, quantity), observed: time, value: value))
        }
        registry.closeRow(batch.readings[...])
        batch.heard = [Hearing(device: registry.device(named: device)!, at: now ?? time)]
        return try commit(batch, received: 1, now: now ?? time)
    }

    /// Makes core.db what version 9 had: to be closed after this.
    func becomeVersion9() throws(StoreError) {
        for statement in [
            "ALTER TABLE device DROP COLUMN service", "DROP TABLE run", "DROP TABLE rule_text",
            "DROP TABLE decision", "DROP TABLE standing", "DROP TABLE silence", "DROP INDEX incident_fired",
            "DROP INDEX outbox_lead", "DROP INDEX outbox_group", "ALTER TABLE incident DROP COLUMN fired_steady",
            "ALTER TABLE deed DROP COLUMN origin", "ALTER TABLE deed DROP COLUMN target",
            "ALTER TABLE outbox DROP COLUMN lead", "ALTER TABLE outbox DROP COLUMN grp",
            "ALTER TABLE outbox DROP COLUMN made", "ALTER TABLE outbox DROP COLUMN sealed",
            "ALTER TABLE outbox DROP COLUMN shown", "PRAGMA user_version = 9",
        ] {
            try core.run(statement)
        }
    }

    /// Makes core.db what version 7 had: to be closed after this.
    func becomeVersion7() throws(StoreError) {
        try becomeVersion9()
        try core.run("DROP TABLE correction")
        for column in [
            "part DROP COLUMN seal_stamp",
            "incident DROP COLUMN began_steady", "incident DROP COLUMN ended_steady", "alert DROP COLUMN since_steady",
            "alert DROP COLUMN at_steady", "counters DROP COLUMN committed_steady", "unread DROP COLUMN run_listened",
            "unread DROP COLUMN last_listened", "unread_step DROP COLUMN listened",
        ] {
            try core.run("ALTER TABLE \(column)")
        }
        try core.run("PRAGMA user_version = 7")
    }

    /// Makes core.db what version 6 had: to be closed after this. Its files of frames must be of before version 7.
    func becomeVersion6() throws(StoreError) {
        try becomeVersion7()
        for statement in [
            "DROP TABLE deed", "DROP TABLE incident", "ALTER TABLE alert DROP COLUMN sentence_key",
            "ALTER TABLE alert DROP COLUMN sentence_values", "ALTER TABLE transition DROP COLUMN sentence_key",
            "ALTER TABLE transition DROP COLUMN sentence_values", "DROP TABLE unread", "DROP TABLE unread_step",
            "ALTER TABLE part DROP COLUMN keys", "PRAGMA user_version = 6",
        ] {
            try core.run(statement)
        }
    }

    /// The same with version 3.
    func becomeVersion3() throws(StoreError) {
        try becomeVersion6()
        for statement in [
            "DROP INDEX transition_start", "DROP TABLE steps_given_up", "ALTER TABLE latest DROP COLUMN top",
            "ALTER TABLE device DROP COLUMN last_heard_steady", "ALTER TABLE device DROP COLUMN status_over",
            "ALTER TABLE device DROP COLUMN expected_listened", "PRAGMA user_version = 3",
        ] {
            try core.run(statement)
        }
    }

    func seal(_ state: [UInt8] = [], now: Timestamp = noon) throws(StoreError) {
        try finishSeal(try beginSeal(state: state, now: now).run())
    }
}

extension Archive {
    /// All points of one series, as (milliseconds, bits).
    func points(_ device: String, _ quantity: String) throws -> [Point] {
        try withSnapshot { _ in }
        guard let device = registry.device(named: device),
            let series = registry.find(device: device, quantity: Quantity(named: quantity)!, channel: .none)
        else { return [] }
        var points: [Point] = []
        try forEachReading(
            of: series, since: Timestamp(milliseconds: .min), until: Timestamp(milliseconds: .max)
        ) { time, value in
            points.append(Point(time: time.milliseconds, bits: value.bitPattern))
            return true
        }
        return points
    }
}

/// What a file of rollups has, by table and key.
func rollupRows(of file: String) throws -> [String: [Int64: [UInt8]]] {
    var rows: [String: [Int64: [UInt8]]] = [:]
    let connection = try Connection(file, .immutable, effects: nil)
    for table in RollupRows.tables {
        try connection.rows("SELECT k, b FROM \(table)") { row throws(StoreError) in
            rows[table, default: [:]][row.word("k")] = row.withBlob("b") { Array($0) }
        }
    }
    return rows
}

struct Point: Hashable {
    var time: Int64
    var bits: UInt64

    init(time: Int64, bits: UInt64) {
        self.time = time
        self.bits = bits
    }

    init(_ time: Timestamp, _ value: Double) { self.init(time: time.milliseconds, bits: value.bitPattern) }
}
