import Basics
import Contract
import Foundation
import Store
import Telemetry
import Testing
import TestSupport

@testable import OperatorCLI

/// History that is older than the gateway comes in, and what should not have come in goes out.
@Suite("Old readings and wrong ones")
struct ForgetCommandTests {
    private let folder = TemporaryDirectory()
    private func path(_ name: String) -> String { folder.path + "/" + name }
    private func write(_ text: String, _ name: String) throws -> String {
        try text.write(toFile: path(name), atomically: false, encoding: .utf8)
        return path(name)
    }

    private static let profile = """
        profile: bj-csv
        sources: ["UCI Beijing Multi-Site Air Quality"]
        rules:
        - topic: "csv/beijing/{device}"
          format: split
          device: "bj-{device}"
          time: [{at: /0, as: iso, zone: "+08:00"}]
          read: {pm2_5: {from: /1, unit: ug/m3}, pm10: {from: /2, unit: ug/m3}}

        """

    @Test("an archive of 2013 is decoded at its own times")
    func decodes() throws {
        let devices = path("devices/bj")
        try FileManager.default.createDirectory(atPath: devices, withIntermediateDirectories: true)
        _ = try write(Self.profile, "devices/bj/profile.yaml")
        let run = try Program(
            "baotu", ["decode", "--devices", path("devices"), "--topic", "csv/beijing/a", "-"],
            input: "2013-03-01T00:00,4,5")
        #expect(run.code == 0)
        #expect(run.output.contains("\"timestamp\":\"2013-02-28T16:00:00Z\""))
        #expect(run.output.split(separator: "\n").count == 2)
        let before = try Program(
            "baotu", ["decode", "--devices", path("devices"), "--topic", "csv/beijing/a", "-"],
            input: "1970-01-02T07:59,4,5")
        #expect(before.code == 2)
        #expect(before.errors.contains("unusable-time: its time is 1970-01-01T23:59:00Z, before 1970-01-02T00:00:00Z"))
    }

    @Test(
        "readings of 2013 are imported, found and summed up, and a bad import goes out again with a line in the ledger")
    func importsAndForgets() throws {
        let header = "observed,device,quantity,channel,unit,value\n"
        let begin = try #require(Timestamp(iso8601: "2013-03-01T00:00:00Z"))
        let rows = (0..<48).map { "\(begin + .seconds($0 * 3600)),bj-a,pm2_5,,ug/m3,\($0)\n" }
        let now = presentMoment()
        let recent = (1...60).map { "\(now - .seconds($0)),bj-a,pm2_5,,ug/m3,\($0 <= 10 ? 500 : 20)\n" }
        let store = path("store")
        let file = try write(header + rows.joined() + recent.joined(), "in.csv")
        let taken = try Program("baotu", ["import", "--store", store, file])
        #expect(taken.code == 0 && taken.output.contains("108 fresh"))
        let source = try StoreSource(folder: store)
        func days() throws -> [Int] {
            try source.answer(
                HistoryRequest(
                    device: "bj-a", since: begin, until: begin + .seconds(3 * 86_400), step: .seconds(86_400))
            ).series[0].buckets.map(\.count)
        }
        #expect(try days() == [24, 24])
        let export = try Program(
            "baotu", ["export", "--store", store, "--since", "2013-03-01", "--until", "2014-01-01", "--format", "csv"])
        #expect(export.output.split(separator: "\n").count == 49)

        let arguments = ["store", "forget", "--store", store, "--device", "bj-a", "--quantity", "pm2_5"]
        let span = ["--since", "2013-03-02T00:00:00Z", "--until", "2013-03-03T00:00:00Z"]
        let shown = try Program("baotu", arguments + span + ["--format", "csv"])
        #expect(shown.code == 0)
        #expect(
            shown.output.split(separator: "\n").last
                == "bj-a,pm2_5,,24,2013-03-02T00:00:00Z,2013-03-02T23:00:00Z")
        #expect(shown.errors.contains("nothing was changed: --yes takes these 24 readings out"))
        #expect(try days() == [24, 24])
        let done = try Program("baotu", arguments + span + ["--by", "anna", "--yes"])
        #expect(done.code == 0 && done.errors.contains("24 readings were taken out"))
        #expect(try days() == [24])
        let ledger = try Program("baotu", ["store", "ledger", "--store", store, "--format", "csv"])
        #expect(ledger.output.contains("24 readings of bj-a pm2_5 were taken out by anna"))
        let empty = try Program("baotu", arguments + span + ["--yes"])
        #expect(empty.code == 0 && empty.output.contains("no readings of bj-a in this span"))

        // The windows that the gateway goes on with follow.
        func most() throws -> [Double?] {
            try source.answer(StatisticsRequest(device: "bj-a", window: .seconds(86_400))).map(\.max)
        }
        #expect(try most() == [500])
        let end = ["--since", "\(now - .seconds(10))", "--until", "\(now)"]
        #expect(try Program("baotu", arguments + end + ["--yes"]).code == 0)
        #expect(try most() == [20])
        #expect(try source.answer(LatestRequest()).map(\.value) == [20])
    }

    @Test(
        "spans that are none and names that nothing has are refused, and a store that a gateway has open is left alone")
    func refuses() throws {
        let store = path("store")
        let journal = try Journal.open(StoreOptions(folder: store))
        defer { journal.close() }
        var batch = DecodedBatch()
        let device = journal.registry.intern(device: "lamp", profile: "p")!
        let series = journal.registry.intern(device: device, quantity: Quantity(named: "voltage")!, channel: .none)!
        let noon = Timestamp(milliseconds: 1_773_576_000_000)
        batch.readings = [Reading(series: series, observed: noon, value: 230)]
        journal.registry.closeRow(batch.readings[...])
        _ = try journal.commit(batch, received: 1, now: noon)
        func run(_ arguments: String...) throws -> Program {
            try Program("baotu", ["store", "forget", "--store", store] + arguments)
        }
        let all = ["--since", "2026-01-01", "--until", "2027-01-01"]
        let shown = try Program("baotu", ["store", "forget", "--store", store, "--device", "lamp"] + all)
        #expect(shown.code == 0 && shown.errors.contains("--yes takes this reading out"))
        let locked = try Program("baotu", ["store", "forget", "--store", store, "--device", "lamp", "--yes"] + all)
        #expect(locked.code == 1 && locked.errors.contains("is in use by process"))
        let reversed = try run("--device", "lamp", "--since", "2027-01-01", "--until", "2026-01-01")
        #expect(reversed.code == 64 && reversed.errors.contains("is not earlier than --until"))
        let unknown = try run("--device", "lamb", "--since", "2026-01-01", "--until", "2027-01-01")
        #expect(unknown.code == 1 && unknown.errors.contains("did you mean 'lamp'?"))
        let quantity = try run(
            "--device", "lamp", "--quantity", "voltag", "--since", "2026-01-01", "--until", "2027-01-01")
        #expect(quantity.code != 0 && quantity.errors.contains("did you mean 'voltage'?"))
        #expect(try run("--device", "lamp", "--since", "2026-01-01").code == 64)
    }
}
