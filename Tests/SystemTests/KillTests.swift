import Contract
import Foundation
import Store
import Testing
import TestSupport

/// What was acknowledged is found again, whenever the process dies.
///
/// BAOTU_KILLS sets the number of kills (default 20), BAOTU_SEED the moments of the first round.
@Suite("A gateway that is killed", .serialized, .enabled(if: MosquittoServer.isExpected, "mosquitto is not installed"))
struct KillTests {
    /// Each round has a store and a load of its own: in one of 200 kills the backlog of a gateway that is hardly ever up
    /// would grow without end.
    private static let roundKills = 20
    private static let environment = ProcessInfo.processInfo.environment
    private static let kills = environment["BAOTU_KILLS"].flatMap { Int($0) } ?? roundKills
    private static let seed = environment["BAOTU_SEED"].flatMap { UInt64($0) } ?? 1
    static let rounds = (0..<(max(1, kills) + roundKills - 1) / roundKills).map { round in
        Round(seed: seed + UInt64(round), kills: min(roundKills, max(1, kills) - round * roundKills))
    }

    struct Round: Sendable, CustomTestStringConvertible {
        let seed: UInt64
        let kills: Int
        var testDescription: String { "\(kills) kills, seed \(seed)" }
    }

    private enum Moment: String, CaseIterable {
        /// While it reads its store back, before the first turn.
        case starting
        /// Between or inside turns.
        case turning
        /// While the day files are written.
        case sealing
    }

    @Test("finds every acknowledged reading again, once and exact", arguments: rounds)
    func losesNothing(round: Round) throws {
        let (kills, seed) = (round.kills, round.seed)
        var random = SeededGenerator(seed: seed)
        let site = try Site(shippedBroker: ())
        // The least that both can be, so that a seal is nearly always near.
        site.storeSettings = "journal_bytes: 1048576, seal_every: 60s"
        // Small turns, so that what waited for the restart is many of them, one right after another.
        site.turn = "messages_max: 20"
        try site.configure()
        var daemon = try site.start()
        try site.waitUntilSubscribed()
        let load = try site.startLoad(rate: 500, readingsPerMessage: 10)
        var killedWhile: [Moment: Int] = [:]
        for _ in 0..<kills {
            var moment = Moment.allCases.randomElement(using: &random)!
            let before = dayFileTraces(site)
            let delay = UInt32.random(in: 5_000...400_000, using: &random)
            switch moment {
            case .starting: usleep(delay / 2)
            case .turning:
                try site.waitUntilReady(daemon)
                usleep(delay)
            case .sealing:
                try site.waitUntilReady(daemon)
                // A seal may be a while off; then it is a kill like the others.
                let isSealing = (try? eventually("a seal", seconds: 5) { dayFileTraces(site) != before }) != nil
                if isSealing { usleep(delay / 20) } else { moment = .turning }
            }
            #expect(daemon.isRunning, "seed \(seed): the daemon ended by itself: \(site.log)")
            daemon.end(with: SIGKILL)
            killedWhile[moment, default: 0] += 1
            daemon = try site.launch()
        }
        let acknowledged = try load.finish()
        try site.waitUntilReady(daemon)
        // Where some never come the audit says which.
        #expect(throws: Never.self) { try site.waitUntilCommitted(acknowledged.count * Audit.quantities.count) }
        #expect(site.stop(daemon) == 0, "seed \(seed): \(site.log)")
        try site.expectKept([(load, acknowledged)], "seed \(seed)")
        let status = try site.archive().status()
        #expect(status.journalRows == 0)
        // As few as three kills do not promise one of each kind.
        if kills >= 20 { #expect(killedWhile.count == Moment.allCases.count, "seed \(seed): \(killedWhile)") }
        let tally = killedWhile.map { "\($0.value) while \($0.key.rawValue)" }.sorted().joined(separator: ", ")
        print(
            "\(kills) kills, seed \(seed): \(tally), \(acknowledged.count) readings, \(status.duplicates) duplicates"
        )
    }

    /// Size and time of the day files' write-ahead logs: they change when a seal writes.
    private func dayFileTraces(_ site: Site) -> [String] {
        let folder = site.store + "/raw"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasSuffix("-wal") }.sorted().map { name in
            var file = stat()
            guard stat(folder + "/" + name, &file) == 0 else { return name }
            return "\(name) \(file.st_ino) \(file.st_size) \(file.st_mtim.tv_sec).\(file.st_mtim.tv_nsec)"
        }
    }
}
