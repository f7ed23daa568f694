import Testing

@testable import City

@Suite("Where categories of the air begin")
struct AirCategoryTests {
    @Test(
        "beyond its ceiling a mean is of the category or worse, and up to it of a better one",
        arguments: AirStandard.allCases)
    func ceilings(standard: AirStandard) throws {
        var found = 0
        for report in AirReport.allCases {
            for indicator in standard.indicators(report) {
                for category in standard.categories.dropFirst() {
                    for unit in AirUnit.allCases {
                        guard let ceiling = standard.ceiling(below: category.level, of: indicator, in: unit) else {
                            continue
                        }
                        found += 1
                        func level(_ concentration: Double) throws -> Int {
                            let value = AirConcentration(try #require(ExactDecimal(calculated: concentration)), unit)
                            return standard.subIndex(of: indicator, value).category?.level ?? 0
                        }
                        #expect(
                            try level(ceiling * 0.99999) < category.level,
                            "\(indicator) \(category.name) \(ceiling) \(unit)")
                        #expect(
                            try level(ceiling * 1.0001) >= category.level,
                            "\(indicator) \(category.name) \(ceiling) \(unit)")
                    }
                }
            }
        }
        #expect(found > 10)
    }

    @Test("a mean that a standard lets decide no further has no ceiling there")
    func none() {
        // SO2 1 h says no more than 200; HJ 633-2026.
        #expect(
            AirStandard.hj633of2026.ceiling(below: 5, of: AirIndicator(.so2, .hour), in: .microgramsPerCubicMetre)
                == nil)
        #expect(
            AirStandard.hj633of2026.ceiling(below: 4, of: AirIndicator(.so2, .hour), in: .microgramsPerCubicMetre)
                != nil)
        #expect(AirStandard.usEPA2024.ceiling(below: 6, of: AirIndicator(.o3, .eightHours), in: .ppb) == nil)
        #expect(AirStandard.hj633of2026.ceiling(below: 2, of: AirIndicator(.pm2_5, .hour), in: .ppb) == nil)
        #expect(AirStandard.allCases.allSatisfy { $0.categories.map(\.level) == Array(1...6) })
    }
}
