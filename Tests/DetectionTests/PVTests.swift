import Basics
import Telemetry
import Testing

@testable import Detection

/// A fault counts as found when an alert lies on its rows or at most `delay` rows behind the last of them.
@Suite("faults of solar plants")
struct PVTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var name: String
        var faults: Int
        /// In rows: a spike is told by the reading after it, a shift with the first reading after six days.
        var delay: Int
        var part: String
        var testDescription: String { name }
    }

    static let cases = [
        Case(name: "ac_power_inv_7539_outliers", faults: 6, delay: 1, part: "spike"),
        Case(name: "ac_power_inv_2173_stale_data", faults: 3, delay: 0, part: "flat_line"),
        Case(name: "pvlib_data_shift", faults: 1, delay: 6, part: "level_shift"),
    ]

    private static func file(_ name: String) throws -> PVFile {
        try PVFile.load("\(Samples.fixtures)/pv/\(name).csv", label: 2)
    }

    private static func isFound(_ fault: ClosedRange<Int>, _ rows: some Sequence<Int>, _ delay: Int) -> Bool {
        rows.contains { fault.lowerBound <= $0 && $0 <= fault.upperBound + delay }
    }

    @Test("all are found by the rule made for them", arguments: cases)
    func found(fault: Case) throws {
        let file = try Self.file(fault.name)
        let told = Samples.anomalies(file.times, file.values, DetectorSettings(tier: nil, rules: PlausibilityRules()))
            .filter { $0.value.part == fault.part }.keys
        #expect(file.faults.count == fault.faults)
        for rows in file.faults { #expect(Self.isFound(rows, told, fault.delay), "rows \(rows)") }
    }

    @Test(
        "at most 2 false alerts in 1,000 rows, by the rules alone and beside the tiers meant for the sun",
        arguments: cases)
    func falseAlerts(fault: Case) throws {
        let file = try Self.file(fault.name)
        for tier in [nil, DetectorTier.daily, .full] {
            let told = Samples.anomalies(
                file.times, file.values, DetectorSettings(tier: tier, rules: PlausibilityRules()))
            let wrong = told.keys.filter { row in !file.faults.contains { Self.isFound($0, [row], fault.delay) } }
            let perThousand = Double(wrong.count) * 1000 / Double(file.values.count)
            let name = tier.map { "\($0)" } ?? "rules alone"
            let found = file.faults.count { Self.isFound($0, told.keys, fault.delay) }
            print(
                "PV, \(fault.name), \(name): \(found) of \(file.faults.count) found, \(wrong.count) false alerts, "
                    + "\(perThousand) per 1,000")
            #expect(found == fault.faults, "\(name)")
            #expect(perThousand <= 2, "\(name): \(wrong.sorted())")
        }
    }

    @Test("interpolated stretches of six readings or more that are not at rest are found, but for one in the warm-up")
    func interpolated() throws {
        guard let folder = Samples.dataFolder else { return }
        let file = try PVFile.load(folder + "/pv/ac_power_inv_2173_interpolated_data.csv", label: 2)
        let told = Samples.anomalies(file.times, file.values, DetectorSettings(tier: nil, rules: PlausibilityRules()))
        let lines = told.filter { $0.value.part == "straight_line" }.keys
        let found = file.faults.count { Self.isFound($0, lines, 0) }
        // Two are single rows, one is a night of zeros.
        #expect(file.faults.count == 12 && found == 9)
        #expect(lines.allSatisfy { row in file.faults.contains { $0.contains(row) } })
    }

    /// Files without labels: what is told there is at worst false.
    @Test(
        "little is told of plants that nobody labelled",
        arguments: [
            ("serf_east_15min_ac_power", 1), ("midc_bms_ghi_20220120", 1), ("nrel_1axis_tracker_mesa_ac_power", 1),
            ("pvdaq_system4_module_temp_2015", 1), ("irradiance_RMIS_NREL", 3), ("nrel_RSF_II", 1),
            ("serf_west_15min", 2),
        ])
    func unlabelled(name: String, column: Int) throws {
        guard let folder = Samples.dataFolder else { return }
        let file = try PVFile.load("\(folder)/pv/\(name).csv", value: column)
        let rules = Samples.anomalies(file.times, file.values, DetectorSettings(tier: nil, rules: PlausibilityRules()))
        let full = Samples.anomalies(file.times, file.values, DetectorSettings(tier: .full, rules: PlausibilityRules()))
        print("PV, \(name): rules \(rules.count), with the full tier \(full.count) alerts in \(file.values.count) rows")
        #expect(rules.count * 1000 <= 2 * file.values.count)
        #expect(full.count * 1000 <= 4 * file.values.count)
    }
}
