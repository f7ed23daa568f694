import Basics
import Frames
import Telemetry

// What a core.db that is new, or an old copy, has to know of itself, so that nobody takes its silence for an answer.
extension StoreRepairer {
    /// Takes in what small files have that an old copy of core.db does not tell of.
    func takeGrown() throws(StoreError) {
        let core = try Connection(folder.core, .writer(pageBytes: Journal.corePageBytes), effects: work.effects)
        defer { core.close() }
        try Schema.prepareCore(core)
        let manifest = try Manifest(core)
        let strange = try StrangeFiles(folder, core, manifest)
        if !strange.others.isEmpty { try takeOthers(strange.others, core) }
        let outgrown = strange.outgrown
        guard !outgrown.isEmpty else { return }
        var widths: [Int: Int] = [:]
        for part in manifest.live where outgrown.contains(where: { $0.file == part.file }) {
            try FileReader(folder.path(of: part), isTolerant: true, effects: nil).read { file throws(StoreError) in
                _ = try FrameWalk(file, part) { frame, rows in
                    widths[frame.key.stream] = max(widths[frame.key.stream] ?? 0, rows.stride)
                }
            }
        }
        try core.transaction { () throws(StoreError) in
            var catalogue = CatalogueRepair(folder, core)
            try catalogue.recall(from: FileReader(folder.core, effects: nil))
            try catalogue.fill(widths)
            report.done += catalogue.done
            try Outgrown.recount(folder, core)
            lostStory = lostStory ?? .oldCopy
            try LostStory.write(.oldCopy, at: now, core)
        }
        try core.checkpoint()
        for one in outgrown {
            report.done.append(
                "\(one.file) was taken in with \(one.rows) more rows than core.db told of: that is an old copy")
        }
    }

    /// Takes small files as they are that are others than core.db knew, and notes what of theirs is gone.
    private func takeOthers(_ others: [OtherFile], _ core: Connection) throws(StoreError) {
        try core.transaction { () throws(StoreError) in
            try Outgrown.recount(folder, core)
            for one in others where one.rows < one.known {
                let detail = "it was put in the place of another one, which had \(one.known) rows"
                try giveUp(one.file, first: nil, last: nil, rows: one.known - one.rows, detail).write(core)
            }
        }
        for one in others {
            report.done.append("\(one.file) was taken as it is, with \(one.rows) rows where there were \(one.known)")
        }
    }

    /// Has core.db remember that its story was lost, and when its devices were heard as far as their readings tell.
    func noteLostStory() throws(StoreError) {
        guard let cause = lostStory else { return }
        let core = try Connection(folder.core, .writer(pageBytes: Journal.corePageBytes), effects: work.effects)
        defer { core.close() }
        try core.transaction { () throws(StoreError) in
            try LostStory.write(cause, at: now, core)
            let sentence = LostStory(at: now, cause: cause).sentence
            if !report.gaveUp.contains(where: { $0.file == "core.db" && $0.detail == Self.emptySentence }) {
                try giveUp("core.db", first: nil, last: nil, rows: 0, sentence).write(core)
            }
            // When their newest reading came nobody knows; it was not before it was measured.
            let clock = try StoredClock.moment(core)
            try core.run(
                """
                UPDATE device SET last_heard = newest.ts, last_heard_steady = newest.ts + ?2
                FROM (SELECT s.device AS owner, max(min(l.ts, ?1)) AS ts FROM latest l JOIN series s ON s.id = l.series
                    GROUP BY s.device) AS newest
                WHERE newest.owner = device.id AND coalesce(device.last_heard, 0) < newest.ts
                """, .integer(now.milliseconds),
                .optional(clock.map { $0.steady.milliseconds - $0.wall.milliseconds }))
            // Readers begin anew with it.
            try Meta.manifestVersion.write(try Meta.manifestVersion.read(core) + 1, core)
        }
        try core.checkpoint()
        report.done.append(
            "core.db remembers that its story was lost; alerts and incidents go on with numbers that none had before")
    }
}
