import Basics
import Glibc
import Synchronization
import Telemetry
import Testing
import TestSupport

@testable import Store

@Suite("Scrub")
struct ScrubTests {
    private let folder = TemporaryFolder()

    /// A world in which nothing waits, and which remembers what it was told.
    private final class Remembered: Sendable {
        let state = Mutex((now: noon, rested: Duration.zero, rests: 0, longest: Duration.zero, told: [StoreDamage]()))
        /// Made once so many rests were taken.
        let stop = StopRequest()
        let restsMax: Int

        init(restsMax: Int = .max) { self.restsMax = restsMax }

        var world: Scrub.World {
            Scrub.World(
                now: { self.state.withLock { $0.now } },
                rest: { time in
                    self.state.withLock { state in
                        state.rested += time
                        state.longest = max(state.longest, time)
                        state.rests += 1
                        if state.rests >= self.restsMax { self.stop.make() }
                    }
                },
                tell: { damage in self.state.withLock { $0.told.append(damage) } })
        }
    }

    private func bytes(_ store: String) throws -> [String: [UInt8]] {
        var all: [String: [UInt8]] = [:]
        for name in names(in: store) + names(in: store + "/raw").map({ "raw/" + $0 }) where name.hasSuffix(".db") {
            all[name] = readFile(store + "/" + name)
        }
        return all
    }

    @Test("a store without damage is read beside its gateway at the pace that is told, and nothing of it changes")
    func good() throws {
        let journal = try makeVariedStore(folder.store)
        defer { journal.close() }
        let before = try bytes(folder.store)
        let world = Remembered()
        let scrub = Scrub(folder: folder.store, world: world.world)
        #expect(scrub.isDue(every: .seconds(86_400)))
        try scrub.run(world.stop)
        let state = scrub.state
        #expect(state.endedAt == noon && state.began == nil && state.damage == [])
        #expect(state.endedFiles == journal.sealed.manifest.live.count + 2)
        #expect(world.state.withLock { $0.told } == [])
        // Each byte costs its time.
        let files = journal.sealed.manifest.live.map(\.file) + ["core.db", "rollup-2026.db"]
        let read = files.reduce(0) { $0 + Folder.size(of: folder.store + "/" + $1) }
        let least = Duration.milliseconds(read * 1000 / Scrub.bytesPerSecond - 1)
        #expect(world.state.withLock { $0.rested } >= least && read > 100_000)
        #expect(try bytes(folder.store) == before)
        #expect(!scrub.isDue(every: .seconds(86_400)))
        world.state.withLock { $0.now = seconds(86_400) }
        #expect(scrub.isDue(every: .seconds(86_400)))
        world.state.withLock { $0.now = seconds(-10) }
        #expect(scrub.isDue(every: .seconds(86_400)), "a clock that was set back")
        // A check knows the file.
        #expect(try StoreCheck.run(folder: folder.store).notes == [])
    }

    @Test("damage of every kind of file is told and left as it is, and stays known until a whole scrub finds none")
    func damage() throws {
        try makeVariedStore(folder.store).close()
        let core = try Connection(folder.store + "/core.db", .immutable, effects: nil)
        let live = try Manifest(core).live
        core.close()
        let files = ["rollup-2026.db", live.first(where: \.isSealed)!.file, live.first { !$0.isSealed }!.file]
        let whole = try bytes(folder.store)
        for file in files {
            var damaged = whole[file]!
            for place in 1...3 { damaged[damaged.count / 2 + place * 7] ^= 0x5A }
            chmod(folder.store + "/" + file, 0o640)
            writeFile(folder.store + "/" + file, damaged)
        }
        let before = try bytes(folder.store)
        let world = Remembered()
        try Scrub(folder: folder.store, world: world.world).run(world.stop)
        let told = world.state.withLock { $0.told }
        #expect(Set(told.map(\.file)) == Set(files))
        #expect(try bytes(folder.store) == before)
        // Another process.
        let again = Scrub(folder: folder.store, world: world.world)
        #expect(again.state.damage == told.map(\.sentence).prefix(ScrubState.foundMax) + [])
        #expect(again.state.endedAt == noon)
        for file in files { writeFile(folder.store + "/" + file, whole[file]!) }
        try again.run(world.stop)
        #expect(again.state.damage == [])
    }

    @Test("one that is stopped anywhere goes on behind the last file, and finds the same")
    func resumed() throws {
        try makeVariedStore(folder.store).close()
        var damaged = readFile(folder.store + "/rollup-2026.db")
        for place in 1...3 { damaged[damaged.count / 2 + place * 7] ^= 0x5A }
        writeFile(folder.store + "/rollup-2026.db", damaged)
        let whole = Remembered()
        let undisturbed = Scrub(folder: folder.store, world: whole.world)
        try undisturbed.run(whole.stop)
        let expected = undisturbed.state
        unlink(folder.store + "/" + ScrubState.fileName)
        var (stops, rests) = (0, 0)
        while true {
            let world = Remembered(restsMax: 2)
            let scrub = Scrub(folder: folder.store, world: world.world)
            let before = scrub.state.files
            try scrub.run(world.stop)
            rests += world.state.withLock { $0.rests }
            if scrub.state.began == nil {
                #expect(scrub.state == expected)
                break
            }
            stops += 1
            #expect(scrub.state.files >= before && stops < 200)
            #expect(Scrub(folder: folder.store, world: world.world).state == scrub.state)
            if stops >= 200 { break }
        }
        #expect(stops > 1)
    }

    @Test("a catalogue that does not read is told, for nothing else can be looked at without it")
    func catalogue() throws {
        try makeVariedStore(folder.store).close()
        let core = try Connection(folder.store + "/core.db", .immutable, effects: nil)
        let root = Int(try #require(try core.integer("SELECT rootpage FROM sqlite_schema WHERE name = 'device'")))
        core.close()
        var bytes = readFile(folder.store + "/core.db")
        for place in 100..<200 { bytes[(root - 1) * Journal.corePageBytes + place] ^= 0x55 }
        writeFile(folder.store + "/core.db", bytes)
        let world = Remembered()
        let scrub = Scrub(folder: folder.store, world: world.world)
        try scrub.run(world.stop)
        #expect(world.state.withLock { $0.told }.map(\.file) == ["core.db"])
        #expect(scrub.state.endedAt == noon && scrub.state.damage.count == 1)
    }

    @Test("a state that does not read is one of nothing, and the next scrub begins")
    func unreadable() throws {
        try makeVariedStore(folder.store).close()
        for text in ["", "began yesterday\nlast raw/x\nfound y\n", "ended \u{0}\nended-files -\n", "noise"] {
            writeFile(folder.store + "/" + ScrubState.fileName, Array(text.utf8))
            let world = Remembered()
            let scrub = Scrub(folder: folder.store, world: world.world)
            #expect(scrub.isDue(every: .seconds(86_400)) && scrub.state.files == 0)
            try scrub.run(world.stop)
            #expect(scrub.state.endedAt == noon)
        }
    }
}
