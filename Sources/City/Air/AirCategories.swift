import Basics

// Where categories begin, for rules that watch means of pollutants.
extension AirStandard {
    /// The categories by level, from the best; the levels of the WHO have names of their own.
    public var categories: [AirCategory] {
        func steps(_ all: [AirIndicator: AirTables.Steps]) -> [AirCategory] {
            let longest = all.values.max { $0.ends.count < $1.ends.count }
            return longest.map { $0.ends.map(\.category) + [$0.last!] } ?? []
        }
        switch self {
        case .hj633of2012, .hj633of2026: return AirTables.chineseCategories.map(\.category)
        case .usEPA2012, .usEPA2024: return AirTables.americanCategories.map(\.category)
        case .eaqi2025: return steps(AirTables.eaqi2025)
        case .who2021: return steps(AirTables.who2021)
        }
    }

    /// The greatest concentration of a category below `level`, to a millionth of the table's unit: beyond it the air is of that
    /// level or worse. In `unit`. nil where this mean never is, or the pollutant is not measured in the unit.
    public func ceiling(below level: Int, of indicator: AirIndicator, in unit: AirUnit) -> Double? {
        guard let tableUnit = self.unit(of: indicator) else { return nil }
        func concentration(_ millionths: Int) -> AirConcentration {
            AirConcentration(ExactDecimal(units: Int128(millionths) * (ExactDecimal.one / 1_000_000)), tableUnit)
        }
        func isReached(_ millionths: Int) -> Bool {
            subIndex(of: indicator, concentration(millionths)).category.map { $0.level >= level } ?? false
        }
        // No table goes so far. Where it ends before, and another mean decides, its end is the last that says something.
        var high = 100_000 * 1_000_000
        if case .aboveTable(let end, _)? = subIndex(of: indicator, concentration(high)).undefined {
            high = Int(end.units / (ExactDecimal.one / 1_000_000))
        }
        guard isReached(high) else { return nil }
        var low = 0
        while high - low > 1 {
            let middle = (low + high) / 2
            if isReached(middle) { high = middle } else { low = middle }
        }
        return concentration(low).converted(to: unit, of: indicator.pollutant, by: self)?.double
    }
}
