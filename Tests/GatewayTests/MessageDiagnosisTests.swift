import Basics
import ConfigurationFiles
import Contract
import Foundation
import Store
import Telemetry
import Testing

@testable import Gateway

/// Whether messages become readings, as the doctor tells it.
@Suite("Messages and readings")
struct MessageDiagnosisTests {
    private static func message(_ payload: String, lamp: Int = 0) -> SimulatedBroker.Message {
        SimulatedBroker.Message(topic: "lights/lamp-\(lamp)/telemetry", payload: Array(payload.utf8))
    }

    private func told(_ gateway: SimulatedGateway) throws -> [Diagnosis] {
        let live = try #require(gateway.loop?.live)
        let unread = try Archive(folder: gateway.configuration.store.folder).unread()
        return Doctor(configuration: gateway.configuration, live: live) { [now = gateway.now] in now }
            .messages(unread)
    }

    @Test("the last hour is sixty minutes, and forgets what is older")
    func lastHour() {
        var hour = LastHour()
        let start = SteadyTime(milliseconds: 7 * 86_400_000)
        for minute in 0..<120 {
            let now = start + .seconds(minute * 60)
            hour.add(received: 2, readings: 1, at: now)
            #expect(hour.sum(at: now) == (Int64(2 * min(minute + 1, 60)), Int64(min(minute + 1, 60))))
        }
        #expect(hour.sum(at: start + .seconds(119 * 60 + 3600)) == (0, 0))
    }

    @Test("who sends nothing but messages without a payload is named; who takes a retained word away is not")
    func emptyMessages() throws {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        try gateway.start()
        gateway.broker.send(Self.message(#"{"ts":\#(gateway.now.milliseconds),"u":230}"#, lamp: 1))
        func named() throws -> [String] {
            try told(gateway).map(\.finding).filter { $0.hasPrefix("lamp-") }.map { String($0.prefix(18)) }
        }
        for count in 1...4 {
            for lamp in 0..<2 { gateway.broker.send(Self.message("", lamp: lamp)) }
            gateway.pass(.seconds(120))
            try gateway.turn()
            try gateway.turn()
            #expect(try named() == (count < 3 ? [] : ["lamp-0: \(count) messages"]), "after \(count)")
        }
        let found = try told(gateway).first { $0.finding.hasPrefix("lamp-0") }
        #expect(
            found?.finding.contains("it has no payload") == true && found?.mend?.contains("fails to fill in") == true)
    }

    @Test("a gateway of which messages give nothing is not called good, and the device is named with the reason")
    func nothingRead() throws {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        try gateway.start()
        try gateway.turn()
        #expect(try told(gateway).map(\.level) == [.good])
        for _ in 0..<4 {
            gateway.broker.send(Self.message("{}"))
            gateway.pass(.seconds(120))
            try gateway.turn()
            try gateway.turn()
        }
        let findings = try told(gateway)
        #expect(findings.first?.level == .bad, "\(findings)")
        #expect(findings.first?.finding.contains("none of the 4 messages of the last hour") == true, "\(findings)")
        #expect(
            findings.contains {
                $0.level == .warning && $0.finding.contains("lamp-0: 4 messages since") && $0.mend != nil
            },
            "\(findings)")
        #expect(gateway.loop?.live.current.receivedLastHour == 4)
        // A reading, and all is well.
        let time = gateway.now.milliseconds
        gateway.broker.send(Self.message(#"{"ts":\#(time),"u":230}"#))
        gateway.pass(.seconds(2))
        try gateway.turn()
        try gateway.turn()
        #expect(try told(gateway).map(\.level) == [.good])
    }

    @Test("a store that cannot be asked is no reason to say that all is well")
    func noStore() throws {
        let gateway = try SimulatedGateway(seed: 2)
        let live = LiveView(LiveStatusAnswer(version: "test", startedAt: gateway.now, broker: "none"))
        let doctor = Doctor(configuration: gateway.configuration, live: live) { [now = gateway.now] in now }
        #expect(doctor.messages(nil).map(\.level) == [.warning])
        #expect(doctor.messages([]).map(\.level) == [.good])
    }
}
