import Basics
import Frames
import Telemetry

// Files of frames that are whole, and lie under another name than core.db has for them: somebody has moved or exchanged them.
extension StoreRepairer {
    /// Puts files back under their names, each known by its bytes or by the seal that wrote it last, wherever in `raw/` or `damaged/`
    /// they lie. What lies in their places goes to `damaged/`; what is taken from there stays there, too.
    ///
    /// Of a repair that is interrupted all of them are in one of the two folders.
    func putFilesBack(_ damage: [StoreDamage]) throws(StoreError) {
        let parts = try FileReader(folder.core, effects: nil).read { core throws(StoreError) in try Manifest(core).live
        }
        let suspects = Set(damage.map(\.file))
        let wrong = parts.filter { suspects.contains($0.file) || !Folder.exists(folder.path(of: $0)) }
        guard !wrong.isEmpty else { return }
        let right = Set(parts.map(\.file)).subtracting(wrong.map(\.file))
        let places =
            Folder.names(in: folder.raw).filter { $0.hasSuffix(".db") }.map { "raw/" + $0 }
            .filter { !right.contains($0) }
            + Folder.names(in: folder.damaged).map { "\(DamagedFiles.folderName)/" + $0 }
        var digests: [String: [UInt8]] = [:]
        var found: [(part: Part, place: String)] = []
        for part in wrong where try !isRight(part, at: part.file, &digests) {
            for place in places where place != part.file && !found.contains(where: { $0.place == place }) {
                guard try isRight(part, at: place, &digests) else { continue }
                found.append((part, place))
                break
            }
        }
        guard !found.isEmpty else { return }
        // All out of the way first: files may have been exchanged.
        var aside: [String: String] = [:]
        for place in found.map(\.place) + found.map(\.part.file)
        where aside[place] == nil && place.hasPrefix("raw/") && Folder.exists(folder.path + "/" + place) {
            aside[place] = "\(DamagedFiles.folderName)/" + (try work.setAside(place, in: folder))
        }
        for (part, place) in found {
            let source = folder.path + "/" + (aside[place] ?? place)
            if aside[place] != nil {
                try work.rename(source, to: folder.path(of: part))
            } else {
                let draft = folder.path(of: part) + ".new"
                _ = try work.copy(source, to: draft, mode: part.isSealed ? 0o440 : 0o640)
                try work.rename(draft, to: folder.path(of: part))
            }
            report.done.append("\(part.file), which lay at \(place), is back in its place")
        }
        for (place, kept) in aside.sorted(by: { $0.key < $1.key }) where !found.contains(where: { $0.place == place }) {
            report.done.append("\(place), which was another file, is kept as \(kept)")
        }
        try work.sync(folder: folder.raw)
        try work.sync(folder: folder.damaged)
    }

    /// Whether the file at `place` is the one that the manifest tells of.
    private func isRight(_ part: Part, at place: String, _ digests: inout [String: [UInt8]]) throws(StoreError) -> Bool
    {
        let path = folder.path + "/" + place
        guard Folder.exists(path), !Folder.isFolder(path), Folder.size(of: path + "-wal") == 0 else { return false }
        if part.isSealed {
            guard Folder.size(of: path) == part.bytes, !part.sha256.isEmpty else { return false }
            if digests[place] == nil { digests[place] = try Folder.digest(path).sha256 }
            return digests[place] == part.sha256
        }
        guard part.sealStamp != 0 else { return false }
        var there = part
        there.file = place
        // One seal writes files of several days.
        guard let counted = Outgrown.counted(there, in: folder) else { return false }
        return counted == there
    }
}
