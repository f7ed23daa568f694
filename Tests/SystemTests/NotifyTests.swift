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

    @Test("a silence holds back and forgets nothing, over a restart; what people do stands in the story")
    func desk() throws {
        let site = try site()
        var daemon = try site.start()
        func told(_ phase: String) throws -> Int {
            try self.told(site).count { $0.contains("\"rule\":\"high\"") && $0.contains("\"phase\":\"\(phase)\"") }
        }
        let slip = try site.ask(["silences", "add", "--rule", "hihg", "--for", "1h", "--reason", "works"])
        #expect(slip.code == 1 && slip.errors.contains("there is no rule 'hihg'; did you mean 'high'?"), "\(slip)")
        let endless = try site.ask(["silences", "add", "--rule", "high", "--reason", "works"])
        #expect(endless.code == 64 && endless.errors.contains("nothing is silent for ever"), "\(endless)")
        let silence = try site.ask([
            "silences", "add", "--rule", "high", "--for", "1h", "--reason", "works", "--by", "li",
        ])
        #expect(silence.code == 0 && silence.output.contains("in_force"), "\(silence)")

        try site.publishVoltage(240, second: 0)
        try eventually("the alert is held back") {
            try site.ask(["alerts", "show", "1"]).output.contains("silenced (silence 1)")
        }
        #expect(try told("firing") == 0)
        #expect(try site.ask(["silences"]).output.contains("rule=high"))
        #expect(site.stop(daemon) == 0)
        daemon = try site.start()
        #expect(try told("firing") == 0)
        let end = try site.ask(["silences", "end", "1"])
        #expect(end.code == 0 && end.output.contains("over"), "\(end)")
        try eventually("what is still wrong is told") { try told("firing") == 1 }
        #expect(try site.ask(["silences", "end", "1"]).errors.contains("there is no silence 1, or it is over"))
        #expect(try site.ask(["silences"]).output.contains("nothing is silenced"))

        for words in [
            ["alerts", "comment", "1", "the meter is wet"], ["alerts", "assign", "1", "wang", "--note", "look at it"],
            ["alerts", "shelve", "1", "--for", "1h"],
        ] {
            let deed = try site.ask(words)
            #expect(deed.code == 0, "\(deed)")
        }
        try site.publishVoltage(220, second: 1)
        try eventually("the end is held back") {
            try site.ask(["alerts", "show", "1"]).output.contains("put aside (silence 2)")
        }
        #expect(try told("resolved") == 0)
        #expect(try site.ask(["alerts", "unshelve", "1"]).code == 0)
        try eventually("and told") { try told("resolved") == 1 }
        let again = try site.ask(["alerts", "unshelve", "1"])
        #expect(again.code == 64 && again.errors.contains("alert 1 is not put aside"), "\(again)")
        // With a number that was mistyped it would hold back what comes next.
        let over = try site.ask(["alerts", "shelve", "1", "--for", "8h"])
        #expect(over.code == 64 && over.errors.contains("alert 1 is over"), "\(over)")
        let story = try site.ask(["alerts", "show", "1"]).output
        for words in [
            "writes: the meter is wet", "given to wang by", ": look at it", "put aside until", "put aside no more",
        ] {
            #expect(story.contains(words), "\(words) in \(story)")
        }
        #expect(try told("firing") == 1)
        #expect(site.stop(daemon) == 0)
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
