import Basics
import Frames
import Telemetry

// What lies in raw/ and has no row in core.db: of a core.db that is new, or that was put back from an old copy.
extension StoreRepairer {
    /// Takes those into the manifest that have readings which nothing else has, the newest of each day first; the others go to
    /// `damaged/`. Names come from the cache of the catalogue; what it does not know gets stand-ins.
    func takeStrays() throws(StoreError) {
        let core = try Connection(folder.core, .writer(pageBytes: Journal.corePageBytes), effects: work.effects)
        defer { core.close() }
        try Schema.prepareCore(core)
        let manifest = try Manifest(core)
        let names = StrayFinder.names(in: folder, manifest)
        guard !names.isEmpty else { return }
        // Before a file is looked at: whether it is of this store is told by names.
        try core.transaction { () throws(StoreError) in try recall(into: core) }
        var finder = try StrayFinder(folder, core, manifest)
        let parts = names.compactMap { Part(stray: $0, madeAt: now.milliseconds) }
            .sorted { ($0.generation, $0.round, $0.file) > ($1.generation, $1.round, $1.file) }
        for name in names where !parts.contains(where: { $0.file == name }) { try setAside(name) }
        try checkCore(names, finder)
        var widths: [Int: Int] = [:]
        for name in parts.map(\.file) {
            guard let stray = try finder.look(at: name, madeAt: now) else { continue }
            // Made anew without readings that were taken out, or that did not read.
            let isReplaced = finder.manifest.live.contains {
                ($0.days, $0.retentionClass, $0.generation, $0.isSealed)
                    == (stray.part.days, stray.part.retentionClass, stray.part.generation, stray.part.isSealed)
                    && $0.round > stray.part.round
            }
            guard stray.isNeeded || stray.differs && !isManifestWhole, !isReplaced else {
                // An interrupted repair has told it.
                let isTold = try core.integer("SELECT 1 FROM given_up WHERE file = ? LIMIT 1", .text(name)) != nil
                if stray.isDamaged, stray.part.frames == 0, !isTold {
                    try giveUp(
                        name, retentionClass: stray.part.retentionClass, first: stray.part.times.lowerBound,
                        last: stray.part.times.upperBound - 1, rows: 0, "nothing of the file reads"
                    ).write(core)
                }
                try setAside(name, stray)
                continue
            }
            var part = stray.part
            if part.isSealed { (part.bytes, part.sha256) = try Folder.digest(folder.path(of: part)) }
            // Of a manifest that reads to its end: there was a later one.
            if isManifestWhole { lostStory = lostStory ?? .oldCopy }
            try core.transaction { () throws(StoreError) in
                try Manifest.save([part], core)
                if let lostStory { try LostStory.write(lostStory, at: now, core) }
            }
            finder.manifest.put([part])
            finder.learn(stray)
            widths.merge(stray.widths) { max($0, $1) }
            report.done.append(
                "\(name), which core.db did not name, was taken in: \(stray.unknownRows) of its rows are nowhere else")
        }
        guard !widths.isEmpty else { return try core.checkpoint() }
        try core.transaction { () throws(StoreError) in
            var catalogue = CatalogueRepair(folder, core)
            try catalogue.fill(widths)
            report.done += catalogue.done
        }
        try core.checkpoint()
    }

    /// Throws `.otherCore` where it is core.db that does not belong here: then no file would be left.
    private func checkCore(_ names: [String], _ finder: StrayFinder) throws(StoreError) {
        guard finder.manifest.live.allSatisfy({ !Folder.exists(folder.path(of: $0)) }) else { return }
        for name in names {
            guard let stray = try finder.look(at: name, madeAt: now), !stray.isNeeded, !stray.strangers.isEmpty else {
                return
            }
        }
        throw .otherCore(folder: folder.path, files: names)
    }

    private func recall(into core: Connection) throws(StoreError) {
        var catalogue = CatalogueRepair(folder, core)
        try catalogue.recall(from: FileReader(folder.core, effects: nil))
        report.done += catalogue.done
    }

    private func setAside(_ name: String, _ stray: StrayFile? = nil) throws(StoreError) {
        let target = try work.setAside(name, in: folder)
        let what =
            stray.map(\.strangers.isEmpty) ?? true
            ? "which nothing named" : "which is of another store, or of another time of this one"
        report.done.append("\(name), \(what), is kept as damaged/\(target)")
    }
}
