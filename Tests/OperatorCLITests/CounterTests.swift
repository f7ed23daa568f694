import Basics
import Contract
import Foundation
import Store
import Telemetry
import Testing
import TestSupport

@testable import OperatorCLI

/// What people and programs see of a meter, asked of the files.
@Suite("Counters on the command line")
struct CounterTests {
    private let folder = TemporaryDirectory()
    private var store: String { folder.path + "/store" }
    private static let span = ["--since", "2026-03-15T12:00:00Z", "--until", "2026-03-15T13:00:00Z"]

    /// A meter that sends a zero after a reboot, and rain.
    private func makeStore() throws {
        let journal = try Journal.open(StoreOptions(folder: store))
        defer { journal.close() }
        let noon = Timestamp(milliseconds: 1_773_576_000_000)  // 2026-03-15T12:00:00Z
        let device = journal.registry.intern(device: "m1", profile: "meter")!
        let words = ["active_energy_import", "precipitation"].map { Quantity(named: $0)! }
        let series = words.map { journal.registry.intern(device: device, quantity: $0, channel: .none)! }
        for (step, value) in [12345.1, 12345.2, 0, 12345.3, 12345.4].enumerated() {
            var batch = DecodedBatch()
            let at = noon + .seconds(step * 60)
            batch.readings = [
                Reading(series: series[0], observed: at, value: value),
                Reading(series: series[1], observed: at, value: 2),
            ]
            journal.registry.closeRow(batch.readings[...])
            _ = try journal.commit(batch, received: 1, now: at)
        }
    }

    private func baotu(_ arguments: [String]) throws -> Program {
        try Program(
            "baotu", arguments + ["--store", store], environment: ["LC_ALL": "C.UTF-8", "TZ": "UTC"], shell: "\"$@\"")
    }

    @Test("stats, query, history and latest show what it grew by, with digits in which that is seen")
    func tables() throws {
        try makeStore()
        let stats = try baotu(["stats", "m1", "active_energy_import", "--window", "1h"]).output
        #expect(stats.contains("increase") && !stats.contains("total"), "\(stats)")
        #expect(stats.contains("12345.4") && stats.contains(" 0.3 "), "\(stats)")
        #expect(
            try baotu(["query", "m1", "active_energy_import"] + Self.span).output == """
                device  channel  quantity              increase     last  count  unit
                m1               active_energy_import       0.3  12345.4      5  kWh

                """)
        let steps = try baotu(["history", "m1", "active_energy_import", "--step", "2m"] + Self.span).output
        let rows = steps.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(rows[0].suffix(2) == ["increase", "unit"])
        #expect(rows.dropFirst().map { $0[$0.count - 2] } == ["0.1", "0.1", "0.1"])
        #expect(rows.dropFirst().map { $0[7] } == ["12345.2", "12345.3", "12345.4"])
        #expect(try baotu(["latest", "m1", "active_energy_import"]).output.contains("12345.4"))
        #expect(try !baotu(["history", "m1", "precipitation", "--step", "2m"] + Self.span).output.contains("increase"))
        // Programs get the same columns whatever the quantity.
        let csv = try baotu(["history", "m1", "precipitation", "--step", "2m", "--format", "csv"] + Self.span).output
        #expect(csv.hasPrefix("start,quantity,channel,count,mean,min,max,last,standard_deviation,increase,unit\n"))
        let json = try JSONDecoder().decode(
            QueryAnswer.self, from: Data(try baotu(["query", "m1", "--format", "json"] + Self.span).output.utf8))
        #expect(
            json.groups.map { $0.total?.increase } == [0.3, nil] && json.groups.map { $0.total?.sum } == [nil, 10])
    }

    @Test(
        "a figure that a quantity does not have is refused with the one to ask for",
        arguments: [
            ("active_energy_import", ["--stats", "sum"], "ask for increase"),
            ("active_energy_import", ["--top", "3", "--order", "sum"], "ask for increase"),
            ("precipitation", ["--stats", "max,increase"], "ask for sum"),
            ("precipitation", ["--order", "increase"], "ask for sum"),
            ("active_power", ["--stats", "increase"], "only counters have an increase"),
        ])
    func refused(quantity: String, options: [String], sentence: String) throws {
        try makeStore()
        let answer = try baotu(["query", "m1", quantity] + options + Self.span)
        #expect(answer.code == 64 && answer.errors.contains(sentence), "\(answer.code ?? -1): \(answer.errors)")
    }
}
