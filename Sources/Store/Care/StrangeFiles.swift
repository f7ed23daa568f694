import Basics
import Frames
import Telemetry

/// A small file with more rows than core.db and its journal tell: core.db is an older copy of itself, and what was sealed
/// after it is in no table.
struct Outgrown {
    var file: String
    /// More than there can be.
    var rows: Int64

    /// The row of a small file as its frames tell; nil where it does not read: that is another matter.
    static func counted(_ part: Part, in folder: Folder) -> Part? {
        guard Folder.exists(folder.path(of: part)) else { return nil }
        var fresh = part
        let reader = FileReader(folder.path(of: part), effects: nil)
        do throws(StoreError) {
            try reader.read { file throws(StoreError) in
                (fresh.first, fresh.last, fresh.frames, fresh.rows, fresh.spanMax) = (.max, .min, 0, 0, 0)
                fresh.keys = try Schema.keys(of: file)
                fresh.sealStamp = try SealStamp.read(file)
                try fresh.count(framesOf: file)
            }
        } catch {
            return nil
        }
        return fresh
    }

    /// Has the manifest tell of small files what is in them, in the caller's transaction.
    static func recount(_ folder: Folder, _ core: Connection) throws(StoreError) {
        let parts = try Manifest(core).live.filter { !$0.isSealed }
        let fresh = parts.compactMap { counted($0, in: folder) }.filter { !parts.contains($0) }
        if !fresh.isEmpty { try Manifest.save(fresh, core) }
    }
}

/// A small file that is another than core.db knows: an older copy of it, or one of another store.
struct OtherFile {
    var file: String
    /// In it.
    var rows: Int64
    /// As core.db has it.
    var known: Int64
}

/// The small files of a store that no gateway has open which are not as core.db tells.
struct StrangeFiles {
    private(set) var outgrown: [Outgrown] = []
    private(set) var others: [OtherFile] = []

    /// Reads the table of frames of those alone that another seal wrote last than core.db knows.
    init(_ folder: Folder, _ core: Connection, _ manifest: Manifest) throws(StoreError) {
        let changed = manifest.live.filter { !$0.isSealed && !Self.isKnown($0, in: folder) }
            .compactMap { part in Outgrown.counted(part, in: folder).map { (known: part, found: $0) } }
        guard !changed.isEmpty else { return }
        // A seal that ended before it was noted leaves a file ahead of its row; the journal still has what that is ahead by.
        var journal: [RowBlock]?
        func waiting(_ part: Part) throws(StoreError) -> Int64 {
            if journal == nil { journal = try StrayFinder(folder, core, manifest).journal }
            return journal!.reduce(0) { sum, block in
                sum + Int64(block.place(of: part.times.upperBound) - block.place(of: part.times.lowerBound))
            }
        }
        for (part, found) in changed {
            let ahead = found.rows - part.rows
            if ahead > 0 {
                let beyond = ahead - (try waiting(part))
                if beyond > 0 { outgrown.append(Outgrown(file: part.file, rows: beyond)) }
                continue
            }
            guard part.sealStamp != 0 else { continue }
            // One of as many rows without a stamp was mended.
            if ahead == 0, found.sealStamp == 0 { continue }
            if ahead == 0, try waiting(part) > 0 { continue }
            others.append(OtherFile(file: part.file, rows: found.rows, known: part.rows))
        }
    }

    /// Whether the seal that core.db knows is the last that wrote the file; not where it does not read.
    private static func isKnown(_ part: Part, in folder: Folder) -> Bool {
        guard part.sealStamp != 0, Folder.exists(folder.path(of: part)) else { return false }
        let reader = FileReader(folder.path(of: part), effects: nil)
        let stamp = try? reader.read { file throws(StoreError) in try SealStamp.read(file) }
        return stamp == part.sealStamp
    }

    /// Throws where core.db and its small files do not belong together, as a start has it; not before the first start of what a
    /// backup put back, which settles that.
    static func check(_ folder: Folder, _ core: Connection, _ manifest: Manifest) throws(StoreError) {
        guard !Folder.exists(folder.path + "/" + RestoredMark.fileName) else { return }
        let strange = try StrangeFiles(folder, core, manifest)
        guard strange.outgrown.isEmpty else {
            throw .outgrown(folder: folder.path, files: strange.outgrown.map(\.file))
        }
        guard strange.others.isEmpty else {
            throw .otherFiles(folder: folder.path, files: strange.others.map(\.file))
        }
    }
}

extension Part {
    /// Adds what the table of frames of its file tells.
    mutating func count(framesOf file: Connection) throws(StoreError) {
        try file.rows("SELECT k, span, n FROM frame") { row throws(StoreError) in
            count(FrameKey(rawValue: row.word("k"), keys), span: row.integer("span"), rows: row.integer("n"))
        }
    }
}
