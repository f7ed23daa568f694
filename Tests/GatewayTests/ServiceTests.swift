import Alerting
import Basics
import ConfigurationFiles
import Contract
import Pipeline
import Telemetry
import Testing

@testable import Gateway
@testable import Store

@Suite("Devices that come into service and go out of it")
struct ServiceTests {
    private func at(_ gateway: SimulatedGateway, _ minutes: Int) -> String {
        (gateway.now + .seconds(60 * minutes)).description
    }

    private func silent(_ gateway: SimulatedGateway) throws -> [String: AlertPhase] {
        let alerts = try Archive(folder: gateway.configuration.store.folder).alerts().filter { $0.rule == "silent" }
        return Dictionary(uniqueKeysWithValues: alerts.map { ($0.device ?? "", $0.phase) })
    }

    private func pass(_ gateway: SimulatedGateway, minutes: Int) throws {
        for _ in 0..<minutes * 6 {
            gateway.pass(.seconds(10))
            gateway.broker.send(
                SimulatedBroker.Message(
                    topic: "lights/lamp-9/telemetry",
                    payload: Array(#"{"ts":\#(gateway.now.milliseconds),"u":230}"#.utf8)))
            try gateway.turn()
        }
    }

    @Test("are waited for from their day on and no longer than to their last, without a reload and over a restart")
    func days() throws {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        gateway.broker.messagesMin = 8
        try gateway.setRoster(
            """
            device,cadence,deployed,retired
            old,60s,,\(at(gateway, 30))
            new,60s,\(at(gateway, 40)),
            later,60s,planned,
            """)
        try gateway.start()
        try pass(gateway, minutes: 20)
        #expect(try silent(gateway) == ["old": .firing])
        try pass(gateway, minutes: 15)
        #expect(try silent(gateway) == ["old": .resolved])
        #expect(gateway.loop?.pipeline.roster.lines.count == 0)
        gateway.crash()
        try gateway.start()
        #expect(gateway.loop?.pipeline.roster.lines.count == 0)
        try pass(gateway, minutes: 20)
        #expect(try silent(gateway) == ["old": .resolved, "new": .firing])
        let health = try Archive(folder: gateway.configuration.store.folder).health(
            HealthRequest(group: .city), at: gateway.now)
        #expect((health.planned, health.retired, health.total.devices) == (1, 1, 2))
        gateway.crash()
    }

    @Test("a clock that was never set brings no day of before")
    func unsetClock() throws {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        gateway.broker.messagesMin = 8
        try gateway.setRoster("device,cadence,deployed\nnew,60s,\(at(gateway, -60))\n")
        try gateway.start()
        try pass(gateway, minutes: 10)
        #expect(gateway.loop?.pipeline.roster.lines.count == 1)
        gateway.crash()
        gateway.setWall(wrongBy: .seconds(-40 * 365 * 86_400))
        try gateway.start()
        #expect(gateway.loop?.pipeline.roster.lines.count == 1)
        try pass(gateway, minutes: 2)
        #expect(gateway.loop?.pipeline.roster.lines.count == 1)
        gateway.crash()
    }
}
