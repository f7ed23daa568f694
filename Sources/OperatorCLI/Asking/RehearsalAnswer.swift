import Alerting
import Basics
import Telemetry

/// What a rehearsal found, for programs.
struct RehearsalAnswer: Encodable {
    /// Of the file that is rehearsed: with two, the new one. `both` and so on are nil where there is one.
    struct Rule: Encodable {
        var rule: String
        var severity: String
        var episodes: Int
        var subjects: Int
        var totalSeconds: Double
        var longestSeconds: Double?
        var worst: Double?
        var messages: Int
        var both: Int?
        var onlyInForce: Int?
        var onlyNew: Int?

        enum CodingKeys: String, CodingKey {
            case rule, severity, episodes, subjects
            case totalSeconds = "total_seconds"
            case longestSeconds = "longest_seconds"
            case worst, messages, both
            case onlyInForce = "only_in_force"
            case onlyNew = "only_new"
        }
    }

    struct Episode: Encodable {
        var rule: String
        var severity: String
        var subject: String
        var quantity: String?
        var channel: String?
        var began: Timestamp
        var ended: Timestamp?
        var seconds: Double
        var worst: Double?
        var unit: String?
        /// Which rules: in force, new, or both.
        var by: String
    }

    /// What one channel would have been sent, through routes, groups, causes and maintenance.
    struct Channel: Encodable {
        var channel: String
        var messages: Int
        /// By the rules in force, where others are rehearsed beside them.
        var inForce: Int?

        enum CodingKeys: String, CodingKey {
            case channel, messages
            case inForce = "in_force"
        }
    }

    var since: String
    var until: String
    var readings: Int
    var rules: [Rule]
    var channels: [Channel]
    var episodes: [Episode]
    var missing: [String]
}

extension RehearsalAnswer {
    /// `sets` are the rules in force and, where there is one, the new ones; `found` what each set did.
    init(
        _ from: Timestamp, _ to: Timestamp, _ readings: Int, _ sets: [[AlertRule]], _ found: [RehearsedEpisodes],
        _ registry: SeriesRegistry, missing: [String]
    ) {
        since = from.description
        until = to.description
        self.readings = readings
        self.missing = missing
        channels = zip(found[found.count - 1].desk.messages, found[0].desk.messages).map { shown, old in
            Channel(channel: shown.channel, messages: shown.count, inForce: found.count > 1 ? old.count : nil)
        }
        let (old, new) = (found[0], found.count > 1 ? found[1] : nil)
        let shown = new ?? old
        var rules = sets[sets.count - 1]
        // Those that the new file has no more stand behind its own.
        for rule in sets[0] where !rules.contains(where: { $0.name.hasBytes(of: rule.name) }) { rules.append(rule) }
        func of(_ rule: AlertRule, _ episodes: RehearsedEpisodes) -> [RehearsedEpisode] {
            episodes.list.filter { $0.key.rule.hasBytes(of: rule.name) }
        }
        self.rules = rules.map { rule in
            let (mine, before) = (of(rule, shown), of(rule, old))
            let lasted = mine.map { Double($0.lasted(until: to).milliseconds) / 1000 }
            let worst = mine.compactMap(\.worst)
            var isBelow = false
            if case .threshold(let threshold) = rule.condition { isBelow = threshold.direction == .below }
            let both = new.map { new in before.count { new.has(like: $0, until: to) } }
            return Rule(
                rule: rule.name, severity: rule.severity.rawValue, episodes: mine.count,
                subjects: Set(mine.map(\.key.subject)).count, totalSeconds: lasted.reduce(0, +),
                longestSeconds: lasted.max(), worst: isBelow ? worst.min() : worst.max(),
                messages: shown.messages[ByteName(rule.name)] ?? 0, both: both,
                onlyInForce: both.map { before.count - $0 },
                onlyNew: new.map { _ in mine.count { !old.has(like: $0, until: to) } })
        }
        func episode(_ episode: RehearsedEpisode, _ by: String) -> Episode {
            let series = episode.key.subject.series
            return Episode(
                rule: episode.key.rule, severity: episode.severity.rawValue,
                subject: episode.key.subject.name(in: registry),
                quantity: series.map { registry.series[$0.index].quantity.name },
                channel: series.flatMap { registry.channelName(of: $0) }, began: episode.began,
                ended: episode.ended, seconds: Double(episode.lasted(until: to).milliseconds) / 1000,
                worst: episode.worst, unit: series.map { registry.series[$0.index].quantity.unit }, by: by)
        }
        var list: [(RehearsedEpisode, String)] = []
        for entry in shown.list {
            list.append((entry, new == nil ? "in force" : old.has(like: entry, until: to) ? "both" : "new"))
        }
        if let new { list += old.list.filter { !new.has(like: $0, until: to) }.map { ($0, "in force") } }
        episodes = list.sorted { $0.0.began < $1.0.began }.map(episode)
    }
}
