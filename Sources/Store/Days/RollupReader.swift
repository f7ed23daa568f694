import Basics
import Frames
import Telemetry

/// Reads the rollups of closed days. A file that does not read is noted as damaged, and raw readings answer instead.
final class RollupReader {
    private let folder: Folder
    private let effects: EffectHook?
    /// Is told of a file that is missing or damaged, and knows from its manifest which should be there; nil where raw readings are
    /// at hand in any case.
    private let sealed: SealedFrames?
    private var readers: [Int: FileReader] = [:]
    /// See `Archive`.
    var abandonment: StopRequest?

    init(_ folder: Folder, effects: EffectHook?, notingIn sealed: SealedFrames? = nil) {
        self.folder = folder
        self.effects = effects
        self.sealed = sealed
    }

    /// Lets go of the files, so that those unlinked meanwhile are not read for ever.
    func forget() { readers.removeAll() }

    /// What reads from a file: nothing of one that is missing, that has no tables or that is another year's.
    private func read<R>(
        year: Int, _ body: (Connection) throws(StoreError) -> R
    ) throws(StoreError) -> R? {
        let path = folder.rollup(year)
        do throws(StoreError) {
            guard let reader = try reader(of: year) else { return nil }
            return try reader.read(body)
        } catch {
            // Without somebody to tell it to, it is no answer.
            guard sealed != nil, error.isDamage(of: path) else { throw error }
            note(year, "the file does not read (\(error))")
            return nil
        }
    }

    private func reader(of year: Int) throws(StoreError) -> FileReader? {
        if let known = readers[year] { return known }
        let path = folder.rollup(year)
        guard Folder.exists(path) else {
            note(year, "the file is missing")
            return nil
        }
        let reader = FileReader(path, effects: effects)
        // A crash may have left it without its tables.
        let hasTables = try reader.read { connection throws(StoreError) in try Schema.checkRollup(connection) }
        guard hasTables else {
            note(year, "the file is empty")
            return nil
        }
        if sealed != nil, try !reader.read({ connection throws(StoreError) in try connection.mayBeRollup(of: year) }) {
            note(year, "the file is of another year")
            return nil
        }
        readers[year] = reader
        return reader
    }

    /// Tells that a file which should be there gives nothing.
    private func note(_ year: Int, _ reason: String) {
        guard let sealed, sealed.manifest.rollups.contains(year) else { return }
        sealed.note(
            DamagedFrame(
                file: folder.rollup(year), stream: nil,
                start: Timestamp(milliseconds: Folder.span(ofYear: year).lowerBound),
                reason: reason + "; figures of days whose readings are no longer kept may be lacking"))
    }

    /// The first and the last UTC day that hours are stored of; nil where there are none.
    func days() throws(StoreError) -> ClosedRange<Int64>? {
        var range: ClosedRange<Int64>?
        for year in folder.rollupYears() {
            let span = Folder.span(ofYear: year)
            let known = FrameKey.day(of: span.lowerBound)...FrameKey.day(of: span.upperBound - 1)
            _ = try read(year: year) { connection throws(StoreError) in
                // A damaged key may tell of any day, and a damaged tree give them in any order: those of other years are no day
                // of this file.
                func day(_ function: String) throws(StoreError) -> Int64? {
                    try connection.integer("SELECT \(function)(k) FROM r1h").map {
                        min(max($0 >> RollupKey.streamBits, known.lowerBound), known.upperBound)
                    }
                }
                guard let first = try day("min"), let last = try day("max") else { return }
                let days = min(first, last)...max(first, last)
                range = range.map { min($0.lowerBound, days.lowerBound)...max($0.upperBound, days.upperBound) } ?? days
            }
        }
        return range
    }

    /// The hours of a stream's UTC day by column; empty where there are none, or none that read.
    func hours(stream: Int, day: Int64) throws(StoreError) -> [HourRow?] {
        var found: [HourRow?] = []
        try forEachHours(day: day, streams: [stream]) { _, bytes throws(Malformed) in
            found = try RollupRow.columns(bytes)
        }
        return found
    }

    /// Calls `body` with the row of each of `streams`, which rise, that has one on this UTC day. Where `body` finds the
    /// bytes malformed the row counts as missing.
    func forEachHours(
        day: Int64, streams: [Int], _ body: (_ stream: Int, _ bytes: UnsafeRawBufferPointer) throws(Malformed) -> Void
    ) throws(StoreError) {
        try forEachHours(days: day...day, streams: streams) { _, stream, bytes throws(Malformed) in
            try body(stream, bytes)
        }
    }

    /// The same for days that follow each other, day by day: a look at each file for all of its days.
    func forEachHours(
        days: ClosedRange<Int64>, streams: [Int],
        _ body: (_ day: Int64, _ stream: Int, _ bytes: UnsafeRawBufferPointer) throws(Malformed) -> Void
    ) throws(StoreError) {
        var first = days.lowerBound
        while first <= days.upperBound {
            let year = CivilTime(Timestamp(milliseconds: first * FrameKey.dayMilliseconds)).year
            let next = Folder.span(ofYear: year).upperBound
            let last = min(days.upperBound, next / FrameKey.dayMilliseconds - 1)
            let span = first...last
            first = last + 1
            _ = try read(year: year) { connection throws(StoreError) in
                try connection.forEachRollup(
                    "r1h", "k", streams, from: span.map { RollupKey.hours(day: $0, stream: 0) }, abandonment
                ) { begin, stream, bytes throws(Malformed) in try body(begin >> RollupKey.streamBits, stream, bytes) }
            }
        }
    }

    /// As `forEachHours`, for the local day of this span.
    func forEachDay(
        _ day: Range<Int64>, streams: [Int],
        _ body: (_ stream: Int, _ bytes: UnsafeRawBufferPointer) throws(Malformed) -> Void
    ) throws(StoreError) {
        guard let begin = RollupKey.day(day, stream: 0) else { return }
        _ = try read(year: Folder.year(of: day.lowerBound)) { connection throws(StoreError) in
            try connection.forEachRollup("r1d", "k", streams, from: [begin], abandonment) {
                _, stream, bytes throws(Malformed) in try body(stream, bytes)
            }
        }
    }

    /// The local days that share time with the UTC days of `span` and have rows, by whatever rules they were cut.
    func storedDays(overlapping span: Range<Int64>) throws(StoreError) -> [Range<Int64>] {
        var days: [Range<Int64>] = []
        for year in Folder.year(of: span.lowerBound - LocalDays.lengthMax)...Folder.year(of: span.upperBound - 1) {
            days +=
                try read(year: year) { connection throws(StoreError) in
                    try connection.storedDays(overlapping: span, in: year)
                } ?? []
        }
        return days
    }
}

extension Connection {
    /// Whether the hours of a file lie in this year: the first or the last of them, as a damaged key may lie anywhere.
    func mayBeRollup(of year: Int) throws(StoreError) -> Bool {
        let span = Folder.span(ofYear: year)
        func isOfYear(_ function: String) throws(StoreError) -> Bool? {
            try integer("SELECT \(function)(k) FROM r1h").map {
                let day = $0 >> RollupKey.streamBits
                return FrameKey.day(of: span.lowerBound) <= day && day <= FrameKey.day(of: span.upperBound - 1)
            }
        }
        guard let first = try isOfYear("min"), let last = try isOfYear("max") else { return true }
        return first || last
    }

    /// As that of the reader. A look for each day, not for each row.
    fileprivate func storedDays(
        overlapping span: Range<Int64>, in year: Int
    ) throws(StoreError) -> [Range<Int64>] {
        var days: [Range<Int64>] = []
        var least: Int64 = 0
        while let key = try integer("SELECT min(k) FROM r1d WHERE k >= ?", .integer(least)) {
            if let day = RollupKey.span(ofDay: key, in: year), day.lowerBound < span.upperBound {
                if day.upperBound > span.lowerBound { days.append(day) }
                let length = day.upperBound - day.lowerBound
                // The first one of its length that may share time with the span and does not start with `day`.
                let next = max(day.lowerBound, span.lowerBound - length) + RollupKey.minute
                if let key = RollupKey.day(next..<next + length, stream: 0, in: year) {
                    least = key
                    continue
                }
            }
            let length = key / RollupKey.daysOfOneLength + 1
            guard length <= .max / RollupKey.daysOfOneLength else { break }
            least = length * RollupKey.daysOfOneLength
        }
        return days
    }

    /// Calls `body` with the checked blob of each stream that has a row, for each of `begins`: what the key of stream 0
    /// is. By one walk over the keys where most rows between the first and the last are wanted, else by a look for each.
    ///
    /// All in one short transaction, or SQLite would take and give back its lock for each look.
    func forEachRollup(
        _ table: String, _ column: String, _ streams: [Int], from begins: [Int64], _ abandonment: StopRequest?,
        _ body: (_ begin: Int64, _ stream: Int, _ bytes: UnsafeRawBufferPointer) throws(Malformed) -> Void
    ) throws(StoreError) {
        guard let first = streams.first, let last = streams.last else { return }
        let isWalk = last - first < streams.count * 4
        let statement = try statement(
            "SELECT \(column) AS k, crc, b FROM \(table) WHERE \(column) "
                + (isWalk ? "BETWEEN ? AND ? ORDER BY \(column)" : "= ?"))
        defer { statement.reset() }
        func take(_ begin: Int64, _ stream: Int) {
            // One that does not read is missing: raw readings answer for it, and the check of the store finds it.
            try? statement.withChecked(begin + Int64(stream)) { bytes throws(Malformed) in
                try body(begin, stream, bytes)
            }
        }
        try transaction("BEGIN") { () throws(StoreError) in
            for begin in begins {
                statement.reset()
                try abandonment?.check(.abandoned)
                if isWalk {
                    statement.bind(1, begin + Int64(first))
                    statement.bind(2, begin + Int64(last))
                    var next = 0
                    while try statement.step() {
                        let found = statement.word("k") - begin
                        while next < streams.count, streams[next] < found { next += 1 }
                        if next < streams.count, streams[next] == found { take(begin, streams[next]) }
                    }
                } else {
                    for stream in streams {
                        statement.reset()
                        statement.bind(1, begin + Int64(stream))
                        if try statement.step() { take(begin, stream) }
                    }
                }
            }
            // Before the transaction ends: a statement under way would keep it open.
            statement.reset()
        }
    }
}
