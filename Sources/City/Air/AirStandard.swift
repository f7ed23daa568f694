public import Basics
import Telemetry

/// An air-quality index as one document defines it.
public enum AirStandard: String, CaseIterable, Hashable, Codable, Sendable {
    /// HJ 633-2012, of measurements before 2026-03-01 (China Standard Time).
    case hj633of2012 = "cn_hj633_2012"
    /// HJ 633-2026, from 2026-03-01 on.
    case hj633of2026 = "cn_hj633_2026"
    /// US EPA before 2024-05-06: the table of PM2.5 alone, to read older figures.
    case usEPA2012 = "us_epa_2012"
    /// US EPA, EPA-454/B-24-002 of May 2024.
    case usEPA2024 = "us_epa_2024"
    /// European Air Quality Index of the EEA, ETC HE Report 2024/17.
    case eaqi2025 = "eu_eaqi_2025"
    /// Global air quality guidelines of the WHO: levels to compare with, no index.
    case who2021 = "who_2021"

    /// The document and its year.
    public var version: String {
        switch self {
        case .hj633of2012: "HJ 633-2012"
        case .hj633of2026: "HJ 633-2026"
        case .usEPA2012: "US EPA 2012 (PM2.5)"
        case .usEPA2024: "EPA-454/B-24-002 (2024)"
        case .eaqi2025: "EAQI, ETC HE Report 2024/17 (2025)"
        case .who2021: "WHO AQG 2021"
        }
    }

    /// Who issued it.
    public var family: AirStandardFamily {
        switch self {
        case .hj633of2012, .hj633of2026: .china
        case .usEPA2012, .usEPA2024: .unitedStates
        case .eaqi2025: .europe
        case .who2021: .who
        }
    }

    /// Millilitres a mole of the reference state: 24.465 l at 298.15 K and 1013.25 hPa (GB 3095-2026, 3.14; US EPA), and
    /// 24.055 l at 293.15 K for the rules of the EU (not checked against their text). The WHO guidelines name no state
    /// that was checked; 298.15 K is taken.
    var molarVolumeMillilitres: Int {
        switch family {
        case .china, .unitedStates, .who: 24_465
        case .europe: 24_055
        }
    }
}

/// Whose index is asked for; the time of the measurement says which of its versions.
public enum AirStandardFamily: String, CaseIterable, Hashable, Codable, Sendable {
    case china = "cn"
    case unitedStates = "us"
    case europe = "eu"
    case who

    /// 2026-03-01T00:00+08:00. Source: HJ 633-2026.
    static let hj633of2026Start = CivilTime(year: 2026, month: 3, day: 1).timestamp(offsetSeconds: 8 * 3600)

    /// The version for air measured from `moment` on. Of the others than China's only the present version is whole, and
    /// taken for all times.
    public func standard(at moment: Timestamp) -> AirStandard {
        switch self {
        case .china: moment < Self.hj633of2026Start ? .hj633of2012 : .hj633of2026
        case .unitedStates: .usEPA2024
        case .europe: .eaqi2025
        case .who: .who2021
        }
    }
}

/// What an index is told of: the air as it is, hour by hour, or a whole local day.
public enum AirReport: String, CaseIterable, Hashable, Codable, Sendable {
    case realTime = "real-time"
    case daily
}

extension AirStandard {
    /// What a report consists of; without one of these it has a missing indicator. Empty where the standard has no such
    /// report.
    ///
    /// The two 1 h means of particles in the real-time report of HJ 633-2012 have no limits and so no place here.
    public func indicators(_ report: AirReport) -> [AirIndicator] {
        switch (self, report) {
        case (.hj633of2012, .realTime):
            Self.each(.day, .pm2_5, .pm10) + Self.each(.hour, .o3) + Self.each(.eightHours, .o3)
                + Self.each(.hour, .no2, .so2, .co)
        case (.hj633of2012, .daily):
            Self.each(.day, .pm2_5, .pm10) + Self.each(.hour, .o3) + Self.each(.eightHours, .o3)
                + Self.each(.day, .no2, .so2, .co)
        case (.hj633of2026, .realTime): Self.each(.hour, .pm2_5, .pm10, .o3, .no2, .so2, .co)
        case (.hj633of2026, .daily), (.who2021, .realTime), (.who2021, .daily):
            Self.each(.day, .pm2_5, .pm10) + Self.each(.eightHours, .o3) + Self.each(.day, .no2, .so2, .co)
        case (.usEPA2012, .realTime): Self.each(.nowcast, .pm2_5)
        case (.usEPA2012, .daily): Self.each(.day, .pm2_5)
        case (.usEPA2024, .realTime):
            Self.each(.nowcast, .pm2_5, .pm10, .o3) + Self.each(.hour, .no2, .so2) + Self.each(.eightHours, .co)
        case (.usEPA2024, .daily):
            Self.each(.day, .pm2_5, .pm10) + Self.each(.eightHours, .o3) + Self.each(.hour, .no2, .so2)
                + Self.each(.eightHours, .co)
        case (.eaqi2025, .realTime): Self.each(.hour, .pm2_5, .pm10, .o3, .no2, .so2)
        case (.eaqi2025, .daily): []
        }
    }

    /// What counts beside them where it is known, and is not missed where it is not.
    func supplements(_ report: AirReport) -> [AirIndicator] {
        switch (self, report) {
        case (.hj633of2012, .realTime): [AirIndicator(.so2, .day)]
        case (.usEPA2024, _): [AirIndicator(.o3, .hour), AirIndicator(.so2, .day)]
        default: []
        }
    }

    private static func each(_ averaging: AirAveraging, _ pollutants: AirPollutant...) -> [AirIndicator] {
        pollutants.map { AirIndicator($0, averaging) }
    }
}
