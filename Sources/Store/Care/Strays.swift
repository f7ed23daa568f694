import Basics
import Frames
import Telemetry

// Files of frames that lie in raw/ and that no row of the manifest names. A crash leaves such files, whose readings are all
// elsewhere. A core.db that is new, or an old copy, does too, and then they are the only place of what they hold: nothing is
// unlinked because a catalogue does not name it.

/// One of them, with what it holds.
struct StrayFile {
    /// As its name and its frames tell.
    var part: Part
    /// Rows of which something is nowhere else, and the times of the first and the last of them.
    var unknownRows: Int64 = 0
    var unknown: (first: Int64, last: Int64)?
    /// Of some rows it has another value than what is named, and by its name the newer one; and it was written after all files of
    /// its days that are named.
    var differs = false
    var isNewest = false
    /// By stream: the columns that its frames have.
    var widths: [Int: Int] = [:]
    /// By stream, as the file has them; and those of them that are of other devices in core.db: frames of another store.
    var names: [Int: StreamName] = [:]
    var strangers = Strangers()
    /// Some of it does not read.
    var isDamaged = false

    /// Without it something that was stored would be missing.
    var isNeeded: Bool { unknownRows > 0 || differs && isNewest }
}

/// What a stray file is held against.
struct StrayFinder {
    let folder: Folder
    var manifest: Manifest
    /// By stream: what the journal has.
    let journal: [RowBlock]
    /// By retention class: earlier readings were given up.
    let floors: [String: Int64]
    /// What core.db knows of the streams.
    var registry: SeriesRegistry
    /// Names that files have of streams which core.db does not know.
    private var learnt: [Int: StreamName] = [:]

    /// Files of frames that the manifest does not name, without those that a job had not finished; relative to the store's
    /// folder, in order.
    static func names(in folder: Folder, _ manifest: Manifest) -> [String] {
        let known = Set((manifest.live + manifest.retired).map(\.file))
        let bases = Folder.names(in: folder.raw).map { name in
            ["-wal", "-shm", "-journal"].reduce(name) { $0.hasSuffix($1) ? String($0.dropLast($1.count)) : $0 }
        }
        return Set(bases).filter { $0.hasSuffix(".db") }.map { "raw/" + $0 }.filter { !known.contains($0) }.sorted()
    }

    /// Of a store without a core.db, where nothing tells.
    init(_ folder: Folder) {
        (self.folder, manifest, journal, floors, registry) = (folder, Manifest(), [], [:], SeriesRegistry())
    }

    /// Everything that core.db tells of what is stored.
    init(_ folder: Folder, _ core: Connection, _ manifest: Manifest) throws(StoreError) {
        self.folder = folder
        self.manifest = manifest
        var registry = SeriesRegistry()
        try Catalogue.load(core, into: &registry)
        var rows = [GrowingRows](repeating: GrowingRows(), count: registry.streamCount)
        try JournalRows.forEach(core, registry, after: try Meta.sealedThrough.read(core)) { row throws(StoreError) in
            guard case .turn(let turn) = row.content else { return }
            turn.forEachStoredRow(registry) { stream, row in rows[stream].put(row, registry) }
        }
        journal = rows.map(\.rows)
        self.registry = registry
        var floors: [String: Int64] = [:]
        if try core.tables().contains("floor") {
            try core.rows("SELECT class, ts FROM floor") { row throws(StoreError) in
                floors[row.text("class")] = row.integer("ts")
            }
        }
        self.floors = floors
    }

    /// What may have become of core.db where files are not named.
    private var detail: String {
        manifest.isEmpty && journal.isEmpty ? "core.db is new" : "core.db is an old copy, or has lost rows"
    }

    /// What a file holds that nothing else does; nil for one whose name is none of ours.
    func look(at file: String, madeAt now: Timestamp) throws(StoreError) -> StrayFile? {
        guard var part = Part(stray: file, madeAt: now.milliseconds) else { return nil }
        var stray = StrayFile(part: part)
        let frames = SealedFrames(folder, effects: nil)
        frames.use(manifest)
        let reader = FileReader(folder.path(of: part), isTolerant: true, effects: nil)
        do throws(StoreError) {
            stray.names = try reader.read { connection throws(StoreError) in try StreamName.all(of: connection) }
            stray.strangers = registry.strangers(among: stray.names, learnt: learnt)
            // Begun, and nothing was in it yet.
            let isEmpty = try reader.read { connection throws(StoreError) in try connection.tables().isEmpty }
            guard !isEmpty else {
                stray.part.count(nil)
                return stray
            }
            let walk = try reader.read { connection throws(StoreError) in
                // The file may be read more than once.
                (stray.unknownRows, stray.unknown, stray.differs, stray.widths) = (0, nil, false, [:])
                part.keys = try Schema.keys(of: connection)
                return try FrameWalk(connection, part) { frame, rows throws(StoreError) in
                    guard !stray.strangers.contains(frame.key.stream) else { return }
                    stray.widths[frame.key.stream] = max(stray.widths[frame.key.stream] ?? 0, rows.stride)
                    try compare(rows, frame.key.stream, with: frames, &stray)
                }
            }
            part.count(walk)
            stray.isDamaged = !walk.lost.isEmpty || !walk.mended.isEmpty || walk.gap != nil
        } catch {
            guard error.isDamage(of: reader.file) else { throw error }
            stray.isDamaged = true
            part.count(nil)
        }
        stray.part = part
        let written = FileStamp(folder.path(of: part))
        stray.isNewest = manifest.parts(in: part.times).allSatisfy { named in
            guard let written, let other = FileStamp(folder.path(of: named)) else { return true }
            return written.isLater(than: other)
        }
        return stray
    }

    /// Throws `.unknownFiles` where one of them is needed, `.otherFiles` where one is of another store; returns the others, and of each whether it is to be kept aside: it does
    /// not read, or has other values.
    func leftOver(_ names: [String]) throws(StoreError) -> [(file: String, isKept: Bool)] {
        var (unknown, strange): ([String], [String]) = ([], [])
        var leftOver: [(file: String, isKept: Bool)] = []
        for name in names {
            guard let stray = try look(at: name, madeAt: Timestamp(milliseconds: 0)), !stray.isNeeded else {
                unknown.append(name)
                continue
            }
            if !stray.strangers.isEmpty { strange.append(name) }
            leftOver.append((name, stray.isDamaged || stray.differs))
        }
        guard unknown.isEmpty else { throw .unknownFiles(folder: folder.path, files: unknown, detail: detail) }
        guard strange.isEmpty else { throw .otherFiles(folder: folder.path, files: strange) }
        return leftOver
    }

    /// Takes what a file that is named from now on tells of streams that core.db does not know.
    mutating func learn(_ stray: StrayFile) {
        for (stream, name) in stray.names where !stray.strangers.contains(stream) {
            if learnt[stream].map({ $0.columns < name.columns }) ?? true { learnt[stream] = name }
        }
    }

    private func compare(
        _ rows: RowBlock, _ stream: Int, with frames: SealedFrames, _ stray: inout StrayFile
    ) throws(StoreError) {
        guard let first = rows.times.first, let last = rows.times.last else { return }
        let stored = try frames.rows(of: stream, first..<last + 1)
        let waiting = stream < journal.count ? journal[stream] : RowBlock()
        let floor = floors[stray.part.retentionClass] ?? .min
        for row in 0..<rows.count where rows.times[row] >= floor {
            let time = rows.times[row]
            let place = stored.row(at: time)
            let open = waiting.row(at: time)
            let isKnown = (0..<rows.stride).allSatisfy { column in
                let value = rows[row, column]
                guard !value.isNaN else { return true }
                if let open, column < waiting.stride, !waiting[open, column].isNaN { return true }
                guard let place, column < stored.stride, !stored[place, column].isNaN else { return false }
                if stored[place, column].bitPattern != value.bitPattern, !isOlder(stray.part, time) {
                    stray.differs = true
                }
                return true
            }
            guard !isKnown else { continue }
            stray.unknownRows += 1
            stray.unknown = (min(stray.unknown?.first ?? time, time), max(stray.unknown?.last ?? time, time))
        }
    }

    /// Whether a file that is named has newer rows of this time.
    private func isOlder(_ part: Part, _ time: Int64) -> Bool {
        manifest.parts(of: FrameKey.day(of: time)).contains {
            ($0.generation, $0.isSealed ? 0 : 1) > (part.generation, part.isSealed ? 0 : 1)
        }
    }
}

extension Part {
    /// From the name of a file that nothing names: `raw/2026-03-15[_2026-03-16][.class].g3[.r1].db`, or `l0` for a small one.
    init?(stray file: String, madeAt: Int64) {
        guard file.hasPrefix("raw/"), file.hasSuffix(".db") else { return nil }
        let words = file.dropFirst(4).dropLast(3).split(separator: ".").map(String.init)
        let days = (words.first ?? "").split(separator: "_").compactMap { Timestamp(iso8601: $0 + "T00:00:00Z") }
        guard let first = days.first, let last = days.last, last >= first,
            let place = words.lastIndex(where: {
                ($0.hasPrefix("g") || $0.hasPrefix("l")) && Int64($0.dropFirst()) != nil
            }),
            place > 0, let generation = Int64(words[place].dropFirst())
        else { return nil }
        self.init(
            file: file, days: FrameKey.day(of: first.milliseconds)...FrameKey.day(of: last.milliseconds),
            retentionClass: place >= 2 ? words[1..<place].joined(separator: ".") : "", generation: generation,
            isSealed: words[place].hasPrefix("g"), first: .max, last: .min, spanMax: 0, frames: 0, rows: 0,
            madeAt: madeAt, keys: .since1970)
    }

    /// How often it was made anew: the number behind `r`.
    var round: Int {
        let words = file.dropLast(3).split(separator: ".")
        guard let last = words.last, last.hasPrefix("r") else { return 0 }
        return Int(last.dropFirst()) ?? 0
    }
}

extension Folder {
    /// Files of readings, or of what is told of them, lie here: something was stored.
    var holdsReadings: Bool {
        Folder.names(in: raw).contains { $0.hasSuffix(".db") } || !rollupYears().isEmpty
    }

    /// core.db is not there, or has not a byte, and files of readings are.
    var lacksCore: Bool { Folder.size(of: core) == 0 && holdsReadings }

    /// Of a store that has readings and no core.db, as an error for whoever would open it.
    func coreMissing() -> StoreError {
        let files = Folder.names(in: raw).filter { $0.hasSuffix(".db") }.sorted().map { "raw/" + $0 }
        return .unknownFiles(
            folder: path, files: files.isEmpty ? rollupYears().map { "rollup-\($0).db" } : files,
            detail: Folder.exists(core) ? "core.db is empty" : "core.db is missing")
    }
}

extension Journal {
    /// Removes what work that was interrupted has left in raw/: the journal, or the files it started from, still have all of it.
    /// A file that does not read, or has other values, goes to `damaged/`.
    ///
    /// Throws `.unknownFiles`, and touches none, where a file has readings that nothing else has.
    func sweepStrays() throws(StoreError) {
        for name in Folder.names(in: folder.raw) where name.hasSuffix(".new") {
            try Folder.remove(folder.raw + "/" + name)
        }
        let names = StrayFinder.names(in: folder, sealed.manifest)
        if names.isEmpty {
            guard registry.streamCount == 0, sealed.manifest.isEmpty, lastJournalID == 0 else { return }
            let rollups = folder.rollupYears().map { "rollup-\($0).db" }
            guard rollups.isEmpty else {
                throw .unknownFiles(folder: folder.path, files: rollups, detail: "core.db is new")
            }
            return
        }
        for (name, isKept) in try StrayFinder(folder, core, sealed.manifest).leftOver(names) {
            if isKept {
                try FileWork(effects: options.effects).setAside(name, in: folder)
            } else {
                try Folder.remove(folder.path + "/" + name)
            }
        }
    }
}

extension FileWork {
    /// Moves a file of the store, with what SQLite keeps beside it, to `damaged/`; returns its name there.
    @discardableResult
    func setAside(_ name: String, in folder: Folder) throws(StoreError) -> String {
        try makeFolder(folder.damaged)
        let target = DamagedFiles.freeName(for: name, in: folder)
        for suffix in ["-wal", ""] where Folder.exists(folder.path + "/" + name + suffix) {
            try rename(folder.path + "/" + name + suffix, to: folder.damaged + "/" + target + suffix)
        }
        try remove(folder.path + "/" + name)
        try sync(folder: folder.damaged)
        try sync(folder: folder.raw)
        return target
    }
}
