import Alerting
import Basics
import Settings
import Telemetry

/// Reads a condition of several parts: `all`, `any` and `not` of levels, a category of the air, and how many devices of a group
/// it must hold of.
enum ConditionSection {
    /// The keys of a rule that make a condition of several parts.
    static let keys = ["all", "any", "not", "air_quality"]
    private static let depthMax = 8

    /// What stands under one of `keys` of a map whose other keys are somebody else's.
    static func parse(
        _ setting: Setting, under key: String, _ windows: (Quantity?) -> [Duration], depth: Int = 0,
        _ mistakes: inout [Mistake]
    ) -> DeviceCondition? {
        guard depth < depthMax else {
            mistakes.append(setting.mistake("expected at most \(depthMax) conditions within each other"))
            return nil
        }
        if key == "air_quality" { return AirSection.parse(setting, windows, &mistakes) }
        if key == "not" {
            return part(setting, windows, depth: depth + 1, &mistakes).map { .not($0) }
        }
        guard let items = setting.items, items.count >= 2 else {
            mistakes.append(setting.mistake("expected a list of at least two conditions"))
            return nil
        }
        let parts = items.filter { !$0.isMissing }.compactMap { part($0, windows, depth: depth + 1, &mistakes) }
        guard parts.count == items.count else { return nil }
        return key == "all" ? .all(parts) : .any(parts)
    }

    /// One level, or one of `keys` alone.
    static func part(
        _ setting: Setting, _ windows: (Quantity?) -> [Duration], depth: Int = 0, _ mistakes: inout [Mistake]
    ) -> DeviceCondition? {
        let before = mistakes.count
        guard let key = keys.first(where: { setting[$0] != nil }) else {
            guard setting.entries != nil else {
                mistakes.append(
                    setting.mistake(
                        "expected a level, such as {quantity: active_power, below: 1}, or a map of all, any, not or air_quality"
                    ))
                return nil
            }
            let found = ThresholdSection.parse(setting, windows, isPart: true, &mistakes)
            return mistakes.count == before ? found.map { .level($0.threshold) } : nil
        }
        var reader = SettingReader(setting, &mistakes)
        let found = reader.optional(key).flatMap {
            parse($0, under: key, windows, depth: depth, &mistakes)
        }
        reader.finish(&mistakes)
        return mistakes.count == before ? found : nil
    }

    /// `group:` of a rule.
    static func group(
        _ setting: Setting, hold: Duration, clearHold: Duration, _ windows: (Quantity?) -> [Duration],
        _ mistakes: inout [Mistake]
    ) -> GroupWatch? {
        let before = mistakes.count
        var reader = SettingReader(setting, &mistakes)
        let kind = reader.word("of", default: GroupWatch.Kind.circuit, &mistakes)
        if setting["of"] == nil { _ = reader.required("of", "circuit, area or city", &mistakes) }
        let count = reader.integer("at_least", in: 1...1_000_000, default: 1, &mistakes)
        let share = reader.number("share", &mistakes)
        if let share, !(share > 0 && share <= 1), let found = setting["share"] {
            mistakes.append(found.mistake("expected a part of the group above 0, at most 1, such as 0.3"))
        }
        if (setting["at_least"] == nil) == (setting["share"] == nil) {
            mistakes.append(
                Mistake(
                    file: setting.file, line: setting.line, key: setting.path, value: nil,
                    expected: "expected how many devices are enough: at_least, or share of them"))
        }
        let condition = reader.required(
            "condition", "what must hold of each device, such as {quantity: active_power, below: 1}", &mistakes
        ).flatMap { part($0, windows, &mistakes) }
        reader.finish(&mistakes)
        guard mistakes.count == before, let condition else { return nil }
        return GroupWatch(
            kind: kind, quorum: share.map { .share($0) } ?? .atLeast(count), condition: condition, hold: hold,
            clearHold: clearHold)
    }
}
