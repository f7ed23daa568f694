import Basics
import Contract
import Foundation
import Store
import Telemetry
import Testing
import TestSupport

@Suite("SIGHUP", .enabled(if: MosquittoServer.isExpected, "mosquitto is not installed"))
struct ReloadTests {
    /// The readings of these tests are minutes old when they come, which raises nothing unless the rule says so.
    private static func rule(_ name: String, above volts: Int) -> String {
        "rules:\n- rule: \(name)\n  threshold: {quantity: voltage, above: \(volts), stale: 6h}\n"
    }

    private func alerts(_ site: Site) throws -> [String] {
        try site.archive().alerts().map { "\($0.rule) \($0.about) \($0.phase.rawValue)" }
    }

    @Test("puts changed rules in force, and ends the alerts of those that are gone")
    func rules() throws {
        let site = try Site()
        site.rules = Self.rule("high", above: 250)
        try site.configure()
        let daemon = try site.start()
        try site.publishVoltage(240, second: 0)
        try site.waitUntilCommitted(1)
        #expect(try alerts(site) == [])

        site.rules = Self.rule("higher-than-usual", above: 230)
        try site.configure()
        daemon.signal(SIGHUP)
        try site.waitForLog("reloaded ")
        #expect(site.lines(with: "reloaded ").first?.contains("rules=1") == true)
        try site.publishVoltage(241, second: 1)
        try eventually("the new rule fires") { try alerts(site) == ["higher-than-usual lamp-0001 firing"] }

        site.rules = Self.rule("high", above: 250)
        try site.configure()
        daemon.signal(SIGHUP)
        try eventually("the alert is over with its rule") {
            try alerts(site) == ["higher-than-usual lamp-0001 resolved"]
        }
        #expect(site.stop(daemon) == 0)
    }

    @Test("with mistakes names each with its file and line, and leaves everything as it was")
    func mistakes() throws {
        let site = try Site()
        site.devicesFolder = site.path("Devices")
        site.rules = Self.rule("high", above: 230)
        site.roster = "device,cadence\nlamp-0001,10s\n"
        try site.configure()
        try FileManager.default.copyItem(
            atPath: Programs.repository.appending(path: "Devices").path, toPath: site.devicesFolder)
        let daemon = try site.start()
        try site.waitUntilSubscribed()

        site.rules =
            "rules:\n- rule: high\n  threshold: {quantity: voltige, above: 230}\n- rule: other\n  absense: {}\n"
        site.roster = "device,cadence\nlamp-0001,often\n,10s\n"
        try site.configure()
        let profile = "Devices/lighting/streetlight-controller/profile.yaml"
        let text = try String(contentsOfFile: site.path(profile), encoding: .utf8)
        try site.write(text.replacing("unit: V}", with: "unit: parsec}"), to: profile)
        let line =
            text.split(separator: "\n", omittingEmptySubsequences: false).firstIndex { $0.contains("unit: V}") }! + 1
        daemon.signal(SIGHUP)
        try site.waitForLog("the old profiles, rules and roster stay in force")
        let said = site.lines(with: "not reloaded")
        for place in [
            "alerts.yaml:3: rules[0].threshold.quantity: 'voltige'", "alerts.yaml:5:", "roster.csv:2: cadence: 'often'",
            "roster.csv:3: device", "\(profile):\(line):",
        ] {
            #expect(said.contains { $0.contains(place) }, "\(place) among \(said)")
        }

        // Told until a later one succeeds, and the order says the same with an exit code of its own.
        #expect(try site.ask(["status"]).output.contains("REFUSED"))
        #expect(try site.ask(["doctor"]).output.contains("the reload at "))
        let refused = try site.ask(["reload"])
        #expect(refused.code == 78)
        #expect(refused.errors.contains("alerts.yaml:3: rules[0].threshold.quantity: 'voltige'"))
        #expect(refused.errors.contains("the old profiles, rules and roster stay in force"))

        // The old rule, the old profile, and the old roster.
        try site.publishVoltage(241, of: "lamp-0002", second: 0)
        try eventually("the old rule fires") { try alerts(site) == ["high lamp-0002 firing"] }
        #expect(
            try site.archive().devices(at: Timestamp(milliseconds: 0)).filter(\.expected).map(\.device) == ["lamp-0001"]
        )
        #expect(site.lines(with: "reloaded ").allSatisfy { $0.contains("not reloaded ") })
        #expect(site.stop(daemon) == 0)
    }

    @Test("with a mistake in the configuration file itself names it too")
    func configurationMistake() throws {
        let site = try Site()
        try site.configure()
        let daemon = try site.start()
        site.mqtt = "keep_alive: 1s"
        try site.configure()
        daemon.signal(SIGHUP)
        try site.waitForLog("the old profiles, rules and roster stay in force")
        #expect(site.lines(with: "baotu.yaml:1: mqtt.keep_alive: '1s'").count == 1, "\(site.log)")
        #expect(site.stop(daemon) == 0)
    }

    @Test("changes the roster: who is new is expected, who is gone is not")
    func roster() throws {
        let site = try Site()
        site.roster = "device,cadence,area\nlamp-0001,10s,Lixia\nlamp-0002,10s,Lixia\n"
        try site.configure()
        let daemon = try site.start()
        func expected() throws -> [String] {
            try site.archive().devices(at: Timestamp(milliseconds: 0)).filter(\.expected).map {
                "\($0.device) \($0.area)"
            }.sorted()
        }
        #expect(try expected() == ["lamp-0001 Lixia", "lamp-0002 Lixia"])
        site.roster = "device,cadence,area\nlamp-0002,10s,Shizhong\nlamp-0003,10s,Lixia\n"
        try site.configure()
        daemon.signal(SIGHUP)
        try site.waitForLog("reloaded ")
        #expect(try expected() == ["lamp-0002 Shizhong", "lamp-0003 Lixia"])
        #expect(site.stop(daemon) == 0)
    }

    @Test("takes up a device family that was put into the folder")
    func profiles() throws {
        let site = try Site()
        site.devicesFolder = site.path("Devices")
        try site.configure()
        try FileManager.default.createDirectory(
            atPath: site.path("Devices/weather/mast"), withIntermediateDirectories: true)
        let daemon = try site.start()
        try site.publish([("masts/m1", #"{"v":230.5}"#)])
        try eventually("a reject") { try site.archive().status().rejected == 1 }
        #expect(
            try site.archive().rejects(RejectsRequest(limit: 10)).rejects.map(\.reason) == ["unknown-topic"])
        try site.write(
            "profile: mast\nrules:\n- topic: \"masts/{device}\"\n  device: \"{device}\"\n  read: {voltage: {from: /v, unit: V}}\n",
            to: "Devices/weather/mast/profile.yaml")
        daemon.signal(SIGHUP)
        try site.waitForLog("reloaded profiles=1")
        try site.publish([("masts/m1", #"{"v":231.5}"#)])
        try site.waitUntilCommitted(1)
        #expect(try site.archive().latest().map { "\($0.device) \($0.quantity) \($0.value)" } == ["m1 voltage 231.5"])
        #expect(site.stop(daemon) == 0)
    }

    @Test("names the keys that take a restart")
    func restart() throws {
        let site = try Site()
        try site.configure()
        let daemon = try site.start()
        site.storeSettings = "seal_every: 3h"
        try site.configure()
        let reloaded = try site.ask(["reload"])
        #expect(reloaded.code == 0)
        #expect(reloaded.errors.contains("not in force until a restart: store.seal_every"), "\(reloaded)")
        try site.waitForLog("a changed key takes a restart key=store.seal_every")
        #expect(try site.ask(["status"]).output.contains("store.seal_every"))
        #expect(try site.ask(["doctor"]).output.contains("store.seal_every"))
        let json = try site.json(["status"]) as? [String: Any]
        #expect((json?["live"] as? [String: Any])?["restart_needed"] as? [String] == ["store.seal_every"])
        #expect(try site.ask(["status", "--format", "csv"]).output.contains("live.restart_needed,store.seal_every"))
        site.storeSettings = ""
        try site.configure()
        #expect(try site.ask(["reload"]).errors == "")
        #expect(try !site.ask(["doctor"]).output.contains("store.seal_every"))
        #expect(site.stop(daemon) == 0)
    }

    /// The loader's own time is not the program's: what is before it has run no line of it.
    @Test("before the runtime has begun ends nothing, start after start")
    func earliest() throws {
        for _ in 0..<40 {
            let daemon = try ChildProcess(Programs.daemon, ["--version"])
            var isIgnored = false
            while daemon.isRunning {
                let status = (try? String(contentsOfFile: "/proc/\(daemon.id)/status", encoding: .utf8)) ?? ""
                let mask = status.firstMatch(of: /SigIgn:\t([0-9a-f]+)/).flatMap { UInt64($0.1, radix: 16) }
                isIgnored = isIgnored || (mask ?? 0) & 1 == 1
                if isIgnored { daemon.signal(SIGHUP) }
            }
            #expect(daemon.wait(seconds: 15) == 0)
        }
    }

    @Test(
        "is ignored by what the loader runs first of all, before any library",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/readelf")))
    func preinit() throws {
        let sections = try Program("/usr/bin/readelf", ["-SW", Programs.daemon])
        try #require(sections.code == 0)
        #expect(sections.output.contains(".preinit_array"))
    }

    @Test("at any moment of the start ends nothing")
    func early() throws {
        let site = try Site()
        try site.configure()
        let daemon = try site.launch()
        // From the first line of its program on, until it is ready: what is before it belongs to the loader.
        try eventually("the program has begun", seconds: 60) {
            let status = try String(contentsOfFile: "/proc/\(daemon.id)/status", encoding: .utf8)
            // Ignored at first, and caught a little later.
            return status.split(separator: "\n").contains { line in
                guard line.hasPrefix("SigIgn:") || line.hasPrefix("SigCgt:") else { return false }
                let mask = line.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) }
                return mask.map { $0 & 1 == 1 } ?? false
            }
        }
        try eventually("ready") {
            daemon.signal(SIGHUP)
            guard daemon.isRunning else { throw Failure(description: "SIGHUP ended the daemon:\n\(site.log)") }
            return site.log.contains("ready\n")
        }
        try site.waitForLog("reloaded ")
        #expect(site.stop(daemon) == 0)
    }
}
