import Basics
import Contract
import Foundation
import Store
import Telemetry
import Testing
import TestSupport

@Suite("A city and its gateway", .enabled(if: MosquittoServer.isExpected, "mosquitto is not installed"))
struct EndToEndTests {
    /// How long ago something was is another answer each time.
    private static func withoutAges(_ answer: Any) -> Any {
        switch answer {
        case let list as [Any]: list.map(withoutAges)
        case let fields as [String: Any]:
            fields.filter {
                !$0.key.hasSuffix("_seconds_ago") && !["open_seconds", "listened_seconds"].contains($0.key)
            }.mapValues(withoutAges)
        default: answer
        }
    }

    @Test("answer every question, and the files answer the same when the daemon is down")
    func answers() throws {
        let site = try Site(shippedBroker: ())
        site.roster = ""
        let city = [
            "city", "--port", "\(site.broker.port)", "--lamps", "20", "--air", "6", "--solar", "4", "--seed", "7",
            "--rate", "40",
        ]
        let listed = try site.run(Programs.fleet, city + ["--roster", site.path("roster.csv"), "--roster-only"])
        #expect(listed.code == 0, "\(listed.errors)")
        site.roster = try String(contentsOfFile: site.path("roster.csv"), encoding: .utf8)
        // The shipped rules with holds that a test can wait for.
        site.rules = try String(
            contentsOf: Programs.repository.appending(path: "Config/alerts.yaml"), encoding: .utf8
        ).replacing(#/hold: [0-9]+[ms]/#, with: "hold: 1s")
        site.mqtt = "broker_configuration: [\(site.broker.directory.path)/mosquitto.conf]"
        try site.configure()
        let daemon = try site.start()
        try site.waitUntilSubscribed()
        let played = try site.run(
            Programs.fleet,
            city + [
                "--duration", "5", "--fault-kind", "lamp-out", "--fault-after", "1", "--faults",
                site.path("faults.jsonl"),
            ])
        #expect(played.code == 0, "\(played.errors)")
        let report = try JSONSerialization.jsonObject(with: Data(played.output.utf8)) as? [String: Any]
        let published = try #require(report?["published"] as? Int)
        #expect(published > 100)
        try site.publish([("nobody/knows/this", "x")])
        try eventually("everything published is received") {
            try site.archive().status().received == published + 1
        }
        try eventually("the injected fault is an alert") {
            try site.archive().alerts().contains { $0.rule == "lamp-fault" && $0.phase == .firing }
        }
        try eventually("every alert has come to rest and is told") {
            let archive = try site.archive()
            let status = try archive.status()
            // The city says goodbye at its end, and who says that it is offline is absent from the next second on.
            let silent = try archive.alerts(AlertsRequest(phase: .firing, rule: "device-silent")).map(\.about)
            let offline = try archive.devices(at: Timestamp(milliseconds: 0)).filter { $0.lastStatus == "offline" }.map(
                \.device)
            guard offline.count > 0, Set(silent) == Set(offline) else { return false }
            return status.alertsPending == 0 && status.outboxPending == 0
        }

        let status = try #require(try site.json(["status"]) as? [String: Any])
        for key in [
            "received", "committed", "duplicates", "rejected", "late", "series", "devices", "alerts_firing",
            "journal_id", "corrected", "suspect", "ignored", "empty",
        ] {
            #expect(status[key] is Int, "status has no number '\(key)'")
        }
        #expect(status["devices"] as? Int == 30)
        #expect(status["devices_expected"] as? Int == 30)
        #expect(status["received"] as? Int == published + 1)
        #expect(status["rejected"] as? Int == 1)
        #expect(status["duplicates"] as? Int == 0)
        #expect(status["alerts_firing"] as? Int ?? 0 >= 1)
        #expect((status["live"] as? [String: Any])?["broker_connected"] as? Bool == true)

        let doctor = try site.ask(["doctor", "--format", "json"])
        #expect(doctor.code == 0 || doctor.code == 2, "\(doctor.errors)")
        let findings = try JSONDecoder().decode([Diagnosis].self, from: Data(doctor.output.utf8))
        #expect(Set(findings.map(\.check)) == ["broker", "disk", "clock", "pipeline", "messages", "scrub"])
        // The broker of the tests lets anybody in, and is of a version that may have its faults.
        let allowed = ["the broker lets any program on this machine in", "the broker is mosquitto version"]
        let told = findings.filter { finding in
            ["broker", "pipeline"].contains(finding.check) && finding.level != .good
                && !allowed.contains { finding.finding.hasPrefix($0) }
        }
        #expect(told.isEmpty, "\(told)")

        let since = "2026-01-01T00:00:00Z"
        let until = "2089-01-01T00:00:00Z"
        let device = try #require(try site.archive().alerts().first { $0.rule == "lamp-fault" }).about
        let questions = [
            ["devices"], ["devices", "--area", "Lixia"], ["latest"], ["latest", "air-*"],
            ["history", device, "--since", since, "--until", until],
            ["history", device, "voltage", "--since", since, "--until", until, "--step", "1s"],
            ["alerts"], ["alerts", "--all"], ["alerts", "show", "1"], ["rejects"],
        ]
        // The city has stopped: one after another its devices become absent. Asked until nothing changes any more.
        var live = try questions.map { try Self.withoutAges(site.json($0)) as! NSObject }
        for _ in 0..<100 {
            let again = try questions.map { try Self.withoutAges(site.json($0)) as! NSObject }
            if again == live { break }
            live = again
        }
        for (question, answer) in zip(questions, live) {
            // An answer that is empty would be equal to anything that is empty.
            let isFull = (answer as? [Any]).map { !$0.isEmpty } ?? ((answer as? [String: Any])?.isEmpty == false)
            #expect(isFull, "\(question) gave nothing")
            for format in ["table", "csv"] {
                let outcome = try site.ask(question + ["--format", format])
                #expect(outcome.code == 0 && outcome.output.contains("\n"), "\(question) \(outcome.errors)")
            }
        }
        let statistics = try statistics(site)
        #expect(statistics.count >= 30)

        #expect(site.stop(daemon) == 0, "\(site.log)")
        for (question, answer) in zip(questions, live) {
            let offline = try Self.withoutAges(site.json(question, ofFiles: true)) as? NSObject
            #expect(offline == answer, "\(question): \(String(describing: offline)) instead of \(answer)")
        }
        #expect(try self.statistics(site, ofFiles: true) == statistics)
        let down = try site.ask(["status"])
        #expect(down.code == 69)
        #expect(down.errors.contains("--store"))
    }

    /// The rolling statistics, without the moment up to which they reach and what follows from it: the daemon answers up
    /// to now, the files up to the last commit.
    private func statistics(_ site: Site, ofFiles: Bool = false) throws -> [StatisticsAnswer] {
        let outcome = try site.ask(["stats", "--format", "json"], ofFiles: ofFiles)
        #expect(outcome.code == 0, "\(outcome.errors)")
        return try JSONDecoder().decode([StatisticsAnswer].self, from: Data(outcome.output.utf8)).map { answer in
            var answer = answer
            answer.end = Timestamp(milliseconds: 0)
            (answer.timeWeightedMean, answer.expectedCount, answer.coverage) = (nil, nil, nil)
            return answer
        }
    }
}
