public import Alerting
public import Basics
import Decoding
import Settings
public import Telemetry

/// `Config/alerts.yaml`: the rules, in file order.
public enum RuleFile {
    /// Reads the rules; `windows` are the lengths that the gateway keeps of a quantity, which a rule may ask for; of nil
    /// those of most quantities.
    ///
    /// Throws all mistakes together, each with file, line, key, value and what would be right.
    public static func parse(
        yaml text: String, file: String, windows: (Quantity?) -> [Duration]
    ) throws(Mistakes) -> [AlertRule] {
        try placed(yaml: text, file: file, windows: windows).map(\.rule)
    }

    /// A rule with where it stands.
    struct Placed {
        var rule: AlertRule
        var setting: Setting
    }

    static func placed(
        yaml text: String, file: String, windows: (Quantity?) -> [Duration]
    ) throws(Mistakes) -> [Placed] {
        let root = try Setting.parse(yaml: text, file: file)
        var mistakes: [Mistake] = []
        var reader = SettingReader(root, &mistakes)
        var rules: [Placed] = []
        if let list = reader.required("rules", "a list of rules, or [] for none", &mistakes) {
            if let items = list.items {
                for item in items {
                    guard let rule = Self.rule(item, windows, &mistakes) else { continue }
                    if rules.contains(where: { $0.rule.name.hasBytes(of: rule.name) }) {
                        mistakes.append(item.mistake("rule '\(rule.name)' stands above already; each name once"))
                    }
                    rules.append(Placed(rule: rule, setting: item))
                }
            } else {
                mistakes.append(list.mistake("expected a list of rules"))
            }
        }
        for key in DeskRules.keys { _ = reader.optional(key) }
        reader.finish(&mistakes)
        guard mistakes.isEmpty else { throw Mistakes(mistakes) }
        return rules
    }

    private static func rule(
        _ setting: Setting, _ windows: (Quantity?) -> [Duration], _ mistakes: inout [Mistake]
    ) -> AlertRule? {
        let before = mistakes.count
        var reader = SettingReader(setting, &mistakes)
        let nameSetting = reader.required("rule", "a name, such as lamp-silent", &mistakes)
        let name = nameSetting?.text ?? ""
        let allowed = name.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0)
                || [0x2D, 0x2E, 0x5F].contains($0)
        }
        if let nameSetting, name.isEmpty || name.utf8.count > 64 || !allowed {
            mistakes.append(nameSetting.mistake("expected at most 64 of the letters a-z, A-Z, 0-9, '-', '_' and '.'"))
        }
        let severity = reader.word("severity", default: Severity.warning, &mistakes)
        let devices = DeviceSelectorSection.parse(reader.written("devices"), &mistakes)
        var conditions: [Alerting.Condition] = []
        if let threshold = reader.written("threshold") {
            if let condition = Self.threshold(threshold, windows, &mistakes) { conditions.append(condition) }
        }
        if let absence = reader.written("absence") { conditions.append(Self.absence(absence, &mistakes)) }
        if let range = reader.written("out_of_range") {
            var section = SettingReader(range, &mistakes)
            let clearAfter = section.duration(
                "clear_after", in: .zero ... .seconds(86_400), default: .seconds(300), &mistakes)
            section.finish(&mistakes)
            conditions.append(.outOfRange(OutOfRange(clearAfter: clearAfter)))
        }
        if let finding = reader.written("finding") {
            if let condition = Self.finding(finding, &mistakes) { conditions.append(condition) }
        }
        reader.finish(&mistakes)
        let kinds = ["threshold", "absence", "out_of_range", "finding"].filter { setting[$0] != nil }
        if kinds.count != 1 {
            mistakes.append(
                Mistake(
                    file: setting.file, line: setting.line, key: setting.path, value: nil,
                    expected: "expected one of threshold, absence, out_of_range and finding, found "
                        + (kinds.isEmpty ? "none" : kinds.joined(separator: " and "))))
        }
        guard let condition = conditions.first, !name.isEmpty else {
            // A rule that is not in force says so, whatever the reason.
            if mistakes.count == before { mistakes.append(setting.mistake("expected a whole rule")) }
            return nil
        }
        return AlertRule(name: name, severity: severity, devices: devices, condition: condition)
    }

    private static func absence(_ setting: Setting, _ mistakes: inout [Mistake]) -> Alerting.Condition {
        var reader = SettingReader(setting, &mistakes)
        let cadences = reader.integer("cadences", in: 1...1000, default: 3, &mistakes)
        let atLeast = reader.duration(
            "at_least", in: .seconds(1) ... .seconds(604_800), default: .seconds(60), &mistakes)
        reader.finish(&mistakes)
        return .absence(Absence(cadences: cadences, atLeast: atLeast))
    }

    private static func finding(_ setting: Setting, _ mistakes: inout [Mistake]) -> Alerting.Condition? {
        var reader = SettingReader(setting, &mistakes)
        var kinds: Set<Finding.Kind> = []
        if let list = reader.required("kinds", "a list of what was noticed, such as [flat_line, spike]", &mistakes) {
            let known = Finding.Kind.allCases.map(\.rawValue)
            if list.items?.isEmpty == true {
                mistakes.append(list.mistake("expected at least one of \(known.joined(separator: ", "))"))
            }
            for item in list.items ?? [list] {
                if let kind = item.text.flatMap({ Finding.Kind(rawValue: $0) }) {
                    kinds.insert(kind)
                } else {
                    let hint = nearest(to: item.shown, in: known).map { "; did you mean '\($0)'?" } ?? ""
                    mistakes.append(item.mistake("expected one of \(known.joined(separator: ", "))\(hint)"))
                }
            }
        }
        var quantities: Set<Quantity>?
        if let list = reader.optional("quantities") {
            if list.items?.isEmpty == true {
                mistakes.append(list.mistake("expected at least one quantity; left out, all are meant"))
            }
            quantities = Set((list.items ?? [list]).compactMap { $0.quantity(&mistakes) })
        }
        let severity = reader.number("severity_min", &mistakes) ?? 0.5
        if !(0.5...1).contains(severity), let found = setting["severity_min"] {
            mistakes.append(found.mistake("expected 0.5 to 1"))
        }
        let clearAfter = reader.duration(
            "clear_after", in: .seconds(60) ... .seconds(604_800), default: .seconds(1800), &mistakes)
        reader.finish(&mistakes)
        guard !kinds.isEmpty else { return nil }
        return .finding(
            FindingWatch(kinds: kinds, quantities: quantities, severityMin: severity, clearAfter: clearAfter))
    }

    private static func threshold(
        _ setting: Setting, _ windows: (Quantity?) -> [Duration], _ mistakes: inout [Mistake]
    ) -> Alerting.Condition? {
        var reader = SettingReader(setting, &mistakes)
        let quantity = reader.required("quantity", "a quantity, such as pm2_5", &mistakes)?.quantity(&mistakes)
        let channel = reader.optionalText("channel", &mistakes)
        var statistic = reader.word("statistic", default: Threshold.Statistic.last, &mistakes)
        // The word of rules written when both kinds had one.
        if statistic == .total, quantity?.kind == .counter { statistic = .increase }
        let window = Self.window(reader.optional("window"), windows(quantity), &mistakes)
        if let quantity, let found = setting["statistic"], !statistic.exists(for: quantity) {
            let instead = statistic == .increase && quantity.kind == .delta ? "; ask for total" : ""
            mistakes.append(
                found.mistake(
                    "\(quantity.name) has no \(statistic.rawValue): it is a \(quantity.kind.rawValue)\(instead)"))
        }
        if statistic != .last, setting["window"] == nil {
            _ = reader.required("window", "\(statistic.rawValue) needs a window, such as 5m", &mistakes)
        }
        let above = reader.number("above", &mistakes)
        let below = reader.number("below", &mistakes)
        let clear = reader.number("clear", &mistakes)
        let hold = reader.duration("hold", in: .zero ... .seconds(604_800), default: .zero, &mistakes)
        let stale = setting["stale"].map { _ in
            reader.duration("stale", in: .seconds(1) ... .seconds(604_800), default: .seconds(300), &mistakes)
        }
        let coverage = reader.number("coverage_min", &mistakes) ?? 0
        if !(0...1).contains(coverage), let found = setting["coverage_min"] {
            mistakes.append(found.mistake("expected 0 to 1"))
        } else if coverage > 0, window == nil, let found = setting["coverage_min"] {
            mistakes.append(found.mistake("is about a window, and this rule has none"))
        }
        reader.finish(&mistakes)
        guard let raise = above ?? below, (above == nil) != (below == nil) else {
            if setting["above"] == nil || setting["below"] == nil || (above != nil && below != nil) {
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
        guard let quantity else { return nil }
        let threshold = Threshold(
            quantity: quantity, channel: channel, statistic: statistic, window: window,
            direction: above == nil ? .below : .above, raise: raise, clear: clear ?? raise, hold: hold,
            stale: stale, coverageMin: coverage)
        if let fault = threshold.fault, let found = setting[fault.key] ?? setting["above"] ?? setting["below"] {
            mistakes.append(found.mistake(fault.sentence))
        }
        return .threshold(threshold)
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
