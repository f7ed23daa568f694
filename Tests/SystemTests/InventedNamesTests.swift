import Contract
import Foundation
import Store
import Telemetry
import Testing
import TestSupport

@Suite("Invented names at a broker", .enabled(if: MosquittoServer.isExpected, "mosquitto is not installed"))
struct InventedNamesSystemTests {
    /// A gateway that knows no name takes about 60 MiB, built for tests; with windows for 500 series and 6000 names about
    /// 20 more.
    private static let residentMax = 160 << 20

    /// The most that a process ever had in memory, in bytes.
    private func residentPeak(of daemon: ChildProcess) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(daemon.id)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) }) << 10
    }

    @Test("end no gateway, over two restarts; real devices are heard, and what was refused is kept")
    func bounded() throws {
        // The broker stays: nothing of its own has to outlive it, and a copy of all for each message takes minutes.
        let site = try Site(brokerLines: ["max_queued_messages 0"])
        site.roster = "device,cadence\nlamp-0001,10s\n"
        site.limits =
            "devices: 6000, series: 6000, windowed_series: 500, new_names: {burst: 4000, per_minute: 60000}, new_names_per_topic: {burst: 300, per_minute: 60}"
        try site.configure()
        var daemon = try site.start()
        try site.waitUntilSubscribed()
        try site.publishVoltage(230, second: 0)
        // Each under a topic of its own, then all under one: SenML says in the payload whose values it has.
        let time = Site.firstTimestamp
        for life in 0..<3 {
            try site.publish(
                (0..<4000).map { ("lights/made-up-\(life)-\($0)/telemetry", #"{"ts":\#(time),"u":230}"#) }
                    + (0..<2000).map {
                        (
                            "senml/one",
                            #"[{"bn":"urn:dev:made:up-\#(life)-\#($0):","n":"temperature","u":"Cel","v":20}]"#
                        )
                    })
            try site.publishVoltage(231 + Double(life), second: 10 + life)
            let received = Int64((life + 1) * 6001 + 1)
            try eventually("all are received", seconds: 60) { try site.archive().status().received == received }
            let status = try site.archive().status()
            #expect(status.devices <= 6000 && status.series <= 6000 && status.rejected > 1000)
            #expect(try residentPeak(of: daemon) < Self.residentMax)
            let latest = try #require(try site.json(["latest", "lamp-0001"]) as? [[String: Any]])
            #expect(latest.contains { $0["value"] as? Double == 231 + Double(life) }, "\(latest)")
            let statistics = try #require(try site.json(["stats", "lamp-0001"]) as? [[String: Any]])
            #expect(statistics.contains { $0["last"] as? Double == 231 + Double(life) }, "\(statistics)")
            try eventually("the doctor tells") {
                let told = try site.ask(["doctor", "--format", "table"]).output
                // Where no room is left, nobody asks how fast they come.
                let isTold = told.contains("came too fast") || told.contains("of at most 6000")
                return isTold && told.contains("found no room for windows")
            }
            let rejects = try site.ask(["rejects", "--reason", "new-names", "--format", "table"])
            #expect(rejects.code == 0 && rejects.output.contains("new-names"), "\(rejects)")
            if life < 2 {
                // Once as a crash, once in order.
                if life == 0 { daemon.end(with: SIGKILL) } else { #expect(site.stop(daemon) == 0, "\(site.log)") }
                daemon = try site.start()
                #expect(site.lines(with: "not all series find room").count == 1, "\(site.log)")
                #expect(try residentPeak(of: daemon) < Self.residentMax)
            }
        }
        #expect(site.stop(daemon) == 0, "\(site.log)")
    }
}
