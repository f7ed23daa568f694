import Basics
import Foundation
import Store
import Telemetry
import Testing
import TestSupport

@testable import OperatorCLI

/// Runs programs as a user who owns nothing, in a group of the test's choosing. Only root may.
private enum OtherUser {
    static let user = 65_534
    static let group = 65_533

    static func run(_ program: String, _ arguments: [String], group: Int = group) throws -> Program {
        try Program(
            "/usr/bin/setpriv",
            ["--reuid=\(user)", "--regid=\(group)", "--clear-groups", Program.built + program] + arguments,
            // A folder of the test's own user is no place to stand in.
            shell: "cd / && \"$@\"; true")
    }

    /// False where this test may not change users, or the other one may not run what was built.
    static let isAllowed = geteuid() == 0 && (try? run("baotu", ["--version"]).output.contains(".")) == true
}

@Suite("Readers who are another user")
struct OtherUserTests {
    private static let noon = Timestamp(milliseconds: 1_773_576_000_000)
    private let folder = TemporaryDirectory()
    private var store: String { folder.path + "/store" }

    private func put(_ journal: Journal, _ hour: Int) throws {
        var batch = DecodedBatch()
        let device = journal.registry.intern(device: "lamp", profile: "lamps")!
        let quantity = try #require(Quantity(named: "voltage"))
        let series = journal.registry.intern(device: device, quantity: quantity, channel: .none)!
        batch.readings = [
            Reading(series: series, observed: Self.noon + .seconds(hour * 3600), value: 230 + Double(hour))
        ]
        journal.registry.closeRow(batch.readings[...])
        _ = try journal.commit(batch, received: 1, now: Self.noon + .seconds(hour * 3600))
    }

    /// A day sealed, one in a small file, one in the journal.
    private func fill(_ journal: Journal) throws {
        for hour in [0, 24, 48] {
            try put(journal, hour)
            guard hour < 48 else { break }
            let now = Self.noon + .seconds(hour * 3600)
            try journal.finishSeal(try journal.beginSeal(state: nothingLearnt, now: now).run())
            if hour == 24, let job = journal.nextCompaction(now: now) {
                try journal.finishCompaction(try job.run(), now: now)
            }
        }
    }

    @Test(
        "one of the group reads everything, with the gateway there and without; another is told what to do",
        .enabled(if: OtherUser.isAllowed, "only root may become another user, who must be able to run the programs"))
    func groupReads() throws {
        chmod(folder.path, 0o755)
        #expect(mkdir(store, 0o2750) == 0 && chown(store, 0, gid_t(OtherUser.group)) == 0)
        chmod(store, 0o2750)
        let journal = try Journal.open(StoreOptions(folder: store))
        try fill(journal)
        let question = [
            "history", "lamp", "--store", store, "--since", "2026-03-15T00:00:00Z", "--until", "2026-03-19T00:00:00Z",
            "--format", "csv",
        ]
        let query = [
            "query", "lamp", "--store", store, "--since", "2026-03-15T00:00:00Z", "--until", "2026-03-19T00:00:00Z",
            "--step", "1d", "--format", "csv",
        ]
        for state in ["beside the writer", "without it"] {
            if state == "without it" { journal.close() }
            let readings = try OtherUser.run("baotu", question)
            #expect(readings.code == 0 && readings.errors.isEmpty, "\(state): \(readings.errors)")
            #expect(readings.output.split(separator: "\n").count == 4, "\(state): \(readings.output)")
            let days = try OtherUser.run("baotu", query)
            #expect(days.output.split(separator: "\n").count == 4, "\(state): \(days.output) \(days.errors)")
            let stranger = try OtherUser.run("baotu", question, group: OtherUser.user)
            #expect(stranger.errors.contains("join the group"), "\(state): \(stranger.errors)")
        }
        // Nothing was left behind by those who only read.
        let names = try FileManager.default.contentsOfDirectory(atPath: store)
        #expect(!names.contains { $0.hasSuffix("-wal") || $0.hasSuffix("-shm") }, "\(names)")
    }
}
