import Basics
import Frames
import Telemetry

/// A file of frames, as the manifest in core.db names it.
///
/// A small file takes the late and the newest rows of one UTC day, and is written by every seal. A sealed file holds
/// one or more whole days, sorted and packed by compaction, and is never written again. Where both have a row, the one
/// of the higher generation is newer.
struct Part: Hashable, Sendable {
    /// Relative to the store's folder.
    var file: String
    /// UTC days since 1970.
    var days: ClosedRange<Int64>
    /// The retention class whose rows are in it; empty for the default one, and for small files, which hold all.
    var retentionClass = ""
    var generation: Int64
    var isSealed: Bool
    /// Times of the first and the last row.
    var first: Int64
    var last: Int64
    /// The longest frame, in milliseconds.
    var spanMax: Int64
    var frames: Int64
    var rows: Int64
    /// Of the file; 0 while it grows.
    var bytes: Int64 = 0
    /// Of a sealed file's bytes; empty for a small one.
    var sha256: [UInt8] = []
    var madeAt: Int64
    /// Its rows are elsewhere, or were given up: it goes once no reader can need it.
    var retiredAt: Int64?
    var keys: FrameKey.Layout
    /// Of a small file: which seal wrote it last, see `SealStamp`.
    var sealStamp: Int64 = 0

    /// The times that its days hold.
    var times: Range<Int64> {
        days.lowerBound * FrameKey.dayMilliseconds..<(days.upperBound + 1) * FrameKey.dayMilliseconds
    }
}

/// The files of frames that there are.
struct Manifest: Sendable {
    /// By first day, then generation.
    private(set) var live: [Part] = []
    private(set) var retired: [Part] = []
    /// Years that have a file of rollups.
    private(set) var rollups: Set<Int> = []
    /// Places in `live` by day, by rising generation.
    private var byDay: [Int64: [Int]] = [:]

    init() {}

    init(_ parts: [Part], rollups: Set<Int> = []) {
        self.rollups = rollups
        live = parts.filter { $0.retiredAt == nil }
        live.sort { ($0.days.lowerBound, $0.generation, $0.file) < ($1.days.lowerBound, $1.generation, $1.file) }
        retired = parts.filter { $0.retiredAt != nil }
        for (index, part) in live.enumerated() { for day in part.days { byDay[day, default: []].append(index) } }
        for day in byDay.keys {
            byDay[day]!.sort { (live[$0].generation, live[$0].file) < (live[$1].generation, live[$1].file) }
        }
    }

    var isEmpty: Bool { live.isEmpty }

    /// The live files that may hold rows of this day, older generations first.
    func parts(of day: Int64) -> [Part] { (byDay[day] ?? []).map { live[$0] } }

    /// The days that a live file covers, in order.
    var days: [Int64] { byDay.keys.sorted() }

    /// The live files that hold rows in `span`, by first day, then generation.
    func parts(in span: Range<Int64>) -> [Part] {
        guard !span.isEmpty else { return [] }
        let (first, last) = (FrameKey.day(of: span.lowerBound), FrameKey.day(of: span.upperBound - 1))
        // Of few days among many: a question asks this for each of its series.
        guard last - first < 8, live.count > 8 else { return live.filter { $0.times.overlaps(span) } }
        var places: [Int] = []
        for day in first...last {
            for place in byDay[day] ?? [] where !places.contains(place) { places.append(place) }
        }
        return places.sorted().map { live[$0] }
    }

    /// The small file of a day; where there is none yet, the one that the next seal makes.
    func smallPart(of day: Int64, at now: Int64) -> Part {
        if let known = parts(of: day).last(where: { !$0.isSealed }) { return known }
        let generation = generation(over: day...day)
        return Part(
            file: smallName(of: day, generation), days: day...day, generation: generation,
            isSealed: false, first: .max, last: .min, spanMax: 0, frames: 0, rows: 0, madeAt: now, keys: .since1970)
    }

    /// A name that no file has or had: one that is retired still lies there, with the rows that it is retired for.
    func smallName(of day: Int64, _ generation: Int64) -> String {
        let name = "raw/\(Folder.dayName(day)).l\(generation).db"
        return (live + retired).contains { $0.file == name } ? nextName(of: name) : name
    }

    /// The highest generation that any file of these days has had, 0 where there was none.
    func generation(over days: ClosedRange<Int64>) -> Int64 {
        (live + retired).filter { $0.days.overlaps(days) }.map(\.generation).max() ?? 0
    }

    /// The name of a file's successor with the same days and generation: `raw/2026-03-15.g1.db` becomes
    /// `raw/2026-03-15.g1.r1.db`, that one `r2`.
    func nextName(of file: String) -> String {
        let known = Set((live + retired).map(\.file))
        var words = file.dropLast(3).split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        var number = 1
        if let last = words.last, last.hasPrefix("r"), let before = Int(last.dropFirst()) {
            words.removeLast()
            number = before + 1
        }
        let base = words.joined(separator: ".")
        while known.contains("\(base).r\(number).db") { number += 1 }
        return "\(base).r\(number).db"
    }

    /// Replaces or adds what `parts` names.
    mutating func put(_ parts: [Part]) {
        let names = Set(parts.map(\.file))
        self = Manifest((live + retired).filter { !names.contains($0.file) } + parts, rollups: rollups)
    }

    mutating func remove(_ files: Set<String>) {
        self = Manifest((live + retired).filter { !files.contains($0.file) }, rollups: rollups)
    }

    mutating func set(rollups: Set<Int>) { self.rollups = rollups }

    // MARK: In core.db

    private static let columns = """
        file, first_day, last_day, class, gen, sealed, min_ts, max_ts, span_max, frames, n, bytes, sha256, made_at,
        retired_at
        """

    init(_ connection: Connection) throws(StoreError) {
        var parts: [Part] = []
        // A reader meets stores that no gateway of this build has opened yet.
        let version = try Schema.version(of: connection)
        let keys = version >= 7 ? "keys" : "\(FrameKey.Layout.since2020.rawValue) AS keys"
        let stamp = version >= 9 ? "seal_stamp" : "0 AS seal_stamp"
        let source =
            version >= 2
            ? "SELECT \(Self.columns), \(keys), \(stamp) FROM part"
            : """
            SELECT file, day AS first_day, day AS last_day, '' AS class, gen, 0 AS sealed, min_ts, max_ts,
                0 AS span_max, frames, n, 0 AS bytes, x'' AS sha256, 0 AS made_at, NULL AS retired_at, \(keys), \(stamp) FROM part
            """
        let file = connection.file
        try connection.rows(source) { row throws(StoreError) in
            guard Self.isPossible(row) else {
                throw .corrupt(file: file, detail: "the row of \(row.text("file")) does not read")
            }
            guard let keys = FrameKey.Layout(rawValue: row.integer("keys")) else {
                throw .corrupt(file: file, detail: "the keys of \(row.text("file")) count from \(row.integer("keys"))")
            }
            var part = Part(
                file: row.text("file"), days: row.integer("first_day")...row.integer("last_day"),
                retentionClass: row.text("class"), generation: row.integer("gen"),
                isSealed: row.integer("sealed") != 0, first: row.integer("min_ts"), last: row.integer("max_ts"),
                spanMax: row.integer("span_max"), frames: row.integer("frames"), rows: row.integer("n"),
                bytes: row.integer("bytes"), sha256: row.withBlob("sha256") { Array($0) },
                madeAt: row.integer("made_at"), retiredAt: row.optionalInteger("retired_at"), keys: keys,
                sealStamp: row.word("seal_stamp"))
            if part.frames > 0 {
                // Beyond its days they cannot be: nothing is passed over for them.
                if !part.times.contains(part.first) { part.first = part.times.lowerBound }
                if !part.times.contains(part.last) { part.last = part.times.upperBound - 1 }
            }
            parts.append(part)
        }
        var rollups: Set<Int> = []
        try connection.rows("SELECT key FROM meta WHERE key GLOB ?", .text(Self.rollupKey + "*")) { row in
            if let year = Int(row.text("key").dropFirst(Self.rollupKey.count)) { rollups.insert(year) }
        }
        self.init(parts, rollups: rollups)
    }

    /// Whether numbers are such as a file can have: sums of them fit, and none of its days is beyond what the store takes.
    private static func isPossible(_ row: Statement) -> Bool {
        let (first, last) = (row.integer("first_day"), row.integer("last_day"))
        let lastDay = FrameKey.times.upperBound / FrameKey.dayMilliseconds
        return first >= 0 && first <= last && last <= lastDay
            && (0...FrameKey.times.upperBound).contains(row.integer("span_max"))
            && [row.integer("gen"), row.integer("frames"), row.integer("n"), row.integer("bytes")].allSatisfy(
                Self.counts.contains)
            && (row.isNull("retired_at") || Self.moments.contains(row.integer("retired_at")))
            && Self.moments.contains(row.integer("made_at")) && row.text("file").hasPrefix("raw/")
            && row.text("file").hasSuffix(".db")
            && !row.text("file").contains("..")
    }

    /// Takes out rows that cannot be right, in the caller's transaction; returns how many. Their files are strays then.
    static func dropImpossible(_ connection: Connection) throws(StoreError) -> Int {
        var impossible: [SQLValue] = []
        try connection.rows("SELECT * FROM part") { row throws(StoreError) in
            if !isPossible(row) || FrameKey.Layout(rawValue: row.integer("keys")) == nil {
                impossible.append(row.value("file"))
            }
        }
        for file in impossible { try connection.run("DELETE FROM part WHERE file = ?", file) }
        return impossible.count
    }

    /// More rows, or bytes, than any disk holds.
    private static let counts: ClosedRange<Int64> = 0...(1 << 56)
    private static let moments: ClosedRange<Int64> = -(1 << 56)...(1 << 56)

    private static let rollupKey = "rollup-"

    /// Writes down which years have a file of rollups, in the caller's transaction.
    static func save(rollups: Set<Int>, _ connection: Connection) throws(StoreError) {
        try connection.run("DELETE FROM meta WHERE key GLOB ?", .text(rollupKey + "*"))
        for year in rollups.sorted() {
            try connection.run("INSERT INTO meta VALUES (?, ?)", .text("\(rollupKey)\(year)"), .integer(Int64(year)))
        }
        try Meta.manifestVersion.write(try Meta.manifestVersion.read(connection) + 1, connection)
    }

    /// Writes what `parts` names, in the caller's transaction.
    static func save(_ parts: [Part], _ connection: Connection) throws(StoreError) {
        for part in parts {
            try connection.run(
                "INSERT OR REPLACE INTO part(\(columns), keys, seal_stamp) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                .text(part.file), .integer(part.days.lowerBound), .integer(part.days.upperBound),
                .text(part.retentionClass), .integer(part.generation), .integer(part.isSealed ? 1 : 0),
                .integer(part.first), .integer(part.last), .integer(part.spanMax), .integer(part.frames),
                .integer(part.rows), .integer(part.bytes), .blob(part.sha256), .integer(part.madeAt),
                .optional(part.retiredAt), .integer(part.keys.rawValue), .integer(part.sealStamp))
        }
        try Meta.manifestVersion.write(try Meta.manifestVersion.read(connection) + 1, connection)
    }

    static func delete(_ files: [String], _ connection: Connection) throws(StoreError) {
        for file in files { try connection.run("DELETE FROM part WHERE file = ?", .text(file)) }
        try Meta.manifestVersion.write(try Meta.manifestVersion.read(connection) + 1, connection)
    }
}
