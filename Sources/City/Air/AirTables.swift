/// A step of an index with its names and its colour.
public struct AirCategory: Hashable, Sendable {
    /// From 1, the best, to 6.
    public let level: Int
    /// In English, as the standard's table or its translation has it.
    public let name: String
    /// As the standard writes it; nil where it is English.
    public let localName: String?
    /// `#00E400`; nil where the standard has none.
    public let colour: String?
}

/// The tables of the standards, read once.
enum AirTables {
    /// HJ 633: points of a line, by their concentrations.
    struct Line: Sendable {
        let unit: AirUnit
        var points: [(index: Int, concentration: ExactDecimal)] = []
    }

    /// US EPA: bands with gaps between, which the truncation of concentrations closes.
    struct Bands: Sendable {
        struct Band: Sendable {
            let concentrations: ClosedRange<ExactDecimal>
            let indices: ClosedRange<Int>
        }
        let unit: AirUnit
        let decimals: Int
        var bands: [Band] = []
    }

    /// The European bands and the levels of the WHO: a value is in the first step whose upper end it does not pass.
    struct Steps: Sendable {
        let unit: AirUnit
        /// In rising order, without the open last one.
        var ends: [(category: AirCategory, end: ExactDecimal)] = []
        /// What is above all ends.
        var last: AirCategory?
    }

    static let line2012 = lines(FactTable(embedded: PackageResources.cn_hj633_2012_iaqi_csv, "cn_hj633_2012_iaqi.csv"))
    static let line2026 = lines(FactTable(embedded: PackageResources.cn_hj633_2026_iaqi_csv, "cn_hj633_2026_iaqi.csv"))
    static let us2012 = bands(
        FactTable(embedded: PackageResources.us_epa_pm25_2012_2024_csv, "us_epa_pm25_2012_2024.csv"))
    private static let usFacts = FactTable(embedded: PackageResources.us_epa_aqi_2024_csv, "us_epa_aqi_2024.csv")
    static let us2024 = bands(usFacts)
    static let eaqi2025 = europeanSteps(FactTable(embedded: PackageResources.eu_eaqi_2025_csv, "eu_eaqi_2025.csv"))
    static let who2021 = guidelineSteps(FactTable(embedded: PackageResources.who_2021_csv, "who_2021.csv"))

    /// With the index up to which each reaches; the last is open.
    static let chineseCategories: [(category: AirCategory, indexMax: Int?)] =
        FactTable(embedded: PackageResources.cn_hj633_categories_csv, "cn_hj633_categories.csv").rows.map { row in
            let category = AirCategory(
                level: row.integer("level"), name: row["name_en"], localName: row["name_zh"], colour: row["rgb_hex"])
            return (category, row["aqi_hi"].isEmpty ? nil : row.integer("aqi_hi"))
        }

    /// PM2.5 has all categories; the last goes on above 500.
    static let americanCategories: [(category: AirCategory, indexMax: Int?)] = {
        let rows = usFacts.rows.filter { $0["pollutant"] == "pm25" }
        return rows.enumerated().map { index, row in
            let category = AirCategory(
                level: index + 1, name: row["category"], localName: nil, colour: row["rgb_hex"])
            return (category, index == rows.count - 1 ? nil : row.integer("aqi_hi"))
        }
    }()

    // MARK: Reading

    private static func pollutant(_ name: some StringProtocol, _ table: FactTable) -> AirPollutant {
        guard let pollutant = AirPollutant(tableName: String(name)) else {
            preconditionFailure("\(table.name): there is no pollutant \(name)")
        }
        return pollutant
    }

    private static func indicator(_ row: FactTable.Row, _ table: FactTable) -> AirIndicator {
        guard let averaging = AirAveraging(rawValue: row["averaging"]) else {
            preconditionFailure("\(table.name): there is no mean over \(row["averaging"])")
        }
        return AirIndicator(pollutant(row["pollutant"], table), averaging)
    }

    private static func unit(_ row: FactTable.Row, _ table: FactTable) -> AirUnit {
        guard let unit = AirUnit(rawValue: row["unit"]) else {
            preconditionFailure("\(table.name): there is no unit \(row["unit"])")
        }
        return unit
    }

    private static func lines(_ table: FactTable) -> [AirIndicator: Line] {
        var lines: [AirIndicator: Line] = [:]
        for column in table.columns.dropFirst() {
            let parts = column.split(separator: "_")
            guard parts.count == 3, let averaging = AirAveraging(rawValue: String(parts[1])),
                let unit: AirUnit = ["ugm3": .microgramsPerCubicMetre, "mgm3": .milligramsPerCubicMetre][parts[2]]
            else { preconditionFailure("\(table.name): there is no column \(column)") }
            var line = Line(unit: unit)
            for row in table.rows {
                guard let concentration = row.decimalIfAny(column) else { continue }
                line.points.append((row.integer(table.columns[0]), concentration))
            }
            precondition(
                zip(line.points, line.points.dropFirst()).allSatisfy {
                    $0.index < $1.index && $0.concentration < $1.concentration
                } && line.points.first?.concentration == .zero, "\(table.name): \(column) does not rise from zero")
            lines[AirIndicator(pollutant(parts[0], table), averaging)] = line
        }
        return lines
    }

    private static func bands(_ table: FactTable) -> [AirIndicator: Bands] {
        var all: [AirIndicator: Bands] = [:]
        for row in table.rows {
            let indicator = indicator(row, table)
            let unit = unit(row, table)
            let low = row.decimal("conc_lo")
            let (high, first, last) = (row.decimal("conc_hi"), row.integer("aqi_lo"), row.integer("aqi_hi"))
            let before = all[indicator]?.bands.last
            precondition(
                low < high && first < last && before.map { $0.concentrations.upperBound < low } ?? true,
                "\(table.name): the bands of \(indicator) do not rise")
            all[indicator, default: Bands(unit: unit, decimals: row.integer("truncate_decimals"))].bands
                .append(Bands.Band(concentrations: low...high, indices: first...last))
        }
        return all
    }

    /// The colours are those of the EEA's map, as two published implementations have them; the table has none.
    private static let europeanColours = ["#50F0E6", "#50CCAA", "#F0E641", "#FF5050", "#960032", "#7D2181"]

    private static func europeanSteps(_ table: FactTable) -> [AirIndicator: Steps] {
        var all: [AirIndicator: Steps] = [:]
        for row in table.rows {
            let indicator = indicator(row, table)
            let level = row.integer("band")
            precondition((1...6).contains(level), "\(table.name): there is no band \(level)")
            let category = AirCategory(
                level: level, name: row["name"], localName: nil, colour: europeanColours[level - 1])
            let unit = unit(row, table)
            if let end = row.decimalIfAny("le") {
                all[indicator, default: Steps(unit: unit)].ends.append((category, end))
            } else {
                all[indicator, default: Steps(unit: unit)].last = category
            }
        }
        for (indicator, steps) in all { check(steps, indicator, table) }
        return all
    }

    private static func guidelineSteps(_ table: FactTable) -> [AirIndicator: Steps] {
        var all: [AirIndicator: Steps] = [:]
        for row in table.rows {
            let indicator = indicator(row, table)
            var steps = Steps(unit: unit(row, table))
            for (index, column) in ["aqg", "it4", "it3", "it2", "it1"].enumerated() {
                guard let end = row.decimalIfAny(column) else { continue }
                let name = index == 0 ? "guideline level met" : "interim target \(5 - index) met"
                steps.ends.append((AirCategory(level: index + 1, name: name, localName: nil, colour: nil), end))
            }
            steps.last = AirCategory(level: 6, name: "above interim target 1", localName: nil, colour: nil)
            check(steps, indicator, table)
            all[indicator] = steps
        }
        return all
    }

    private static func check(_ steps: Steps, _ indicator: AirIndicator, _ table: FactTable) {
        precondition(
            !steps.ends.isEmpty && steps.last != nil
                && zip(steps.ends, steps.ends.dropFirst()).allSatisfy { $0.end < $1.end },
            "\(table.name): the steps of \(indicator) do not rise")
    }
}
