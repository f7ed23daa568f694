public import Basics
import Telemetry

/// The mean of one clock hour.
public struct AirHour: Hashable, Sendable {
    /// Of the readings in the hour, in the unit of the series; an infinite one or NaN makes the hour missing.
    public var mean: Double
    /// Readings over those expected; nil where it is not known how many to expect, and the hour counts.
    public var coverage: Double?

    package init(mean: Double, coverage: Double? = nil) {
        self.mean = mean
        self.coverage = coverage
    }

    /// 45 minutes of 60. Source: GB 3095, validity of data; US EPA and the EU ask for 75 % as well.
    static let coverageMin = 0.75

    fileprivate var isValid: Bool { mean.isFinite && coverage ?? 1 >= Self.coverageMin }
}

/// What a station measured hour by hour.
public struct AirHistory: Sendable {
    /// The hours of one pollutant.
    public struct Series: Sendable {
        /// Of the means.
        public let unit: AirUnit
        /// From the start of the history on; hours behind the end are missing.
        public var hours: [AirHour?]

        package init(unit: AirUnit, hours: [AirHour?]) {
            self.unit = unit
            self.hours = hours
        }
    }

    /// Where the first hour begins.
    public let start: Timestamp
    /// Pollutants that the station does not measure are left out.
    public var series: [AirPollutant: Series]

    package init(start: Timestamp, series: [AirPollutant: Series] = [:]) {
        self.start = start
        self.series = series
    }

    func time(of hour: Int) -> Timestamp { start + .seconds(hour * 3600) }
}

/// Makes the means that a standard asks for out of hours, with its rules of completeness, and its index of them.
///
/// An hour needs readings for 45 of its minutes. A mean of 8 hours needs 6 of them; of 24 hours China asks 20
/// (GB 3095), the others 18 (75 %). Of a whole day the greatest 8 h mean is taken:
/// - China: of those that end at 8 to 24 o'clock 14 must be there (HJ 663), or the greatest above 160 ug/m3;
/// - US EPA, ozone: of those that begin at 7 to 23 o'clock 13 (40 CFR 50, appendix U), or the greatest above 0.070 ppm;
/// - US EPA, CO, and WHO: of those that end at 1 to 24 o'clock 18, as the EU has it (2008/50/EC, annex VII).
///
/// The greatest 1 h mean of a day needs as many hours as its mean. The rules for whole days other than the 20 and the
/// 75 % are general knowledge, not checked against the documents named.
public struct AirReporter: Sendable {
    /// Whose rules it follows; the version goes by the time of each report.
    public let family: AirStandardFamily
    private var ozone = OzoneNowCast()

    /// A reporter may be used for any number of stations, one after another.
    public init(_ family: AirStandardFamily) { self.family = family }

    /// Hours that a report may look at before its hour, or before its day.
    public func hoursBefore(_ report: AirReport) -> Int {
        switch (family, report) {
        case (.unitedStates, .realTime): OzoneNowCast.hoursWanted - 1
        case (.europe, .realTime): 0
        case (_, .realTime): 23
        case (_, .daily): 7
        }
    }

    /// Hours that the report of a day may look at behind its end: the 8 h mean that begins at 23 o'clock.
    public static let hoursBehindDay = 7

    /// Whether the standard has an index of whole days; Europe's is hourly.
    public var hasDays: Bool { family != .europe }

    /// The real-time report of one hour: its own means, and those of the hours that end with it.
    public mutating func hour(_ hour: Int, of history: AirHistory) -> AirIndex {
        let standard = family.standard(at: history.time(of: hour))
        let wanted = standard.indicators(.realTime) + standard.supplements(.realTime)
        let values = wanted.compactMap { indicator -> AirValue? in
            guard let series = history.series[indicator.pollutant] else { return nil }
            let mean: Double? =
                switch indicator.averaging {
                case .hour: series.mean(hour...hour, atLeast: 1)
                case .eightHours: series.mean((hour - 7)...hour, atLeast: Self.eightHoursMin)
                case .day: series.mean((hour - 23)...hour, atLeast: dayHoursMin)
                case .nowcast: nowcast(indicator.pollutant, series, at: hour, standard)
                case .year, .peakSeason: nil
                }
            return value(indicator, mean, in: series.unit(indicator, standard))
        }
        return standard.index(of: values, .realTime)
    }

    /// The report of the 24 hours from `hour` on, the first after local midnight; nil where the standard has none.
    public func day(from hour: Int, of history: AirHistory) -> AirIndex? {
        guard hasDays else { return nil }
        let standard = family.standard(at: history.time(of: hour))
        let wanted = standard.indicators(.daily) + standard.supplements(.daily)
        let values = wanted.compactMap { indicator -> AirValue? in
            guard let series = history.series[indicator.pollutant] else { return nil }
            let mean: Double? =
                switch indicator.averaging {
                case .day: series.mean(hour...(hour + 23), atLeast: dayHoursMin)
                case .hour:
                    series.greatest(
                        of: (0..<24).map { series.mean((hour + $0)...(hour + $0), atLeast: 1) },
                        atLeast: dayHoursMin)
                case .eightHours: greatestEightHours(indicator, series, from: hour, standard)
                case .nowcast, .year, .peakSeason: nil
                }
            return value(indicator, mean, in: series.unit)
        }
        return standard.index(of: values, .daily)
    }

    // MARK: Means

    private static let eightHoursMin = 6
    private var dayHoursMin: Int { family == .china ? 20 : 18 }

    private func value(_ indicator: AirIndicator, _ mean: Double?, in unit: AirUnit) -> AirValue? {
        mean.flatMap { ExactDecimal(calculated: $0) }.map { AirValue(indicator, AirConcentration($0, unit)) }
    }

    private func greatestEightHours(
        _ indicator: AirIndicator, _ series: AirHistory.Series, from hour: Int, _ standard: AirStandard
    ) -> Double? {
        let isAmericanOzone = family == .unitedStates && indicator.pollutant == .o3
        let (starts, validMin): (ClosedRange<Int>, Int) =
            switch family {
            case .china: (0...16, 14)
            case .unitedStates where isAmericanOzone: (7...23, 13)
            case .unitedStates, .europe, .who: (-7...16, 18)
            }
        let means = starts.map { series.mean((hour + $0)...(hour + $0 + 7), atLeast: Self.eightHoursMin) }
        if let greatest = series.greatest(of: means, atLeast: validMin) { return greatest }
        // Too few, but enough to know that the limit was passed.
        let limit: ExactDecimal? = family == .china ? ExactDecimal("160") : isAmericanOzone ? ExactDecimal("0.07") : nil
        guard let limit, let unit = standard.unit(of: indicator), let greatest = means.compactMap({ $0 }).max(),
            let decimal = ExactDecimal(calculated: greatest),
            let known = AirConcentration(decimal, series.unit)
                .converted(to: unit, of: indicator.pollutant, by: standard),
            (isAmericanOzone ? known.truncated(decimals: 3) : known) > limit
        else { return nil }
        return greatest
    }

    private mutating func nowcast(
        _ pollutant: AirPollutant, _ series: AirHistory.Series, at hour: Int, _ standard: AirStandard
    ) -> Double? {
        guard pollutant == .o3 else {
            return NowCast.particles((0..<NowCast.hours).map { series.valid(hour - $0) })
        }
        // EPA's surrogate has a constant in ppb, so that the unit matters.
        let one = AirConcentration(ExactDecimal(units: ExactDecimal.one), series.unit)
        guard let ppb = one.converted(to: .ppb, of: .o3, by: standard)?.double else { return nil }
        let hours = ((hour - OzoneNowCast.hoursWanted + 1)...hour).map { series.valid($0).map { $0 * ppb } }
        return ozone.value(hours)?.ppb
    }
}

extension AirHistory.Series {
    /// The mean of an hour that counts; nil also outside the history.
    fileprivate func valid(_ hour: Int) -> Double? {
        guard hours.indices.contains(hour), let entry = hours[hour], entry.isValid else { return nil }
        return entry.mean
    }

    fileprivate func mean(_ range: ClosedRange<Int>, atLeast countMin: Int) -> Double? {
        var (sum, count) = (0.0, 0)
        for hour in range {
            guard let mean = valid(hour) else { continue }
            sum += mean
            count += 1
        }
        return count >= countMin ? sum / Double(count) : nil
    }

    fileprivate func greatest(of means: [Double?], atLeast countMin: Int) -> Double? {
        let valid = means.compactMap { $0 }
        return valid.count >= countMin ? valid.max() : nil
    }

    /// The ozone NowCast comes in ppb, whatever the hours are in.
    fileprivate func unit(_ indicator: AirIndicator, _ standard: AirStandard) -> AirUnit {
        indicator.averaging == .nowcast && indicator.pollutant == .o3 ? .ppb : unit
    }
}
