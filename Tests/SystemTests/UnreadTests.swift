import Contract
import Foundation
import Store
import Telemetry
import Testing
import TestSupport

@Suite("Messages without readings", .enabled(if: MosquittoServer.isExpected, "mosquitto is not installed"))
struct UnreadSystemTests {
    @Test("are told of by every command, before and after a kill, until readings come")
    func told() throws {
        let site = try Site()
        site.roster = "device,cadence\nlamp-0001,10s\nlamp-0002,10s\n"
        try site.configure()
        var daemon = try site.start()
        try site.waitUntilSubscribed()
        let lamp = "lights/lamp-0001/telemetry"
        try site.publish([(lamp, "{}"), (lamp, #"{"u":null}"#), (lamp, #"{"u":"high"}"#), ("nobody/knows", "x")])
        try eventually("all are received") { try site.archive().status().received == 4 }

        func expectTold(_ context: Comment) throws {
            let devices = try #require(try site.json(["devices"]) as? [[String: Any]])
            let health = Dictionary(
                uniqueKeysWithValues: devices.map { ($0["device"] as? String ?? "", $0["health"] as? String ?? "") })
            #expect(health == ["lamp-0001": "nothing-read", "lamp-0002": "never-heard"], context)
            let rejects = try site.ask(["rejects", "--format", "table"])
            #expect(rejects.code == 0 && rejects.output.contains("next: "), context)
            for part in ["lamp-0001", "absent, null", "unexpected-value", "(no device)", "unknown-topic", lamp] {
                #expect(rejects.output.contains(part), "\(part) in \(rejects.output)")
            }
            let latest = try site.ask(["latest", "--format", "table"])
            #expect(latest.output.contains("messages came and gave none"), "\(latest.output)")
        }
        try expectTold("live")
        try eventually("the last hour is published") {
            let status = try site.ask(["status", "--format", "table"])
            return status.output.contains("NONE of 4 messages") && status.output.contains("not read")
        }
        let doctor = try site.ask(["doctor", "--format", "json"])
        let findings = try JSONDecoder().decode([Diagnosis].self, from: Data(doctor.output.utf8))
            .filter { $0.check == "messages" }
        #expect(findings.contains { $0.finding.contains("none of the 4 messages") }, "\(findings)")
        #expect(findings.contains { $0.finding.contains("lamp-0001: 2 messages since") }, "\(findings)")
        #expect(findings.allSatisfy { $0.level != .good })

        daemon.end(with: SIGKILL)
        daemon = try site.start()
        try expectTold("after a kill")
        let only = try #require(
            (try site.json(["rejects", "--reason", "nothing-read", "--device", "lamp-*"]) as? [String: Any])?["unread"]
                as? [[String: Any]])
        #expect(only.map { $0["messages"] as? Int } == [2])
        for slip in [
            ["rejects", "--reason", "nothing-rea"], ["rejects", "--device", "lamp-001"], ["devices", "lmap-*"],
            ["latest", "lamp-1"], ["latest", "--area", "Lixa"], ["alerts", "--rule", "hott"],
            ["alerts", "--device", "lam-0001"], ["alerts", "--phase", "fireing"],
        ] {
            let outcome = try site.ask(slip)
            #expect(outcome.code != 0 && !outcome.errors.isEmpty && outcome.output.isEmpty, "\(slip): \(outcome)")
        }

        try site.publishVoltage(230, second: 0)
        try eventually("the reading is there") { try site.archive().status().committed == 1 }
        let health = try #require(try site.json(["devices", "lamp-0001"]) as? [[String: Any]])
        #expect(health.map { $0["health"] as? String } == ["ok"])
        #expect(site.stop(daemon) == 0, "\(site.log)")
    }
}
