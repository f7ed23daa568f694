import Basics
import Foundation
import Store
import Telemetry
import Testing
import TestSupport

@testable import Gateway

@Suite("The sealer")
struct SealerTests {
    private static let noon = Timestamp(milliseconds: 1_773_576_000_000)

    private func days(_ sealer: inout Sealer, at moment: Timestamp) throws -> SealedDays {
        var found: SealedDays?
        try eventually("the day files are written") {
            if case .done(.sealed(let days)) = sealer.poll(at: SteadyTime(milliseconds: moment.milliseconds)) {
                found = days
            }
            return found != nil
        }
        return try #require(found)
    }

    private func isRunning(_ sealer: inout Sealer, at moment: Timestamp) -> Bool {
        if case .running = sealer.poll(at: SteadyTime(milliseconds: moment.milliseconds)) { true } else { false }
    }

    private func isIdle(_ sealer: inout Sealer, at moment: Timestamp) -> Bool {
        if case .idle = sealer.poll(at: SteadyTime(milliseconds: moment.milliseconds)) { true } else { false }
    }

    @Test("keeps what is written until the journal has taken it", arguments: [false, true])
    func keeps(isEnding: Bool) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "baotu-sealer-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let journal = try Journal.open(StoreOptions(folder: folder.path))
        var sealer = Sealer()
        sealer.begin(.seal(try journal.beginSeal(state: [1], now: Self.noon)))
        let first = try days(&sealer, at: Self.noon)
        // As if the journal had no room for its part.
        sealer.postpone(at: SteadyTime(milliseconds: Self.noon.milliseconds))
        #expect(isRunning(&sealer, at: Self.noon + .seconds(29)))
        var again: SealedDays?
        if !isEnding {
            again = try days(&sealer, at: Self.noon + .seconds(30))
        } else if case .sealed(let written) = try sealer.finish(by: ContinuousClock.now + .seconds(60)) {
            again = written
        }
        #expect(again?.journalID == first.journalID)
        try journal.finishSeal(try #require(again))
        sealer.complete()
        #expect(isIdle(&sealer, at: Self.noon + .seconds(30)))
        #expect(journal.snapshot?.bytes == [1])
        // The journal would stop the process here had it not been told.
        _ = try journal.beginSeal(state: [2], now: Self.noon + .seconds(31))
        journal.close()
    }
}
