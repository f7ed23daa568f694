/// An index of the air, of one station and one hour or day, by one standard.
public struct AirIndex: Hashable, Sendable {
    /// The document by which it was made.
    public let standard: AirStandard
    /// Whether it is of an hour or of a day, which decides the means that count.
    public let report: AirReport
    /// nil where `undefined` says why, and for the WHO, which has levels and no index.
    public let index: Int?
    /// Of the index; for the WHO the level that the worst pollutant meets. nil where `undefined` says why.
    public let category: AirCategory?
    /// The pollutants that make it, several where they are equal. China names none up to 50, and the WHO none that
    /// meets its guideline level.
    public let primary: [AirPollutant]
    /// Of all concentrations that were given, in order of the pollutants.
    public let subIndices: [AirSubIndex]
    /// What the report should have and was not given, or was given and is no concentration.
    public let missing: [AirIndicator]
    /// Why there is no index; nil where there is one, and for the WHO a level.
    public let undefined: AirUndefined?
}

/// One concentration that an index is told.
public struct AirValue: Hashable, Sendable {
    /// What it is of, and over how long a mean.
    public let indicator: AirIndicator
    /// In any unit that measures the pollutant; the standard converts it.
    public let concentration: AirConcentration

    package init(_ indicator: AirIndicator, _ concentration: AirConcentration) {
        self.indicator = indicator
        self.concentration = concentration
    }
}

extension AirStandard {
    /// The index of what is known of the air: the greatest sub-index.
    ///
    /// Where an indicator is missing the others decide, and `missing` says so; by HJ 633-2026 (5.3.1) only if they are
    /// above 100. The exception of its 5.3.2 is not known here. How many pollutants the EEA demands before it shows an
    /// index was not checked either: one is enough here.
    /// Where a mean is above its table the pollutant's other mean decides; without it there is no index, since one of
    /// the rest would be too low.
    public func index(of values: [AirValue], _ report: AirReport) -> AirIndex {
        let all = values.map { subIndex(of: $0.indicator, $0.concentration) }.sorted { $0.indicator < $1.indicator }
        let counted = all.filter { sub in
            sub.category != nil && (!isStandIn(sub.indicator, report) || all.contains { $0.isLeft(to: sub) })
        }
        let known = Set(
            all.filter { sub in
                switch sub.undefined {
                case .noTable, .noSuchUnit, .negative: false
                default: true
                }
            }.map(\.indicator))
        let missing = indicators(report).filter { !known.contains($0) }
        func result(_ undefined: AirUndefined) -> AirIndex {
            AirIndex(
                standard: self, report: report, index: nil, category: nil, primary: [], subIndices: all,
                missing: missing, undefined: undefined)
        }
        for sub in all {
            guard case .aboveTable = sub.undefined else { continue }
            let isDecided = counted.contains { $0.indicator.pollutant == sub.indicator.pollutant }
            if !isDecided { return result(.undecided(sub.indicator)) }
        }
        guard let worst = counted.max(by: { $0.rank < $1.rank }), let category = worst.category else {
            return result(.nothingMeasured)
        }
        if self == .hj633of2026, !missing.isEmpty, let index = worst.index, index <= 100 {
            return result(.incomplete(upTo: index))
        }
        let names: Bool =
            switch family {
            case .china: worst.rank > 50
            case .who: category.level > 1
            case .unitedStates, .europe: true
            }
        let primary = counted.filter { $0.rank == worst.rank }.map(\.indicator.pollutant)
        return AirIndex(
            standard: self, report: report, index: worst.index, category: category,
            primary: names ? Set(primary).sorted() : [], subIndices: all, missing: missing, undefined: nil)
    }
}

extension AirStandard {
    /// Whether the mean decides only where the pollutant's other one is above its table: in real time HJ 633-2012 has
    /// SO2 by its 1 h mean, and by that of 24 h above 800 ug/m3.
    private func isStandIn(_ indicator: AirIndicator, _ report: AirReport) -> Bool {
        self == .hj633of2012 && supplements(report).contains(indicator)
    }
}

extension AirSubIndex {
    /// Whether this one is above its table and `other` is of the same pollutant.
    fileprivate func isLeft(to other: AirSubIndex) -> Bool {
        guard case .aboveTable = undefined else { return false }
        return indicator.pollutant == other.indicator.pollutant
    }

    /// What sub-indices of one standard are compared by.
    fileprivate var rank: Int { index ?? category?.level ?? 0 }
}

extension AirIndex {
    /// What indices of one standard are compared by; nil where there is none.
    public var rank: Int? { undefined == nil ? index ?? category?.level : nil }
}
