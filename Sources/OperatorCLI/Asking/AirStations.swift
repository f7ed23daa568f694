import Basics
import City
import Contract
import Telemetry

/// The stations that measure air, with their hours, out of the answers of the query engine: from the daemon or from the
/// files alike.
struct AirStations {
    struct Station {
        let name: String
        let area: String
        var history: AirHistory
    }

    /// In order of their names.
    private(set) var stations: [Station] = []
    /// What could not be read, as sentences.
    private(set) var damaged: [String] = []

    /// Hours of answers that are held at once: a year of 40 stations with six pollutants.
    static let hoursMax = 2_200_000

    private static let hour = Duration.seconds(3600)

    /// The quantities that say how much of a pollutant there is. A station that has both is asked by mass.
    private static let quantities: [(name: String, pollutant: AirPollutant, unit: AirUnit)] =
        AirPollutant.allCases.map { ($0.rawValue, $0, .microgramsPerCubicMetre) }
        + [AirPollutant.o3, .no2, .so2, .co].map { ("\($0.rawValue)_fraction", $0, .ppb) }

    /// `patterns` are names of devices or patterns; empty for all. `since` and `until` are whole hours.
    init(
        _ source: any AnswerSource, _ patterns: [String], area: String?, profile: String?, since: Timestamp,
        until: Timestamp
    ) async throws {
        let count = Int((until - since).milliseconds / 3_600_000)
        var areas: [ByteName: String] = [:]
        var histories: [ByteName: AirHistory] = [:]
        var hours = 0
        for pattern in patterns.isEmpty ? [nil] : patterns.map(Optional.some) {
            for device in try await source.answer(DevicesRequest(device: pattern, profile: profile, area: area)) {
                areas[ByteName(device.device)] = device.area
            }
            for quantity in Self.quantities {
                var request = QueryRequest(
                    filter: DeviceFilter(device: pattern, profile: profile, area: area, quantity: quantity.name),
                    since: since, until: until, step: Self.hour, group: .device)
                while true {
                    guard let answer = try await Self.answer(source, request) else { break }
                    damaged += answer.damaged
                    for entry in answer.groups {
                        guard let name = entry.device.map({ ByteName($0) }) else { continue }
                        var history = histories[name] ?? AirHistory(start: since)
                        // A station that was silent has its line; what it did not measure by mass it may have in ppb.
                        histories[name] = history
                        guard !entry.buckets.isEmpty else { continue }
                        var series =
                            history.series[quantity.pollutant]
                            ?? AirHistory.Series(unit: quantity.unit, hours: [])
                        guard series.unit == quantity.unit else { continue }
                        if series.hours.isEmpty {
                            hours += count
                            guard hours <= Self.hoursMax else {
                                throw NoAnswer.wrongQuestion(
                                    "more than \(Self.hoursMax) hours of readings; ask for a shorter span or for fewer stations"
                                )
                            }
                            series.hours = Array(repeating: nil, count: count)
                        }
                        for bucket in entry.buckets {
                            let index = Int((bucket.start - since).milliseconds / 3_600_000)
                            guard series.hours.indices.contains(index) else { continue }
                            series.hours[index] = AirHour(mean: bucket.mean, coverage: bucket.coverage)
                        }
                        history.series[quantity.pollutant] = series
                        histories[name] = history
                    }
                    guard let next = answer.next, next > request.since else { break }
                    request.since = next
                }
            }
        }
        stations = histories.map { Station(name: $0.key.text, area: areas[$0.key] ?? "", history: $0.value) }
            .sorted { $0.name.precedesByBytes($1.name) }
        damaged = Array(Set(damaged)).sorted()
    }

    /// nil where nobody measures the quantity, which is true of most. That the stations exist is found before.
    private static func answer(_ source: any AnswerSource, _ request: QueryRequest) async throws -> QueryAnswer? {
        do {
            return try await source.answer(request)
        } catch let error as NoAnswer where error.isNotFound {
            return nil
        }
    }

    /// How far the site's midnight is from that of UTC, in whole hours: the days of the query engine are days of the
    /// site. nil where there is no reading.
    static func midnightHour(
        _ source: any AnswerSource, _ patterns: [String], area: String?, profile: String?, since: Timestamp,
        until: Timestamp
    ) async throws -> Int? {
        for pattern in patterns.isEmpty ? [nil] : patterns.map(Optional.some) {
            // For the error, where a name is wrong.
            _ = try await source.answer(DevicesRequest(device: pattern, profile: profile, area: area))
            for quantity in quantities {
                let answer = try await answer(
                    source,
                    QueryRequest(
                        filter: DeviceFilter(device: pattern, profile: profile, area: area, quantity: quantity.name),
                        since: since, until: until, step: .seconds(86_400), group: .all))
                guard let day = answer?.groups.lazy.compactMap(\.buckets.first).first else { continue }
                let inDay =
                    day.start.milliseconds - day.start.milliseconds.flooredDivision(by: 86_400_000) * 86_400_000
                guard inDay % 3_600_000 == 0 else {
                    throw NoAnswer.failed(
                        "days of this site do not begin with an hour of UTC, and no daily report is made of its hours")
                }
                return Int(inDay / 3_600_000)
            }
        }
        return nil
    }
}
