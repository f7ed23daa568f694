public import Basics
import Frames
import Glibc
import Telemetry

/// What a repair has found, done and given up.
public struct RepairReport: Sendable, Hashable, Codable {
    /// The folder of the store.
    public var folder: String
    /// What the check before it found.
    public var found: [StoreDamage]
    /// What was done, a sentence each.
    public var done: [String] = []
    /// What is lost, as the ledger of the store has it now.
    public var gaveUp: [GivenUp] = []
    /// What the check after it finds; empty when all is well again.
    public var remaining: [StoreDamage] = []

    /// Whether the check after it found nothing.
    public var isGood: Bool { remaining.isEmpty }
}

/// Where a repair, and a start that cannot read the state, keep what was damaged. Nothing in it is ever used or removed by us again.
enum DamagedFiles {
    static let folderName = "damaged"

    /// A name in the folder that nothing has yet.
    static func freeName(for file: String, in folder: Folder) -> String {
        var number = 1
        while Folder.exists("\(folder.damaged)/\(flat(file)).\(number)") { number += 1 }
        return "\(flat(file)).\(number)"
    }

    /// In it there are no folders.
    static func flat(_ file: String) -> String { String(file.map { $0 == "/" ? "-" : $0 }) }
}

/// Takes damage out of a store that nobody has open, and keeps all that reads.
public enum StoreRepair {
    /// Sets damaged files aside in `damaged/`, puts files with what reads of them in their place, and writes what is
    /// lost into the ledger. Of a damaged WAL every commit that reads is taken over before. Throws `.locked` while a gateway has the store.
    ///
    /// After a failure or a crash it may be run again; until it has ended well a gateway may refuse to start.
    public static func run(
        folder: String, now: Timestamp, progress: (StoreProgress) -> Void = { _ in }
    ) throws(StoreError) -> RepairReport {
        try run(folder: folder, now: now, effects: nil, progress: progress)
    }

    static func run(
        folder path: String, now: Timestamp, effects: EffectHook?, progress: (StoreProgress) -> Void = { _ in }
    ) throws(StoreError) -> RepairReport {
        let folder = Folder(path)
        let lacksCore = folder.lacksCore && !Folder.exists(folder.readyCore)
        if !Folder.exists(folder.readyCore), !lacksCore { try folder.checkReadable() }
        let lock = try FolderLock(folder)
        defer { _ = lock }
        let wasMissing = lacksCore && !Folder.exists(folder.core)
        if lacksCore { try Folder.makeFile(folder.core) }
        // From here on the WAL may be taken over, and is no longer looked for.
        if try folder.lostCommits(isLenient: true) == nil { OpenMark(folder).remove() }
        let repair = StoreRepairer(folder, FileWork(effects: effects), now)
        try repair.finishCore()
        let before = StoreChecker(folder, isRunning: false, wasMissing: wasMissing)
        repair.report.found = try before.run(progress).damage
        guard !repair.report.found.isEmpty else { return repair.report }
        try repair.work.makeFolder(folder.damaged)
        var damage = repair.report.found
        if try repair.salvageWALs() { damage = try StoreChecker(folder, isRunning: false).run(progress).damage }
        if try repair.mendPages(damage) { damage = try StoreChecker(folder, isRunning: false).run(progress).damage }
        try repair.noteLostCommits()
        try repair.repairCore(damage)
        try repair.putFilesBack(damage)
        try repair.takeStrays()
        try repair.takeGrown()
        // What core.db has lost the end of may give an id to another one.
        CatalogueCache.remove(in: folder)
        try repair.repairFiles(progress)
        try repair.keepWALs()
        try repair.noteLostStory()
        repair.report.remaining = try StoreChecker(folder, isRunning: false).run(progress).damage
        return repair.report
    }
}

extension Folder {
    /// A rebuilt core.db that is whole, and waits to take the place of the damaged one.
    var readyCore: String { core + ".ready" }
}

final class StoreRepairer {
    let folder: Folder
    let work: FileWork
    let now: Timestamp
    var report: RepairReport
    /// Files that are in `damaged/` as they were found: what is made of them since need not be.
    var kept: Set<String> = []
    /// False once rows of the manifest were found to be lost.
    var isManifestWhole = true
    /// How alerts, their stories and what people did about them were lost; nil where they were not.
    var lostStory: LostStory.Cause?

    init(_ folder: Folder, _ work: FileWork, _ now: Timestamp) {
        self.folder = folder
        self.work = work
        self.now = now
        report = RepairReport(folder: folder.path, found: [])
    }

    /// Keeps a file in `damaged/` under a name of its own; it stays where it is, too.
    func keep(_ file: String) throws(StoreError) {
        let path = folder.path + "/" + file
        guard Folder.exists(path), !kept.contains(file) else { return }
        var number = 1
        while true {
            let copy = folder.damaged + "/" + DamagedFiles.flat(file) + (number == 1 ? "" : ".\(number)")
            // Kept by a repair that was interrupted.
            if FileStamp(copy) != nil, FileStamp(copy) == FileStamp(path) { return }
            guard Folder.exists(copy) else {
                if try !work.link(path, to: copy) { _ = try work.copy(path, to: copy, mode: 0o440) }
                try work.sync(folder: folder.damaged)
                report.done.append("\(file) is kept as damaged/\(FileWork.parts(of: copy).name)")
                return
            }
            number += 1
        }
    }

    func keepCopy(_ file: String) throws(StoreError) {
        let name = freeName(for: file)
        _ = try work.copy(folder.path + "/" + file, to: "\(folder.damaged)/\(name)", mode: 0o440)
        try work.sync(folder: folder.damaged)
        report.done.append("\(file) is kept as damaged/\(name)")
    }

    func giveUp(
        _ file: String, retentionClass: String = "", first: Int64?, last: Int64?, rows: Int64, _ detail: String
    ) -> GivenUp {
        let entry = GivenUp(
            at: now, why: .damage, file: file, retentionClass: retentionClass,
            first: first.map { Timestamp(milliseconds: $0) } ?? now,
            last: last.map { Timestamp(milliseconds: $0) } ?? now, rows: rows, bytes: 0, detail: detail)
        report.gaveUp.append(entry)
        return entry
    }

    /// An entry of the ledger that tells of something which is not as it was found, and of which nothing is lost.
    func noteMended(_ file: String, first: Int64, last: Int64, _ detail: String) -> GivenUp {
        GivenUp(
            at: now, why: .damage, file: file, retentionClass: "", first: Timestamp(milliseconds: first),
            last: Timestamp(milliseconds: last), rows: 0, bytes: 0, detail: detail + "; nothing of it is lost")
    }

    // MARK: WALs

    /// Writes into the ledger that commits are gone, once; a start is content then.
    func noteLostCommits() throws(StoreError) {
        guard let detail = try folder.lostCommits(isLenient: true) else { return }
        let core = try Connection(folder.core, .writer(pageBytes: Journal.corePageBytes), effects: work.effects)
        defer { core.close() }
        try Schema.prepareCore(core)
        try giveUp("core.db-wal", first: nil, last: nil, rows: 0, detail).write(core)
        try core.checkpoint()
        OpenMark(folder).remove()
        report.done.append("core.db-wal: \(detail); the ledger tells it")
    }

    /// Takes over what damaged WALs hold, before SQLite opens a file and writes over it. False where there is none.
    func salvageWALs() throws(StoreError) -> Bool {
        var hasSalvaged = false
        for file in folder.databasesWithWAL() {
            let path = folder.path + "/" + file
            guard let wal = WAL(of: path), wal.isDamaged else { continue }
            let salvage = WALSalvage(wal)
            try salvage.apply(work)
            unlink(path + "-shm")
            try work.rename(wal.path, to: wal.path + Folder.salvagedSuffix)
            try work.sync(folder: FileWork.parts(of: path).parent)
            report.done.append("\(file)-wal: \(salvage.sentence)")
            hasSalvaged = true
        }
        return hasSalvaged
    }

    /// Moves the WALs that were taken over to `damaged/`, and what they may have lost into the ledger.
    func keepWALs() throws(StoreError) {
        let files = folder.salvagedWALs()
        guard !files.isEmpty else { return }
        let core = try Connection(folder.core, .writer(pageBytes: Journal.corePageBytes), effects: work.effects)
        defer { core.close() }
        for file in files {
            let name = String(file.dropLast(Folder.salvagedSuffix.count))
            let copy = freeName(for: name)
            let database = folder.path + "/" + name.dropLast("-wal".count)
            if let loss = WAL(of: database, path: folder.path + "/" + file).map({ WALSalvage($0) })?.loss {
                let place = "kept as damaged/\(copy): "
                // A repair may have been interrupted between the entry and the move.
                let isKnown =
                    try core.integer(
                        "SELECT count(*) FROM given_up WHERE file = ?1 AND substr(detail, 1, length(?2)) = ?2",
                        .text(name), .text(place)) ?? 0 > 0
                if !isKnown {
                    try giveUp(name, first: nil, last: nil, rows: 0, place + loss).write(core)
                    try core.checkpoint()
                }
            }
            try work.rename(folder.path + "/" + file, to: folder.damaged + "/" + copy)
            try work.sync(folder: folder.damaged)
            report.done.append("\(name) is kept as damaged/\(copy)")
        }
    }

    func freeName(for file: String) -> String { DamagedFiles.freeName(for: file, in: folder) }
}

extension StoreError {
    /// Whether it is this file that does not read.
    func isDamage(of file: String) -> Bool {
        switch self {
        case .corrupt(file, _), .sqlite(file, _, _), .foreign(file, _): true
        default: false
        }
    }
}
