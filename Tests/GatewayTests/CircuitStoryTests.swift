import Alerting
import Basics
import ConfigurationFiles
import Contract
import Telemetry
import Testing

@testable import Gateway
@testable import Store

/// One event is one story, whatever the roster calls its circuit and whatever was told before it was known.
@Suite("The story of a feeder fault")
struct CircuitStoryTests {
    private static let rules = """
        rules:
        - rule: lamp-out
          finding: {kinds: [lamp_out, lamp_power, flicker], clear_after: 30m}
        - rule: feeder
          severity: critical
          finding: {kinds: [feeder_fault], clear_after: 1m}
        """

    private static func roster(_ lamps: Int, _ circuit: (Int) -> String) -> String {
        "device,cadence,circuit\n" + (0..<lamps).map { "lamp-\($0),10s,\(circuit($0))\n" }.joined()
    }

    private func makeGateway(lamps: Int) throws -> SimulatedGateway {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none, rules: Self.rules)
        gateway.broker.messagesMin = 8
        try gateway.setRoster(Self.roster(lamps) { _ in "c1" })
        try gateway.start()
        return gateway
    }

    /// Reports every ten seconds; those of `out` do not burn.
    private func run(_ gateway: SimulatedGateway, seconds: Int, lamps: Int, out: Range<Int> = 0..<0) throws {
        for _ in 0..<seconds / 10 {
            for lamp in 0..<lamps {
                let watts = out.contains(lamp) ? 0 : 40
                gateway.broker.send(
                    SimulatedBroker.Message(
                        topic: "lights/lamp-\(lamp)/telemetry",
                        payload: Array("{\"ts\":\(gateway.now.milliseconds),\"p\":\(watts),\"d\":100,\"u\":230}".utf8)))
            }
            for _ in 0..<(lamps + 7) / 8 { try gateway.turn() }
            gateway.pass(.seconds(10))
            try gateway.turn()
        }
    }

    /// By name: rule and phase.
    private func alerts(_ gateway: SimulatedGateway) throws -> [String: String] {
        let journal = try #require(gateway.journal)
        return Dictionary(
            uniqueKeysWithValues: try journal.alertStates().map {
                ($0.key.subject.name(in: journal.registry), "\($0.key.rule) \($0.phase.rawValue)")
            })
    }

    @Test("goes on under the new name of its circuit, at a reload and over a start, and says what it was called")
    func renamed() throws {
        let gateway = try makeGateway(lamps: 6)
        try run(gateway, seconds: 60, lamps: 6)
        try run(gateway, seconds: 60, lamps: 6, out: 0..<6)
        #expect(try alerts(gateway) == ["c1": "feeder firing"])

        try gateway.setRoster(Self.roster(6) { _ in "c9" })
        let loop = try #require(gateway.loop)
        try loop.reload(gateway.files, at: loop.clock.moment)
        #expect(try alerts(gateway) == ["c9": "feeder firing"])
        try run(gateway, seconds: 120, lamps: 6, out: 0..<6)
        #expect(try alerts(gateway) == ["c9": "feeder firing"])
        let word = try #require(gateway.broker.retained["baotu/alerts/1"])
        #expect(word.contains("\"name\":\"c9\"") && word.contains("was called c1 until now"), "\(word)")

        // A lamp that is moved away is no other name.
        gateway.drain()
        try gateway.setRoster(Self.roster(6) { $0 == 0 ? "elsewhere" : "c7" })
        try gateway.start()
        try run(gateway, seconds: 120, lamps: 6, out: 0..<6)
        #expect(try alerts(gateway)["c7"] == "feeder firing")
        #expect(try alerts(gateway)["elsewhere"] == nil)
        try run(gateway, seconds: 120, lamps: 6)
        #expect(try alerts(gateway)["c7"] == "feeder resolved")
        let archive = try Archive(folder: gateway.configuration.store.folder)
        let incidents = try archive.incidents(IncidentsRequest(rule: "feeder"), at: gateway.now).incidents
        #expect(incidents.count == 1 && incidents.first?.id == 1)
        gateway.crash()
    }

    @Test("takes in the lamps that were told before it came, and lets go of those that stay out behind it")
    func folded() throws {
        let gateway = try makeGateway(lamps: 10)
        try run(gateway, seconds: 60, lamps: 10)
        try run(gateway, seconds: 480, lamps: 10, out: 0..<2)
        #expect(
            try alerts(gateway) == ["lamp-0": "lamp-out firing", "lamp-1": "lamp-out firing"])
        try run(gateway, seconds: 90, lamps: 10, out: 0..<10)
        #expect(
            try alerts(gateway) == [
                "lamp-0": "lamp-out resolved", "lamp-1": "lamp-out resolved", "c1": "feeder firing",
            ])
        let journal = try #require(gateway.journal)
        let ends = try journal.alertStates().filter { $0.key.rule == "lamp-out" }.map(\.meaning)
        #expect(ends.map(\.endReason) == [.partOfFeeder, .partOfFeeder])
        #expect(ends.allSatisfy { $0.words.contains("its circuit c1 is down") })
        try run(gateway, seconds: 180, lamps: 10, out: 0..<2)
        #expect(
            try alerts(gateway) == [
                "lamp-0": "lamp-out firing", "lamp-1": "lamp-out firing", "c1": "feeder resolved",
            ])
        gateway.crash()
    }
}
