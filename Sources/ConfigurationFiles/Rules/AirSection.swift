import Alerting
import Basics
import City
import Settings
import Telemetry

/// Reads `air_quality:` of a rule or of a part of one: a category of an index that the air of a station is of, or worse.
///
/// An index is the worst of its pollutants, so this is a level of each mean that the standard's report consists of.
enum AirSection {
    /// As `AirHour.coverageMin` and the hours of a day that `AirReporter` asks of China, and here of all; see there for the source.
    private static func coverageMin(_ averaging: AirAveraging) -> Double { averaging == .day ? 20.0 / 24 : 0.75 }

    /// Over when it is so far below the category: a value at the edge does not flap.
    private static let clearShare = 0.95

    static func parse(
        _ setting: Setting, _ windows: (Quantity?) -> [Duration], _ mistakes: inout [Mistake]
    ) -> DeviceCondition? {
        let before = mistakes.count
        var reader = SettingReader(setting, &mistakes)
        let family = reader.word("standard", default: AirStandardFamily.china, &mistakes)
        // The version in force; the times of older ones are over.
        let standard = family.standard(at: Timestamp(milliseconds: .max / 2))
        let report = reader.word("report", default: standard.windowedReport, &mistakes)
        let category = reader.required("category", "the first category that is meant, such as 4", &mistakes).flatMap {
            Self.category($0, standard, &mistakes)
        }
        reader.finish(&mistakes)
        guard mistakes.count == before, let category else { return nil }
        let indicators = standard.indicators(report)
        guard !indicators.isEmpty, indicators.allSatisfy({ $0.averaging.window != nil }) else {
            let place = setting["report"] ?? setting
            mistakes.append(
                place.mistake(
                    "\(standard.version) has no \(report.rawValue) report of means that windows hold; expected "
                        + standard.windowedReport.rawValue))
            return nil
        }
        var levels: [Threshold] = []
        for indicator in indicators {
            guard let window = indicator.averaging.window else { continue }
            for (name, unit) in [
                (indicator.pollutant.rawValue, AirUnit.microgramsPerCubicMetre),
                ("\(indicator.pollutant.rawValue)_fraction", .ppb),
            ] {
                guard let quantity = Quantity(named: name),
                    let level = standard.ceiling(below: category.level, of: indicator, in: unit)
                else { continue }
                guard windows(quantity).contains(window) else {
                    mistakes.append(
                        setting.mistake(
                            "\(standard.version) asks for the mean of \(name) over \(window.shortForm), and windows keep no such of it"
                        ))
                    return nil
                }
                levels.append(
                    Threshold(
                        quantity: quantity, statistic: .mean, window: window, direction: .above, raise: level,
                        clear: level * clearShare, coverageMin: coverageMin(indicator.averaging)))
            }
        }
        return .anyMeasured("air \(category.name.lowercased()) or worse by \(standard.version)", levels)
    }

    /// By its level or by a name, in whatever case; never the best one, which all air is of.
    private static func category(
        _ setting: Setting, _ standard: AirStandard, _ mistakes: inout [Mistake]
    ) -> AirCategory? {
        let categories = standard.categories.dropFirst()
        let text = setting.text ?? ""
        let wanted = text.lowercased()
        if let found = categories.first(where: {
            "\($0.level)" == text || $0.name.lowercased() == wanted || $0.localName == text
        }) {
            return found
        }
        let hint =
            nearest(to: wanted, in: categories.map { $0.name.lowercased() }).map { "did you mean '\($0)'? " } ?? ""
        mistakes.append(
            setting.mistake(
                hint + "expected one of "
                    + categories.map { "\($0.level) (\($0.name.lowercased()))" }.joined(separator: ", ")))
        return nil
    }
}

extension AirStandard {
    /// The report whose means are windows: the NowCast of US EPA is none.
    fileprivate var windowedReport: AirReport {
        let realTime = indicators(.realTime)
        return !realTime.isEmpty && realTime.allSatisfy { $0.averaging.window != nil } ? .realTime : .daily
    }
}

extension AirAveraging {
    fileprivate var window: Duration? {
        switch self {
        case .hour: .seconds(3600)
        case .eightHours: .seconds(8 * 3600)
        case .day: .seconds(86_400)
        case .year, .peakSeason, .nowcast: nil
        }
    }
}
