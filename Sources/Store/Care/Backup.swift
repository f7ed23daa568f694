public import Basics
import Glibc
import Telemetry

/// What a backup holds, as its list says.
public struct BackupSummary: Sendable, Hashable, Codable {
    /// Where the files lie: the backup's folder, or after a restore the store's.
    public var folder: String
    /// When it was begun: everything acknowledged before is in it.
    public var made: Timestamp
    /// Of core.db.
    public var schemaVersion: Int
    /// The last journal row in it.
    public var journalID: Int64
    /// How many, the list itself not counted.
    public var files: Int
    /// Of these files together, linked ones included.
    public var bytes: Int64
    /// Files that share their bytes on disk with the store.
    public var linked: Int
}

/// Copies of a store: made beside a running gateway, by any user who can read it, and put back.
///
/// A backup is a folder with the files of a store and `backup.list`, which `sha256sum -c` reads too. It has no WAL.
public enum StoreBackup {
    static let listName = "backup.list"

    /// Copies the store in `source` into the new or empty folder `target`.
    ///
    /// core.db goes first: what the gateway seals after that is in both, and merged away; the other way round it would
    /// be in neither. Sealed files are linked where the file system allows it and else copied. A damaged page makes it
    /// throw `.corrupt`, and commits behind damage in a WAL that was left `.walDamaged`: a copy that is taken for good
    /// must be.
    public static func run(
        from source: String, to target: String, now: Timestamp, progress: (StoreProgress) -> Void = { _ in }
    ) throws(StoreError) -> BackupSummary {
        try run(from: source, to: target, now: now, effects: nil, progress: progress)
    }

    static func run(
        from source: String, to target: String, now: Timestamp, effects: EffectHook?,
        progress: (StoreProgress) -> Void = { _ in }
    ) throws(StoreError) -> BackupSummary {
        let folder = Folder(source)
        try folder.checkReadable()
        // Of a store that a gateway has open its start has looked.
        if !FolderLock.isHeld(folder) { _ = try Archive(folder: source) }
        let work = FileWork(effects: effects)
        let target = Folder(target).path
        if Folder.exists(target), !Folder.isFolder(target) { throw .notAFolder(path: target) }
        guard Folder.names(in: target).isEmpty else { throw .targetNotEmpty(folder: target) }
        let (parent, name) = FileWork.parts(of: target)
        let partial = "\(parent)/.\(name).partial"
        try work.makeFolder(partial)
        let workspace = try Workspace(partial)
        defer {
            // Gone by now when it was renamed.
            FileWork.removeTree(partial)
            _ = workspace
        }
        var attempt = 1
        while true {
            for name in Folder.names(in: partial) {
                let entry = partial + "/" + name
                if FileWork.isPlainFolder(entry) { FileWork.removeTree(entry) } else { unlink(entry) }
            }
            let copy = BackupCopy(source: folder, target: Folder(partial), work: work)
            if var summary = try copy.fill(now: now, progress) {
                summary.folder = target
                try work.rename(partial, to: target)
                try work.sync(folder: parent)
                return summary
            }
            // A file was unlinked between the manifest and its turn: the pin could not be had, or not in time.
            attempt += 1
            guard attempt <= 3 else { throw .busy(file: folder.raw) }
        }
    }

    /// Puts a backup back into `target`, which may exist but must hold no store and have no gateway.
    ///
    /// Throws `.readingsInTheWay` where a store lies there whose core.db is gone: a repair can still have its readings.
    /// Every file is compared with the list before the first one is written, and again as it is copied. core.db comes
    /// last: until then there is no store, and what an interruption left is no hindrance to the next try.
    public static func restore(
        from source: String, to target: String, now: Timestamp, progress: (StoreProgress) -> Void = { _ in }
    ) throws(StoreError) -> BackupSummary {
        try restore(from: source, to: target, now: now, effects: nil, progress: progress)
    }

    static func restore(
        from source: String, to target: String, now: Timestamp, effects: EffectHook?,
        progress: (StoreProgress) -> Void = { _ in }
    ) throws(StoreError) -> BackupSummary {
        let source = Folder(source).path
        let list = try BackupList(folder: source)
        try list.verify(progress)
        let work = FileWork(effects: effects)
        let folder = Folder(target)
        if Folder.exists(folder.core) { throw .storeExists(folder: folder.path) }
        try folder.make()
        let lock = try FolderLock(folder)
        defer { _ = lock }
        if Folder.exists(folder.core) { throw .storeExists(folder: folder.path) }
        let draft = folder.path + "/restore.new"
        try list.checkRoom(in: folder)
        FileWork.removeTree(draft)
        try work.makeFolder(draft)
        try work.makeFolder(draft + "/raw")
        for (index, entry) in list.entries.enumerated() {
            progress(StoreProgress(done: index, total: list.entries.count, file: entry.file))
            let mode: mode_t = entry.isSealed ? 0o440 : 0o640
            let from = source + "/" + entry.file
            guard let copied = try work.copy(from, to: draft + "/" + entry.file, mode: mode),
                copied == (entry.bytes, entry.sha256)
            else { throw .backupDamaged(folder: source, details: ["\(entry.file) changed while it was read"]) }
        }
        CatalogueCache.remove(in: folder)
        OpenMark(folder).remove()
        try RestoredMark(folder).put(at: now, work)
        for entry in list.entries where entry.file != "core.db" {
            try work.rename(draft + "/" + entry.file, to: folder.path + "/" + entry.file)
        }
        try work.sync(folder: folder.raw)
        try work.sync(folder: folder.path)
        for suffix in ["-wal", "-shm"] { unlink(folder.core + suffix) }
        try work.rename(draft + "/core.db", to: folder.core)
        try work.sync(folder: folder.path)
        FileWork.removeTree(draft)
        var summary = list.summary
        summary.folder = folder.path
        return summary
    }
}

/// The making of one backup.
private struct BackupCopy {
    let source: Folder
    let target: Folder
    let work: FileWork

    /// nil where a file went away meanwhile: then all has to be copied again, for another manifest.
    func fill(now: Timestamp, _ progress: (StoreProgress) -> Void) throws(StoreError) -> BackupSummary? {
        // A store that no gateway of this build has opened yet has none, and its gateway unlinks nothing.
        if Folder.exists(source.pin) {
            let pin = try Pin(source)
            defer { _ = pin }
            return try fillPinned(now: now, progress)
        }
        return try fillPinned(now: now, progress)
    }

    private func fillPinned(now: Timestamp, _ progress: (StoreProgress) -> Void) throws(StoreError) -> BackupSummary? {
        try work.makeFolder(target.raw)
        progress(StoreProgress(done: 0, total: 1, file: "core.db"))
        var list = BackupList(made: now)
        guard let core = try database("core.db") else { throw .noStore(folder: source.path) }
        list.entries.append(core)
        let copied = try Connection(target.core, .immutable, effects: work.effects)
        guard try Schema.check(copied) else { throw .noStore(folder: source.path) }
        list.schemaVersion = try Schema.version(of: copied)
        list.journalID = max(
            try Meta.sealedThrough.read(copied), try Meta.lastJournalID(copied))
        let parts = try Manifest(copied).live
        copied.close()
        let rollups = source.rollupYears().map { "rollup-\($0).db" }
        let total = 1 + parts.count + rollups.count
        for part in parts {
            progress(StoreProgress(done: list.entries.count, total: total, file: part.file))
            guard let entry = part.isSealed ? try sealed(part) : try database(part.file) else { return nil }
            list.entries.append(entry)
        }
        for rollup in rollups {
            progress(StoreProgress(done: list.entries.count, total: total, file: rollup))
            // Of a year that retention has just given up.
            guard let entry = try database(rollup) else { continue }
            list.entries.append(entry)
        }
        try work.write(list.text, to: target.path + "/" + StoreBackup.listName)
        try work.sync(folder: target.raw)
        try work.sync(folder: target.path)
        return list.summary
    }

    /// Copies a database that may be written meanwhile, as it is at one moment.
    private func database(_ name: String) throws(StoreError) -> BackupList.Entry? {
        let file = source.path + "/" + name
        guard Folder.exists(file) else { return nil }
        let copy = target.path + "/" + name
        try FileReader(file, effects: work.effects).read { connection throws(StoreError) in
            unlink(copy)
            try Folder.makeFile(copy)
            let target = try Connection(copy, .copy(isChecked: connection.isChecked), effects: work.effects)
            defer { target.close() }
            try connection.copy(to: target)
        }
        let (bytes, sha256) = try work.settle(copy)
        return BackupList.Entry(file: name, bytes: bytes, sha256: sha256)
    }

    private func sealed(_ part: Part) throws(StoreError) -> BackupList.Entry? {
        let (from, to) = (source.path(of: part), target.path(of: part))
        var entry = BackupList.Entry(file: part.file, bytes: part.bytes, sha256: part.sha256, isSealed: true)
        if try work.link(from, to: to) {
            // Not read again: it is the same file, and the manifest knows what it holds.
            guard Folder.size(of: to) == part.bytes else {
                throw .corrupt(file: from, detail: "it does not have the \(part.bytes) bytes that the manifest says")
            }
            entry.isLinked = true
            return entry
        }
        guard let copied = try work.copy(from, to: to, mode: 0o440) else { return nil }
        guard copied == (part.bytes, part.sha256) else {
            throw .corrupt(file: from, detail: "its bytes are not those that were sealed")
        }
        return entry
    }
}

/// The list of a backup's files.
///
///     # baotu backup 1
///     # made 2026-03-15T12:00:00.000Z
///     # schema 2
///     # journal 4711
///     # sealed 1234567            before each file: sealed, linked (sealed too) or database, and its bytes
///     <sha256>  raw/2026-03-14.g1.db
///     # end <sha256 of all lines before>
struct BackupList {
    struct Entry: Hashable {
        var file: String
        var bytes: Int64
        var sha256: [UInt8]
        var isSealed = false
        var isLinked = false

        var kind: String { isLinked ? "linked" : isSealed ? "sealed" : "database" }
    }

    private static let title = "# baotu backup 1"

    var folder = ""
    var made: Timestamp
    var schemaVersion = 0
    var journalID: Int64 = 0
    var entries: [Entry] = []

    init(made: Timestamp) { self.made = made }

    var summary: BackupSummary {
        BackupSummary(
            folder: folder, made: made, schemaVersion: schemaVersion, journalID: journalID, files: entries.count,
            bytes: entries.reduce(0) { $0 + $1.bytes }, linked: entries.count(where: \.isLinked))
    }

    var text: String {
        var text = """
            \(Self.title)
            # made \(made)
            # schema \(schemaVersion)
            # journal \(journalID)

            """
        for entry in entries { text += "# \(entry.kind) \(entry.bytes)\n\(entry.sha256.hex)  \(entry.file)\n" }
        return text + "# end \([UInt8].sha256(of: text).hex)\n"
    }

    /// Reads the list of a backup. Throws `.noBackup` where there is none that reads, `.schemaTooNew` for one of a
    /// newer build.
    init(folder: String) throws(StoreError) {
        let path = folder + "/" + StoreBackup.listName
        guard let text = Folder.text(of: path) else {
            throw .noBackup(folder: folder, detail: "it has no \(StoreBackup.listName)")
        }
        try self.init(text, folder: folder)
        guard schemaVersion <= Schema.version else {
            throw .schemaTooNew(found: schemaVersion, supported: Schema.version)
        }
    }

    init(_ text: String, folder: String) throws(StoreError) {
        func wrong(_ detail: String) -> StoreError {
            .noBackup(folder: folder, detail: "\(StoreBackup.listName) \(detail)")
        }
        let lines = text.split(separator: "\n")
        guard lines.first.map(String.init) == Self.title else {
            throw wrong("is not of a backup that this build reads")
        }
        guard let last = lines.last, last.hasPrefix("# end "),
            [UInt8].sha256(of: lines.dropLast().map { $0 + "\n" }.joined()).hex == last.dropFirst(6)
        else { throw wrong("is damaged or cut short") }
        self.init(made: Timestamp(milliseconds: 0))
        self.folder = folder
        var kind = ""
        var bytes: Int64 = 0
        for line in lines.dropFirst().dropLast() {
            let words = line.split(separator: " ", maxSplits: 2)
            switch words.first {
            case "#" where words.count == 3:
                switch words[1] {
                case "made": made = Timestamp(iso8601: String(words[2])) ?? made
                case "schema": schemaVersion = Int(words[2]) ?? 0
                case "journal": journalID = Int64(words[2]) ?? 0
                default: (kind, bytes) = (String(words[1]), Int64(words[2]) ?? -1)
                }
            default:
                let parts = line.split(separator: " ", maxSplits: 1)
                guard parts.count == 2, let sha256 = Self.bytes(hex: parts[0]) else { throw wrong("does not read") }
                let file = String(parts[1].drop { $0 == " " })
                guard Self.isOurs(file) else { throw wrong("names '\(file)', which is no file of a store") }
                entries.append(
                    Entry(
                        file: file, bytes: bytes, sha256: sha256, isSealed: kind != "database",
                        isLinked: kind == "linked"))
            }
        }
        guard entries.contains(where: { $0.file == "core.db" }) else { throw wrong("names no core.db") }
    }

    /// Compares every file with the list. Throws `.backupDamaged` with all that is missing, changed or not listed.
    func verify(_ progress: (StoreProgress) -> Void) throws(StoreError) {
        var details: [String] = []
        for (index, entry) in entries.enumerated() {
            progress(StoreProgress(done: index, total: entries.count, file: entry.file))
            let path = folder + "/" + entry.file
            guard Folder.exists(path) else {
                details.append("\(entry.file) is missing")
                continue
            }
            if try Folder.digest(path) != (entry.bytes, entry.sha256) { details.append("\(entry.file) has changed") }
        }
        let known = Set(entries.map(\.file) + [StoreBackup.listName, "raw"])
        let found = Folder.names(in: folder) + Folder.names(in: folder + "/raw").map { "raw/" + $0 }
        for name in found.sorted() where !known.contains(name) { details.append("\(name) is not in the list") }
        if !details.isEmpty { throw .backupDamaged(folder: folder, details: details) }
    }

    /// Throws `.readingsInTheWay` where a folder without a core.db has files of readings. What an interrupted try has put there is the list's.
    func checkRoom(in folder: Folder) throws(StoreError) {
        let names =
            Folder.names(in: folder.raw).filter { !$0.hasSuffix("-shm") }.map { "raw/" + $0 }
            + folder.rollupYears().map { "rollup-\($0).db" }
        var others: [String] = []
        for name in names.sorted() {
            let entry = entries.first { $0.file == name }
            guard let entry, try Folder.digest(folder.path + "/" + name) == (entry.bytes, entry.sha256) else {
                others.append(name)
                continue
            }
        }
        guard others.isEmpty else { throw .readingsInTheWay(folder: folder.path, files: others) }
    }

    /// A list is a text that anybody may have written: it names files of the folder and none outside.
    private static func isOurs(_ file: String) -> Bool {
        let name = file.hasPrefix("raw/") ? file.dropFirst(4) : file[...]
        return name.hasSuffix(".db") && !name.contains("/") && !name.hasPrefix(".")
    }

    private static func bytes(hex: Substring) -> [UInt8]? {
        guard hex.utf8.count == 64 else { return nil }
        let digits = hex.compactMap { $0.isASCII ? $0.hexDigitValue : nil }
        guard digits.count == 64 else { return nil }
        return stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
