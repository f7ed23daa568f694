import Alerting
import Basics
import ConfigurationFiles
import Contract
import Foundation
import Telemetry
import Testing

@testable import Gateway
@testable import Store

/// What windows count is judged by windows that are whole.
@Suite("Windows that are not whole")
struct WholeWindowTests {
    private static let rules = """
        rules:
        - rule: few
          threshold: {quantity: control_gear_temperature, statistic: count, window: 5m, below: 3}
        - rule: gaps
          threshold: {quantity: control_gear_temperature, statistic: coverage, window: 5m, below: 0.7}
        - rule: many
          threshold: {quantity: voltage, statistic: count, window: 5m, above: 20}
        - rule: low
          threshold: {quantity: voltage, statistic: mean, window: 5m, below: 215}
        """

    private func started() throws -> SimulatedGateway {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none, rules: Self.rules)
        gateway.broker.messagesMin = 8
        try gateway.start()
        return gateway
    }

    private func pass(_ seconds: Int, _ gateway: SimulatedGateway, _ values: String, each cadence: Int = 60) throws {
        for second in stride(from: 10, through: seconds, by: 10) {
            gateway.pass(.seconds(10))
            if second % cadence == 0 {
                gateway.broker.send(
                    SimulatedBroker.Message(
                        topic: "lights/lamp-0/telemetry",
                        payload: Array(#"{"ts":\#(gateway.now.milliseconds),\#(values)}"#.utf8)))
            }
            try gateway.turn()
        }
    }

    /// Whatever became of it.
    private func alerts(_ gateway: SimulatedGateway) throws -> [String: AlertAnswer] {
        let alerts = try Archive(folder: gateway.configuration.store.folder).alerts()
        return Dictionary(uniqueKeysWithValues: alerts.map { ($0.rule, $0) })
    }

    @Test(
        "neither a first start nor a step fires what counts too little, and what is missing does",
        arguments: WallClockTests.steps + [.seconds(120), .seconds(-120)])
    func few(step: Duration) throws {
        let gateway = try started()
        try pass(420, gateway, #""t":30,"u":230"#)
        #expect(try alerts(gateway).isEmpty)
        gateway.setWall(wrongBy: step)
        try pass(420, gateway, #""t":30,"u":230"#)
        #expect(try alerts(gateway).isEmpty)
        // The lamp speaks on, and seldom.
        try pass(400, gateway, #""t":30,"u":180"#, each: 200)
        let fired = try alerts(gateway)
        #expect(fired.mapValues(\.phase) == ["few": .firing, "gaps": .firing, "low": .firing])
        #expect(fired.mapValues(\.unit) == ["few": "1", "gaps": "1", "low": "V"])
    }

    @Test(
        "what counts too much already fires at once; a part of the window says neither that it still does nor that it is over"
    )
    func many() throws {
        let gateway = try started()
        try pass(210, gateway, #""u":230"#, each: 10)
        #expect(try alerts(gateway).mapValues(\.phase) == ["many": .firing])
        gateway.crash()
        // The lamp says less, and nobody knows what it said while the gateway was away.
        gateway.pass(.seconds(240))
        try gateway.start()
        try pass(240, gateway, #""u":230"#, each: 30)
        let unknown = try alerts(gateway)
        #expect(unknown.mapValues(\.phase) == ["many": .unknown])
        #expect(
            unknown["many"]?.sentence
                == "lamp-0: AC voltage (rms) cannot be judged: the gateway has not heard all of 5 min")
        try pass(120, gateway, #""u":230"#, each: 30)
        #expect(try alerts(gateway).mapValues(\.phase) == ["many": .resolved])
    }
}
