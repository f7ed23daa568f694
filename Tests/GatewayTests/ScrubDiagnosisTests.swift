import Basics
import ConfigurationFiles
import Contract
import Store
import Telemetry
import Testing
import TestSupport

@testable import Gateway

@Suite("What doctor says of scrubs")
struct ScrubDiagnosisTests {
    private static let week = Duration.seconds(7 * 86_400)

    private func told(
        _ scrub: LiveStatusAnswer.Scrub?, every interval: Duration? = week, at now: Timestamp
    ) throws -> [Diagnosis] {
        let gateway = try SimulatedGateway(seed: 1)
        var configuration = gateway.configuration
        configuration.store.scrubInterval = interval
        let live = LiveView(LiveStatusAnswer(version: "1", startedAt: now, broker: "b:1"))
        if let scrub { live.remember(scrub) }
        return Doctor(configuration: configuration, live: live) { now }.scrub()
    }

    @Test("when the last one ended, what it found, that one is due or late, and that none is made")
    func findings() throws {
        let ended = Timestamp(iso8601: "2026-03-01T00:00:00Z")!
        var scrub = LiveStatusAnswer.Scrub(endedAt: ended, began: nil, files: 7, found: [], isDue: false)
        var told = try told(scrub, at: ended + .seconds(60))
        #expect(told.map(\.level) == [.good])
        #expect(told[0].finding == "the last scrub ended at 2026-03-01T00:00:00Z and found no damage")
        scrub.isDue = true
        told = try self.told(scrub, at: ended + Self.week)
        #expect(told.map(\.level) == [.good] && told[0].finding.hasSuffix("; the next is due"))
        told = try self.told(scrub, at: ended + Self.week * 3)
        #expect(told.map(\.level) == [.warning] && told[0].mend != nil)
        scrub.found = ["raw/x.db: the file is missing", "y"]
        scrub.began = ended + Self.week
        told = try self.told(scrub, at: ended + Self.week)
        #expect(told.map(\.level) == [.bad])
        #expect(told[0].finding.contains("found in 2 places: raw/x.db: the file is missing; the one since 2026-03-08"))
        told = try self.told(nil, every: nil, at: ended)
        #expect(told.map(\.level) == [.warning] && told[0].finding.contains("store.scrub_every: off"))
        told = try self.told(nil, at: ended)
        #expect(told.isEmpty, "the service has not begun yet")
    }
}
