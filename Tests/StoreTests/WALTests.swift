import Basics
import Glibc
import Synchronization
import Telemetry
import Testing
import TestSupport

@testable import Store

@Suite("WALs that were left")
struct WALTests {
    private let folder = TemporaryFolder()
    private static let frameBytes = 24 + Journal.corePageBytes

    /// core.db and its WAL as a killed gateway leaves them.
    private struct Left {
        var core: [UInt8]
        var wal: [UInt8]
        /// Frames of the last commit.
        var last: Range<Int>
        /// core.db once SQLite has taken all of the WAL over.
        var whole: [UInt8]

        var frames: Int { last.upperBound }
    }

    /// Commits of a few readings, and some of many, whose rows go over several pages.
    private func put(_ journal: Journal, commits: Range<Int>) throws {
        for commit in commits {
            var batch = DecodedBatch()
            for index in 0..<(commit % 5 == 2 ? 900 : 4) {
                let series = journal.series("lamp-\(index % 4)", "voltage")
                let value = Double(commit * 7919 + index * 104_729 % 1000) / 7
                batch.readings.append(
                    Reading(series: series, observed: seconds(commit * 1000 + index), value: value))
                journal.registry.closeRow(batch.readings[(batch.readings.count - 1)...])
            }
            _ = try journal.commit(batch, received: 1, now: seconds(commit * 1000))
        }
    }

    /// Of a new store after so many commits.
    private func left(after commits: Range<Int>) throws -> Left {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        defer { journal.close() }
        try put(journal, commits: commits)
        return try left(folder.store)
    }

    private func left(_ store: String, hasTail: Bool = false) throws -> Left {
        let crashed = folder.path + "/reference"
        removeTree(crashed)
        copyStore(store, to: crashed)
        let (core, wal) = (readFile(crashed + "/core.db"), readFile(crashed + "/core.db-wal"))
        let found = try #require(WAL(of: crashed + "/core.db"))
        #expect(!found.isDamaged && found.isTorn == hasTail && !found.isUnreadable)
        let ends = found.frames.indices.filter { found.frames[$0].size > 0 }
        let connection = try Connection(
            crashed + "/core.db", .writer(pageBytes: Journal.corePageBytes), effects: nil)
        try connection.checkpoint()
        connection.close()
        return Left(
            core: core, wal: wal, last: ends[ends.count - 2] + 1..<found.frames.count,
            whole: readFile(crashed + "/core.db"))
    }

    private func lay(_ core: [UInt8], _ wal: [UInt8]) -> String {
        let path = folder.path + "/laid.db"
        writeFile(path, core)
        writeFile(path + "-wal", wal)
        return path
    }

    /// Pages that are not those of SQLite's own checkpoint.
    private func differences(_ path: String, _ whole: [UInt8]) -> Set<Int64> {
        let bytes = readFile(path)
        guard bytes.count == whole.count else { return [-1] }
        let pageBytes = Journal.corePageBytes
        return bytes.withUnsafeBytes { now in
            whole.withUnsafeBytes { was in
                let pages = 0..<whole.count / pageBytes
                return Set(
                    pages.filter {
                        memcmp(now.baseAddress! + $0 * pageBytes, was.baseAddress! + $0 * pageBytes, pageBytes) != 0
                    }
                    .map { Int64($0 + 1) })
            }
        }
    }

    /// Bits of each frame: its page's number, the size, the salts, the check value, and all over the page.
    @Test("one flipped bit anywhere is damage, and costs at most the page that it is in")
    func everyFrame() throws {
        let left = try left(after: 0..<8)
        #expect(left.frames > 20)
        var random = SeededGenerator(seed: 11)
        var (mended, doubtful, flips) = (0, 0, 0)
        for frame in 0..<left.frames {
            var places = (0..<6).map { $0 * 4 + Int.random(in: 0..<4, using: &random) }
            places += (0..<4).map { _ in Int.random(in: 24..<Self.frameBytes - 8, using: &random) }
            for place in places {
                let bit = Int.random(in: 0..<8, using: &random)
                var wal = left.wal
                wal[32 + frame * Self.frameBytes + place] ^= 1 << bit
                let path = lay(left.core, wal)
                let found = try #require(WAL(of: path))
                let what = "frame \(frame + 1), byte \(place), bit \(bit)"
                #expect(found.isDamaged && !found.isTorn && found.frames.count == left.frames, "\(what)")
                #expect(found.frames.indices.filter { found.frames[$0].isBroken } == [frame], "\(what)")
                let salvage = WALSalvage(found)
                try salvage.apply(FileWork(effects: nil))
                let different = differences(path, left.whole)
                #expect(different.isSuperset(of: salvage.doubtful), "\(what)")
                #expect(different.isSubset(of: salvage.doubtful + salvage.unsure), "\(what)")
                #expect(salvage.unknown == 0, "\(what)")
                flips += 1
                mended += salvage.mended
                guard let page = salvage.doubtful.first else { continue }
                doubtful += 1
                #expect(salvage.doubtful.count == 1, "\(what)")
                if place < 4 {
                    // It may be of another page, and that is said.
                    #expect(different == Set(salvage.doubtful + salvage.unsure), "\(what)")
                    continue
                }
                // Behind the last frame nothing tells whether its check value is what is wrong.
                #expect(place >= 24 || place >= 16 && frame == left.frames - 1, "\(what)")
                // The page differs in that bit, and says that it is wrong.
                let offset = (Int(page) - 1) * Journal.corePageBytes
                let (now, was) = (readFile(path), left.whole)
                #expect(
                    (0..<Journal.corePageBytes - 8).filter { now[offset + $0] != was[offset + $0] }
                        == (place < 24 ? [] : [place - 24]))
                #expect(
                    !now[offset..<offset + Journal.corePageBytes].withUnsafeBytes {
                        PageChecks.isRight($0, number: page)
                    })
            }
        }
        print("WAL: \(flips) flips in \(left.frames) frames, \(mended) put right, \(doubtful) pages in doubt")
        #expect(mended > flips / 2 && doubtful > 0)
    }

    @Test("a flipped bit in the header is damage, and costs nothing")
    func header() throws {
        let left = try left(after: 0..<3)
        for byte in 0..<32 {
            for bit in stride(from: byte % 3, to: 8, by: 3) {
                var wal = left.wal
                wal[byte] ^= 1 << bit
                let path = lay(left.core, wal)
                let found = try #require(WAL(of: path))
                #expect(found.isDamaged && found.isHeaderBroken && found.frames.count == left.frames, "\(byte) \(bit)")
                let salvage = WALSalvage(found)
                try salvage.apply(FileWork(effects: nil))
                #expect(differences(path, left.whole) == [] && salvage.loss == nil, "\(byte) \(bit)")
            }
        }
        // Nor is there anything to lose behind a header alone.
        #expect(WAL(of: lay(left.core, Array(left.wal[..<32])))?.isDamaged != true)
        // The header and the frame behind it in one lost sector: the others tell whose they are.
        var wal = left.wal
        wal.replaceSubrange(0..<512, with: repeatElement(0, count: 512))
        let found = try #require(WAL(of: lay(left.core, wal)))
        #expect(found.isDamaged && found.frames.count == left.frames && found.frames[0].content == .doubtful)
        wal = [UInt8](repeating: 0xA7, count: left.wal.count)
        let path = lay(left.core, wal)
        let nothing = try #require(WAL(of: path))
        #expect(nothing.isDamaged && nothing.isUnreadable && WALSalvage(nothing).loss == "nothing of it reads")
        try WALSalvage(nothing).apply(FileWork(effects: nil))
        #expect(readFile(path) == left.core)
    }

    /// Sectors and whole frames, of all commits but the last: that they are wrong cannot be told from a torn one there.
    @Test("what is lost of a commit behind which others were made is found, and costs no other page")
    func bursts() throws {
        let left = try left(after: 0..<8)
        var random = SeededGenerator(seed: 21)
        var (doubtful, unknown) = (0, 0)
        for frame in 0..<left.last.lowerBound {
            let start = 32 + frame * Self.frameBytes
            for kind in 0..<4 {
                var wal = left.wal
                let sector = Int.random(in: (start + 511) / 512..<(start + Self.frameBytes) / 512, using: &random) * 512
                switch kind {
                case 0:
                    wal.replaceSubrange(start..<start + Self.frameBytes, with: repeatElement(0, count: Self.frameBytes))
                case 1: for byte in start..<start + 24 { wal[byte] = UInt8.random(in: 0...255, using: &random) }
                case 2: wal.replaceSubrange(sector..<sector + 512, with: repeatElement(0x5A, count: 512))
                default: for _ in 0..<2 { wal[Int.random(in: start + 24..<start + 4000, using: &random)] ^= 0x11 }
                }
                let what = "frame \(frame + 1), kind \(kind)"
                let path = lay(left.core, wal)
                let found = try #require(WAL(of: path))
                #expect(found.isDamaged && found.frames.count == left.frames, "\(what)")
                let salvage = WALSalvage(found)
                try salvage.apply(FileWork(effects: nil))
                let differences = differences(path, left.whole)
                #expect(differences.isSuperset(of: salvage.doubtful), "\(what)")
                // The frame behind a lost one cannot be judged; a frame without a number is of some page.
                #expect(differences.count <= salvage.doubtful.count + salvage.unknown, "\(what)")
                #expect(salvage.doubtful.count + salvage.unknown <= 2, "\(what)")
                doubtful += salvage.doubtful.count
                unknown += salvage.unknown
            }
        }
        // The same in the last whole commit, where another one was torn behind it, and where that was of one page.
        let middle = left.last.lowerBound - 2
        var wal = left.wal
        for byte in 0..<512 { wal[32 + middle * Self.frameBytes + 600 + byte] = 0x5A }
        let torn = try #require(WAL(of: lay(left.core, wal.dropLast(Self.frameBytes))))
        #expect(torn.isDamaged && torn.isTorn && torn.frames.count == left.last.lowerBound)
        print("WAL: bursts in \(left.last.lowerBound) frames, \(doubtful) pages in doubt, \(unknown) not known")
        #expect(doubtful > 0 && unknown > 0)
    }

    // MARK: Torn commits

    /// A WAL in its second round: behind it, and beneath its last commit, lie frames of the first one.
    private func secondRound(_ journal: Journal) throws -> (left: Left, first: [UInt8]) {
        try put(journal, commits: 0..<8)
        let first = readFile(folder.store + "/core.db-wal")
        try journal.core.run("PRAGMA wal_checkpoint(RESTART)")
        try put(journal, commits: 10..<13)
        let left = try left(folder.store)
        #expect(left.frames > 8 && left.last.count > 3 && left.wal.count == first.count)
        return (left, first)
    }

    private func expectTorn(
        _ left: Left, _ wal: [UInt8], _ what: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let path = lay(left.core, wal)
        guard let found = WAL(of: path) else {
            #expect(left.last.lowerBound == 0, "\(what)", sourceLocation: sourceLocation)
            return
        }
        #expect(!found.isDamaged, "\(what): \(found.damage ?? "")", sourceLocation: sourceLocation)
        #expect(found.frames.count == left.last.lowerBound, "\(what)", sourceLocation: sourceLocation)
    }

    @Test("a last commit that the power failed in is no damage, whatever of it is there")
    func torn() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        let (left, first) = try secondRound(journal)
        journal.close()
        let (start, end) = (32 + left.last.lowerBound * Self.frameBytes, 32 + left.last.upperBound * Self.frameBytes)
        // Cut, or with what was there before behind the cut.
        var cuts = Set(stride(from: start, to: end, by: 487))
        for frame in left.last { for byte in 0...24 { cuts.insert(32 + frame * Self.frameBytes + byte) } }
        for cut in cuts {
            expectTorn(left, Array(left.wal[..<cut]), "cut at \(cut)")
            expectTorn(left, Array(left.wal[..<cut] + first[cut...]), "old behind \(cut)")
        }
        // Any of its frames missing, all but the whole of it.
        for missing in 1..<1 << min(left.last.count, 5) {
            var (zeroed, old) = (left.wal, left.wal)
            for (bit, frame) in left.last.enumerated() where missing >> bit & 1 == 1 {
                let bytes = 32 + frame * Self.frameBytes..<32 + (frame + 1) * Self.frameBytes
                zeroed.replaceSubrange(bytes, with: repeatElement(0, count: Self.frameBytes))
                old.replaceSubrange(bytes, with: first[bytes])
            }
            expectTorn(left, zeroed, "zeroed \(missing)")
            expectTorn(left, old, "old \(missing)")
        }
        // Any of its sectors.
        var random = SeededGenerator(seed: 4)
        let sectors = (start + 511) / 512..<end / 512
        for round in 0..<150 {
            var wal = left.wal
            let share = Double.random(in: 0.01...0.99, using: &random)
            var lost = 0
            for sector in sectors where Double.random(in: 0..<1, using: &random) < share {
                let bytes = sector * 512..<(sector + 1) * 512
                if round % 3 == 0 {
                    wal.replaceSubrange(bytes, with: repeatElement(0, count: 512))
                } else {
                    wal.replaceSubrange(bytes, with: first[bytes])
                }
                lost += wal[bytes] == left.wal[bytes] ? 0 : 1
            }
            if lost > 0 { expectTorn(left, wal, "round \(round)") }
        }
    }

    @Test("a store with a torn last commit starts, and has all that came before")
    func tornStart() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try put(journal, commits: 0..<8)
        try journal.core.run("PRAGMA wal_checkpoint(RESTART)")
        try put(journal, commits: 10..<12)
        let expected = try contents(folder.store)
        try journal.put("lamp-9", seconds(1), ["voltage": 1])
        let crashed = folder.path + "/crashed"
        copyStore(folder.store, to: crashed)
        let left = try left(folder.store)
        journal.close()
        for frame in left.last {
            removeTree(crashed + "/damaged")
            var wal = left.wal
            wal.replaceSubrange(
                32 + frame * Self.frameBytes..<32 + (frame + 1) * Self.frameBytes,
                with: repeatElement(0, count: Self.frameBytes))
            writeFile(crashed + "/core.db", left.core)
            writeFile(crashed + "/core.db-wal", wal)
            let report = try StoreCheck.run(folder: crashed)
            #expect(report.isGood && report.notes.count == 1)
            try Journal.open(StoreOptions(folder: crashed)).close()
            #expect(try contents(crashed) == expected)
        }
    }

    @Test("frames of a transaction that was taken back are no damage")
    func takenBack() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try put(journal, commits: 0..<4)
        let core = journal.core
        // More pages than fit into memory are written before it is known that there will be a commit.
        try core.run("PRAGMA cache_size = 10")
        for commits in [1, 3] {
            #expect(throws: StoreError.busy(file: "test")) {
                try core.transaction { () throws(StoreError) in
                    try core.run("CREATE TABLE large(b)")
                    for _ in 0..<200 { try core.run("INSERT INTO large VALUES (zeroblob(900))") }
                    throw .busy(file: "test")
                }
            }
            let before = Int(Folder.size(of: folder.store + "/core.db-wal"))
            try put(journal, commits: commits * 10..<commits * 10 + commits)
            let left = try left(folder.store, hasTail: true)
            #expect(left.wal.count == before && left.wal.count > 32 + (left.frames + 20) * Self.frameBytes)
            // With a last commit over it that is torn, too.
            for frame in left.last {
                var wal = left.wal
                for byte in 32 + frame * Self.frameBytes..<32 + (frame + 1) * Self.frameBytes { wal[byte] = 0 }
                expectTorn(left, wal, "frame \(frame + 1)")
            }
        }
        journal.close()
    }

    /// A commit whose sync failed stays in the file, and a shorter one is written over its beginning.
    @Test("the end of a longer commit that failed is no damage")
    func failedCommit() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try put(journal, commits: 0..<3)
        let other = folder.path + "/other"
        copyStore(folder.store, to: other)
        try put(journal, commits: 12..<13)
        let longer = readFile(folder.store + "/core.db-wal")
        journal.close()
        // The same salts: SQLite goes on where the WAL ends.
        let again = try Journal.open(StoreOptions(folder: other))
        try put(again, commits: 20..<21)
        let left = try left(other)
        again.close()
        #expect(longer.count > left.wal.count && longer.starts(with: left.wal[..<32]))
        let found = try #require(WAL(of: lay(left.core, left.wal + longer[left.wal.count...])))
        #expect(!found.isDamaged && found.frames.count == left.frames)
    }

    @Test("a lost frame that ended a commit is told by the page that the next one writes again")
    func lostEnd() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try put(journal, commits: 0..<3)
        for received in 1...2 { _ = try journal.commit(DecodedBatch(), received: received, now: noon) }
        let left = try left(folder.store)
        journal.close()
        #expect(left.last.count == 1)
        var wal = left.wal
        for byte in 0..<Self.frameBytes { wal[32 + (left.frames - 2) * Self.frameBytes + byte] = 0 }
        let path = lay(left.core, wal)
        // Nothing tells whether the last frame goes on from the lost one, so they look as one torn commit does.
        let found = try #require(WAL(of: path))
        #expect(!found.isDamaged && found.isTorn && found.frames.count == left.frames - 2)
        wal = left.wal
        for byte in 0..<24 { wal[32 + (left.frames - 3) * Self.frameBytes + byte] = 0 }
        let end = try #require(WAL(of: lay(left.core, wal)))
        #expect(end.isDamaged && end.frames.count == left.frames)
    }

    @Test("whatever stands in a WAL, nothing crashes", arguments: 0..<20 as Range<UInt64>)
    func anything(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let left = try left(after: 0..<3)
        for _ in 0..<4 {
            var wal = left.wal
            for _ in 0..<Int.random(in: 1...30, using: &random) {
                let frame = 32 + Int.random(in: 0..<left.frames, using: &random) * Self.frameBytes
                switch Int.random(in: 0..<6, using: &random) {
                case 0: wal[Int.random(in: 0..<32, using: &random)] = UInt8.random(in: 0...255, using: &random)
                case 1: wal[frame + Int.random(in: 0..<24, using: &random)] = UInt8.random(in: 0...255, using: &random)
                case 2: wal[frame + Int.random(in: 24..<4120, using: &random)] ^= 0x80
                case 3: for byte in frame..<frame + 4 { wal[byte] = 0xFF }
                case 4: for byte in frame + 4..<frame + 8 { wal[byte] = 0xFF }
                default: for byte in frame..<frame + 512 { wal[byte] = 0 }
                }
            }
            wal.removeLast(Int.random(in: 0...wal.count / 2, using: &random))
            let path = lay(left.core, wal)
            guard let found = WAL(of: path) else { continue }
            #expect((found.damage != nil) == found.isDamaged)
            #expect(found.frames.allSatisfy { $0.page >= 0 } && found.frames.last?.size != 0)
            let salvage = WALSalvage(found)
            #expect(!salvage.sentence.isEmpty)
            try salvage.apply(FileWork(effects: nil))
        }
    }

    // MARK: Stores

    private func bytes(_ store: String) -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in names(in: store) + names(in: store + "/raw").map({ "raw/" + $0 }) where name != "lock" {
            if !Folder.isFolder(store + "/" + name), !name.hasSuffix("-shm") {
                files[name] = readFile(store + "/" + name)
            }
        }
        return files
    }

    /// A damaged store is refused and repaired; returns the readings it does not have any more.
    private func repair(
        _ store: String, _ wal: String, _ expected: [Model.Key: [Int64: Double]], _ what: String
    ) throws -> (lost: [Model.Key: [Int64]], report: RepairReport) {
        let before = bytes(store)
        do throws(StoreError) {
            try Journal.open(StoreOptions(folder: store)).close()
            Issue.record("\(what): started")
        } catch {
            guard case .walDamaged(store + "/" + wal, _) = error else { throw error }
        }
        #expect(bytes(store) == before, "\(what): changed by a refusal")
        #expect(throws: StoreError.self, "\(what)") {
            try StoreBackup.run(from: store, to: folder.path + "/backup", now: noon)
        }
        let check = try StoreCheck.run(folder: store)
        #expect(check.damage.contains { $0.kind == .wal && $0.file == wal }, "\(what)")
        let report = try StoreRepair.run(folder: store, now: noon)
        #expect(report.isGood && report.found == check.damage, "\(what): \(report)")
        #expect(names(in: store + "/damaged").contains { $0.hasPrefix(wal.replacing("/", with: "-")) }, "\(what)")
        let again = try StoreRepair.run(folder: store, now: noon)
        #expect(again.found == [] && again.done == [], "\(what): \(again)")
        let found = try contents(store)
        var lost: [Model.Key: [Int64]] = [:]
        for (key, points) in expected {
            for (time, value) in points where found[key]?[time] != value { lost[key, default: []].append(time) }
        }
        for (key, points) in found {
            #expect(Set((expected[key] ?? [:]).keys).isSuperset(of: points.keys), "\(what): \(key) was never so")
        }
        if !lost.isEmpty { #expect(!report.gaveUp.isEmpty, "\(what): \(lost) were lost without a word") }
        let journal = try Journal.open(StoreOptions(folder: store))
        try journal.put("lamp-1", seconds(900_000), ["voltage": 1])
        journal.close()
        #expect(try StoreCheck.run(folder: store).damage == [], "\(what)")
        return (lost, report)
    }

    @Test(
        "a store whose WAL has a flipped bit is refused, and has all but one row after its repair",
        arguments: 0..<12 as Range<UInt64>)
    func flippedStore(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try put(journal, commits: 0..<8)
        try journal.seal(now: seconds(8000))
        try put(journal, commits: 8..<30)
        let expected = try contents(folder.store)
        let crashed = folder.path + "/crashed"
        copyStore(folder.store, to: crashed)
        journal.close()
        let path = crashed + "/core.db-wal"
        var wal = readFile(path)
        let frames = (wal.count - 32) / Self.frameBytes
        // The high bits of a word more often than others: those cannot be put right.
        let frame = Int.random(in: 0..<frames, using: &random)
        let place = Int.random(in: 6..<Self.frameBytes / 4, using: &random) * 4 + (seed % 3 == 0 ? 1 : 3)
        let offset = 32 + frame * Self.frameBytes + place
        wal[offset] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        writeFile(path, wal)
        let (lost, report) = try repair(crashed, "core.db-wal", expected, "seed \(seed), \(frame + 1) \(place)")
        // A commit has the readings of 1000 s.
        let commits = Set(lost.values.joined().map { ($0 - noon.milliseconds) / 1_000_000 })
        #expect(commits.count <= 1, "seed \(seed): \(commits) \(report.done) \(report.gaveUp)")
    }

    /// As the checkpoint at the end of a seal or a compaction was about to take the WAL of its file over.
    private func crashedBeforeCheckpoint(of name: String) throws -> (store: String, file: String) {
        let store = folder.store
        let crashed = folder.path + "/crashed"
        let file = Mutex("")
        let journal = try makeVariedStore(store) { effect throws(StoreError) in
            guard effect.kind == .step, effect.sql.contains("wal_checkpoint"), effect.file.contains(name),
                Folder.size(of: effect.file + "-wal") > 0
            else { return }
            // The last one, with all that came before it.
            removeTree(crashed)
            copyStore(store, to: crashed)
            file.withLock { $0 = String(effect.file.dropFirst(store.count + 1)) }
        }
        journal.close()
        return (crashed, file.withLock { $0 })
    }

    @Test("small day files and rollups are refused and repaired as core.db is", arguments: [".l", "rollup-"])
    func otherFiles(name: String) throws {
        let (crashed, file) = try crashedBeforeCheckpoint(of: name)
        let expected = try contents(crashed)
        let path = crashed + "/" + file + "-wal"
        let wal = readFile(path)
        let found = try #require(WAL(of: crashed + "/" + file))
        #expect(!found.isDamaged && found.frames.count > 1)
        var random = SeededGenerator(seed: 8)
        for frame in found.frames.indices {
            for place in [2, 5, 12, 20, 24 + Int.random(in: 0..<found.pageBytes / 4, using: &random) * 4 + 3] {
                let damaged = folder.path + "/damaged"
                removeTree(damaged)
                copyStore(crashed, to: damaged)
                var bytes = wal
                bytes[32 + frame * (24 + found.pageBytes) + place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                writeFile(damaged + "/" + file + "-wal", bytes)
                let what = "\(file), frame \(frame + 1), byte \(place)"
                // The journal still has the readings of a seal that did not end.
                #expect(try repair(damaged, file + "-wal", expected, what).lost == [:], "\(what)")
            }
        }
        for cut in stride(from: 32, to: wal.count, by: 1 + wal.count / 7) {
            let torn = folder.path + "/damaged"
            removeTree(torn)
            copyStore(crashed, to: torn)
            writeFile(torn + "/" + file + "-wal", Array(wal[..<cut]))
            try Journal.open(StoreOptions(folder: torn)).close()
            #expect(try contents(torn) == expected)
        }
    }

    /// The disk fails at each effect in turn; then the store is repaired again.
    @Test("a repair that ends while it takes a WAL over can be run again", arguments: [0, 1, 2])
    func interrupted(damage: Int) throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try put(journal, commits: 0..<14)
        let origin = folder.path + "/crashed"
        copyStore(folder.store, to: origin)
        journal.close()
        var wal = readFile(origin + "/core.db-wal")
        let frames = try #require(WAL(of: origin + "/core.db")).frames
        switch damage {
        // A page that no other commit wrote; the last one's; and a frame of which nothing is left.
        case 0:
            let once = try #require(frames.lastIndex { frame in frames.count { $0.page == frame.page } == 1 })
            wal[32 + once * Self.frameBytes + 24 + 403] ^= 0x80
        case 1: wal[32 + (frames.count - 1) * Self.frameBytes + 24 + 403] ^= 0x80
        default: for byte in 32 + 9 * Self.frameBytes..<32 + 10 * Self.frameBytes { wal[byte] = 0 }
        }
        writeFile(origin + "/core.db-wal", wal)
        try failRepairs(of: origin, in: folder.path + "/damaged", atMost: 25)
    }

    /// Nothing can say there that a page is wrong: an older one takes its place, and the ledger has it.
    @Test("a file without check values keeps the last pages that were right", arguments: 0..<6 as Range<UInt64>)
    func older(seed: UInt64) throws {
        try Journal.open(StoreOptions(folder: folder.store)).close()
        let core = folder.store + "/core.db"
        try dump(core, into: core + ".plain", version: Schema.version)
        rename(core + ".plain", core)
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try put(journal, commits: 0..<10)
        let expected = try contents(folder.store)
        let crashed = folder.path + "/crashed"
        copyStore(folder.store, to: crashed)
        journal.close()
        let whole = readFile(core)
        var random = SeededGenerator(seed: seed)
        let frames = try #require(WAL(of: crashed + "/core.db")).frames
        // A page that is not written again, the highest bit of a word: none that can be put right.
        let newest = frames.indices.filter { index in !frames[(index + 1)...].contains { $0.page == frames[index].page }
        }
        let frame = try #require(newest.randomElement(using: &random))
        var wal = readFile(crashed + "/core.db-wal")
        let place = 24 + 4 * Int.random(in: 0..<1000, using: &random) + 3
        wal[32 + frame * Self.frameBytes + place] ^= 0x80
        let path = lay(readFile(crashed + "/core.db"), wal)
        let salvage = WALSalvage(try #require(WAL(of: path)))
        try salvage.apply(FileWork(effects: nil))
        #expect(salvage.doubtful == [frames[frame].page] && salvage.loss != nil)
        #expect(differences(path, whole).isSubset(of: salvage.doubtful))
        writeFile(crashed + "/core.db-wal", wal)
        let report = try repair(crashed, "core.db-wal", expected, "seed \(seed), frame \(frame + 1)").report
        #expect(report.gaveUp.contains { $0.file == "core.db-wal" })
    }
}
