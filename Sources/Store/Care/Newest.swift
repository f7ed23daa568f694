import Basics
import Frames
import Telemetry

/// By stream and column: the latest time of a reading in files of frames, `.min` where there is none.
struct NewestTimes {
    private(set) var times: [Int: [Int64]] = [:]

    mutating func take(_ stream: Int, _ rows: RowBlock) {
        guard let last = rows.times.last else { return }
        var known = times[stream] ?? []
        while known.count < rows.stride { known.append(.min) }
        for column in 0..<rows.stride where known[column] < last {
            known[column] = max(known[column], rows.last(ofColumn: column, through: .max)?.time ?? .min)
        }
        times[stream] = known
    }

    mutating func take(_ other: NewestTimes) {
        for (stream, columns) in other.times {
            var known = times[stream] ?? []
            while known.count < columns.count { known.append(.min) }
            for (column, time) in columns.enumerated() { known[column] = max(known[column], time) }
            times[stream] = known
        }
    }

    /// A series of which day files have a later reading than is told to be its newest.
    struct Behind {
        var series: SeriesID
        /// What table `latest` has; nil where it has nothing.
        var told: Int64?
        /// What day files have.
        var found: Int64
        /// The journal has it too, or a later one: files are ahead where a seal ended before it was noted, and the next start
        /// seals again. That is no damage.
        var isWaiting: Bool
    }

    /// What table `latest` lacks, by series.
    ///
    /// In the caller's transaction, begun after the files were read: a gateway seals meanwhile.
    func behind(_ core: Connection, _ registry: SeriesRegistry) throws(StoreError) -> [Behind] {
        var told: [Int: Int64] = [:]
        let top = try Schema.version(of: core) >= 6 ? "coalesce(top, ts)" : "ts"
        try core.rows("SELECT series, \(top) AS top FROM latest") { row throws(StoreError) in
            told[Int(row.integer("series"))] = row.integer("top")
        }
        var waiting: [Int: Int64] = [:]
        try JournalRows.forEach(core, registry, after: try Meta.sealedThrough.read(core)) { row throws(StoreError) in
            guard case .turn(let turn) = row.content else { return }
            for reading in turn.fresh {
                waiting[reading.series.index] = max(
                    waiting[reading.series.index] ?? .min, reading.observed.milliseconds)
            }
        }
        var behind: [Behind] = []
        for (stream, columns) in times where stream < registry.streamCount {
            for (series, time) in zip(registry.streams[stream].columns, columns) where time > .min {
                guard told[series.index] ?? .min < time else { continue }
                behind.append(
                    Behind(
                        series: series, told: told[series.index], found: time,
                        isWaiting: waiting[series.index] ?? .min >= time))
            }
        }
        return behind.sorted { $0.series.rawValue < $1.series.rawValue }
    }
}

extension SealedFrames {
    /// The reading of a series that counts as its newest, and the latest time of all, which may lie ahead of the present;
    /// nil where nothing is stored.
    func newest(
        of place: SeriesRegistry.Place, at now: Timestamp
    ) throws(StoreError) -> (time: Int64, value: Double, top: Int64)? {
        guard let top = try last(place, before: FrameKey.times.upperBound) else { return nil }
        let present = now.milliseconds + TimeFence.slackMilliseconds + 1
        let current = top.time < present ? top : try last(place, before: present) ?? top
        return (current.time, current.value, top.time)
    }

    /// The newest reading of a series before `end`, looked for further and further back.
    private func last(
        _ place: SeriesRegistry.Place, before end: Int64
    ) throws(StoreError) -> (time: Int64, value: Double)? {
        // Of a small file an old copy of core.db tells less than there is.
        let reach = manifest.live.map { $0.isSealed ? $0.last : $0.times.upperBound - 1 }.max()
        var end = min(end, (reach ?? -1) + 1)
        var length = FrameKey.dayMilliseconds
        while end > 0 {
            let begin = max(0, end - length)
            let rows = try rows(of: place.stream.index, begin..<end)
            if let found = rows.last(ofColumn: place.column, through: .max) { return found }
            end = begin
            length *= 2
        }
        return nil
    }
}

extension StoreRepairer {
    /// What a row of `latest` is marked with that lay on a damaged page: nothing is known to be in day files, so it counts as
    /// behind wherever there is something.
    static let unsureTop: Int64 = -1

    /// Makes anew, from day files, the newest readings that `latest` lacks. Those that are in the journal alone are left to
    /// the next start, which replays them.
    func repairNewest(_ behind: [NewestTimes.Behind], _ core: Connection) throws(StoreError) {
        guard !behind.isEmpty else { return }
        var registry = SeriesRegistry()
        try Catalogue.load(core, into: &registry)
        let frames = SealedFrames(folder, effects: work.effects)
        frames.use(try Manifest(core))
        var made = 0
        try core.transaction { () throws(StoreError) in
            for one in behind where one.series.index < registry.seriesCount {
                // Nothing where its file was taken out since it was found.
                guard let newest = try frames.newest(of: registry.place(of: one.series), at: now) else { continue }
                try core.run(
                    "INSERT OR REPLACE INTO latest VALUES (?, ?, ?, ?)", .integer(Int64(one.series.rawValue)),
                    .integer(newest.time), .real(newest.value), .integer(newest.top))
                made += 1
            }
            // Readers begin anew with it.
            try Meta.manifestVersion.write(try Meta.manifestVersion.read(core) + 1, core)
        }
        guard made > 0 else { return }
        report.done.append("core.db: the newest readings of \(made) series were made anew from day files")
    }
}
