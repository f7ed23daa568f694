import Alerting
import Basics
import Settings
import Telemetry

/// Reads `threshold:` of a rule, or a part of a condition that is one.
enum ThresholdSection {
    /// nil, with a mistake, where there is none. `windows`: the lengths that are kept of a quantity. A part of a condition
    /// (`isPart`) has no hold time and no severity of its own.
    static func parse(
        _ setting: Setting, _ windows: (Quantity?) -> [Duration], isPart: Bool = false, severity: Severity = .warning,
        _ mistakes: inout [Mistake]
    ) -> (threshold: Threshold, severity: Severity)? {
        var reader = SettingReader(setting, &mistakes)
        let quantity = reader.required("quantity", "a quantity, such as pm2_5", &mistakes)?.quantity(&mistakes)
        let channel = reader.optionalText("channel", &mistakes)
        let (statistic, window) = statistic(&reader, quantity, windows(quantity), &mistakes)
        let ladder = isPart ? nil : reader.optional("levels")
        let single = level(&reader, isRequired: ladder == nil, &mistakes)
        let hold = isPart ? .zero : reader.duration("hold", in: holds, default: .zero, &mistakes)
        let clearHold = isPart ? .zero : reader.duration("clear_hold", in: holds, default: .zero, &mistakes)
        let stale = setting["stale"].map { _ in
            reader.duration("stale", in: .seconds(1) ... .seconds(604_800), default: .seconds(300), &mistakes)
        }
        if setting["stale"] == nil { _ = reader.optional("stale") }
        let coverage = reader.number("coverage_min", &mistakes) ?? 0
        if !(0...1).contains(coverage), let found = setting["coverage_min"] {
            mistakes.append(found.mistake("expected 0 to 1"))
        } else if coverage > 0, window == nil, let found = setting["coverage_min"] {
            mistakes.append(found.mistake("is about a window, and this rule has none"))
        }
        reader.finish(&mistakes)
        var levels = single.map { [Level(level: $0, severity: severity, hold: hold, setting: setting)] } ?? []
        if let ladder {
            for key in ["above", "below", "clear", "hold"] {
                guard let found = setting[key] else { continue }
                mistakes.append(
                    found.mistake("stands beside levels, each of which has its own; leave one of the two out"))
            }
            levels = LadderSection.parse(ladder, &mistakes)
        }
        guard let quantity, let first = levels.first else { return nil }
        let threshold = Threshold(
            quantity: quantity, channel: channel, statistic: statistic, window: window,
            direction: first.level.direction, raise: first.level.raise, clear: first.level.clear, hold: first.hold,
            clearHold: clearHold,
            higher: levels.dropFirst().map {
                Threshold.Level(severity: $0.severity, raise: $0.level.raise, clear: $0.level.clear)
            }, stale: stale, coverageMin: coverage)
        for level in levels {
            guard let fault = threshold.fault(raise: level.level.raise, clear: level.level.clear),
                let found = level.setting[fault.key] ?? level.setting["above"] ?? level.setting["below"]
            else { continue }
            mistakes.append(found.mistake(fault.sentence))
        }
        return (threshold, first.severity)
    }

    /// A level with where it stands.
    struct Level {
        var level: (direction: Threshold.Direction, raise: Double, clear: Double)
        var severity: Severity
        var hold: Duration
        var setting: Setting
    }

    static let holds = Duration.zero ... .seconds(604_800)

    /// `above` or `below`, and `clear`; nil, with a mistake where it is required, without either.
    static func level(
        _ reader: inout SettingReader, isRequired: Bool = true, _ mistakes: inout [Mistake]
    ) -> (direction: Threshold.Direction, raise: Double, clear: Double)? {
        let above = reader.number("above", &mistakes)
        let below = reader.number("below", &mistakes)
        let clear = reader.number("clear", &mistakes)
        let setting = reader.setting
        guard let raise = above ?? below, (above == nil) != (below == nil) else {
            if isRequired, setting["above"] == nil || setting["below"] == nil || (above != nil && below != nil) {
                mistakes.append(
                    Mistake(
                        file: setting.file, line: setting.line, key: setting.path, value: nil,
                        expected: "expected one level to raise at, above or below"))
            }
            return nil
        }
        if let clear, above.map({ clear > $0 }) ?? (clear < raise), let found = setting["clear"] {
            mistakes.append(
                found.mistake(
                    above == nil
                        ? "expected a level at or above the raise level \(raise)"
                        : "expected a level at or below the raise level \(raise)"))
        }
        return (above == nil ? .below : .above, raise, clear ?? raise)
    }

    private static func statistic(
        _ reader: inout SettingReader, _ quantity: Quantity?, _ windows: [Duration], _ mistakes: inout [Mistake]
    ) -> (Threshold.Statistic, Duration?) {
        let setting = reader.setting
        var statistic = reader.word("statistic", default: Threshold.Statistic.last, &mistakes)
        // The word of rules written when both kinds had one.
        if statistic == .total, quantity?.kind == .counter { statistic = .increase }
        let window = window(reader.optional("window"), windows, &mistakes)
        if let quantity, let found = setting["statistic"], !statistic.exists(for: quantity) {
            let instead = statistic == .increase && quantity.kind == .delta ? "; ask for total" : ""
            mistakes.append(
                found.mistake(
                    "\(quantity.name) has no \(statistic.rawValue): it is a \(quantity.kind.rawValue)\(instead)"))
        }
        if statistic != .last, setting["window"] == nil {
            _ = reader.required("window", "\(statistic.rawValue) needs a window, such as 5m", &mistakes)
        }
        return (statistic, window)
    }

    private static func window(
        _ setting: Setting?, _ windows: [Duration], _ mistakes: inout [Mistake]
    ) -> Duration? {
        guard let setting else { return nil }
        guard let text = setting.text, let length = Duration(shortForm: text), windows.contains(length) else {
            let kept = windows.map(\.shortForm).joined(separator: ", ")
            mistakes.append(setting.mistake("expected a window that the gateway keeps: \(kept)"))
            return nil
        }
        return length
    }
}

/// Reads `levels:` of a threshold: a ladder on which one alert goes up and down.
enum LadderSection {
    /// By rising severity; what does not rise, or crosses, is noted.
    static func parse(_ setting: Setting, _ mistakes: inout [Mistake]) -> [ThresholdSection.Level] {
        guard let items = setting.items, items.count >= 2 else {
            mistakes.append(
                setting.mistake(
                    "expected at least two levels, such as [{severity: warning, above: 75}, {severity: critical, above: 150}]; one alone stands without levels"
                ))
            return []
        }
        var levels: [ThresholdSection.Level] = []
        for item in items where !item.isMissing {
            guard let level = level(item, isFirst: levels.isEmpty, &mistakes) else { continue }
            if let before = levels.last { compare(level, before, &mistakes) }
            levels.append(level)
        }
        return levels
    }

    private static func level(
        _ setting: Setting, isFirst: Bool, _ mistakes: inout [Mistake]
    ) -> ThresholdSection.Level? {
        var reader = SettingReader(setting, &mistakes)
        let severity = reader.word("severity", default: Severity.warning, &mistakes)
        if setting["severity"] == nil {
            _ = reader.required("severity", "info, warning or critical", &mistakes)
        }
        let level = ThresholdSection.level(&reader, &mistakes)
        let hold = reader.duration("hold", in: ThresholdSection.holds, default: .zero, &mistakes)
        if !isFirst, hold != .zero, let found = setting["hold"] {
            mistakes.append(
                found.mistake(
                    "only the first level waits, a graver one counts at once; ask for a statistic over a window instead"
                ))
        }
        reader.finish(&mistakes)
        return level.map { ThresholdSection.Level(level: $0, severity: severity, hold: hold, setting: setting) }
    }

    private static func compare(
        _ level: ThresholdSection.Level, _ before: ThresholdSection.Level, _ mistakes: inout [Mistake]
    ) {
        let setting = level.setting
        let key = level.level.direction.rawValue
        func note(_ key: String, _ expected: String) {
            mistakes.append((setting[key] ?? setting).mistake(expected))
        }
        if level.severity <= before.severity {
            note("severity", "expected a graver severity than \(before.severity.rawValue), that of the level before")
        }
        guard level.level.direction == before.level.direction else {
            return note(key, "expected \(before.level.direction.rawValue), as the level before has it")
        }
        let isAbove = level.level.direction == .above
        let side = isAbove ? "above" : "below"
        if isAbove ? level.level.raise <= before.level.raise : level.level.raise >= before.level.raise {
            note(key, "expected a level \(side) \(before.level.raise), that of the level before")
        } else if isAbove ? level.level.clear < before.level.clear : level.level.clear > before.level.clear {
            note("clear", "expected a level at or \(side) \(before.level.clear), where the level before is over")
        }
    }
}
