import Basics
import Contract
import Foundation
import Telemetry
import Testing
import TestSupport

@testable import Store

@Suite("Files that core.db does not name")
struct StrayTests {
    enum Core: CaseIterable, Sendable {
        case missing, empty, oldCopy, ofAnotherStore
    }

    private let now = at("2026-04-10T00:00:00Z")

    /// Six days of two devices, and from the fourth on of a third one; `path` with core.db as `core` says.
    private func makeStore(_ path: String, _ core: Core, hasCache: Bool) throws -> Model {
        var random = SeededGenerator(seed: 3)
        var model = Model()
        let begin = at("2026-04-01T00:00:00Z")
        for day in 0..<6 {
            let journal = try Journal.open(StoreOptions(folder: path))
            let items = (0..<40).map { index in
                Model.Item(
                    key: Model.Key(
                        device: "d\(Int.random(in: 0...(day < 3 ? 1 : 2), using: &random))",
                        quantity: ["active_power", "voltage"][index % 2]),
                    time: (begin + .seconds(day * 86_400 + index * 2000)).milliseconds,
                    value: Double(Int.random(in: 0...99, using: &random)))
            }
            _ = model.apply(items)
            let later = begin + .seconds((day + 1) * 86_400 + 8 * 3600)
            _ = try journal.commit(journal.batch(items), received: 1, now: later)
            try journal.seal(now: later)
            // Of the last two days there are small files.
            if day < 4 { try journal.compact(now: later) }
            _ = try journal.upkeep(now: later)
            journal.close()
            if day == 2 { try FileManager.default.copyItem(atPath: path + "/core.db", toPath: path + ".old") }
        }
        if !hasCache { try? FileManager.default.removeItem(atPath: path + "/catalogue.cache") }
        try FileManager.default.removeItem(atPath: path + "/core.db")
        switch core {
        case .missing: break
        case .empty: #expect(FileManager.default.createFile(atPath: path + "/core.db", contents: Data()))
        case .oldCopy: try FileManager.default.copyItem(atPath: path + ".old", toPath: path + "/core.db")
        case .ofAnotherStore:
            let other = TemporaryFolder()
            try Journal.open(StoreOptions(folder: other.store)).close()
            try FileManager.default.copyItem(atPath: other.store + "/core.db", toPath: path + "/core.db")
        }
        return model
    }

    /// The bytes of each file of readings.
    private func files(_ path: String) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in names(in: path + "/raw") + names(in: path).filter({ $0.hasPrefix("rollup-") }).map({ "../" + $0 }) {
            files[name] = try Data(contentsOf: URL(filePath: path + "/raw/" + name))
        }
        return files
    }

    @Test(
        "a start and a reader refuse, a check calls them what they are, and a repair has all of it back",
        arguments: Core.allCases)
    func refused(core: Core) throws {
        let folder = TemporaryFolder()
        let model = try makeStore(folder.store, core, hasCache: true)
        let before = try files(folder.store)
        #expect(before.count >= 3)
        func isRefusal(_ error: any Error) -> Bool {
            guard case .unknownFiles(folder.store, let files, _)? = error as? StoreError else { return false }
            return !files.isEmpty && "\(error)".contains("baotu store repair")
        }
        for _ in 0..<2 {
            #expect { try Journal.open(StoreOptions(folder: folder.store)).close() } throws: { isRefusal($0) }
            #expect { _ = try Archive(folder: folder.store) } throws: { isRefusal($0) }
            #expect(try files(folder.store) == before, "nothing is touched")
        }
        let damage = try StoreCheck.run(folder: folder.store).damage
        #expect(damage.contains { $0.file.hasPrefix("raw/") && $0.kind == .catalogue && $0.since != nil }, "\(damage)")
        let report = try StoreRepair.run(folder: folder.store, now: now)
        #expect(report.remaining == [], "\(report.remaining)")
        let word = core == .missing ? "it is missing" : core == .empty ? "it is empty" : ""
        #expect(word.isEmpty || report.found.contains { $0.file == "core.db" && $0.sentence.contains(word) })
        #expect(report.done.contains { $0.contains("was taken in") })
        #expect(try contents(folder.store) == model.points)
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try journal.put("d3", now, ["voltage": 1], now: now)
        try journal.seal(now: now)
        try journal.compact(now: now)
        journal.close()
        var rest = try contents(folder.store)
        #expect(rest.removeValue(forKey: Model.Key(device: "d3", quantity: "voltage"))?.count == 1)
        #expect(rest == model.points)
        #expect(try StoreCheck.run(folder: folder.store).damage == [])
    }

    @Test("without a cache of the catalogue the readings are there, under names that stand for theirs")
    func withoutNames() throws {
        let folder = TemporaryFolder()
        let model = try makeStore(folder.store, .missing, hasCache: false)
        let report = try StoreRepair.run(folder: folder.store, now: now)
        #expect(report.remaining == [], "\(report.remaining)")
        #expect(report.done.contains { $0.contains("stand-ins") }, "\(report.done)")
        #expect(report.gaveUp.contains { $0.file == "core.db" })
        func all(_ points: [Model.Key: [Int64: Double]]) -> [String] {
            points.values.flatMap { $0.map { "\($0.key) \($0.value)" } }.sorted()
        }
        #expect(all(try contents(folder.store)) == all(model.points))
    }

    @Test("the names outlive core.db once more where a gateway has started since the cache was taken away")
    func namesAgain() throws {
        let folder = TemporaryFolder()
        let model = try makeStore(folder.store, .missing, hasCache: true)
        for _ in 0..<2 {
            let report = try StoreRepair.run(folder: folder.store, now: now)
            #expect(report.remaining == [], "\(report.remaining)")
            // As a repair, a restore and work that was cut off leave it.
            try? FileManager.default.removeItem(atPath: folder.store + "/catalogue.cache")
            try Journal.open(StoreOptions(folder: folder.store)).close()
            #expect(try contents(folder.store) == model.points)
            try FileManager.default.removeItem(atPath: folder.store + "/core.db")
        }
    }

    @Test("what work left behind that was interrupted goes; what of it does not read is set aside")
    func leftOver() throws {
        let folder = TemporaryFolder()
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        let begin = at("2026-04-01T00:00:00Z")
        for hour in 0..<24 { try journal.put("d", begin + .seconds(hour * 3600), ["voltage": Double(hour)], now: now) }
        try journal.seal(now: now)
        try journal.compact(now: now)
        let name = try #require(journal.sealed.manifest.live.first?.file)
        journal.close()
        let before = Set(names(in: folder.store + "/raw"))
        let stored = try contents(folder.store)
        let bytes = try Data(contentsOf: URL(filePath: folder.store + "/" + name))
        try bytes.write(to: URL(filePath: folder.store + "/raw/2026-04-01.g9.db"))
        try bytes.prefix(bytes.count / 2).write(to: URL(filePath: folder.store + "/raw/2026-04-01.g8.db"))
        try Data().write(to: URL(filePath: folder.store + "/raw/2026-04-01.g10.db.new"))
        #expect(try StoreCheck.run(folder: folder.store).damage == [])
        #expect(try contents(folder.store) == stored)
        try Journal.open(StoreOptions(folder: folder.store)).close()
        #expect(Set(names(in: folder.store + "/raw")) == before)
        #expect(names(in: folder.store + "/damaged") == ["raw-2026-04-01.g8.db.1"])
        #expect(try contents(folder.store) == stored)
    }

    @Test("an old core.db whose files have grown since is told by a check, and mended by one repair")
    func grownFiles() throws {
        let folder = TemporaryFolder()
        func give(_ value: Double, _ minute: Int) throws {
            let journal = try Journal.open(StoreOptions(folder: folder.store))
            let time = now + .seconds(60 * minute)
            try journal.put("d", time, ["voltage": value], now: time)
            try journal.seal(now: time)
            journal.close()
        }
        try give(20, 0)
        let old = try Data(contentsOf: URL(filePath: folder.store + "/core.db"))
        try give(42, 90)
        try old.write(to: URL(filePath: folder.store + "/core.db"))
        let check = try StoreCheck.run(folder: folder.store)
        #expect(check.damage.map(\.kind) == [.newest, .newest], "\(check.damage)")
        let report = try StoreRepair.run(folder: folder.store, now: now + .seconds(7200))
        #expect(report.remaining == [], "\(report)")
        #expect(try Archive(folder: folder.store).latest().map(\.value) == [42])
        try Journal.open(StoreOptions(folder: folder.store)).close()
        #expect(try Archive(folder: folder.store).latest().map(\.value) == [42])
    }

    @Test("a backup is not put over the readings of a store whose core.db is gone")
    func restoreOver() throws {
        let (folder, other) = (TemporaryFolder(), TemporaryFolder())
        let journal = try Journal.open(StoreOptions(folder: other.store))
        try journal.put("d", now, ["voltage": 1], now: now)
        journal.close()
        let backup = other.store + ".backup"
        _ = try StoreBackup.run(from: other.store, to: backup, now: now)
        _ = try makeStore(folder.store, .missing, hasCache: true)
        let before = try files(folder.store)
        #expect {
            _ = try StoreBackup.restore(from: backup, to: folder.store, now: noon)
        } throws: { error in
            guard case .readingsInTheWay(folder.store, let files)? = error as? StoreError else { return false }
            return files.count == before.count && "\(error)".contains("baotu store repair")
        }
        #expect(try files(folder.store) == before)
    }

    /// Six days, of which the raw readings of three are kept.
    private func makeAged(_ path: String) throws -> StoreOptions {
        var options = StoreOptions(folder: path)
        options.retention.raw = .seconds(3 * 86_400)
        let journal = try Journal.open(options)
        defer { journal.close() }
        let begin = at("2026-04-01T00:00:00Z")
        for day in 0..<6 {
            for hour in 0..<24 {
                let time = begin + .seconds(day * 86_400 + hour * 3600)
                try journal.put("d", time, ["voltage": Double(hour)], now: time)
            }
            let later = begin + .seconds((day + 1) * 86_400 + 8 * 3600)
            try journal.seal(now: later)
            try journal.compact(now: later)
            _ = try journal.upkeep(now: later)
        }
        return options
    }

    private func days(_ path: String) throws -> HistoryAnswer {
        try Archive(folder: path).history(
            HistoryRequest(
                device: "d", since: at("2026-04-01T00:00:00Z"), until: at("2026-04-07T00:00:00Z"),
                step: .seconds(86_400)))
    }

    @Test("a file of rollups that is gone is told by every answer, by a check and by the ledger")
    func rollupGone() throws {
        let folder = TemporaryFolder()
        let options = try makeAged(folder.store)
        let whole = try days(folder.store)
        #expect(whole.series[0].buckets.map(\.count) == Array(repeating: 24, count: 6) && whole.damaged.isEmpty)
        try FileManager.default.removeItem(atPath: folder.store + "/rollup-2026.db")
        for _ in 0..<2 {
            let answer = try days(folder.store)
            #expect(
                answer.damaged.contains { $0.contains("rollup-2026.db") && $0.contains("missing") }, "\(answer.damaged)"
            )
            #expect(try StoreCheck.run(folder: folder.store).damage.map(\.file) == ["rollup-2026.db"])
            try Journal.open(options).close()
        }
        let report = try StoreRepair.run(folder: folder.store, now: now)
        #expect(report.remaining == [] && report.gaveUp.map(\.file) == ["rollup-2026.db"], "\(report)")
        let rest = try days(folder.store)
        #expect(rest.damaged.isEmpty)
        let kept = rest.series[0].buckets.filter { $0.count > 0 }
        #expect(kept.count < 6 && !kept.isEmpty && kept.allSatisfy { $0.count == 24 })
    }

    enum RollupFault: CaseIterable, Sendable {
        case empty, garbled, cut, leaves, anotherYear
    }

    @Test(
        "a file of rollups that does not read takes no reading from an answer, and is told by it",
        arguments: RollupFault.allCases)
    func rollupDamaged(fault: RollupFault) throws {
        let folder = TemporaryFolder()
        _ = try makeAged(folder.store)
        let path = folder.store + "/rollup-2026.db"
        var bytes = readFile(path)
        switch fault {
        case .empty: bytes = []
        case .garbled: for index in bytes.indices { bytes[index] ^= 0xA5 }
        case .cut: bytes.removeLast(bytes.count / 2)
        case .leaves: for index in 4096..<bytes.count { bytes[index] ^= 0xA5 }
        case .anotherYear:
            let other = TemporaryFolder()
            let journal = try Journal.open(StoreOptions(folder: other.store))
            defer { journal.close() }
            let time = at("2025-04-01T00:00:00Z")
            try journal.put("d", time, ["voltage": 1], now: time)
            try journal.seal(now: time + .seconds(8 * 3600 + 86_400))
            try journal.compact(now: time + .seconds(8 * 3600 + 86_400))
            bytes = readFile(other.store + "/rollup-2025.db")
        }
        try FileManager.default.removeItem(atPath: path)
        writeFile(path, bytes)
        let answer = try days(folder.store)
        #expect(answer.damaged.contains { $0.contains("rollup-2026.db") }, "\(answer.damaged)")
        let kept = answer.series[0].buckets.filter { $0.count > 0 }
        #expect(kept.count >= 3 && kept.allSatisfy { $0.count == 24 }, "\(answer.series[0].buckets)")
        #expect(try !StoreCheck.run(folder: folder.store).damage.isEmpty)
    }

    @Test("files that are gone are named")
    func filesGone() throws {
        let folder = TemporaryFolder()
        _ = try makeAged(folder.store)
        #expect(try MissingFiles.names(folder: folder.store) == [])
        let live = try Archive(folder: folder.store).sealed.manifest.live.map(\.file)
        let gone = [try #require(live.first), "rollup-2026.db"]
        for name in gone { try FileManager.default.removeItem(atPath: folder.store + "/" + name) }
        #expect(try MissingFiles.names(folder: folder.store) == gone)
    }

    @Test("files of a newer version are not read as those of today")
    func newerVersion() throws {
        for part in ["raw", "rollup"] {
            let folder = TemporaryFolder()
            _ = try makeAged(folder.store)
            let files = part == "rollup" ? ["rollup-2026.db"] : names(in: folder.store + "/raw").map { "raw/" + $0 }
            for name in files {
                let path = folder.store + "/" + name
                // Where SQLite keeps `user_version`: bytes 60 to 63 of the file, most significant first.
                var bytes = readFile(path)
                let size = try #require(PageFile(path)).pageBytes
                bytes[63] = 99
                bytes[0..<size].withUnsafeMutableBytes { PageChecks.seal($0, number: 1) }
                try FileManager.default.removeItem(atPath: path)
                writeFile(path, bytes)
            }
            #expect(
                throws: StoreError.self, "\(part)"
            ) {
                _ = try days(folder.store)
                _ = try Archive(folder: folder.store).points("d", "voltage")
            }
        }
    }
}
