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
        try read(yaml: text, file: file, windows: windows).rules.map(\.rule)
    }

    /// A rule with where it stands.
    struct Placed {
        var rule: AlertRule
        var setting: Setting
    }

    /// All that the file says: its rules, and what it says beside them.
    static func read(
        yaml text: String, file: String, windows: (Quantity?) -> [Duration]
    ) throws(Mistakes) -> (rules: [Placed], desk: DeskRules) {
        let root = try Setting.parse(yaml: text, file: file)
        var mistakes: [Mistake] = []
        var reader = SettingReader(root, &mistakes)
        var rules: [Placed] = []
        let holidays = ActiveTimesSection.holidays(reader.optional("holidays"), &mistakes)
        if let list = reader.required("rules", "a list of rules, or [] for none", &mistakes) {
            if let items = list.items {
                for item in items {
                    guard let rule = Self.rule(item, holidays, windows, &mistakes) else { continue }
                    if rules.contains(where: { $0.rule.name.hasBytes(of: rule.name) }) {
                        mistakes.append(item.mistake("rule '\(rule.name)' stands above already; each name once"))
                    }
                    rules.append(Placed(rule: rule, setting: item))
                }
            } else {
                mistakes.append(list.mistake("expected a list of rules"))
            }
        }
        // Also those that are wrong: they are named all the same.
        let names = (root["rules"]?.items ?? []).compactMap { $0["rule"]?.text }
        let desk = DeskRules(&reader, rules: names, holidays, &mistakes)
        reader.finish(&mistakes)
        guard mistakes.isEmpty else { throw Mistakes(mistakes) }
        return (rules, desk)
    }

    private static func rule(
        _ setting: Setting, _ holidays: ActiveTimes.Holidays, _ windows: (Quantity?) -> [Duration],
        _ mistakes: inout [Mistake]
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
        let found = condition(&reader, windows, severity, &mistakes)
        let times = ActiveTimesSection.parse(reader.optional("times"), holidays: holidays, &mistakes)
        let runbook = runbook(&reader, &mistakes)
        reader.finish(&mistakes)
        let written = kinds.filter { setting[$0] != nil }
        if written.count != 1 {
            mistakes.append(
                Mistake(
                    file: setting.file, line: setting.line, key: setting.path, value: nil,
                    expected: "expected one of \(kinds.dropLast().joined(separator: ", ")) and group, found "
                        + (written.isEmpty ? "none" : written.joined(separator: " and "))))
        }
        guard let found, !name.isEmpty else {
            // A rule that is not in force says so, whatever the reason.
            if mistakes.count == before { mistakes.append(setting.mistake("expected a whole rule")) }
            return nil
        }
        return AlertRule(
            name: name, severity: found.severity, devices: devices, condition: found.condition, times: times,
            runbook: runbook)
    }

    private static let kinds = ["threshold", "absence", "out_of_range", "finding"] + ConditionSection.keys + ["group"]

    /// The one condition of a rule, with the severity of its alerts.
    private static func condition(
        _ reader: inout SettingReader, _ windows: (Quantity?) -> [Duration], _ severity: Severity,
        _ mistakes: inout [Mistake]
    ) -> (condition: Alerting.Condition, severity: Severity)? {
        let setting = reader.setting
        let isOfParts = (ConditionSection.keys + ["group"]).contains { setting[$0] != nil }
        let holds = isOfParts ? Self.holds(&reader, &mistakes) : (.zero, .zero)
        var found: [(condition: Alerting.Condition, severity: Severity)] = []
        func add(_ condition: Alerting.Condition?) { found += condition.map { [($0, severity)] } ?? [] }
        if let written = reader.written("threshold"),
            let threshold = ThresholdSection.parse(written, windows, severity: severity, &mistakes)
        {
            found.append((.threshold(threshold.threshold), threshold.severity))
            if !threshold.threshold.higher.isEmpty, let other = setting["severity"] {
                mistakes.append(
                    other.mistake("stands beside levels, each of which has its own; leave one of the two out"))
            }
        }
        if let written = reader.written("absence") { add(absence(written, &mistakes)) }
        if let written = reader.written("out_of_range") {
            var section = SettingReader(written, &mistakes)
            let clearAfter = section.duration(
                "clear_after", in: .zero ... .seconds(86_400), default: .seconds(300), &mistakes)
            section.finish(&mistakes)
            add(.outOfRange(OutOfRange(clearAfter: clearAfter)))
        }
        if let written = reader.written("finding") { add(finding(written, &mistakes)) }
        for key in ConditionSection.keys {
            guard let written = reader.optional(key) else { continue }
            add(
                ConditionSection.parse(written, under: key, windows, &mistakes)
                    .map { .composed(Composed(condition: $0, hold: holds.raise, clearHold: holds.clear)) })
        }
        if let written = reader.optional("group") {
            add(
                ConditionSection.group(written, hold: holds.raise, clearHold: holds.clear, windows, &mistakes)
                    .map { .group($0) })
        }
        return found.first
    }

    private static func holds(
        _ reader: inout SettingReader, _ mistakes: inout [Mistake]
    ) -> (raise: Duration, clear: Duration) {
        (
            reader.duration("hold", in: ThresholdSection.holds, default: .zero, &mistakes),
            reader.duration("clear_hold", in: ThresholdSection.holds, default: .zero, &mistakes)
        )
    }

    private static func runbook(_ reader: inout SettingReader, _ mistakes: inout [Mistake]) -> Runbook? {
        guard let text = reader.optionalText("runbook", &mistakes), let setting = reader.setting["runbook"] else {
            return nil
        }
        do throws(Runbook.UnknownPlace) {
            return try Runbook(text)
        } catch {
            let known = Runbook.Place.allCases.map(\.rawValue)
            let hint = nearest(to: error.word, in: known).map { "did you mean {\($0)}?" }
            mistakes.append(
                setting.mistake(
                    "{\(error.word)} stands for nothing; "
                        + (hint ?? "known: \(known.map { "{\($0)}" }.joined(separator: ", "))")))
            return nil
        }
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
                if let kind: Finding.Kind = item.word(&mistakes) { kinds.insert(kind) }
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
}
