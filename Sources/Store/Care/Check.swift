import Basics
import Frames
import Glibc
import Telemetry

/// Reads a whole store, beside a running gateway too, and changes nothing in it.
public enum StoreCheck {
    /// Verifies every page, every frame and every row that has a check value, what the manifest says of each file, and
    /// in a store that nobody has open also the WALs that were left.
    ///
    /// Throws where there is no store or it may not be read; damage is no error.
    public static func run(
        folder: String, progress: (StoreProgress) -> Void = { _ in }
    ) throws(StoreError) -> CheckReport {
        let folder = Folder(folder)
        if !folder.lacksCore { try folder.checkReadable() }
        if Folder.exists(folder.pin) {
            // Against an unlinking while it reads.
            let pin = try? Pin(folder)
            defer { _ = pin }
            return try StoreChecker(folder).run(progress)
        }
        return try StoreChecker(folder).run(progress)
    }
}

// Long: every look at a part of the store adds to one report.
/// One check of one store, with what it learnt for a repair.
final class StoreChecker {
    let folder: Folder
    private(set) var report: CheckReport
    private(set) var registry = SeriesRegistry()
    /// nil where core.db does not tell.
    private(set) var manifest: Manifest?
    /// Series of which day files have a later reading than `latest`.
    private(set) var behind: [NewestTimes.Behind] = []
    private var newest = NewestTimes()

    private let isCoreMissing: Bool
    /// Is told of bytes as they are read, between looks that hold nothing open: a scrub rests there.
    var pace: (Int) -> Void = { _ in }

    /// A repair holds the lock itself, and has made a missing core.db as an empty one.
    init(_ folder: Folder, isRunning: Bool? = nil, wasMissing: Bool = false) {
        isCoreMissing = wasMissing || !Folder.exists(folder.core)
        self.folder = folder
        report = CheckReport(folder: folder.path, isRunning: isRunning ?? FolderLock.isHeld(folder))
    }

    func run(_ progress: (StoreProgress) -> Void) throws(StoreError) -> CheckReport {
        progress(StoreProgress(done: 0, total: 1, file: "core.db"))
        try folder.checkVersions()
        if !report.isRunning { checkWALs() }
        try checkCore()
        let parts = manifest?.live ?? []
        let rollups = Set(folder.rollupYears()).union(manifest?.rollups ?? []).sorted()
        let total = 1 + parts.count + rollups.count
        for (index, part) in parts.enumerated() {
            progress(StoreProgress(done: 1 + index, total: total, file: part.file))
            if part.isSealed { check(part) } else { whatStays { check(part) } }
        }
        checkNewest()
        checkGrown()
        for (index, year) in rollups.enumerated() {
            let file = "rollup-\(year).db"
            progress(StoreProgress(done: 1 + parts.count + index, total: total, file: file))
            whatStays { checkRollup(file, year) }
        }
        try checkStrays()
        return report
    }

    // MARK: File by file, for a scrub

    /// Reads the catalogue and the manifest.
    func prepare() throws(StoreError) {
        let reader = FileReader(folder.core, effects: nil)
        registry = try catalogue(reader)
        manifest = try reader.read { connection throws(StoreError) in try Manifest(connection) }
    }

    /// The files of the store in the order of their names.
    var names: [String] {
        let rollups = Set(folder.rollupYears()).union(manifest?.rollups ?? [])
        return (["core.db"] + (manifest?.live ?? []).map(\.file) + rollups.map { "rollup-\($0).db" }).sorted()
    }

    func sealedPart(named file: String) -> Part? { manifest?.live.first { $0.file == file && $0.isSealed } }

    /// What is damaged of one file.
    func look(at file: String) throws(StoreError) -> [StoreDamage] {
        if file == "core.db" {
            try checkCore()
        } else if let part = manifest?.live.first(where: { $0.file == file }) {
            if part.isSealed { check(part) } else { whatStays { check(part) } }
        } else if let year = Int(file.dropFirst("rollup-".count).dropLast(".db".count)) {
            whatStays { checkRollup(file, year) }
        }
        pace(Int(Folder.size(of: folder.path + "/" + file)))
        return report.damage
    }

    /// Beside a gateway that seals, a file may be met while it is written. Damage is what is found again and again.
    private func whatStays(_ look: () -> Void) {
        let before = report
        look()
        var looks = 1
        while report.isRunning, report.damage.count > before.damage.count, looks < Self.looksMax {
            usleep(Self.restMicroseconds)
            report = before
            renewCatalogue()
            look()
            looks += 1
        }
    }

    /// The file may have what became known since.
    private func renewCatalogue() {
        guard registry.deviceCount > 0 else { return }
        if let renewed = try? catalogue(FileReader(folder.core, effects: nil)) { registry = renewed }
    }

    /// In one transaction: a gateway makes devices, streams and series known meanwhile.
    private func catalogue(_ reader: FileReader) throws(StoreError) -> SeriesRegistry {
        try reader.read { connection throws(StoreError) in
            try connection.transaction("BEGIN") { () throws(StoreError) in
                var registry = SeriesRegistry()
                try Catalogue.load(connection, into: &registry)
                return registry
            }
        }
    }

    private static let looksMax = 4
    private static let restMicroseconds: useconds_t = 300_000

    private func found(
        _ file: String, _ kind: StoreDamage.Kind, devices: [String] = [], since: Int64? = nil, until: Int64? = nil,
        _ sentence: String
    ) {
        report.damage.append(
            StoreDamage(
                file: file, kind: kind, devices: devices, since: since.map { Timestamp(milliseconds: $0) },
                until: until.map { Timestamp(milliseconds: $0) }, sentence: "\(file): \(sentence)"))
    }

    private func count(_ path: String) {
        report.files += 1
        report.bytes += Folder.size(of: path)
    }

    /// Damage as the sentence of an error, without the room and the file's name twice.
    private func detail(_ error: StoreError) -> String {
        if case .corrupt(_, let detail) = error { return detail }
        return "\(error)"
    }

    private func deviceName(ofStream stream: Int) -> String? {
        guard stream >= 0, stream < registry.streamCount else { return nil }
        return registry.devices[registry.streams[stream].device.index].name
    }

    // MARK: core.db

    private func checkCore() throws(StoreError) {
        let file = "core.db"
        guard !folder.lacksCore else {
            manifest = Manifest()
            found(
                file, .file,
                isCoreMissing
                    ? "it is missing, though readings were stored here"
                    : "it is empty, though readings were stored here")
            return
        }
        count(folder.core)
        let strict = FileReader(folder.core, effects: nil)
        do throws(StoreError) {
            guard try strict.read({ connection throws(StoreError) in try Schema.check(connection) }) else {
                throw .corrupt(file: folder.core, detail: "it has no tables")
            }
        } catch .corrupt(_, let detail) {
            found(file, .file, "it does not open: \(detail)")
        }
        let tolerant = FileReader(folder.core, isTolerant: true, effects: nil)
        checkPages(file, tolerant) { _ in nil }
        checkStructure(file, tolerant)
        do throws(StoreError) {
            registry = try catalogue(strict)
        } catch {
            guard isDamage(error) else { throw error }
            found(file, .catalogue, "the catalogue of devices and series does not read: \(detail(error))")
        }
        do throws(StoreError) {
            try strict.read { connection throws(StoreError) in try Meta.check(connection) }
        } catch {
            guard isDamage(error) else { throw error }
            found(file, .catalogue, detail(error))
        }
        do throws(StoreError) {
            manifest = try strict.read { connection throws(StoreError) in try Manifest(connection) }
        } catch {
            guard isDamage(error) else { throw error }
            found(file, .catalogue, "the manifest of files does not read: \(detail(error)); they were not looked at")
        }
        checkTables(strict)
        checkJournal(tolerant)
    }

    private func isDamage(_ error: StoreError) -> Bool {
        switch error {
        case .corrupt, .sqlite, .unknownQuantity: true
        default: false
        }
    }

    /// Reads every row of every table whose rows have no check value of their own.
    private func checkTables(_ reader: FileReader) {
        let lacking =
            (try? reader.read { connection throws(StoreError) in try CoreTables.incomplete(connection) }) ?? []
        for table in lacking { found("core.db", .structure, "table \(table) lacks columns that it must have") }
        if let faults = try? reader.read({ connection throws(StoreError) in try StoryFaults.count(connection) }) {
            for (table, rows) in faults {
                found(
                    "core.db", .structure,
                    "\(counted(Int(rows), "row")) of table \(table) have words or numbers that are none")
            }
        }
        let tables: [String]
        do throws(StoreError) {
            tables = try reader.read { connection throws(StoreError) in
                // A store that no gateway of this build has opened yet has fewer of them.
                let isOld = try Schema.version(of: connection) < Schema.version
                return isOld ? try connection.tables() : CoreTables.names
            }
        } catch {
            return
        }
        for table in tables where table != "journal" {
            do throws(StoreError) {
                try reader.read { connection throws(StoreError) in
                    try connection.rows("SELECT * FROM \(table)") { row throws(StoreError) in row.touch() }
                }
            } catch {
                if isDamage(error) {
                    found("core.db", .structure, "the table \(table) does not read: \(detail(error))")
                }
            }
        }
    }

    private func checkJournal(_ reader: FileReader) {
        do throws(StoreError) {
            // In one transaction: a gateway seals meanwhile, and rows that it lets go of are not missing.
            let (rows, damages) = try reader.read { connection throws(StoreError) in
                try connection.transaction("BEGIN") { () throws(StoreError) in
                    try JournalCheck.damage(connection, &registry)
                }
            }
            report.journalRows = rows
            report.damage += damages
        } catch {
            if isDamage(error) { found("core.db", .journal, "the journal does not read to its end: \(detail(error))") }
        }
    }

    // MARK: Any database

    /// `around` names the device and time of the frame beside a page.
    private func checkPages(_ file: String, _ reader: FileReader, around: (Int64) -> FrameKey?) {
        do throws(StoreError) {
            var (bad, pages) = try reader.read { connection throws(StoreError) in
                try connection.badPages(isWritten: report.isRunning)
            }
            if pages == 0, !report.isRunning, let file = PageFile(folder.path + "/" + file), file.isChecked {
                // SQLite has the first page from the WAL, and the one below, which tells of check values, does not read.
                (bad, pages) = (PageMending(file).wrongPages(), file.pageCount)
            }
            report.pages += pages
            let mending = bad.isEmpty ? nil : PageMending(folder.path + "/" + file)
            let schema = bad.isEmpty || file != "core.db" ? nil : SchemaCopy(in: folder)
            for page in bad {
                let outlook = mending?.outlook(page, among: bad, schema: schema).map { ": " + $0 } ?? ""
                guard let key = around(page) else {
                    found(file, .page, "page \(page) does not match its check value\(outlook)")
                    continue
                }
                let name = deviceName(ofStream: key.stream) ?? "stream \(key.stream)"
                found(
                    file, .page, devices: [name], since: key.time, until: nil,
                    "page \(page), by the frame of \(name) from \(Timestamp(milliseconds: key.time)), does not match its "
                        + "check value\(outlook)")
            }
        } catch {
            if isDamage(error) { found(file, .file, "its pages do not read: \(detail(error))") }
        }
    }

    private func checkStructure(_ file: String, _ reader: FileReader) {
        do throws(StoreError) {
            let texts = try reader.read { connection throws(StoreError) in
                var texts: [String] = []
                try connection.rows("PRAGMA integrity_check(10)") { row throws(StoreError) in
                    texts.append(row.text("integrity_check"))
                }
                return texts
            }
            for text in texts where text != "ok" {
                let text = text.replacing("\n", with: " ").replacing("*** in database main *** ", with: "")
                found(file, .structure, text)
            }
        } catch {
            if isDamage(error) { found(file, .structure, detail(error)) }
        }
    }

    // MARK: Files of frames

    // Long: what a file must hold, from the outside in; the first that fails ends it.
    private func check(_ part: Part) {
        let path = folder.path(of: part)
        guard Folder.exists(path) else {
            found(part.file, .file, since: part.first, until: part.last, "the file is missing")
            return
        }
        count(path)
        if part.isSealed {
            do throws(StoreError) {
                let (bytes, sha256) = try Folder.digest(path)
                if bytes != part.bytes {
                    found(
                        part.file, .file, since: part.first, until: part.last,
                        "it has \(bytes) bytes where \(part.bytes) were sealed")
                } else if sha256 != part.sha256 {
                    found(
                        part.file, .file, since: part.first, until: part.last,
                        "its bytes are not those that were sealed (SHA-256)")
                }
            } catch {
                found(part.file, .file, since: part.first, until: part.last, "\(error)")
                return
            }
        }
        let reader = FileReader(path, isSealed: part.isSealed, isTolerant: true, effects: nil)
        let walk: FrameWalk
        do throws(StoreError) {
            walk = try reader.read { connection throws(StoreError) in
                try FrameWalk(connection, part) { frame, _ throws(StoreError) in pace(frame.blob.count) }
            }
        } catch {
            if case .leftOpen = error {
                report.notes.append("\(error)")
            } else {
                found(
                    part.file, .file, since: part.first, until: part.last, "its frames do not read: \(detail(error))")
                checkPages(part.file, reader) { _ in nil }
            }
            return
        }
        checkPages(part.file, reader) { walk.pages[$0] }
        checkStructure(part.file, reader)
        checkKeys(part, reader)
        checkNames(part, reader)
        report.frames += Int64(walk.keys.count)
        report.rows += walk.rows
        newest.take(walk.newest)
        func tell(_ frame: FrameWalk.Lost, _ what: String) {
            let name = deviceName(ofStream: frame.key.stream) ?? "stream \(frame.key.stream)"
            let times = "from \(Timestamp(milliseconds: frame.key.time)) to \(Timestamp(milliseconds: frame.until))"
            found(
                part.file, .frame, devices: [name], since: frame.key.time, until: frame.until,
                "the frame of \(name) \(times) \(what)")
        }
        for lost in walk.lost { tell(lost, "does not read: \(lost.reason)") }
        for mended in walk.mended {
            tell(mended, "is not as it was written: \(mended.reason); a repair puts it right")
        }
        if let gap = walk.gap {
            // Keys are stream by stream: the streams between the neighbours, at any time of the file.
            let first = gap.after?.stream ?? 0
            let last = gap.before?.stream ?? registry.streamCount - 1
            let devices = (0..<registry.streamCount).filter { $0 >= first && $0 <= last }.compactMap(deviceName)
            found(
                part.file, .frame, devices: Array(Set(devices)).sorted(), since: part.first, until: part.last,
                "some frames cannot be reached: \(gap.reason)")
        }
        if !part.isSealed { checkHours(part, reader) }
        if part.isSealed, walk.lost.isEmpty, walk.gap == nil,
            Int64(walk.keys.count) != part.frames || walk.rows != part.rows
        {
            found(
                part.file, .structure, since: part.first, until: part.last,
                "it has \(walk.keys.count) frames with \(walk.rows) rows where the manifest says \(part.frames) with "
                    + "\(part.rows)")
        }
        if let stream = walk.streamMax, stream >= registry.streamCount, registry.streamCount > 0 {
            found(part.file, .catalogue, "it has frames of stream \(stream), which the catalogue does not know")
        }
    }

    private func checkKeys(_ part: Part, _ reader: FileReader) {
        let keys = try? reader.read { connection throws(StoreError) in try Schema.keys(of: connection) }
        guard let keys, keys != part.keys else { return }
        found(
            part.file, .catalogue, since: part.first, until: part.last,
            "its keys count from \(keys.rawValue) where the manifest says \(part.keys.rawValue)")
    }

    /// Whether the frames are of the devices that core.db says.
    private func checkNames(_ part: Part, _ reader: FileReader) {
        let names = try? reader.read { connection throws(StoreError) in try StreamName.all(of: connection) }
        let strangers = registry.strangers(among: names ?? [:]).streams
        guard let first = strangers.first else { return }
        found(
            part.file, .catalogue, devices: Array(Set(strangers.compactMap(deviceName))).sorted(), since: part.first,
            until: part.last,
            StreamName.contradiction(first)
                + (strangers.count > 1 ? "; so are those of \(strangers.count - 1) more" : ""))
    }

    /// Whether `latest` is as new as the files that were read.
    private func checkNewest() {
        guard !folder.lacksCore else { return }
        do throws(StoreError) {
            let reader = FileReader(folder.core, isTolerant: true, effects: nil)
            (registry, behind) = try reader.read { connection throws(StoreError) in
                try connection.transaction("BEGIN") { () throws(StoreError) in
                    var registry = SeriesRegistry()
                    try Catalogue.load(connection, into: &registry)
                    return (registry, try newest.behind(connection, registry))
                }
            }
        } catch {
            // What does not read of core.db was told.
            if !isDamage(error) { report.notes.append("\(error)") }
            return
        }
        let lost = behind.filter { !$0.isWaiting }
        guard let first = lost.first else { return }
        let devices = Set(lost.map { registry.series[$0.series.index].device }).map {
            registry.devices[$0.index].name
        }
        let series = registry.series[first.series.index]
        let name = "\(registry.devices[series.device.index].name) \(series.quantity.name)"
        let told = first.told.map { "\(Timestamp(milliseconds: $0))" } ?? "none"
        found(
            "core.db", .newest, devices: devices.sorted(), since: lost.map(\.found).min(),
            until: lost.map(\.found).max(),
            "day files have later readings of \(lost.count) series than the table latest, which answers what is newest: "
                + "of \(name) one of \(Timestamp(milliseconds: first.found)), where it has \(told)"
                + (lost.count > 1 ? ", and so on" : ""))
    }

    /// Whether core.db is as new as the small files beside it.
    private func checkGrown() {
        // A seal under way is ahead of its row, and so may a backup's copy be until its first start.
        guard !report.isRunning, !folder.lacksCore, let manifest,
            !Folder.exists(folder.path + "/" + RestoredMark.fileName)
        else { return }
        let strange = try? FileReader(folder.core, isTolerant: true, effects: nil).read { core throws(StoreError) in
            try StrangeFiles(folder, core, manifest)
        }
        for one in strange?.outgrown ?? [] {
            found(
                "core.db", .newest,
                "it is an old copy: \(one.rows) rows were put into \(one.file) after it; alerts and all that came after it are lost"
            )
        }
        for one in strange?.others ?? [] {
            found(
                one.file, .file,
                "it is another file than core.db knows, an older copy or one of another store: it has \(one.rows) rows where there were \(one.known)"
            )
        }
    }

    // MARK: Rollups

    /// The hours in a small file; those of older versions have none.
    private func checkHours(_ part: Part, _ reader: FileReader) {
        do throws(StoreError) {
            let streams = try reader.read { connection throws(StoreError) in
                var streams: [Int] = []
                guard try connection.tables().contains("hours") else { return streams }
                try connection.rows("SELECT stream AS k, crc, b FROM hours") { row throws(StoreError) in
                    if !RollupRows.isRight(row) { streams.append(Int(row.word("k"))) }
                }
                return streams
            }
            for stream in streams {
                let name = deviceName(ofStream: stream) ?? "stream \(stream)"
                found(
                    part.file, .rollup, devices: [name], since: part.times.lowerBound, until: part.times.upperBound - 1,
                    "the hours of \(name) do not match their check value")
            }
        } catch {
            if isDamage(error) { found(part.file, .rollup, "its hours do not read: \(detail(error))") }
        }
    }

    private func checkRollup(_ file: String, _ year: Int) {
        let path = folder.path + "/" + file
        guard Folder.exists(path) else {
            let span = Folder.span(ofYear: year)
            return found(
                file, .file, since: span.lowerBound, until: span.upperBound - 1,
                "the file is missing; figures of days whose readings are still kept can be made anew")
        }
        count(path)
        let reader = FileReader(path, isTolerant: true, effects: nil)
        checkPages(file, reader) { _ in nil }
        checkStructure(file, reader)
        do throws(StoreError) {
            if try !reader.read({ connection throws(StoreError) in try connection.mayBeRollup(of: year) }) {
                found(file, .rollup, "its hours are those of another year than \(year)")
            }
            let bad = try reader.read { connection throws(StoreError) in try RollupRows.damaged(connection, year) }
            for row in bad {
                let name = deviceName(ofStream: row.stream) ?? "stream \(row.stream)"
                found(
                    file, .rollup, devices: [name], since: row.span.lowerBound, until: row.span.upperBound - 1,
                    "the row of \(name) from \(Timestamp(milliseconds: row.span.lowerBound)) in \(row.table) does not match its "
                        + "check value")
            }
        } catch {
            if isDamage(error) { found(file, .rollup, "its rows do not read: \(detail(error))") }
        }
    }

    // MARK: WAL

    /// WALs that nobody has open must read to their ends: SQLite takes the first frame that does not for the end, and
    /// what was committed behind it would vanish unseen.
    private func checkWALs() {
        do throws(StoreError) {
            if let detail = try folder.lostCommits() {
                found("core.db-wal", .wal, "\(detail); a repair goes on without it and writes it into the ledger")
            }
        } catch { found("core.db-wal", .wal, "whether all of it is there cannot be told: \(error)") }
        for file in folder.databasesWithWAL() {
            let left: WAL?
            do throws(StoreError) { left = try WAL.whole(of: folder.path + "/" + file) } catch {
                found(file + "-wal", .wal, "not all of it could be read: \(error); a repair takes over what reads then")
                continue
            }
            guard let wal = left else { continue }
            if let damage = wal.damage {
                found(file + "-wal", .wal, "\(damage); a repair takes over all that reads")
            } else if wal.isTorn {
                report.notes.append(
                    "\(file)-wal: behind its last whole commit are frames of one that was taken back, or that the power "
                        + "failed in before it was acknowledged, or of which more than a bit is damaged")
            }
        }
        for file in folder.salvagedWALs() { found(file, .wal, "a repair was interrupted and is to be run again") }
    }

    // MARK: What nothing names

    private func checkStrays() throws(StoreError) {
        let parts = (manifest?.live ?? []) + (manifest?.retired ?? [])
        let databases =
            ["core.db"] + folder.rollupYears().map { "rollup-\($0).db" } + (manifest == nil ? [] : parts.map(\.file))
        var known = Set([
            "lock", "pin", OpenMark.fileName, RestoredMark.fileName, ScrubState.fileName, "ballast", "raw",
            "catalogue.cache", SchemaCopy.fileName, StoreOptions.brokerSessionsFile, DamagedFiles.folderName,
        ])
        for name in databases { for suffix in ["", "-wal", "-shm"] { known.insert(name + suffix) } }
        known.formUnion(folder.salvagedWALs())
        // Beside a gateway, what a job under way has made so far is named when it is done.
        let strays = report.isRunning ? [] : manifest.map { StrayFinder.names(in: folder, $0) } ?? []
        for name in strays { for suffix in ["", "-wal", "-shm", "-journal"] { known.insert(name + suffix) } }
        let finder = strays.isEmpty ? nil : Result { () throws(StoreError) in try strayFinder() }
        let found = Folder.names(in: folder.path) + Folder.names(in: folder.raw).map { "raw/" + $0 }
        for name in found.sorted() where !known.contains(name) && (manifest != nil || !name.hasPrefix("raw/")) {
            // What a job under way has made so far is named when it is done.
            if report.isRunning, name.hasPrefix("raw/") || name.hasSuffix(".new") { continue }
            report.notes.append("\(name): nothing names this file")
        }
        for name in strays { try checkStray(name, finder) }
        let rollups = folder.rollupYears().map { "rollup-\($0).db" }
        if let manifest, manifest.isEmpty, registry.streamCount == 0, !folder.lacksCore {
            for name in rollups {
                self.found(name, .catalogue, "it has figures of readings that core.db knows nothing of")
            }
        }
        let kept = Folder.names(in: folder.damaged)
        if !kept.isEmpty {
            report.notes.append("damaged/ holds \(counted(kept.count, "file")) that a repair or a start set aside")
        }
    }

    /// A file of frames that core.db does not name.
    private func checkStray(_ file: String, _ finder: Result<StrayFinder, StoreError>?) throws(StoreError) {
        let stray: StrayFile?
        do throws(StoreError) {
            stray = try finder?.get().look(at: file, madeAt: Timestamp(milliseconds: 0))
        } catch {
            guard isDamage(error) else { throw error }
            return report.notes.append(
                "\(file): nothing names this file; what it has cannot be compared: \(detail(error))")
        }
        guard let stray else { return report.notes.append("\(file): its name is none that a store gives to a file") }
        if !stray.strangers.isEmpty {
            return found(
                file, .catalogue, since: stray.unknown?.first, until: stray.unknown?.last,
                "core.db does not name it, and its frames of \(counted(stray.strangers.streams.count, "stream")) are of other devices "
                    + "than core.db says: it is of another store, or of another time of this one; a repair "
                    + (stray.isNeeded ? "takes in what is not" : "sets it aside"))
        }
        guard stray.isNeeded else {
            return report.notes.append(
                "\(file): nothing names this file, and all that reads of it is elsewhere; the next start removes it")
        }
        found(
            file, .catalogue, since: stray.unknown?.first, until: stray.unknown?.last,
            "core.db does not name it, and \(stray.unknownRows) of its rows are nowhere else; a repair takes it in")
    }

    private func strayFinder() throws(StoreError) -> StrayFinder {
        guard !folder.lacksCore else { return StrayFinder(folder) }
        return try FileReader(folder.core, isTolerant: true, effects: nil).read { core throws(StoreError) in
            try StrayFinder(folder, core, manifest ?? Manifest())
        }
    }
}
