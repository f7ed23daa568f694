import Basics
import CSQLite
import Contract
import Foundation
import Measuring
import Store
import Telemetry

/// Stores of which one file is damaged, as disks do it, and as somebody does who makes the check values right: a check, readers,
/// a repair and a start come through, and what a repair calls good is good for a start.
final class Stores: FuzzKind {
    private static let noon = Timestamp(iso8601: "2026-03-15T12:00:00Z")!
    private let folder: String
    /// As a stop leaves it, and as a crash does; each file with its bytes.
    private let states: [[(path: String, bytes: [UInt8])]]

    /// In a folder of memory, which goes with `close`.
    init() throws {
        folder = "/dev/shm/baotu-fuzz-\(getpid())"
        Machine.removeTree(folder)
        let store = folder + "/store"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let journal = try Journal.open(StoreOptions(folder: store))
        try Self.fill(journal, steps: 0..<240)
        try Self.seal(journal, at: Self.noon + .seconds(2 * 86_400))
        while let job = journal.nextCompaction(now: Self.noon + .seconds(3 * 86_400)) {
            try journal.finishCompaction(try job.run(), now: Self.noon + .seconds(3 * 86_400))
        }
        try Self.fill(journal, steps: 100..<110)
        try Self.fill(journal, steps: 240..<300)
        try Self.seal(journal, at: Self.noon + .seconds(3 * 86_400))
        try Self.fill(journal, steps: 300..<330)
        let crashed = try Self.files(store)
        journal.close()
        states = [try Self.files(store), crashed]
    }

    func close() { Machine.removeTree(folder) }

    private static func fill(_ journal: Journal, steps: Range<Int>) throws {
        for step in steps {
            var batch = DecodedBatch()
            let device = journal.registry.intern(device: "lamp-\(step % 8)", profile: "lamps")!
            let at = noon + .seconds(step * 720)
            for (quantity, value) in [("active_power", Double(step) * 1.37), ("voltage", 230 + Double(step % 7))] {
                let series = journal.registry.intern(
                    device: device, quantity: Quantity(named: quantity)!, channel: .none)!
                batch.readings.append(Reading(series: series, observed: at, value: value))
            }
            journal.registry.closeRow(batch.readings[...])
            batch.heard = [Hearing(device: device, at: at)]
            _ = try journal.commit(batch, received: 1, at: Moment(at))
        }
    }

    private static func seal(_ journal: Journal, at now: Timestamp) throws {
        try journal.finishSeal(try journal.beginSeal(state: [1, 2, 3], now: now).run())
    }

    private static func files(_ store: String) throws -> [(path: String, bytes: [UInt8])] {
        try FileManager.default.subpathsOfDirectory(atPath: store).sorted().compactMap { path in
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: store + "/" + path, isDirectory: &isFolder),
                !isFolder.boolValue
            else { return nil }
            return (path, Array(try Data(contentsOf: URL(filePath: store + "/" + path))))
        }
    }

    // MARK: One store

    func input(_ generator: inout Generator) throws {
        let store = folder + "/store"
        Machine.removeTree(store)
        Machine.removeTree(store + ".mark")
        try FileManager.default.createDirectory(atPath: store + "/raw", withIntermediateDirectories: true)
        let state = generator.one(of: states)
        let victim = generator.below(state.count)
        for (place, file) in state.enumerated() {
            var bytes = file.bytes
            if place == victim {
                bytes = Mutation.file(bytes, &generator)
                // Half of the pages pass their check: what is in them has to be looked at then.
                if file.path.hasSuffix(".db"), generator.below(2) == 0 { PageSeal.put(on: &bytes) }
            }
            try Data(bytes).write(to: URL(filePath: store + "/" + file.path))
        }
        if generator.below(3) == 0 { RowDamage.put(into: store, state.map(\.path), &generator) }
        try look(at: store, generator.below(2) == 0)
    }

    private func look(at store: String, _ readsFirst: Bool) throws {
        do throws(StoreError) {
            if readsFirst { try read(store) }
        } catch {}
        do throws(StoreError) {
            _ = try StoreCheck.run(folder: store)
        } catch {}
        let repair: RepairReport
        do throws(StoreError) {
            repair = try StoreRepair.run(folder: store, now: Self.noon + .seconds(4 * 86_400))
        } catch {
            return
        }
        do throws(StoreError) {
            try read(store)
        } catch {
            if repair.isGood { throw FuzzFailure(sentence: "repaired, and readers say: \(error)") }
        }
        do {
            let journal = try Journal.open(StoreOptions(folder: store))
            defer { journal.close() }
            try Self.fill(journal, steps: 400..<402)
            try Self.seal(journal, at: Self.noon + .seconds(5 * 86_400))
        } catch let error as StoreError {
            if repair.isGood { throw FuzzFailure(sentence: "repaired, and a start says: \(error)") }
        }
    }

    private func read(_ store: String) throws(StoreError) {
        let archive = try Archive(folder: store)
        let now = Self.noon + .seconds(4 * 86_400)
        _ = try archive.status(at: now)
        _ = try archive.devices(at: now)
        _ = try archive.latest()
        let span = (Self.noon - .seconds(86_400 * 400), now)
        for device in archive.registry.devices.prefix(8) {
            do throws(StoreError) {
                _ = try archive.history(HistoryRequest(device: device.name, since: span.0, until: span.1))
                _ = try archive.history(
                    HistoryRequest(device: device.name, since: span.0, until: span.1, step: .seconds(3600)))
            } catch {
                if case .noSuchDevice = error { continue }
                throw error
            }
        }
        _ = try archive.query(QueryRequest(since: span.0, until: span.1, step: .seconds(86_400)))
        _ = try archive.alerts(AlertsRequest(), at: now)
        _ = try archive.incidents(IncidentsRequest(), at: now)
        _ = try archive.rejects()
        _ = try archive.corrections(CorrectionsRequest())
    }
}

/// The check values of pages and rows, as the store's own code has them: see there.
enum PageSeal {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? 0x82F6_3B78 ^ value >> 1 : value >> 1 }
    }

    /// CRC-32C over numbers of 8 bytes, little-endian, then bytes.
    static func crc(_ numbers: [Int64], _ bytes: some Sequence<UInt8>) -> UInt32 {
        var value: UInt32 = 0xFFFF_FFFF
        func add(_ byte: UInt8) { value = table[Int((value ^ UInt32(byte)) & 0xFF)] ^ value >> 8 }
        for number in numbers { for place in 0..<8 { add(UInt8(truncatingIfNeeded: number >> Int64(8 * place))) } }
        for byte in bytes { add(byte) }
        return ~value
    }

    /// Makes the check value of each page right.
    static func put(on file: inout [UInt8]) {
        guard file.count >= 512 else { return }
        var page = Int(file[16]) << 8 | Int(file[17])
        if page == 1 { page = 65_536 }
        guard page >= 512, page & (page - 1) == 0 else { return }
        for number in 0..<file.count / page {
            let start = number * page
            let value = crc([Int64(number + 1)], file[start..<start + page - 8])
            for (place, word) in [value, 0x31FF_0BA0].enumerated() {
                for byte in 0..<4 {
                    file[start + page - 8 + place * 4 + byte] = UInt8(truncatingIfNeeded: word >> UInt32(8 * byte))
                }
            }
        }
    }
}

/// Rows that somebody wrote with right check values.
private enum RowDamage {
    static func put(into store: String, _ files: [String], _ generator: inout Generator) {
        let choices = files.filter { $0.hasSuffix(".db") }
        guard !choices.isEmpty else { return }
        let path = store + "/" + generator.one(of: choices)
        chmod(path, 0o640)
        var handle: OpaquePointer?
        guard sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK, let handle else { return }
        let tables = texts(handle, "SELECT name FROM sqlite_schema WHERE type = 'table'")
        if !tables.isEmpty {
            for _ in 0...generator.below(3) { change(handle, generator.one(of: tables), &generator) }
        }
        sqlite3_exec(handle, "PRAGMA wal_checkpoint(TRUNCATE)", nil, nil, nil)
        sqlite3_close(handle)
        guard var bytes = (try? Data(contentsOf: URL(filePath: path))).map({ Array($0) }) else { return }
        PageSeal.put(on: &bytes)
        try? Data(bytes).write(to: URL(filePath: path))
    }

    private static let numbers = [
        "0", "-1", "1", "9223372036854775807", "-9223372036854775808", "4294967296", "2147483647", "1e308", "NULL",
        "'x'",
        "x'00'", "1773576000000", "-62135596800000",
    ]

    private static func change(_ handle: OpaquePointer, _ table: String, _ generator: inout Generator) {
        let columns = texts(handle, "SELECT name FROM pragma_table_info('\(table)')")
        let rowids = texts(handle, "SELECT rowid FROM \"\(table)\" LIMIT 64")
        guard !columns.isEmpty, !rowids.isEmpty else { return }
        let row = generator.one(of: rowids)
        let column = generator.one(of: columns)
        sqlite3_exec(
            handle,
            "UPDATE OR IGNORE \"\(table)\" SET \"\(column)\" = \(generator.one(of: numbers)) WHERE rowid = \(row)",
            nil, nil, nil)
        guard columns.contains("b"), columns.contains("crc") else { return }
        let keys = ["k", "id", "stream"].filter(columns.contains)
        guard let key = keys.first else { return }
        // The blob too now and then, and the check value over all of it.
        let hex = texts(handle, "SELECT hex(b) FROM \"\(table)\" WHERE rowid = \(row)").first ?? ""
        var blob = bytes(hex)
        if generator.below(2) == 0 { blob = Mutation.file(blob, &generator) }
        let counted =
            columns.contains("span")
            ? ["span", "n", "ver"].map { name in
                Int64(texts(handle, "SELECT \(name) FROM frame WHERE rowid = \(row)").first ?? "") ?? 0
            } : []
        let number = Int64(texts(handle, "SELECT \(key) FROM \"\(table)\" WHERE rowid = \(row)").first ?? "") ?? 0
        let beside = counted.last.map { $0 < 3 } ?? true ? [] : counted
        let crc = PageSeal.crc([number] + beside, blob)
        let text = blob.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        sqlite3_exec(
            handle, "UPDATE \"\(table)\" SET b = x'\(text)', crc = \(crc) WHERE rowid = \(row)", nil, nil, nil)
    }

    private static func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex.utf8)
        return stride(from: 0, to: digits.count - 1, by: 2).map { place in
            UInt8(String(decoding: digits[place...place + 1], as: UTF8.self), radix: 16) ?? 0
        }
    }

    /// The first column of a question, as texts.
    private static func texts(_ handle: OpaquePointer, _ sql: String) -> [String] {
        var statement: OpaquePointer?
        guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK else { return [] }
        defer { sqlite3_finalize(statement) }
        var found: [String] = []
        while sqlite3_step(statement) == SQLITE_ROW {
            if let text = sqlite3_column_text(statement, 0) { found.append(String(cString: text)) }
        }
        return found
    }
}
