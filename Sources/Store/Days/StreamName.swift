import Basics
import Synchronization
import Telemetry

/// Of which device and which quantities the frames of a stream are, as a check value in the file of frames itself: an id tells it
/// only beside the core.db that gave it, and a file of another store has the same ids.
struct StreamName: Hashable, Sendable {
    /// The columns that the check value covers, from the first on: 1 to 64.
    var columns: Int
    /// CRC-32C over the device's name, then each column's quantity and channel, a zero byte behind each.
    var crc: UInt32

    static let table =
        "CREATE TABLE IF NOT EXISTS name(stream INTEGER PRIMARY KEY, n INTEGER NOT NULL, crc INTEGER NOT NULL)"

    /// In the caller's transaction. `nil` leaves what the file has.
    static func write(_ name: StreamName?, of stream: Int, _ file: Connection) throws(StoreError) {
        guard let name else { return }
        try file.run(
            "INSERT OR REPLACE INTO name VALUES (?, ?, ?)", .integer(Int64(stream)), .integer(Int64(name.columns)),
            .integer(Int64(name.crc)))
    }

    /// By stream; empty for a file of before, and where a page of them does not match its check value: a wrong name would take
    /// readings from their device.
    static func all(of file: Connection) throws(StoreError) -> [Int: StreamName] {
        guard try file.tables().contains("name") else { return [:] }
        var names: [Int: StreamName] = [:]
        var isRight = true
        do throws(StoreError) {
            try file.rows("SELECT stream, n, crc FROM name") { row throws(StoreError) in
                if file.takeWrongPage() != nil { isRight = false }
                guard let columns = Int(exactly: row.integer("n")),
                    (1...SeriesRegistry.streamColumnsMax).contains(columns),
                    let crc = UInt32(exactly: row.integer("crc")), let stream = Int(exactly: row.integer("stream"))
                else { return }
                names[stream] = StreamName(columns: columns, crc: crc)
            }
        } catch {
            guard error.isDamage(of: file.file) else { throw error }
        }
        return isRight ? names : [:]
    }

    /// Of a file whose name of the stream is another than the catalogue's.
    static func contradiction(_ stream: Int) -> String {
        "its frames of stream \(stream) are of another device than core.db says: it is of another store, or of another time of this one"
    }

    /// Copies the names of streams from one file to another, in the caller's transaction.
    static func copy(
        _ names: [Int: StreamName], without streams: Strangers = Strangers(), into file: Connection
    ) throws(StoreError) {
        for (stream, name) in names.sorted(by: { $0.key < $1.key }) where !streams.contains(stream) {
            try write(name, of: stream, file)
        }
    }
}

extension SeriesRegistry {
    /// The name of a stream over its first `count` columns, or all; nil where it is not known, has fewer, or something of it is a
    /// stand-in for what did not read.
    func name(ofStream stream: Int, columns count: Int? = nil) -> StreamName? {
        guard streams.indices.contains(stream) else { return nil }
        let columns = streams[stream].columns
        let count = count ?? columns.count
        let device = devices[streams[stream].device.index].name
        guard count > 0, count <= columns.count, !StandIn.isOne(device) else { return nil }
        var crc = CRC32C()
        func add(_ word: String) {
            word.utf8Bytes { crc.add($0) }
            withUnsafeBytes(of: UInt8(0)) { crc.add($0) }
        }
        add(device)
        for id in columns[..<count] {
            let channel = name(of: series[id.index].channel)
            guard !StandIn.isOne(channel) else { return nil }
            add(series[id.index].quantity.name)
            add(channel)
        }
        return StreamName(columns: count, crc: crc.value)
    }

    /// Of those that a file names, the streams that are of another device or other quantities here.
    func strangers(among names: [Int: StreamName], learnt: [Int: StreamName] = [:]) -> Strangers {
        Strangers(names) { stream, told in
            name(ofStream: stream, columns: told.columns)
                ?? learnt[stream].flatMap { $0.columns == told.columns ? $0 : nil }
        }
    }
}

/// The streams of a file of frames that are not those which core.db has under their ids.
///
/// Ids are given in order and never again: from the first that is another device's on, a stream belongs here only where its
/// name says so.
struct Strangers: Sendable, Hashable {
    private var first = Int.max
    private var fitting: Set<Int> = []
    /// Those that the file names, in order.
    private(set) var streams: [Int] = []

    init() {}

    /// `known`: what is known of a stream over as many columns as the file tells of.
    init(_ names: [Int: StreamName], _ known: (Int, StreamName) -> StreamName?) {
        for (stream, told) in names {
            guard let own = known(stream, told) else { continue }
            if own == told { fitting.insert(stream) } else { first = min(first, stream) }
        }
        streams = names.keys.filter(contains).sorted()
    }

    var isEmpty: Bool { streams.isEmpty }

    func contains(_ stream: Int) -> Bool { stream >= first && !fitting.contains(stream) }
}

/// The names of the streams of a registry, each reckoned once for as many columns as it has: about 1.4 µs, on the thread that seals
/// and not on that of ingest.
final class StreamNames: Sendable {
    private let known = Mutex<[(columns: Int, name: StreamName?)]>([])

    /// What has to be reckoned with, or nil where all is known: a copy that outlives its moment may cost the registry one of its own.
    func missing(of registry: SeriesRegistry) -> SeriesRegistry? {
        let isKnown = known.withLock { known in
            known.count == registry.streamCount
                && zip(known, registry.streams).allSatisfy { $0.columns == $1.columns.count }
        }
        return isKnown ? nil : registry
    }

    /// By stream; nil where something of it is a stand-in. `registry` as `missing` gave it.
    func all(_ registry: SeriesRegistry?) -> [StreamName?] {
        known.withLock { known in
            for (stream, columns) in (registry?.streams ?? []).map(\.columns.count).enumerated()
            where stream >= known.count || known[stream].columns != columns {
                let fresh = (columns, registry?.name(ofStream: stream))
                if stream < known.count { known[stream] = fresh } else { known.append(fresh) }
            }
            return known.map(\.name)
        }
    }
}

/// The names that a repair gives to devices and channels whose own did not read.
enum StandIn {
    static let prefix = "unreadable-"

    static func name(_ id: Int64) -> String { prefix + "\(id)" }

    static func isOne(_ name: String) -> Bool { name.hasPrefix(prefix) && Int64(name.dropFirst(prefix.count)) != nil }
}
