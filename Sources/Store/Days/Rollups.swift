import Basics
import Frames
import Telemetry

// Hours and days of every series, recomputed from frames and never incremented, so that a correction or a repeated step
// cannot count twice. Hours of an open day lie in its small file, written with its frames in one transaction; a closed
// day's go to rollup-YYYY.db when it is compacted, day after day, so that its pages are full.

/// The columns of a stream in one row of rollups; drawn in FRAMES.md.
enum RollupRow {
    /// What a column has, by column; nil where it has nothing.
    static func encode<Part>(
        _ columns: [Part?], into writer: inout ByteWriter, _ encodePart: (Part, inout ByteWriter) -> Void
    ) {
        writer.removeAll()
        writer.reserve(1)
        writer.put(byte: UInt8(columns.count))
        var one = ByteWriter(capacity: 1024)
        for part in columns {
            one.removeAll()
            if let part { encodePart(part, &one) }
            writer.reserve(ByteWriter.varintBytesMax + one.count)
            writer.put(varint: UInt64(one.count))
            one.withBytes { writer.put(bytes: $0) }
        }
    }

    static func encode(_ hours: [HourRow?], into writer: inout ByteWriter) {
        encode(hours, into: &writer) { $0.encode(into: &$1) }
    }

    /// The bytes of one column; nil where it has none.
    static func column(_ index: Int, of bytes: UnsafeRawBufferPointer) throws(Malformed) -> UnsafeRawBufferPointer? {
        var reader = ByteReader(bytes)
        let count = Int(try reader.byte())
        guard index < count else { return nil }
        for _ in 0..<index { _ = try reader.slice(try reader.count(max: bytes.count, "a length")) }
        let length = try reader.count(max: reader.remaining, "a length")
        guard length > 0 else { return nil }
        let start = reader.position
        return UnsafeRawBufferPointer(rebasing: bytes[start..<start + length])
    }

    static func columns(_ bytes: UnsafeRawBufferPointer) throws(Malformed) -> [HourRow?] {
        var columns: [HourRow?] = []
        guard let count = bytes.first else { throw Malformed("ends too early") }
        for index in 0..<Int(count) {
            let part = try column(index, of: bytes)
            columns.append(try part.map { part throws(Malformed) in try HourRow.decode(part) })
        }
        return columns
    }

    /// The hours of every column of `rows`, which lie in one UTC day.
    static func hours(_ rows: RowBlock, day: Int64) -> [HourRow?] {
        var values = [Double](repeating: 0, count: rows.count)
        return (0..<rows.stride).map { column in
            var hasAny = false
            for row in 0..<rows.count {
                values[row] = rows[row, column]
                if !values[row].isNaN { hasAny = true }
            }
            guard hasAny else { return nil }
            let hours = rows.times.withUnsafeBufferPointer { times in
                values.withUnsafeBufferPointer { HourRow.hours(day: day, times: times, values: $0) }
            }
            return HourRow(hours: hours)
        }
    }

    /// What stands after `old`: where readings of an hour could not be read its old figures stay, and an hour that was
    /// complete before and is different now is marked as revised. `completeBefore`: hours that ended by then were told.
    static func renewed(_ new: [HourRow?], old: [HourRow?], day: Int64, completeBefore: Int64) -> [HourRow?] {
        guard !old.isEmpty else { return new }
        var result = new
        while result.count < old.count { result.append(nil) }
        for (column, row) in old.enumerated() {
            guard let row else { continue }
            guard var fresh = result[column] else {
                result[column] = row
                continue
            }
            fresh.revised |= row.revised
            for hour in 0..<HourRow.hoursPerDay where row.hours[hour] != fresh.hours[hour] {
                // Corrections change values and late readings add some: fewer are left only by damage.
                if fresh.hours[hour].count < row.hours[hour].count {
                    fresh.hours[hour] = row.hours[hour]
                    continue
                }
                let end = day * FrameKey.dayMilliseconds + Int64(hour + 1) * HourRow.hourMilliseconds
                if row.hours[hour].count > 0, end <= completeBefore { fresh.revised |= 1 << UInt32(hour) }
            }
            result[column] = fresh
        }
        return result
    }
}

/// A local day of one series: its figures, and how its values are spread.
struct DaySummary: Equatable, Sendable {
    var summary: Summary
    var histogram: Histogram
    var isRevised: Bool

    /// The figures of every column of `rows`, which lie in one local day; nil where a column has none.
    static func columns(of rows: RowBlock) -> [DaySummary?] {
        var values: [Double] = []
        return (0..<rows.stride).map { column in
            values.removeAll(keepingCapacity: true)
            for row in 0..<rows.count where !rows[row, column].isNaN { values.append(rows[row, column]) }
            guard !values.isEmpty else { return nil }
            var histogram = Histogram()
            for value in values { histogram.add(value) }
            return DaySummary(
                summary: values.withUnsafeBufferPointer { Summary($0) }, histogram: histogram, isRevised: false)
        }
    }

    /// The figures of those of its readings that are not in `part`; nil where there are none.
    ///
    /// `told` are their figures from elsewhere, which count where they are of as many. Where they are not (days that do not
    /// begin with an hour), the extremes stay those of the whole.
    func without(_ part: DaySummary?, told: Summary) -> DaySummary? {
        let taken = part?.summary ?? Summary()
        let left = summary.count - taken.count
        guard left > 0 else { return nil }
        var rest = told
        if told.count != left {
            let sum = summary.sum - taken.sum
            let apart = taken.count > 0 ? sum / Double(left) - taken.mean : 0
            let between = apart * apart * Double(left) * Double(taken.count) / Double(summary.count)
            rest = Summary(
                count: left, min: summary.min, max: summary.max, sum: sum,
                deviation: max(0, summary.deviation - taken.deviation - between), last: summary.last)
        }
        return DaySummary(
            summary: rest, histogram: part.map { histogram.without($0.histogram) } ?? histogram, isRevised: isRevised)
    }

    func encode(into writer: inout ByteWriter) {
        writer.reserve(1)
        writer.put(byte: isRevised ? 1 : 0)
        var hours = [Summary](repeating: Summary(), count: HourRow.hoursPerDay)
        hours[0] = summary
        var one = ByteWriter(capacity: 512)
        HourRow(hours: hours).encode(into: &one)
        writer.reserve(ByteWriter.varintBytesMax + one.count)
        writer.put(varint: UInt64(one.count))
        one.withBytes { writer.put(bytes: $0) }
        histogram.encode(into: &writer)
    }

    static func decode(_ bytes: UnsafeRawBufferPointer) throws(Malformed) -> DaySummary {
        var reader = ByteReader(bytes)
        let flags = try reader.byte()
        guard flags <= 1 else { throw Malformed("flags \(flags)") }
        let length = try reader.count(max: reader.remaining, "a length")
        let start = reader.position
        let row = try HourRow.decode(UnsafeRawBufferPointer(rebasing: bytes[start..<start + length]))
        let histogram = try Histogram.decode(UnsafeRawBufferPointer(rebasing: bytes[(start + length)...]))
        return DaySummary(summary: row.hours[0], histogram: histogram, isRevised: flags == 1)
    }
}

/// Keys of rollup-YYYY.db. Days come first: rows are written day after day, so each goes to the end.
enum RollupKey {
    static let streamBits: Int64 = 22

    static func hours(day: Int64, stream: Int) -> Int64 { day << streamBits | Int64(stream) }
    static func stream(_ key: Int64) -> Int { Int(key & (1 << streamBits - 1)) }

    static let minute: Int64 = 60_000
    private static let minuteBits: Int64 = 26
    /// Keys of local days that are equally long: between them and the next longer or shorter ones.
    static let daysOfOneLength: Int64 = 1 << (streamBits + minuteBits)

    /// From when minutes count in the file of a year: 2020, as they did before the store took older times, and 1970 in
    /// files of earlier years. So no file has both, and 26 bits hold any minute.
    private static func epoch(ofYear year: Int) -> Int64 {
        (year < 2020 ? FrameKey.Layout.since1970 : .since2020).epoch
    }

    /// A local day: by how many minutes it is longer or shorter than 24 hours, and the minute that it starts with. So a row
    /// is of one span, and counts for whoever asks for that span, whatever the site's days were when it was made. nil for a
    /// day that is not stored: that begins before 1970, or not with a minute.
    static func day(_ span: Range<Int64>, stream: Int) -> Int64? {
        day(span, stream: stream, in: Folder.year(of: span.lowerBound))
    }

    /// The same by the keys of the file of `year`.
    static func day(_ span: Range<Int64>, stream: Int, in year: Int) -> Int64? {
        let (start, length) = (span.lowerBound - epoch(ofYear: year), span.upperBound - span.lowerBound)
        guard start >= 0, start / minute < 1 << minuteBits, start % minute == 0, length % minute == 0,
            (1...LocalDays.lengthMax).contains(length)
        else { return nil }
        let extra = Int64(IntegerColumn.zigzag((length - FrameKey.dayMilliseconds) / minute))
        return (extra << minuteBits | start / minute) << streamBits | Int64(stream)
    }

    /// The local day that a key is of in the file of `year`; nil for a key that no day has.
    static func span(ofDay key: Int64, in year: Int) -> Range<Int64>? {
        guard key >= 0 else { return nil }
        let extra = IntegerColumn.signed(UInt64(key / daysOfOneLength))
        let length = FrameKey.dayMilliseconds + extra * minute
        guard (1...LocalDays.lengthMax).contains(length) else { return nil }
        let start = epoch(ofYear: year) + ((key % daysOfOneLength) >> streamBits) * minute
        return start..<start + length
    }
}

/// Writes rollups of closed days. Used on the thread that seals; what is written counts once `finish` has returned.
final class RollupWriter {
    /// A question for a month of one series reads a page a day; a page of 16 KiB took as long again for copies and
    /// checks of what nobody asked for.
    static let pageBytes = 8192

    private let folder: Folder
    private let effects: EffectHook?
    private var files: [Int: Connection] = [:]
    private var writer = ByteWriter(capacity: 1 << 12)

    init(_ folder: Folder, _ effects: EffectHook?) {
        self.folder = folder
        self.effects = effects
    }

    private func file(of time: Int64) throws(StoreError) -> Connection {
        let year = Folder.year(of: time)
        if let known = files[year] { return known }
        let path = folder.rollup(year)
        try Folder.makeFile(path)
        let file = try Connection(path, .writer(pageBytes: Self.pageBytes), effects: effects)
        try Schema.prepareRollup(file)
        try file.run("BEGIN IMMEDIATE")
        files[year] = file
        return file
    }

    /// Puts the hours of a stream's UTC day in place of what was there. `small`: those of the day's small file.
    func put(
        _ fresh: [HourRow?], small: [HourRow?], stream: Int, day: Int64, completeBefore: Int64
    ) throws(StoreError) {
        let file = try file(of: day * FrameKey.dayMilliseconds)
        let key = RollupKey.hours(day: day, stream: stream)
        let old = try stored("r1h", key, file) { bytes throws(Malformed) in try RollupRow.columns(bytes) }
        var rows = RollupRow.renewed(fresh, old: old, day: day, completeBefore: completeBefore)
        // What the small file knew of revisions, or of readings that no longer read, is not lost with it.
        rows = RollupRow.renewed(rows, old: small, day: day, completeBefore: .min)
        RollupRow.encode(rows, into: &writer)
        try insert("INSERT OR REPLACE INTO r1h VALUES (?, ?, ?)", key, file)
    }

    /// Puts a local day of a stream, by column; none where such a day is not stored.
    func put(_ days: [DaySummary?], stream: Int, day: Range<Int64>) throws(StoreError) {
        guard let key = RollupKey.day(day, stream: stream) else { return }
        let file = try file(of: day.lowerBound)
        let old = try stored("r1d", key, file) { bytes throws(Malformed) in try Self.days(bytes) }
        var days = days
        while days.count < old.count { days.append(nil) }
        for (column, before) in old.enumerated() {
            guard let before else { continue }
            // Nothing is left of it: its readings were given up, or do not read.
            guard var day = days[column] else {
                days[column] = before
                continue
            }
            if day.summary.count < before.summary.count { day = before }
            day.isRevised = before.isRevised || day.summary != before.summary
            days[column] = day
        }
        RollupRow.encode(days, into: &writer) { $0.encode(into: &$1) }
        try insert("INSERT OR REPLACE INTO r1d VALUES (?, ?, ?)", key, file)
    }

    /// Takes out a stream's hours of a UTC day; until there are others, readings answer for it.
    func removeHours(of stream: Int, day: Int64) throws(StoreError) {
        try file(of: day * FrameKey.dayMilliseconds).run(
            "DELETE FROM r1h WHERE k = ?", .integer(RollupKey.hours(day: day, stream: stream)))
    }

    /// The same for a local day.
    func removeDay(_ day: Range<Int64>, of stream: Int) throws(StoreError) {
        guard let key = RollupKey.day(day, stream: stream) else { return }
        try file(of: day.lowerBound).run("DELETE FROM r1d WHERE k = ?", .integer(key))
    }

    static func days(_ bytes: UnsafeRawBufferPointer) throws(Malformed) -> [DaySummary?] {
        guard let count = bytes.first else { throw Malformed("ends too early") }
        var days: [DaySummary?] = []
        for index in 0..<Int(count) {
            let part = try RollupRow.column(index, of: bytes)
            days.append(try part.map { part throws(Malformed) in try DaySummary.decode(part) })
        }
        return days
    }

    /// The columns of a row; none where there is no such row, or it does not read.
    private func stored<Column>(
        _ table: String, _ key: Int64, _ file: Connection,
        _ columns: (UnsafeRawBufferPointer) throws(Malformed) -> [Column?]
    ) throws(StoreError) -> [Column?] {
        var found: [Column?] = []
        try file.rows("SELECT crc, b FROM \(table) WHERE k = ?", .integer(key)) { row throws(StoreError) in
            found = (try? row.withChecked(key, columns)) ?? []
        }
        return found
    }

    private func insert(_ sql: String, _ key: Int64, _ file: Connection) throws(StoreError) {
        let insert = try file.statement(sql)
        try writer.withBytes { bytes throws(StoreError) in
            insert.bind(1, key)
            insert.bind(2, CRC32C.check(key: key, bytes))
            try insert.run(lending: bytes, at: 3)
        }
    }

    /// Commits, and leaves no WAL behind.
    func finish() throws(StoreError) {
        for file in files.values {
            try file.run("COMMIT")
            try file.checkpoint()
            file.close()
        }
        files = [:]
    }
}

extension Statement {
    /// Lends the bytes of the row, its columns `crc` and `b`, after their check.
    func withChecked<R>(
        _ key: Int64, _ body: (UnsafeRawBufferPointer) throws(Malformed) -> R
    ) throws(Malformed) -> R {
        let expected = integer("crc")
        return try withBlob("b") { bytes throws(Malformed) in
            guard CRC32C.check(key: key, bytes) == expected else { throw Malformed("its check value is wrong") }
            return try body(bytes)
        }
    }
}
