import Basics
import Contract
import Foundation
import Synchronization
import Telemetry
import Testing
import TestSupport

@testable import Store

/// Day files that are whole and lie under other names than core.db has for them.
@Suite("Day files that were moved")
struct MovedFileTests {
    private let folder = TemporaryFolder()
    private var raw: String { folder.store + "/raw" }

    /// Four sealed days, then two small files; returns their names.
    private func store() throws -> [String] {
        let begin = at("2026-04-01T00:00:00Z")
        for day in 0..<6 {
            let journal = try Journal.open(StoreOptions(folder: folder.store))
            for index in 0..<40 {
                try journal.put("lamp", begin + .seconds(day * 86_400 + index * 2000), ["voltage": Double(day)])
            }
            let later = begin + .seconds((day + 1) * 86_400 + 8 * 3600)
            try journal.seal(now: later)
            if day < 4 { try journal.compact(now: later) }
            _ = try journal.upkeep(now: later)
            journal.close()
        }
        return names(in: raw).filter { $0.hasSuffix(".db") }
    }

    private func move(_ from: String, _ to: String) throws {
        try FileManager.default.moveItem(atPath: from, toPath: to)
    }

    private func repaired() throws -> RepairReport {
        let repair = try StoreRepair.run(folder: folder.store, now: at("2026-04-10T00:00:00Z"))
        #expect(repair.isGood && repair.gaveUp.isEmpty, "\(repair)")
        #expect(try Archive(folder: folder.store).points("lamp", "voltage").count == 240)
        #expect(try Archive(folder: folder.store).givenUp().isEmpty)
        try Journal.open(StoreOptions(folder: folder.store)).close()
        #expect(try StoreCheck.run(folder: folder.store).isGood)
        return repair
    }

    @Test("two that were exchanged, sealed or small, are back in their places behind a repair, and nothing is given up")
    func exchanged() throws {
        let all = try store()
        let small = all.filter { $0.contains(".l") }
        let sealed = all.filter { $0.contains(".g") }
        #expect(small.count == 2 && sealed.count >= 1)
        var pairs = [(small[0], small[1]), (sealed[0], small[0])]
        if sealed.count > 1 { pairs.append((sealed[0], sealed[1])) }
        for (one, other) in pairs {
            try move("\(raw)/\(one)", "\(raw)/z")
            try move("\(raw)/\(other)", "\(raw)/\(one)")
            try move("\(raw)/z", "\(raw)/\(other)")
            let done = try repaired().done
            #expect(done.contains("raw/\(one), which lay at raw/\(other), is back in its place"), "\(done)")
        }
    }

    @Test("one that got another name, or was put aside, is found", arguments: [true, false])
    func renamed(isSmall: Bool) throws {
        let name = try #require(try store().last { $0.contains(isSmall ? ".l" : ".g") })
        try move("\(raw)/\(name)", "\(raw)/2026-12-30.l0.db")
        #expect(try repaired().done.contains { $0.contains("raw/\(name), which lay at raw/2026-12-30.l0.db") })
        try FileManager.default.createDirectory(
            atPath: folder.store + "/damaged", withIntermediateDirectories: true)
        try move("\(raw)/\(name)", folder.store + "/damaged/mine.db")
        #expect(try repaired().done.contains { $0.contains("raw/\(name), which lay at damaged/mine.db") })
        // What lies there is never taken away.
        #expect(Folder.exists(folder.store + "/damaged/mine.db"))
    }

    @Test("an exchange that crashes within the repair comes right in the next one")
    func interrupted() throws {
        let small = try store().filter { $0.contains(".l") }
        try move("\(raw)/\(small[0])", "\(raw)/z")
        try move("\(raw)/\(small[1])", "\(raw)/\(small[0])")
        try move("\(raw)/z", "\(raw)/\(small[1])")
        for number in 1...12 {
            let count = Mutex(0)
            _ = try? StoreRepair.run(
                folder: folder.store, now: at("2026-04-10T00:00:00Z"),
                effects: { (_) throws(StoreError) in
                    let reached = count.withLock { count in
                        count += 1
                        return count
                    }
                    if reached == number { throw .ioError(file: "simulated", detail: "the disk failed once") }
                })
        }
        _ = try repaired()
    }
}
