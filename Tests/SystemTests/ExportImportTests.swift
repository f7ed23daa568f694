import Basics
import Contract
import Foundation
import Store
import Telemetry
import Testing
import TestSupport

@Suite(
    "Export and import through a running gateway",
    .enabled(if: MosquittoServer.isExpected, "mosquitto is not installed"))
struct ExportImportTests {
    @Test("what one gateway exports another imports while it is live, and exports with the same bytes")
    func throughDaemons() throws {
        let month = Site.firstTimestamp - 30 * 86_400_000
        var text = "observed,device,quantity,channel,unit,value\n"
        for device in 0..<3 {
            for quantity in ["voltage,,V", "active_power,l1,W"] {
                for step in 0..<5000 {
                    let at = Timestamp(milliseconds: month + Int64(step) * 60_000)
                    let time =
                        at.description.hasSuffix(".000Z") || !at.description.contains(".")
                        ? at.description.replacing("Z", with: ".000Z") : at.description
                    text += "\(time),pole-\(device),\(quantity),\(Double(step % 700) / 4)\n".replacing(
                        ".0\n", with: "\n")
                }
            }
        }
        let site = try Site()
        site.rules = "rules:\n- rule: low\n  threshold: {quantity: voltage, below: 180, stale: 6h}\n"
        try site.configure()
        let file = try site.write(text, to: "in.csv")
        let daemon = try site.start()
        try site.waitUntilSubscribed()
        try site.publishVoltage(230, second: 0)
        let imported = try site.ask(["import", file])
        #expect(imported.code == 0, "\(imported.errors)")
        #expect(imported.output == "\(file): 30,000 fresh, 0 duplicates, 0 corrected, 0 refused\n")
        // A live reading of a device that the import named: now it is heard, and still by no old value alarmed.
        try site.publishVoltage(231, second: 1)
        try eventually("the live readings are in") { try site.archive().status().committed == 30_002 }
        let exported = try site.ask(["export", "--device", "pole-*", "--output", site.path("out.csv")])
        #expect(exported.code == 0, "\(exported.errors)")
        #expect(try String(contentsOfFile: site.path("out.csv"), encoding: .utf8) == text)
        #expect(try site.archive().alerts().isEmpty)
        #expect(
            try site.archive().devices(DeviceFilter(device: "pole-1"), at: Timestamp(milliseconds: 0)).first?.lastHeard
                == nil)
        #expect(
            try site.ask(["import", file]).output == "\(file): 0 fresh, 30,000 duplicates, 0 corrected, 0 refused\n")
        #expect(try site.ask(["export", "--device", "nobody"]).code == 1)
        #expect(site.stop(daemon) == 0)
        let offline = try site.ask(["export", "--device", "pole-*"], ofFiles: true)
        #expect(offline.output == text)
        let down = try site.ask(["export", "--output", site.path("none.csv")])
        #expect(down.code == 69)
        #expect(!FileManager.default.fileExists(atPath: site.path("none.csv")))
    }
}
