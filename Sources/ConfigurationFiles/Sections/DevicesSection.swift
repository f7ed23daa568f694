import Basics
import Decoding
import Settings
import Store
import Telemetry

/// Section `devices`.
extension GatewayConfiguration {
    /// Values for the profiles' parameters, by name.
    static func parameters(_ setting: Setting?, _ mistakes: inout [Mistake]) -> [String: String] {
        guard let setting, !setting.isMissing else { return [:] }
        if setting.entries == nil { mistakes.append(setting.mistake("expected a map of name: value")) }
        var parameters: [String: String] = [:]
        for entry in setting.entries ?? [] {
            if let value = entry.value.text {
                parameters[entry.key] = value
            } else {
                mistakes.append(entry.value.mistake("expected text"))
            }
        }
        return parameters
    }

    /// The site's zone, its offset from UTC without summer time, and its days.
    static func site(
        _ devices: inout SettingReader, _ mistakes: inout [Mistake]
    ) -> (zone: ZoneRules?, offsetSeconds: Int, days: LocalDays) {
        var site: (zone: ZoneRules?, offsetSeconds: Int, days: LocalDays?) = (nil, 0, nil)
        if let zone = devices.optional("site_zone") {
            site.zone = zone.text.flatMap { ZoneRules.system(named: $0) }
            site.days = site.zone.flatMap { LocalDays($0) }
            if site.days == nil {
                mistakes.append(zone.mistake("expected a time zone that the system knows, such as Asia/Shanghai"))
            }
            site.offsetSeconds = site.zone?.standardOffsetSeconds ?? 0
        }
        if let zone = devices.optional("site_offset") {
            if let seconds = offset(zone.shown) {
                if let rules = site.zone, !rules.hasOffset(seconds) {
                    mistakes.append(
                        zone.mistake(
                            "contradicts site_zone: no clock of \(rules.name) is ever so far from UTC; leave one of them out"
                        ))
                }
                site.offsetSeconds = seconds
            } else {
                mistakes.append(zone.mistake("expected the site's offset from UTC, such as \"+08:00\""))
            }
        }
        return (site.zone, site.offsetSeconds, site.days ?? LocalDays(offsetSeconds: site.offsetSeconds))
    }

    static func offset(_ text: String) -> Int? {
        // A moment written with this offset says whether it is one.
        Timestamp(iso8601: "2000-01-01T00:00:00\(text)").map {
            Int((CivilTime(year: 2000, month: 1, day: 1).timestamp() - $0).milliseconds / 1000)
        }
    }

    /// A word, or a map of `default` and `topics`.
    static func onboarding(_ setting: Setting?, _ mistakes: inout [Mistake]) -> Onboarding {
        func answer(_ setting: Setting) -> Onboarding.Answer {
            if let found = setting.text.flatMap({ Onboarding.Answer(rawValue: $0) }) { return found }
            mistakes.append(setting.mistake("expected accept, quarantine or refuse"))
            return .accept
        }
        guard let setting else { return Onboarding() }
        guard setting.entries != nil else { return Onboarding(unknown: answer(setting)) }
        var reader = SettingReader(setting, &mistakes)
        var result = Onboarding()
        if let standard = reader.optional("default") { result.unknown = answer(standard) }
        if let topics = reader.optional("topics") {
            if topics.entries == nil { mistakes.append(topics.mistake("expected a map of topic filters and answers")) }
            for entry in topics.entries ?? [] {
                result.exceptions.append(.init(topics: entry.key, answer: answer(entry.value)))
            }
        }
        reader.finish(&mistakes)
        return result
    }
}

/// The years that the store has times of.
private let storeYears =
    CivilTime(year: 1969, month: 12, day: 1).timestamp()..<CivilTime(year: 2110, month: 1, day: 1).timestamp()

extension ZoneRules {
    /// The lesser of the offsets in January and July, by the rules that hold now: what is left when no clock is put
    /// forward. Those that held before do not count, for summer time was abolished in some zones and kept for good in others.
    fileprivate var standardOffsetSeconds: Int {
        let months = [1, 7].map { CivilTime(year: 2090, month: $0, day: 1).timestamp() }
        return months.map { offsetSeconds(at: $0) }.min()!
    }

    /// Whether clocks of the zone show this offset at times, by the rules of these years and those that hold for good.
    fileprivate func hasOffset(_ seconds: Int) -> Bool {
        let moments = [2020, 2026, 2090].flatMap { year in
            (1...12).flatMap { month in
                [1, 15].map { CivilTime(year: year, month: month, day: $0).timestamp() }
            }
        }
        return moments.contains { offsetSeconds(at: $0) == seconds }
    }
}

extension LocalDays {
    /// Those of a zone.
    init?(_ zone: ZoneRules) {
        self.init(
            offsetSeconds: zone.offsetSeconds(at: storeYears.lowerBound),
            changes: zone.changes(in: storeYears).map { Change(at: $0.at, offsetSeconds: $0.offsetSeconds) })
    }
}
