import Basics
import Frames
import Telemetry

/// A small file with more rows than core.db and its journal tell: core.db is an older copy of itself, and what was sealed
/// after it is in no table.
struct Outgrown {
    var file: String
    /// More than there can be.
    var rows: Int64

    /// Those of a store that no gateway has open. A seal that ended before it was noted leaves a file ahead of its row too; the
    /// journal still has what that is ahead by.
    ///
    /// Reads the table of frames of those small files that another seal wrote last than core.db knows.
    static func all(_ folder: Folder, _ core: Connection, _ manifest: Manifest) throws(StoreError) -> [Outgrown] {
        var ahead: [(part: Part, rows: Int64)] = []
        for part in manifest.live where !part.isSealed {
            guard !isKnown(part, in: folder), let rows = counted(part, in: folder)?.rows, rows > part.rows else {
                continue
            }
            ahead.append((part, rows - part.rows))
        }
        guard !ahead.isEmpty else { return [] }
        let journal = try StrayFinder(folder, core, manifest).journal
        return ahead.compactMap { part, rows in
            let waiting = journal.reduce(0) { sum, block in
                sum + block.place(of: part.times.upperBound) - block.place(of: part.times.lowerBound)
            }
            return rows > Int64(waiting) ? Outgrown(file: part.file, rows: rows - Int64(waiting)) : nil
        }
    }

    /// Whether the seal that core.db knows is the last that wrote the file.
    private static func isKnown(_ part: Part, in folder: Folder) -> Bool {
        part.sealStamp != 0 && stamp(of: part, in: folder) == part.sealStamp
    }

    /// nil where the file does not read.
    fileprivate static func stamp(of part: Part, in folder: Folder) -> Int64? {
        guard Folder.exists(folder.path(of: part)) else { return nil }
        var stamp: Int64?
        let reader = FileReader(folder.path(of: part), effects: nil)
        do throws(StoreError) {
            try reader.read { file throws(StoreError) in stamp = try SealStamp.read(file) }
        } catch {
            return nil
        }
        return stamp
    }

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

    /// Those of a store that no gateway has open; files with more rows than core.db tells are another matter, see `Outgrown`.
    static func all(_ folder: Folder, _ core: Connection, _ manifest: Manifest) throws(StoreError) -> [OtherFile] {
        var others: [OtherFile] = []
        for part in manifest.live where !part.isSealed && part.sealStamp != 0 {
            guard let stamp = Outgrown.stamp(of: part, in: folder), stamp != part.sealStamp,
                let rows = Outgrown.counted(part, in: folder)?.rows, rows <= part.rows
            else { continue }
            // A seal that was not noted puts rows in that the journal still has; and one without a stamp was mended.
            if rows == part.rows, stamp == 0 { continue }
            if rows == part.rows {
                let journal = try StrayFinder(folder, core, manifest).journal
                let isUnderWay = journal.contains { block in
                    block.place(of: part.times.upperBound) > block.place(of: part.times.lowerBound)
                }
                if isUnderWay { continue }
            }
            others.append(OtherFile(file: part.file, rows: rows, known: part.rows))
        }
        return others
    }

    /// Throws where core.db and its small files do not belong together, as a start has it; not before the first start of what a
    /// backup put back, which settles that.
    static func check(_ folder: Folder, _ core: Connection, _ manifest: Manifest) throws(StoreError) {
        guard !Folder.exists(folder.path + "/" + RestoredMark.fileName) else { return }
        let outgrown = try Outgrown.all(folder, core, manifest)
        guard outgrown.isEmpty else { throw .outgrown(folder: folder.path, files: outgrown.map(\.file)) }
        let others = try all(folder, core, manifest)
        guard others.isEmpty else { throw .otherFiles(folder: folder.path, files: others.map(\.file)) }
    }
}

extension Part {
    /// Adds what the table of frames of its file tells.
    mutating func count(framesOf file: Connection) throws(StoreError) {
        try file.rows("SELECT k, span, n FROM frame") { row throws(StoreError) in
            count(FrameKey(rawValue: row.integer("k"), keys), span: row.integer("span"), rows: row.integer("n"))
        }
    }
}
