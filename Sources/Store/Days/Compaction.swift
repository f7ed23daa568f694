public import Basics
import Crypto
import Frames
import Glibc
import Telemetry

// Compaction merges what a closed day has gathered, its small files and what was sealed before, into sealed files: one
// for each retention class, sorted by stream, packed into frames as long as they may be, never written again. It runs
// beside the turn on the thread that seals; a crash anywhere leaves the manifest as it was, and the half-made file is
// swept away at the next start.

/// The merging of the files of one or more closed days, to be run on the thread that seals.
public struct CompactionJob: Sendable {
    /// The closed day it is for, since 1970.
    public let day: Int64
    let folder: Folder
    let effects: EffectHook?
    /// By generation: a later one has the newer rows.
    let inputs: [Part]
    /// Name of the retention class by stream.
    let classes: [String]
    let names: StreamNames
    /// What `names` lacks.
    let unnamed: SeriesRegistry?
    let outputs: [Output]
    let generation: Int64
    let manifest: Manifest
    let localDays: LocalDays
    let now: Timestamp

    struct Output: Sendable {
        var retentionClass: String
        var days: ClosedRange<Int64>
    }

    /// Writes, syncs and names the sealed files. Throws `.corrupt` where an input has a frame that does not read: such a
    /// file is left as it is until it is repaired.
    public func run(_ stop: StopRequest = StopRequest()) throws(StoreError) -> CompactedDays {
        var streams: [FrameRun] = []
        for part in inputs { streams.append(try FrameRun(part, folder, effects)) }
        let days = try days()
        let names = names.all(unnamed)
        let rollups = RollupWriter(folder, effects)
        let others = SealedFrames(folder, effects: effects)
        others.use(manifest)
        var writers: [SealedFileWriter] = []
        for output in outputs { writers.append(try SealedFileWriter(output, self)) }
        do throws(StoreError) {
            while let stream = streams.compactMap(\.stream).min() {
                try stop.check(.stopped(folder: folder.path))
                var merged = RowBlock()
                let name = try name(of: stream, among: names, in: streams)
                for run in streams where run.stream == stream {
                    let rows = try run.take()
                    merged = merged.isEmpty ? rows : merged.merged(with: rows)
                }
                guard classes.indices.contains(stream), let writer = writers.first(where: { $0.takes(classes[stream]) })
                else {
                    throw .corrupt(file: folder.path, detail: "stream \(stream) is not in the catalogue")
                }
                try writer.put(stream, merged, name)
                try roll(merged, stream, small: streams, rollups)
                for day in days { try rollDay(day, merged, stream, others, rollups) }
            }
            var parts: [Part] = []
            for writer in writers { if let part = try writer.finish() { parts.append(part) } }
            try Folder.sync(folder: folder.raw)
            try rollups.finish()
            return CompactedDays(day: day, inputs: inputs, parts: parts)
        } catch {
            for writer in writers { writer.abandon() }
            throw error
        }
    }
}

extension CompactionJob {
    /// Below this a file has pages of 4 KB: its frames are few, and a page begun for each costs more than it holds. Four
    /// years of one station, 378,514 readings, took 0.87 bytes a reading in pages of 16 KB.
    private static let smallBytes: Int64 = 1 << 20
    static let smallPageBytes = 4096

    /// Of the sealed files, judged by what goes into them.
    var pageBytes: Int {
        let bytes = inputs.reduce(0) { $0 + ($1.isSealed ? $1.bytes : Folder.size(of: folder.path(of: $1))) }
        return bytes < Self.smallBytes ? Self.smallPageBytes : SealJob.dayPageBytes
    }

    /// What the catalogue and its files tell of a stream, over the most columns. Throws `.corrupt` where a file contradicts.
    fileprivate func name(
        of stream: Int, among names: [StreamName?], in runs: [FrameRun]
    ) throws(StoreError) -> StreamName? {
        var told = names.indices.contains(stream) ? names[stream] : nil
        for run in runs where run.stream == stream {
            guard let name = run.names[stream] else { continue }
            guard let known = told, known.columns >= name.columns else {
                told = name
                continue
            }
            guard known.columns > name.columns || known == name else {
                throw .corrupt(file: folder.path(of: run.part), detail: StreamName.contradiction(stream))
            }
        }
        return told
    }

    /// The local days that new rows may touch. Those too that were stored while the site had other days: it may have
    /// them again.
    fileprivate func days() throws(StoreError) -> [Range<Int64>] {
        let stored = RollupReader(folder, effects: effects)
        var days: Set<Range<Int64>> = []
        for part in inputs where !part.isSealed {
            days.formUnion(localDays.overlapping(part.times))
            days.formUnion(try stored.storedDays(overlapping: part.times))
        }
        return days.sorted { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }
    }

    /// The hours of a stream that its new rows touch.
    fileprivate func roll(
        _ rows: RowBlock, _ stream: Int, small runs: [FrameRun], _ rollups: RollupWriter
    ) throws(StoreError) {
        for part in inputs where !part.isSealed {
            let day = part.days.lowerBound
            let own = rows.slice(rows.place(of: part.times.lowerBound)..<rows.place(of: part.times.upperBound))
            guard !own.isEmpty else { continue }
            let small = runs.first { $0.part.file == part.file }.map { $0.hours(of: stream) } ?? []
            // What the small file has told is told; nothing else has changed.
            try rollups.put(
                RollupRow.hours(own, day: day), small: small, stream: stream, day: day,
                completeBefore: small.isEmpty ? .max : .min)
        }
    }

    /// A local day, once all UTC days that it shares time with are closed.
    fileprivate func rollDay(
        _ span: Range<Int64>, _ rows: RowBlock, _ stream: Int, _ others: SealedFrames, _ rollups: RollupWriter
    ) throws(StoreError) {
        guard span.lowerBound >= FrameKey.times.lowerBound else { return }
        let taken = Set(inputs.map(\.file))
        var all = rows.slice(rows.place(of: span.lowerBound)..<rows.place(of: span.upperBound))
        for day in FrameKey.day(of: span.lowerBound)...FrameKey.day(of: span.upperBound - 1) {
            let parts = manifest.parts(of: day)
            if parts.contains(where: { taken.contains($0.file) }) { continue }
            if day > self.day, !parts.contains(where: \.isSealed) { return }
            let begin = day * FrameKey.dayMilliseconds
            let rest = max(begin, span.lowerBound)..<min(begin + FrameKey.dayMilliseconds, span.upperBound)
            if !parts.isEmpty { all = try others.rows(of: stream, rest).merged(with: all) }
        }
        let days = DaySummary.columns(of: all)
        if days.contains(where: { $0 != nil }) {
            try rollups.put(days, stream: stream, day: span)
        }
    }
}

/// What a compaction has written; `Journal.finishCompaction` makes it what readers read.
public struct CompactedDays: Sendable {
    /// The closed day it was for, since 1970.
    public let day: Int64
    let inputs: [Part]
    let parts: [Part]
}

/// Reads a whole file of frames in order of stream and time.
private final class FrameRun {
    /// The stream at hand; nil at the end.
    private(set) var stream: Int?
    let part: Part
    /// By stream.
    let names: [Int: StreamName]
    private let connection: Connection
    private let statement: Statement

    init(_ part: Part, _ folder: Folder, _ effects: EffectHook?) throws(StoreError) {
        self.part = part
        let path = folder.path(of: part)
        guard Folder.exists(path) else { throw .corrupt(file: path, detail: "the file is missing") }
        // This thread is the writer of small files. One that a crash left with a `-wal` is recovered by opening it so.
        connection = try Connection(
            path, part.isSealed ? .immutable : .writer(pageBytes: SealJob.dayPageBytes), effects: effects)
        names = try StreamName.all(of: connection)
        statement = try connection.statement("SELECT \(FrameRow.columns) FROM frame ORDER BY k")
        try advance()
    }

    /// The hours that a small file holds of a stream; none where they do not read.
    func hours(of stream: Int) -> [HourRow?] {
        guard !part.isSealed, (try? Schema.version(of: connection)) ?? 0 >= 2 else { return [] }
        var found: [HourRow?] = []
        try? connection.rows("SELECT crc, b FROM hours WHERE stream = ?", .integer(Int64(stream))) {
            row throws(StoreError) in
            found =
                (try? row.withChecked(Int64(stream)) { bytes throws(Malformed) in
                    try RollupRow.columns(bytes)
                }) ?? []
        }
        return found
    }

    private func advance() throws(StoreError) {
        stream = try statement.step() ? FrameKey(rawValue: statement.word("k"), part.keys).stream : nil
        if stream == nil { statement.reset() }
    }

    /// All rows of the stream at hand; goes on to the next one.
    func take() throws(StoreError) -> RowBlock {
        var all = RowBlock()
        let wanted = stream
        while stream == wanted, stream != nil {
            do throws(Malformed) {
                let rows = try statement.withFrame(part.keys) { _, frame throws(Malformed) in
                    try frame.rows()
                }
                all = all.isEmpty ? rows : all.joined(with: rows)
            } catch {
                let key = statement.word("k")
                throw .corrupt(file: connection.file, detail: "the frame with key \(key): \(error.reason)")
            }
            try advance()
        }
        return all
    }
}

extension Journal {
    /// A closed day takes no more rows but late ones this long after midnight, UTC.
    private static let lateWindow = Duration.seconds(6 * 3600)
    /// Late rows of a day that is sealed already wait so long in a small file, so that each day is packed anew at most
    /// once a day.
    private static let lateRest = Duration.seconds(20 * 3600)
    private static let retryAfter = Duration.seconds(3600)
    /// A sealed file smaller than this takes in the day after it: a few devices would make a file of mostly empty pages
    /// each day, and longer frames pack better.
    private static let partBytesGoal: Int64 = 4 << 20

    /// The next closed day whose small files are to be sealed; nil while there is none, or a seal is under way.
    public func nextCompaction(now: Timestamp) -> CompactionJob? {
        guard !openRows.isSealing else { return nil }
        let manifest = sealed.manifest
        var seen: Int64?
        for part in manifest.live where !part.isSealed && part.days.lowerBound != seen {
            let day = part.days.lowerBound
            seen = day
            let end = Timestamp(milliseconds: part.times.upperBound)
            guard now - end >= Self.lateWindow else { continue }
            if let failed = compactionFailures[day], now - failed < Self.retryAfter, now >= failed { continue }
            let isFirst = !manifest.parts(of: day).contains(where: \.isSealed)
            guard isFirst || now - Timestamp(milliseconds: part.madeAt) >= Self.lateRest else { continue }
            return compaction(of: day, now: now)
        }
        return nil
    }

    /// The merging of all files of `day`, and of the short sealed ones before it.
    func compaction(of day: Int64, now: Timestamp) -> CompactionJob {
        let manifest = sealed.manifest
        let classes = registry.streams.map {
            options.retention.name(ofProfile: registry.devices[$0.device.index].profile)
        }
        let names = Set(classes)
        var inputs: Set<Part> = []
        /// Takes `days` and whatever shares a day with what is taken.
        func take(_ days: ClosedRange<Int64>) -> ClosedRange<Int64> {
            var days = days
            while true {
                let found = manifest.live.filter { $0.days.overlaps(days) }
                inputs.formUnion(found)
                let first = min(days.lowerBound, found.map(\.days.lowerBound).min() ?? day)
                let last = max(days.upperBound, found.map(\.days.upperBound).max() ?? day)
                if first == days.lowerBound, last == days.upperBound { return days }
                days = first...last
            }
        }
        let own = take(day...day)
        var outputs: [CompactionJob.Output] = []
        for name in names.sorted() {
            var days = own
            let before = manifest.live.last {
                $0.isSealed && $0.retentionClass == name && $0.days.upperBound < own.lowerBound
            }
            if let before, before.bytes < Self.partBytesGoal,
                own.upperBound - before.days.lowerBound < options.retention.partDaysMax(ofClass: name),
                manifest.live.allSatisfy({
                    $0 == before || !$0.days.overlaps(before.days.lowerBound...(own.lowerBound - 1))
                        || ($0.isSealed && $0.retentionClass != name)
                })
            {
                inputs.insert(before)
                days = before.days.lowerBound...own.upperBound
            }
            outputs.append(CompactionJob.Output(retentionClass: name, days: days))
        }
        let ordered = inputs.sorted { ($0.generation, $0.isSealed ? 0 : 1) < ($1.generation, $1.isSealed ? 0 : 1) }
        let all = ordered.reduce(own) {
            min($0.lowerBound, $1.days.lowerBound)...max($0.upperBound, $1.days.upperBound)
        }
        return CompactionJob(
            day: day, folder: folder, effects: options.effects, inputs: ordered, classes: classes,
            names: streamNames, unnamed: streamNames.missing(of: registry), outputs: outputs,
            generation: manifest.generation(over: all) + 1,
            manifest: manifest, localDays: localDays, now: now)
    }

    /// Makes the sealed files what readers read, and retires those that went into them.
    public func finishCompaction(_ compacted: CompactedDays, now: Timestamp) throws(StoreError) {
        let retired = compacted.inputs.map { part in
            var part = part
            part.retiredAt = now.milliseconds
            return part
        }
        let changes = retired + compacted.parts
        try core.transaction { () throws(StoreError) in try Manifest.save(changes, core) }
        var manifest = sealed.manifest
        manifest.put(changes)
        sealed.use(manifest)
        try nameRollups()
        compactionFailures[compacted.day] = nil
    }

    /// Lets a compaction that failed wait before it is tried again.
    public func compactionFailed(_ day: Int64, now: Timestamp) { compactionFailures[day] = now }
}
