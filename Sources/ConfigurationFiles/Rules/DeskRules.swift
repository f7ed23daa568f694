import Basics
public import Desk
import Settings
public import Telemetry

/// What `Config/alerts.yaml` says beside its rules: which alerts explain others, when somebody works on what, and from when on an
/// alert that comes and goes is told as such.
public struct DeskRules: Sendable {
    /// Section `causes`.
    public var causes: [Cause] = []
    /// Section `maintenance`.
    public var maintenance: [MaintenanceWindow] = []
    /// Section `flapping`; nil where it is switched off.
    public var flapping: Flapping? = Self.usualFlapping

    /// The devices of maintenance windows, with their places in the file.
    var selections: [(DeviceSelector, Setting)] = []

    private static let usualFlapping = Flapping(episodes: 5, within: .seconds(1800), quiet: .seconds(1800))
    private static let spanMax = Duration.seconds(7 * 86_400)

    /// Days on which work rests, for `times`.
    public var holidays = ActiveTimes.Holidays()

    /// As without a file.
    public init() {}

    /// Reads the sections; `rules` are the names of those in the file.
    init(
        _ reader: inout SettingReader, rules: [String], _ holidays: ActiveTimes.Holidays, _ mistakes: inout [Mistake]
    ) {
        self.holidays = holidays
        for item in Self.items("causes", &reader, &mistakes) {
            causes.append(Self.cause(item, rules, &mistakes))
        }
        checkCircles(reader.setting["causes"], rules, &mistakes)
        var names: [String] = []
        for item in Self.items("maintenance", &reader, &mistakes) {
            guard let window = Self.window(item, rules, holidays, &mistakes) else { continue }
            if names.contains(where: { $0.hasBytes(of: window.name) }) {
                mistakes.append(item.mistake("'\(window.name)' stands above already; each name once"))
            }
            names.append(window.name)
            if let devices = item["devices"] { selections.append((window.selection.devices, devices)) }
            maintenance.append(window)
        }
        flapping = Self.flapping(&reader, &mistakes)
    }

    private static func items(
        _ key: String, _ reader: inout SettingReader, _ mistakes: inout [Mistake]
    ) -> [Setting] {
        guard let found = reader.optional(key) else { return [] }
        guard let items = found.items else {
            mistakes.append(found.mistake("expected a list"))
            return []
        }
        return items.filter { !$0.isMissing }
    }

    /// Names of rules, each of which matches one that there is.
    private static func names(
        _ found: Setting?, _ rules: [String], _ mistakes: inout [Mistake]
    ) -> [NamePattern] {
        guard let found else { return [] }
        let items = found.items ?? [found]
        if items.isEmpty { mistakes.append(found.mistake("expected at least one rule")) }
        return items.filter { !$0.isMissing }.map { item in
            let pattern = NamePattern(item.text ?? "")
            if !rules.contains(where: { pattern.matches($0) }) {
                let hint = nearest(to: item.shown, in: rules).map { "; did you mean '\($0)'?" } ?? ""
                mistakes.append(item.mistake("no rule of this file has this name\(hint)"))
            }
            return pattern
        }
    }

    private static func cause(_ setting: Setting, _ rules: [String], _ mistakes: inout [Mistake]) -> Cause {
        var reader = SettingReader(setting, &mistakes)
        let cause = names(
            reader.required("cause", "the rules whose alerts explain others, such as feeder-fault", &mistakes), rules,
            &mistakes)
        let explains = names(
            reader.required("explains", "the rules whose alerts are explained, such as [lamp-out]", &mistakes), rules,
            &mistakes)
        let reach: Cause.Reach? = reader.required(
            "within", "how far it reaches: device, circuit, area or all", &mistakes
        )
        .flatMap { $0.word(&mistakes) }
        let wait = reader.duration("wait", in: .zero ... .seconds(3600), default: .seconds(30), &mistakes)
        let settle = reader.duration("settle", in: .zero...spanMax, default: .seconds(300), &mistakes)
        reader.finish(&mistakes)
        return Cause(rules: cause, explains: explains, within: reach ?? .all, wait: wait, settle: settle)
    }

    /// Two alerts that explain each other would hold each other back for ever.
    private func checkCircles(_ setting: Setting?, _ rules: [String], _ mistakes: inout [Mistake]) {
        guard let items = setting?.items?.filter({ !$0.isMissing }), items.count == causes.count else { return }
        func explained(by rule: String) -> Set<ByteName> {
            Set(
                causes.filter { $0.rules.contains { $0.matches(rule) } }.flatMap { cause in
                    rules.filter { name in cause.explains.contains { $0.matches(name) } }.map { ByteName($0) }
                })
        }
        for (index, item) in items.enumerated() {
            for rule in rules where causes[index].rules.contains(where: { $0.matches(rule) }) {
                var (reached, waiting) = (Set<ByteName>(), explained(by: rule))
                while let next = waiting.popFirst() {
                    if reached.insert(next).inserted { waiting.formUnion(explained(by: next.text)) }
                }
                guard reached.contains(ByteName(rule)) else { continue }
                mistakes.append(
                    item.mistake(
                        "\(rule) would explain itself, at once or over others, and nobody would be told of it"))
                return
            }
        }
    }

    private static func window(
        _ setting: Setting, _ rules: [String], _ holidays: ActiveTimes.Holidays, _ mistakes: inout [Mistake]
    ) -> MaintenanceWindow? {
        var reader = SettingReader(setting, &mistakes)
        let named = reader.required("name", "what it is called, such as pump-service", &mistakes)
        let name = named?.text ?? ""
        if let named, name.isEmpty || name.utf8.count > 64 || name.unicodeScalars.contains(where: \.isSteering) {
            mistakes.append(named.mistake("expected 1 to 64 bytes in one line"))
        }
        let found = reader.optional("rules")
        _ = names(found, rules, &mistakes)
        let selection = Silence.Selection(
            rules: (found?.items ?? found.map { [$0] } ?? []).compactMap(\.text),
            devices: DeviceSelectorSection.parse(reader.written("devices"), &mistakes))
        let times = reader.required(
            "times", "when it is, such as [{days: [sun], from: \"02:00\", to: \"04:00\"}]", &mistakes)
        let active = ActiveTimesSection.parse(times, holidays: holidays, &mistakes)
        reader.finish(&mistakes)
        guard let active, !name.isEmpty else { return nil }
        return MaintenanceWindow(name: name, selection: selection, times: active)
    }

    private static func flapping(_ reader: inout SettingReader, _ mistakes: inout [Mistake]) -> Flapping? {
        guard let found = reader.optional("flapping") else { return usualFlapping }
        if found.text == "off" || found.text == "false" { return nil }
        var section = SettingReader(found, &mistakes)
        let usual = usualFlapping
        let flapping = Flapping(
            episodes: section.integer("episodes", in: 2...100, default: usual.episodes, &mistakes),
            within: section.duration(
                "within", in: .seconds(60) ... .seconds(86_400), default: usual.within, &mistakes),
            quiet: section.duration("quiet", in: .seconds(60) ... .seconds(86_400), default: usual.quiet, &mistakes))
        section.finish(&mistakes)
        return flapping
    }
}
