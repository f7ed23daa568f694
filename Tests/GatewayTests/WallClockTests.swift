import Basics
import ConfigurationFiles
import Contract
import Foundation
import Telemetry
import Testing

@testable import Gateway
@testable import Store

/// What a gateway tells of spans over which somebody sets its wall clock.
@Suite("Spans under a wall clock that is set")
struct WallClockTests {
    static let steps: [Duration] = [
        .seconds(1200), .seconds(-3600), .seconds(-56 * 31_556_952), .seconds(366 * 86_400),
    ]

    private func send(_ gateway: SimulatedGateway, _ values: String) throws {
        let payload = "{\(values.isEmpty ? "" : "\"ts\":\(gateway.now.milliseconds),\(values)")}"
        gateway.broker.send(
            SimulatedBroker.Message(topic: "lights/lamp-0/telemetry", payload: Array(payload.utf8)))
        try gateway.turn()
    }

    private func started() throws -> SimulatedGateway {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        gateway.broker.messagesMin = 8
        try gateway.start()
        for _ in 0..<4 {
            gateway.pass(.seconds(10))
            try send(gateway, #""t":30,"u":230"#)
        }
        return gateway
    }

    @Test("an incident lasts, and a device was heard, as long as time ran", arguments: steps)
    func incident(step: Duration) throws {
        let gateway = try started()
        for second in 0..<60 {
            if second == 30 { gateway.setWall(wrongBy: step) }
            gateway.pass(.seconds(1))
            try send(gateway, #""t":90,"u":230"#)
        }
        func archive() throws -> Archive { try Archive(folder: gateway.configuration.store.folder) }
        let wall = { gateway.now + step }
        let open = try #require(try archive().incidents(IncidentsRequest(rule: "hot"), at: wall()).incidents.first)
        #expect(open.state == .firing && open.openSeconds == 59)
        gateway.pass(.seconds(11))
        try send(gateway, #""t":30,"u":230"#)
        let over = try archive().incident(open.id, at: wall()).incident
        #expect(over.durationSeconds == 70 && over.ended == gateway.now + step)
        for _ in 0..<45 {
            gateway.pass(.seconds(1))
            try gateway.turn()
        }
        let heard = try #require(try archive().devices(at: wall()).first { $0.device == "lamp-0" })
        #expect(heard.lastHeardSecondsAgo == 45 && heard.health == .ok)
        #expect(try archive().status(at: wall()).lastCommitSecondsAgo == 45)
    }

    @Test("the running gateway's ages and the doctor's go by no wall clock", arguments: steps)
    func ages(step: Duration) throws {
        let gateway = try started()
        let live = try #require(gateway.loop?.live)
        gateway.pass(.seconds(5))
        gateway.setWall(wrongBy: step)
        let status = live.current
        #expect(status.upSeconds == 45 && status.lastTurnSecondsAgo == 5)
        #expect(status.brokerConnectedSeconds.map { (35...45).contains($0) } == true, "\(status)")
        let doctor = Doctor(configuration: gateway.configuration, live: live) { [now = gateway.now] in now + step }
        func pipeline() -> Diagnosis? { doctor.examine().first { $0.check == "pipeline" } }
        #expect(pipeline()?.level == .good, "a clock that is set stops no turn")
        gateway.pass(.seconds(6))
        #expect(pipeline()?.level == .bad, "a turn that hangs is seen, whatever the clock shows")
        #expect(pipeline()?.finding == "no turn was completed for 11 s")
    }

    @Test("the journal is sealed as often as before", arguments: steps)
    func seals(step: Duration) throws {
        let gateway = try started()
        for second in 0..<150 {
            if second == 20 { gateway.setWall(wrongBy: step) }
            gateway.pass(.seconds(1))
            try send(gateway, #""t":30,"u":230"#)
        }
        let status = try Archive(folder: gateway.configuration.store.folder).status()
        #expect(status.journalRows <= 61, "seal_every is 60s, and each second a row came")
    }

    @Test("a device that is not read is named when its allowance has passed, no sooner and no later", arguments: steps)
    func unread(step: Duration) throws {
        let gateway = try started()
        func named() throws -> Bool {
            let unread = try Archive(folder: gateway.configuration.store.folder).unread()
            let live = try #require(gateway.loop?.live)
            return Doctor(configuration: gateway.configuration, live: live) { [now = gateway.now] in now + step }
                .messages(unread).contains { $0.finding.hasPrefix("lamp-0: ") }
        }
        // On the roster with a cadence of a minute.
        let allowance = Staleness.allowance(cadence: .seconds(60)).milliseconds / 1000
        try send(gateway, "")
        gateway.setWall(wrongBy: step)
        for second in 1...allowance {
            #expect(try !named(), "after \(second) s")
            gateway.pass(.seconds(1))
            if second % 10 == 0 || second == allowance { try send(gateway, "") } else { try gateway.turn() }
        }
        #expect(try named())
    }

    /// Each of them is an alert's reading still, whatever the clock shows.
    @Test(
        "alerts of a last value and of a window stand through a step, whoever speaks",
        arguments: [Duration.seconds(600), .seconds(7200), .seconds(86_400)] + steps)
    func alertsStand(step: Duration) throws {
        let gateway = try started()
        func phases() throws -> [String: AlertPhase] {
            let alerts = try Archive(folder: gateway.configuration.store.folder).alerts(AlertsRequest())
            return Dictionary(uniqueKeysWithValues: alerts.map { ("\($0.rule) \($0.device ?? "")", $0.phase) })
        }
        for _ in 0..<5 {
            gateway.pass(.seconds(10))
            try send(gateway, #""t":90,"u":180"#)
        }
        let before = try phases()
        #expect(before == ["hot lamp-0": .firing, "low lamp-0": .firing])
        gateway.pass(.seconds(4))
        gateway.setWall(wrongBy: step)
        for second in 0..<30 {
            if second == 5 {
                gateway.broker.send(
                    SimulatedBroker.Message(
                        topic: "lights/lamp-1/telemetry",
                        payload: Array(#"{"ts":\#(gateway.now.milliseconds),"t":30,"u":230}"#.utf8)))
            }
            gateway.pass(.seconds(1))
            try gateway.turn()
            #expect(try phases() == before, "after \(second + 1) s")
        }
    }
}
