import Basics
import Glibc
import Synchronization
import Telemetry
import Testing
import TestSupport

@testable import Store

/// A store with sealed files, small ones and a journal's tail; returns the journal, still open.
func makeVariedStore(_ folder: String, effects: EffectHook? = nil) throws -> Journal {
    var options = StoreOptions(folder: folder)
    options.effects = effects
    let journal = try Journal.open(options)
    let day = 86_400
    for step in 0..<240 {
        try journal.put(
            "lamp-\(step % 8)", seconds(step * 720), ["active_power": Double(step) * 1.37, "voltage": 230])
    }
    try journal.seal([1, 2, 3], now: seconds(2 * day))
    try journal.compact(now: seconds(3 * day))
    try journal.sweepRetired(now: seconds(4 * day))
    // What follows stands in a WAL that did not begin anew.
    try journal.core.checkpoint()
    // Late ones, and corrections of what is sealed.
    for step in 0..<40 {
        try journal.put("lamp-\(step % 8)", seconds(step * 720), ["active_power": Double(step) + 1000])
    }
    for step in 240..<300 { try journal.put("lamp-\(step % 8)", seconds(step * 720), ["voltage": Double(step)]) }
    try journal.seal([4, 5], now: seconds(3 * day))
    for step in 300..<330 { try journal.put("lamp-\(step % 8)", seconds(step * 720), ["voltage": Double(step)]) }
    return journal
}

extension Journal {
    func compact(now: Timestamp) throws {
        while let job = nextCompaction(now: now) { try finishCompaction(try job.run(), now: now) }
    }
}

@Suite("Backup")
struct BackupTests {
    private let folder = TemporaryFolder()
    private var target: String { folder.path + "/backup" }
    private var restored: String { folder.path + "/restored" }

    @Test("a restored backup answers as the store did", arguments: [true, false])
    func equal(isRunning: Bool) throws {
        let journal = try makeVariedStore(folder.store)
        if !isRunning { journal.close() }
        let expected = try contents(folder.store)
        let summary = try StoreBackup.run(from: folder.store, to: target, now: noon)
        #expect(summary.folder == target)
        #expect(summary.made == noon)
        #expect(summary.journalID == journal.lastJournalID)
        #expect(summary.linked > 0)
        #expect(names(in: folder.path).filter { $0.hasSuffix(".partial") } == [])
        // A backup is a store by itself.
        #expect(try contents(target) == expected)
        let back = try StoreBackup.restore(from: target, to: restored, now: noon)
        #expect(back.files == summary.files && back.bytes == summary.bytes)
        #expect(try contents(restored) == expected)
        #expect(try latest(restored) == latest(folder.store))
        #expect(!names(in: restored).contains("restore.new"))
        let again = try Journal.open(StoreOptions(folder: restored))
        #expect(again.lastJournalID == journal.lastJournalID)
        #expect(again.counters == journal.counters)
        #expect(again.snapshot == journal.snapshot)
        #expect(try again.core.badPages().bad == [] && again.core.badPages().pages > 5)
        try again.put("lamp-1", seconds(-9), ["voltage": 1])
        try again.seal()
        again.close()
        #expect(try contents(target) == expected, "the backup shares nothing that is written")
    }

    @Test("what does not fit is refused with its reason")
    func refusals() throws {
        let journal = try makeVariedStore(folder.store)
        #expect(throws: StoreError.noStore(folder: folder.path + "/none")) {
            try StoreBackup.run(from: folder.path + "/none", to: target, now: noon)
        }
        mkdir(target, 0o750)
        writeFile(target + "/mine", [1])
        #expect(throws: StoreError.targetNotEmpty(folder: target)) {
            try StoreBackup.run(from: folder.store, to: target, now: noon)
        }
        unlink(target + "/mine")
        _ = try StoreBackup.run(from: folder.store, to: target, now: noon)
        #expect(throws: StoreError.storeExists(folder: folder.store)) {
            try StoreBackup.restore(from: target, to: folder.store, now: noon)
        }
        #expect(throws: StoreError.noBackup(folder: folder.store, detail: "it has no backup.list")) {
            try StoreBackup.restore(from: folder.store, to: restored, now: noon)
        }
        journal.close()

        let list = target + "/backup.list"
        let bytes = readFile(list)
        writeFile(list, bytes.dropLast(20) + [])
        #expect(throws: StoreError.self) { try StoreBackup.restore(from: target, to: restored, now: noon) }
        var newer = try BackupList(String(decoding: bytes, as: UTF8.self), folder: target)
        newer.schemaVersion = Schema.version + 1
        writeFile(list, Array(newer.text.utf8))
        #expect(throws: StoreError.schemaTooNew(found: Schema.version + 1, supported: Schema.version)) {
            try StoreBackup.restore(from: target, to: restored, now: noon)
        }
        newer.schemaVersion = Schema.version
        newer.entries[0].file = "../core.db"
        writeFile(list, Array(newer.text.utf8))
        #expect(throws: StoreError.self) { try StoreBackup.restore(from: target, to: restored, now: noon) }
        writeFile(list, bytes)

        let small = "raw/" + names(in: target + "/raw").first { $0.contains(".l") }!
        let sealed = "raw/" + names(in: target + "/raw").first { $0.contains(".g") }!
        unlink(target + "/" + sealed)
        var damaged = readFile(target + "/" + small)
        damaged[damaged.count / 2] ^= 1
        writeFile(target + "/" + small, damaged)
        writeFile(target + "/raw/other", [])
        do throws(StoreError) {
            _ = try StoreBackup.restore(from: target, to: restored, now: noon)
            Issue.record("restored a damaged backup")
        } catch {
            guard case .backupDamaged(_, let details) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(details.count == 3)
            #expect(details.contains("\(sealed) is missing") && details.contains("\(small) has changed"))
            #expect(details.contains("raw/other is not in the list"))
        }
        #expect(!Folder.exists(restored + "/core.db"))
    }

    @Test("a damaged page is not copied for good")
    func damagedSource() throws {
        try makeVariedStore(folder.store).close()
        let core = folder.store + "/core.db"
        var bytes = readFile(core)
        bytes[5 * 4096 + 77] ^= 8
        writeFile(core, bytes)
        #expect(throws: StoreError.corrupt(file: core, detail: "page 6 does not match its check value")) {
            try StoreBackup.run(from: folder.store, to: target, now: noon)
        }
        #expect(names(in: folder.path) == ["store", "store.mark"])
    }

    /// The disk fails at each effect in turn, of a backup and of its restoring.
    @Test("a failure at any step harms nothing, and the next try succeeds")
    func failures() throws {
        try makeVariedStore(folder.store).close()
        let expected = try contents(folder.store)
        let before = names(in: folder.store) + names(in: folder.store + "/raw")
        let saboteur = Saboteur()
        saboteur.arm(.max, .ioError(file: "x", detail: "test"))
        _ = try StoreBackup.run(from: folder.store, to: target, now: noon, effects: saboteur.hook)
        let steps = saboteur.count
        removeTree(target)
        for step in 0..<steps {
            saboteur.arm(step, .ioError(file: "x", detail: "test"))
            #expect(throws: StoreError.ioError(file: "x", detail: "test"), "step \(step)") {
                _ = try StoreBackup.run(from: folder.store, to: target, now: noon, effects: saboteur.hook)
            }
            // Named, but the folder above not synced: it may stay.
            if step < steps - 1 { #expect(!Folder.exists(target)) } else { removeTree(target) }
        }
        #expect(names(in: folder.store) + names(in: folder.store + "/raw") == before)
        #expect(try contents(folder.store) == expected)
        _ = try StoreBackup.run(from: folder.store, to: target, now: noon)

        saboteur.arm(.max, .ioError(file: "x", detail: "test"))
        _ = try StoreBackup.restore(from: target, to: restored, now: noon, effects: saboteur.hook)
        let restoreSteps = saboteur.count
        for step in 0..<restoreSteps {
            removeTree(restored)
            saboteur.arm(step, .ioError(file: "x", detail: "test"))
            #expect(throws: StoreError.ioError(file: "x", detail: "test"), "step \(step)") {
                _ = try StoreBackup.restore(from: target, to: restored, now: noon, effects: saboteur.hook)
            }
            if Folder.exists(restored + "/core.db") {
                #expect(step == restoreSteps - 1, "core.db comes last")
            } else {
                _ = try StoreBackup.restore(from: target, to: restored, now: noon)
            }
            #expect(try contents(restored) == expected, "step \(step)")
        }
    }

    /// Another thread commits, seals and compacts as fast as it can.
    @Test("a backup beside a busy gateway holds all that was acknowledged before", arguments: 0..<4 as Range<Int>)
    func besideGateway(round: Int) throws {
        let shared = Shared()
        let store = folder.store
        let journal = try makeVariedStore(store)
        shared.state.withLock { state in state.points = (try? contents(store)) ?? [:] }
        journal.close()
        let thread = Thread {
            do {
                let journal = try Journal.open(StoreOptions(folder: store))
                var step = 400
                while !shared.state.withLock({ $0.isEnding }) {
                    let time = seconds(step * 720)
                    let device = "lamp-\(step % 8)"
                    try journal.put(device, time, ["voltage": Double(step)])
                    shared.state.withLock { state in
                        state.points[Model.Key(device: device, quantity: "voltage"), default: [:]][
                            time.milliseconds] = Double(step)
                    }
                    if step % 7 == round { try journal.seal([], now: time) }
                    if step % 11 == 0 {
                        try journal.compact(now: time + .seconds(86_400))
                        _ = try journal.upkeep(now: time + .seconds(86_400 * 2))
                    }
                    step += 1
                }
                journal.close()
            } catch {
                shared.state.withLock { $0.failure = "\(error)" }
            }
        }
        for attempt in 0..<5 {
            let before = shared.state.withLock { $0.points }
            let target = self.target + "-\(attempt)"
            _ = try StoreBackup.run(from: store, to: target, now: noon)
            _ = try StoreBackup.restore(from: target, to: restored + "-\(attempt)", now: noon)
            let found = try contents(restored + "-\(attempt)")
            for (key, points) in before {
                for (time, value) in points { #expect(found[key]?[time] == value, "\(key) at \(time)") }
            }
        }
        shared.state.withLock { $0.isEnding = true }
        thread.join()
        #expect(shared.state.withLock { $0.failure } == "")
    }
}

/// What a busy gateway has had acknowledged.
private final class Shared: Sendable {
    struct State {
        var points: [Model.Key: [Int64: Double]] = [:]
        var isEnding = false
        var failure = ""
    }
    let state = Mutex(State())
}

/// A thread that can be waited for.
final class Thread {
    private var handle = pthread_t()

    init(_ body: @escaping @Sendable () -> Void) {
        let box = Unmanaged.passRetained(Box(body))
        pthread_create(
            &handle, nil,
            { argument in
                Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().body()
                return nil
            }, box.toOpaque())
    }

    func join() { pthread_join(handle, nil) }

    private final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
