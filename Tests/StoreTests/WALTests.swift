import Glibc
import Telemetry
import TestSupport
import Testing

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
    private func put(_ journal: Journal, commits: Int) throws {
        for commit in 0..<commits {
            var batch = DecodedBatch()
            for index in 0..<(commit % 5 == 2 ? 900 : 3) {
                let series = journal.series("lamp-\(index % 4)", "voltage")
                let value = Double(commit * 7919 + index * 104_729 % 1000) / 7
                batch.readings.append(
                    Reading(series: series, observed: seconds(commit * 1000 + index), value: value))
                journal.registry.closeRow(batch.readings[(batch.readings.count - 1)...])
            }
            _ = try journal.commit(batch, received: 1, now: seconds(commit * 1000))
        }
    }

    private func left(_ store: String) throws -> Left {
        let crashed = folder.path + "/reference"
        removeTree(crashed)
        copyStore(store, to: crashed)
        let (core, wal) = (readFile(crashed + "/core.db"), readFile(crashed + "/core.db-wal"))
        let found = try #require(WAL(of: crashed + "/core.db"))
        #expect(!found.isDamaged && !found.isTorn && !found.isUnreadable)
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
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try put(journal, commits: 8)
        let left = try left(folder.store)
        journal.close()
        #expect(left.frames > 40)
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
                #expect(differences(path, left.whole) == Set(salvage.doubtful), "\(what)")
                #expect(salvage.unknown == 0, "\(what)")
                flips += 1
                mended += salvage.mended
                guard let page = salvage.doubtful.first else { continue }
                doubtful += 1
                #expect(place >= 24 && salvage.doubtful.count == 1, "\(what)")
                // The page differs in that bit, and says that it is wrong.
                let offset = (Int(page) - 1) * Journal.corePageBytes
                let (now, was) = (readFile(path), left.whole)
                #expect((0..<Journal.corePageBytes - 8).filter { now[offset + $0] != was[offset + $0] } == [place - 24])
                #expect(
                    !now[offset..<offset + Journal.corePageBytes].withUnsafeBytes {
                        PageChecks.isRight($0, number: page)
                    })
            }
        }
        print("WAL: \(flips) flips in \(left.frames) frames, \(mended) put right, \(doubtful) pages in doubt")
        #expect(mended > flips / 2 && doubtful > 0)
    }

    // MARK: Torn commits

    /// A WAL in its second round: behind it, and beneath its last commit, lie frames of the first one.
    private func secondRound(_ journal: Journal) throws -> (left: Left, first: [UInt8]) {
        try put(journal, commits: 8)
        let first = readFile(folder.store + "/core.db-wal")
        try journal.core.run("PRAGMA wal_checkpoint(RESTART)")
        try put(journal, commits: 3)
        let left = try left(folder.store)
        #expect(left.frames > 10 && left.last.count > 3 && left.wal.count == first.count, "\(left.last)")
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
        try put(journal, commits: 8)
        try journal.core.run("PRAGMA wal_checkpoint(RESTART)")
        try put(journal, commits: 2)
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
}
