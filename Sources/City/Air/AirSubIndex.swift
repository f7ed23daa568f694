/// Why there is no index.
public enum AirUndefined: Hashable, Sendable, CustomStringConvertible {
    /// The standard has no limits for this mean of this pollutant.
    case noTable
    /// Particles are not counted as parts of the air.
    case noSuchUnit(AirUnit)
    case negative
    /// Below where the table begins: another mean of the pollutant decides.
    case belowTable(ExactDecimal, AirUnit)
    /// Above where the table ends: another mean of the pollutant decides.
    case aboveTable(ExactDecimal, AirUnit)

    /// Nothing that the standard counts was measured well enough.
    case nothingMeasured
    /// Not all indicators, and those there are say no more than 100. Source: HJ 633-2026, 5.3.1.
    case incomplete(upTo: Int)
    /// This one is above its table, and the mean that should decide is missing.
    case undecided(AirIndicator)

    /// For people, without a full stop: `no index below 0.125 ppm`.
    public var description: String {
        switch self {
        case .noTable: "the standard has no limits for this mean"
        case .noSuchUnit(let unit): "\(unit.rawValue) does not measure particles"
        case .negative: "a concentration below zero"
        case .belowTable(let start, let unit): "no index below \(start) \(unit.rawValue)"
        case .aboveTable(let end, let unit): "no index from this mean above \(end) \(unit.rawValue)"
        case .nothingMeasured: "nothing measured that the standard counts"
        case .incomplete(let index): "incomplete, and the rest is not above 100 but \(index)"
        case .undecided(let indicator): "\(indicator) is above its table, and no other mean of it decides"
        }
    }
}

/// What one standard says of one pollutant.
public struct AirSubIndex: Hashable, Sendable {
    /// What was measured, over how long a mean.
    public let indicator: AirIndicator
    /// As the table was asked: in its unit, and rounded as the standard rounds. As given where there is no table.
    public let concentration: AirConcentration
    /// nil where `undefined` says why, and for the WHO, which has levels and no index. For Europe the band, 1 to 6.
    public internal(set) var index: Int?
    /// The step of the standard that the concentration falls in; nil where `undefined` says why.
    public internal(set) var category: AirCategory?
    /// Why there is no index; nil where there is one, or a level of the WHO.
    public internal(set) var undefined: AirUndefined?
    /// Whether the concentration is above the last row: the index is then the last one by convention (China), goes on
    /// with the line of the last band (US EPA), or is held at 200 until the 24 h mean says more (its SO2 1 h).
    public internal(set) var isBeyondTable = false
    /// How many times the guideline level of the WHO.
    public internal(set) var timesGuideline: Double?
}

extension AirStandard {
    /// The sub-index of one concentration.
    ///
    /// China: linear between the points, rounded up; before it HJ 633-2026 rounds concentrations to whole ug/m3 and CO
    /// to 0.1 mg/m3, half to even, and HJ 633-2012, which says nothing of it, rounds nothing. Above the last row it is
    /// 500, by convention. 1 h means of particles have limits in HJ 633-2026 alone: those of the day.
    /// US EPA: truncated, linear in the band, rounded half up.
    /// Europe: the band. WHO: the best level that is met.
    public func subIndex(of indicator: AirIndicator, _ given: AirConcentration) -> AirSubIndex {
        switch self {
        case .hj633of2012: chinese(indicator, given, AirTables.line2012[indicator])
        case .hj633of2026:
            // Source: HJ 633-2026, real-time report.
            chinese(
                indicator, given,
                AirTables.line2026[
                    indicator.pollutant.molarMassMilligrams == nil && indicator.averaging == .hour
                        ? AirIndicator(indicator.pollutant, .day) : indicator])
        case .usEPA2012: american(indicator, given, AirTables.us2012[indicator.asTabled])
        case .usEPA2024: american(indicator, given, AirTables.us2024[indicator.asTabled])
        case .eaqi2025: stepped(indicator, given, AirTables.eaqi2025[indicator])
        case .who2021: stepped(indicator, given, AirTables.who2021[indicator])
        }
    }

    /// The unit of its table; nil where there is none.
    public func unit(of indicator: AirIndicator) -> AirUnit? {
        switch self {
        case .hj633of2012, .hj633of2026:
            AirTables.line2026.first { $0.key.pollutant == indicator.pollutant }?.value.unit
        case .usEPA2012: AirTables.us2012[indicator.asTabled]?.unit
        case .usEPA2024: AirTables.us2024[indicator.asTabled]?.unit
        case .eaqi2025: AirTables.eaqi2025[indicator]?.unit
        case .who2021: AirTables.who2021[indicator]?.unit
        }
    }

    func category(of index: Int) -> AirCategory? {
        switch family {
        case .china: AirTables.chineseCategories.first { index <= $0.indexMax ?? .max }?.category
        case .unitedStates: AirTables.americanCategories.first { index <= $0.indexMax ?? .max }?.category
        case .europe, .who: nil
        }
    }

    // MARK: Each kind of table

    private func chinese(_ indicator: AirIndicator, _ given: AirConcentration, _ line: AirTables.Line?) -> AirSubIndex {
        let decimals = self == .hj633of2026 ? (indicator.pollutant == .co ? 1 : 0) : nil
        return looked(indicator, given, line?.unit) { value in
            decimals.map { value.roundedHalfToEven(decimals: $0) } ?? value
        } up: { result, value in
            let points = line!.points
            let (first, last) = (points[0], points[points.count - 1])
            if value > last.concentration {
                result.isBeyondTable = true
                // SO2 1 h ends at 200 and O3 8 h at 300: from 2026 on they stay there, before it the other mean decided.
                guard last.index == 500 || self == .hj633of2026 else {
                    result.undefined = .aboveTable(last.concentration, line!.unit)
                    return
                }
                result.index = last.index
            } else if value <= first.concentration {
                result.index = first.index
            } else {
                let upper = points.firstIndex { value <= $0.concentration }!
                let (low, high) = (points[upper - 1], points[upper])
                result.index =
                    LinePoint(value, from: low.concentration, low.index, to: high.concentration, high.index).roundedUp
            }
        }
    }

    private func american(
        _ indicator: AirIndicator, _ given: AirConcentration, _ bands: AirTables.Bands?
    ) -> AirSubIndex {
        looked(indicator, given, bands?.unit) {
            $0.truncated(decimals: bands!.decimals)
        } up: { result, value in
            let bands = bands!
            let last = bands.bands[bands.bands.count - 1]
            guard value >= bands.bands[0].concentrations.lowerBound else {
                result.undefined = .belowTable(bands.bands[0].concentrations.lowerBound, bands.unit)
                return
            }
            var band = last
            if value > last.concentrations.upperBound {
                result.isBeyondTable = true
                // Above 304 ppb the 1 h mean of SO2 stays at 200, and its 24 h mean may say more.
                if indicator == AirIndicator(.so2, .hour) {
                    result.index = last.indices.upperBound
                    return
                }
                guard last.indices.upperBound == 500 else {
                    result.undefined = .aboveTable(last.concentrations.upperBound, bands.unit)
                    return
                }
            } else {
                // Truncated concentrations are in a band: the gaps are one unit of the last decimal.
                band = bands.bands.first { value <= $0.concentrations.upperBound }!
            }
            result.index =
                LinePoint(
                    value, from: band.concentrations.lowerBound, band.indices.lowerBound,
                    to: band.concentrations.upperBound, band.indices.upperBound
                ).roundedHalfUp
        }
    }

    private func stepped(
        _ indicator: AirIndicator, _ given: AirConcentration, _ steps: AirTables.Steps?
    ) -> AirSubIndex {
        looked(indicator, given, steps?.unit) {
            $0
        } up: { result, value in
            let category = steps!.ends.first { value <= $0.end }?.category ?? steps!.last!
            result.category = category
            if self == .who2021 {
                result.timesGuideline = value.double / steps!.ends[0].end.double
            } else {
                result.index = category.level
            }
        }
    }

    /// What all have in common: the unit, what is no concentration, and the category.
    ///
    /// A sensor's zero is not quite zero: what rounds to zero is zero, what does not is refused.
    private func looked(
        _ indicator: AirIndicator, _ given: AirConcentration, _ unit: AirUnit?,
        rounded: (ExactDecimal) -> ExactDecimal, up: (inout AirSubIndex, ExactDecimal) -> Void
    ) -> AirSubIndex {
        func undefined(_ reason: AirUndefined) -> AirSubIndex {
            AirSubIndex(indicator: indicator, concentration: given, undefined: reason)
        }
        guard let unit else { return undefined(.noTable) }
        guard let converted = given.converted(to: unit, of: indicator.pollutant, by: self) else {
            return undefined(.noSuchUnit(given.unit))
        }
        let value = rounded(converted)
        guard value >= .zero else { return undefined(.negative) }
        var result = AirSubIndex(indicator: indicator, concentration: AirConcentration(value, unit))
        up(&result, value)
        if result.category == nil { result.category = result.index.flatMap(category(of:)) }
        return result
    }
}

extension AirIndicator {
    /// The row of the table in which US EPA looks a NowCast up.
    fileprivate var asTabled: AirIndicator {
        guard averaging == .nowcast else { return self }
        switch pollutant {
        case .pm2_5, .pm10: return AirIndicator(pollutant, .day)
        case .o3: return AirIndicator(pollutant, .eightHours)
        case .no2, .so2, .co: return self
        }
    }
}
