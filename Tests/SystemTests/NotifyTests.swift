import Basics
import Contract
import Foundation
import Store
import Telemetry
import Testing
import TestSupport

@Suite("Channels that reach people", .enabled(if: MosquittoServer.isExpected, "mosquitto is not installed"))
struct NotifyTests {
    private func site() throws -> Site {
        let site = try Site()
        site.rules = "rules:\n- rule: high\n  threshold: {quantity: voltage, above: 230, stale: 6h}\n"
        let port = try MosquittoServer.freePort()
        site.notification =
            "commands: [{name: siren, program: /bin/bash, arguments: [-c, 'cat >>\"$0\"; echo >>\"$0\"', \"\(site.path("told"))\"]}, "
            + "{name: chief, severity: critical, program: /bin/bash, arguments: [-c, 'cat >>\"$0\"', \"\(site.path("chief"))\"]}, "
            + "{name: broken, program: /bin/bash, arguments: [-c, \"echo no modem >&2; exit 4\"]}], "
            + "webhooks: [{name: nobody, url: \"http://127.0.0.1:\(port)/s3cret\"}]"
        try site.configure()
        return site
    }

    private func told(_ site: Site) throws -> [String] {
        ((try? String(contentsOfFile: site.path("told"), encoding: .utf8)) ?? "").split(separator: "\n").map(
            String.init)
    }

    @Test("are tried by name, and tell of alerts by themselves; one that fails is a finding of the doctor")
    func channels() throws {
        let site = try site()
        let daemon = try site.start()
        let good = try site.ask(["notify", "test", "siren"])
        #expect(good.code == 0 && good.output == "siren: delivered\n", "\(good)")
        #expect(try told(site).count == 1)
        #expect(try told(site).first?.contains("\"sentence\":\"a test of the channel siren, asked for by ") == true)
        let bad = try site.ask(["notify", "test", "broken"])
        #expect(bad.code == 2 && bad.output == "broken: not delivered: exit code 4: no modem\n", "\(bad)")
        let nobody = try site.ask(["notify", "test", "nobody", "--format", "json"])
        #expect(nobody.code == 2 && nobody.output.contains("Connection refused"), "\(nobody)")
        #expect(!nobody.output.contains("s3cret"))
        let unknown = try site.ask(["notify", "test", "sirn"])
        #expect(unknown.code == 1 && unknown.errors.contains("did you mean 'siren'?"), "\(unknown)")
        #expect(unknown.errors.contains("there are log, mqtt, nobody, siren, chief, broken"), "\(unknown)")
        let mqtt = try site.ask(["notify", "test", "mqtt"])
        #expect(mqtt.code == 0, "\(mqtt)")

        try site.publishVoltage(240, second: 0)
        try eventually("the siren is told") { try told(site).contains { $0.contains("\"rule\":\"high\"") } }
        try eventually("the doctor names who fails") {
            let text = try site.ask(["doctor"]).output
            return text.contains("broken has told nobody since") && text.contains("exit code 4: no modem")
                && text.contains("nobody has told nobody since") && !text.contains("siren has told nobody")
        }
        // A warning is not for the chief.
        #expect(!FileManager.default.fileExists(atPath: site.path("chief")))
        #expect(site.stop(daemon) == 0)
        #expect(!site.log.contains("s3cret"))
    }

    @Test("are not asked by a check of the files, which names what is wrong")
    func check() throws {
        let site = try site()
        let good = try site.runDaemon(["--check"])
        #expect(good.code == 0, "\(good)")
        #expect(try told(site).isEmpty)
        site.notification = "webhooks: [{name: a, url: \"https://a.example\", token_file: nowhere}]"
        try site.configure()
        let bad = try site.runDaemon(["--check"])
        #expect(bad.code == 78 && bad.errors.contains("notification.webhooks[0].token_file: 'nowhere'"), "\(bad)")
    }
}
