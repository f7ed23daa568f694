package import Basics
import Frames
import Glibc
import Telemetry

// Taking readings out that should never have been stored. Files that have some of them get successors without, of the same
// generation; every answer follows at once, and a crash leaves either all of them or none.

/// What an order to forget takes out, counted before files are written anew.
struct Forgetting {
    let span: Range<Int64>
    /// By stream, the columns that lose readings.
    let columns: [Int: [Int]]
    /// By stream and column: the hours since 1970 that lose some.
    private(set) var hours: [Int: [Int: Set<Int64>]] = [:]
    /// Rows that lose some, the times of the first and the last, and how many readings that are. Counts alone: an order may be
    /// about ten million readings.
    private(set) var rows: Int64 = 0
    private(set) var first = Int64.max
    private(set) var last = Int64.min
    private(set) var readings = 0

    init(_ span: Range<Int64>, _ columns: [Int: [Int]]) {
        self.span = span
        self.columns = columns
    }

    func touches(_ rows: RowBlock, _ stream: Int) -> Bool {
        guard let columns = columns[stream] else { return false }
        return (rows.place(of: span.lowerBound)..<rows.place(of: span.upperBound)).contains { row in
            columns.contains { !rows[row, $0].isNaN }
        }
    }

    /// Counts what rows of a stream lose that are merged over the files: a corrected reading lies in two.
    mutating func count(_ merged: RowBlock, _ stream: Int) {
        guard let columns = columns[stream] else { return }
        for row in merged.place(of: span.lowerBound)..<merged.place(of: span.upperBound) {
            let time = merged.times[row]
            var isTouched = false
            for column in columns where !merged[row, column].isNaN {
                isTouched = true
                readings += 1
                let hour = time.flooredDivision(by: HourRow.hourMilliseconds)
                if hours[stream]?[column]?.contains(hour) != true {
                    hours[stream, default: [:]][column, default: []].insert(hour)
                }
            }
            guard isTouched else { continue }
            rows += 1
            first = min(first, time)
            last = max(last, time)
        }
    }

    /// The rows without what is taken out; one that has nothing left goes.
    func strip(_ rows: RowBlock, _ stream: Int) -> RowBlock {
        guard let columns = columns[stream] else { return rows }
        var rest = RowBlock(stride: rows.stride)
        for row in 0..<rows.count {
            let time = rows.times[row]
            var values = (0..<rows.stride).map { rows[row, $0] }
            if span.contains(time) {
                for column in columns where column < values.count && !values[column].isNaN {
                    values[column] = RowBlock.absent
                }
            }
            guard values.contains(where: { !$0.isNaN }) else { continue }
            let place = rest.insert(time)
            for (column, value) in values.enumerated() { rest.set(place, column, value) }
        }
        return rest
    }
}

extension Journal {
    /// Takes readings out of day files, rollups and newest values, and writes it into the ledger; nil where there are
    /// none. Nothing may wait in the journal: seal before, and open the store anew after it.
    ///
    /// Throws `.corrupt`, and changes nothing, where a file that has some does not read: that is to be repaired first.
    package func forget(
        _ request: ForgetRequest, by person: String, now: Timestamp
    ) throws(StoreError) -> GivenUp? {
        precondition(journalRows == 0 && !openRows.isSealing, "store: readings wait in the journal")
        let wanted = request.series(registry)
        var columns: [Int: [Int]] = [:]
        for series in wanted {
            let place = registry.place(of: series)
            columns[place.stream.index, default: []].append(place.column)
        }
        var work = Forgetting(request.span, columns)
        var parts: [Part] = []
        try count(&work)
        for part in sealed.manifest.parts(in: work.span) where try has(work, part) {
            parts += try rewrite(part, work, now)
        }
        guard work.readings > 0 else { return nil }
        try Folder.sync(folder: folder.raw)
        let old = try takeRollups(work)
        let entry = entry(request, work, by: person, now)
        var manifest = sealed.manifest
        manifest.put(parts)
        let frames = SealedFrames(folder, effects: options.effects)
        frames.use(manifest)
        let renewed = try newest(of: wanted, in: work.span, frames, now)
        CatalogueCache.remove(in: folder)
        try core.transaction { () throws(StoreError) in
            try Manifest.save(parts, core)
            for (series, one) in renewed {
                guard let one else {
                    try core.run("DELETE FROM latest WHERE series = ?", .integer(Int64(series.rawValue)))
                    continue
                }
                try core.run(
                    "UPDATE latest SET ts = ?2, v = ?3, top = ?4 WHERE series = ?1", .integer(Int64(series.rawValue)),
                    .integer(one.time), .real(one.value), .integer(one.top))
            }
            try entry.write(core)
            try core.run(
                "DELETE FROM correction WHERE series IN (SELECT value FROM json_each(?)) AND observed >= ? AND observed < ?",
                .text("\(wanted.map(\.rawValue))"), .integer(work.span.lowerBound), .integer(work.span.upperBound))
            for device in Set(wanted.map({ registry.series[$0.index].device })).sorted() {
                try ForgottenDevice.note(device, at: now, core)
            }
        }
        for (series, one) in renewed {
            newest[series.index] = one.map { NewestReading(time: $0.time, value: $0.value) } ?? NewestReading()
        }
        sealed.use(manifest)
        try putRollups(old, work, frames)
        writeCatalogueCache(try Meta.rosterVersion.read(core))
        return entry
    }

    private func entry(
        _ request: ForgetRequest, _ work: Forgetting, by person: String, _ now: Timestamp
    ) -> GivenUp {
        let what = [request.device, request.quantity, request.channel].compactMap { $0 }.filter { !$0.isEmpty }
        return GivenUp(
            at: now, why: .order, file: "", retentionClass: "",
            first: Timestamp(milliseconds: work.first), last: Timestamp(milliseconds: work.last),
            rows: work.rows, bytes: 0,
            detail:
                "\(work.readings) readings of \(what.joined(separator: " ")) were taken out by \(person); what was learnt of "
                + "them begins anew with the next start")
    }

    /// Day by day and stream by stream, so that no more than a day of one stream is in memory.
    private func count(_ work: inout Forgetting) throws(StoreError) {
        let frames = SealedFrames(folder, effects: options.effects)
        frames.use(sealed.manifest)
        for day in sealed.manifest.days {
            let begin = day * FrameKey.dayMilliseconds
            let span = (begin..<begin + FrameKey.dayMilliseconds).clamped(to: work.span)
            guard !span.isEmpty else { continue }
            for stream in work.columns.keys.sorted() { work.count(try frames.rows(of: stream, span), stream) }
        }
        guard let damage = frames.takeDamaged().first else { return }
        throw .corrupt(file: damage.file, detail: "\(damage.reason); run baotu store repair first")
    }

    // MARK: Files

    private func open(_ part: Part) throws(StoreError) -> Connection {
        let path = folder.path(of: part)
        guard Folder.exists(path) else { throw .corrupt(file: path, detail: "the file is missing") }
        return try Connection(
            path, part.isSealed ? .immutable : .writer(pageBytes: SealJob.dayPageBytes), effects: options.effects)
    }

    /// Whether a file has readings that go.
    private func has(_ work: Forgetting, _ part: Part) throws(StoreError) -> Bool {
        let file = try open(part)
        defer { file.close() }
        for stream in work.columns.keys.sorted() {
            let keys = part.keys(of: stream)
            let from = part.key(stream, work.span.lowerBound).rawValue
            let (rows, damaged) = try file.frames(in: keys, reaching: from, part.keys)
            if let first = damaged.first {
                throw .corrupt(file: file.file, detail: "\(first.reason); run baotu store repair first")
            }
            if work.touches(rows, stream) { return true }
        }
        return false
    }

    /// The part as it retires, and its successor; that one alone is left out where no row stays.
    private func rewrite(
        _ part: Part, _ work: Forgetting, _ now: Timestamp
    ) throws(StoreError) -> [Part] {
        let source = try open(part)
        defer { source.close() }
        var retired = part
        retired.retiredAt = now.milliseconds
        var fresh = part
        fresh.file = sealed.manifest.nextName(of: part.file)
        fresh.madeAt = now.milliseconds
        fresh.count(nil)
        let target = folder.path(of: fresh)
        let draft = part.isSealed ? target + ".new" : target
        try Folder.remove(draft)
        try Folder.makeFile(draft)
        let pageBytes = Int(try source.integer("PRAGMA page_size") ?? Int64(SealJob.dayPageBytes))
        let file = try Connection(
            draft, part.isSealed ? .draft(pageBytes: pageBytes) : .writer(pageBytes: pageBytes),
            effects: options.effects)
        defer { file.close() }
        if part.isSealed {
            try Schema.prepareSealed(file, part.keys)
        } else {
            try Schema.prepareSmall(file, part.keys)
        }
        try file.transaction { () throws(StoreError) in
            try copyFrames(source, &fresh, into: file, work)
            try StreamName.copy(try StreamName.all(of: source), into: file)
            if !part.isSealed { try copyHours(source, into: file, without: work.columns) }
        }
        if !part.isSealed { try file.checkpoint() }
        file.close()
        guard fresh.frames > 0 else {
            try Folder.remove(draft)
            return [retired]
        }
        if part.isSealed {
            try options.effects?(Effect(kind: .file, file: draft, sql: "fsync"))
            (fresh.bytes, fresh.sha256) = try Folder.finish(draft)
            try options.effects?(Effect(kind: .file, file: draft, sql: "rename"))
            guard Glibc.rename(draft, target) == 0 else { throw .ioError(file: target, detail: Folder.reason(errno)) }
        }
        return [retired, fresh]
    }

    /// Frames that lose nothing go over as they are.
    private func copyFrames(
        _ source: Connection, _ part: inout Part, into file: Connection, _ work: Forgetting
    ) throws(StoreError) {
        let insert = try file.statement("INSERT INTO frame VALUES (?, ?, ?, ?, ?, ?, ?)")
        var writer = ByteWriter(capacity: 1 << 14)
        try source.rows("SELECT k, span, n, ver, stats, crc, b FROM frame ORDER BY k") { row throws(StoreError) in
            let told = FrameRow(row, part.keys)
            let key = told.key
            guard let last = told.last(in: part), let count = told.rows else {
                throw .corrupt(
                    file: source.file,
                    detail: "the row of key \(key.rawValue) does not read; run baotu store repair first")
            }
            if work.columns[key.stream] != nil, key.time < work.span.upperBound, last >= work.span.lowerBound {
                let rows: RowBlock
                do throws(Malformed) {
                    rows = try row.withFrame(part.keys) { _, frame throws(Malformed) in try frame.rows() }
                } catch {
                    throw .corrupt(file: source.file, detail: "\(error.reason); run baotu store repair first")
                }
                if work.touches(rows, key.stream) {
                    let rest = work.strip(rows, key.stream)
                    guard !rest.isEmpty else { return }
                    let span = try file.insertFrame(key.stream, rest, part.keys, &writer)
                    return part.count(
                        FrameKey(key.stream, rest.times[0], part.keys), span: span, rows: Int64(rest.count))
                }
            }
            insert.bind((0..<7).map { row.value($0) })
            try insert.run()
            part.count(key, span: last - key.time, rows: count)
        }
    }

    /// Hours of streams that lose readings are left to the next seal: until then their frames answer.
    private func copyHours(
        _ source: Connection, into file: Connection, without columns: [Int: [Int]]
    ) throws(StoreError) {
        guard try Schema.version(of: source) >= 2 else { return }
        let insert = try file.statement("INSERT INTO hours VALUES (?, ?, ?)")
        try source.rows("SELECT stream, crc, b FROM hours") { row throws(StoreError) in
            guard columns[Int(row.integer("stream"))] == nil else { return }
            insert.bind((0..<3).map { row.value($0) })
            try insert.run()
        }
    }

    // MARK: The newest

    /// Of the series whose newest reading goes: what is newest then, and the latest time of all; nil where nothing is left.
    private func newest(
        of wanted: [SeriesID], in span: Range<Int64>, _ frames: SealedFrames, _ now: Timestamp
    ) throws(StoreError) -> [(SeriesID, (time: Int64, value: Double, top: Int64)?)] {
        var renewed: [(SeriesID, (time: Int64, value: Double, top: Int64)?)] = []
        for series in wanted {
            var isTouched = false
            try core.rows(
                "SELECT ts, coalesce(top, ts) AS top FROM latest WHERE series = ?", .integer(Int64(series.rawValue))
            ) { row throws(StoreError) in
                isTouched = span.contains(row.integer("ts")) || span.contains(row.integer("top"))
            }
            guard isTouched else { continue }
            renewed.append((series, try frames.newest(of: registry.place(of: series), at: now)))
        }
        return renewed
    }
}
