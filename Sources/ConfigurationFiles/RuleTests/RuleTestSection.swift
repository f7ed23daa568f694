import Alerting
import Basics
import Settings
import Telemetry

/// One test of a file of tests.
struct RuleTestSection {
    /// nil where their file has mistakes: then no name of a rule can be one.
    let rules: [AlertRule]?
    let roster: [RosterEntry]

    /// Where a test says no other.
    private static let usualStart = Timestamp(iso8601: "2026-01-01T00:00:00Z")!
    /// Nobody waits for more seconds than that.
    private static let longest = Duration.seconds(400 * 86_400)

    func test(_ setting: Setting, _ mistakes: inout [Mistake]) -> RuleTest? {
        let before = mistakes.count
        var reader = SettingReader(setting, &mistakes)
        let name = reader.required("name", "what is tested, such as a lamp that gets hot", &mistakes)?.text ?? ""
        let start = Self.moment(reader.optional("start"), &mistakes) ?? Self.usualStart
        let every = reader.duration(
            "every", in: .seconds(1) ... .seconds(86_400), default: .seconds(60), &mistakes)
        let lasts = reader.duration("lasts", in: .zero...Self.longest, default: .zero, &mistakes)
        var inputs: [RuleTest.Input] = []
        if let list = reader.optional("series") {
            if list.items == nil { mistakes.append(list.mistake("expected a list of series")) }
            for item in list.items ?? [] { input(item, every, &mistakes).map { inputs.append($0) } }
        }
        var only: Set<ByteName>?
        if setting["only"] != nil {
            let names = reader.texts("only", default: [], &mistakes)
            only = Set(names.map { ByteName($0) })
            for name in names { check(rule: name, setting["only"]!, &mistakes) }
        }
        var expected: [RuleTest.Expected] = []
        if let list = reader.required("expect", "a list of steps, or [] for none", &mistakes) {
            if list.items == nil { mistakes.append(list.mistake("expected a list of steps, or [] for none")) }
            for item in list.items ?? [] {
                self.expected(item, start, inputs, only, &mistakes).map { expected.append($0) }
            }
        }
        reader.finish(&mistakes)
        guard mistakes.count == before else { return nil }
        let ends = inputs.map { $0.every * ($0.values.count - 1) } + expected.map(\.after) + [lasts]
        return RuleTest(
            name: name, line: setting.line, start: start, lasts: ends.max() ?? .zero, inputs: inputs,
            expected: expected, only: only)
    }

    // MARK: What comes in

    private func input(_ setting: Setting, _ every: Duration, _ mistakes: inout [Mistake]) -> RuleTest.Input? {
        let before = mistakes.count
        var reader = SettingReader(setting, &mistakes)
        let device = self.device(reader.required("device", "the name of a device", &mistakes), &mistakes)
        let profile = reader.text("profile", default: "", &mistakes)
        let own = reader.duration("every", in: .seconds(1) ... .seconds(86_400), default: every, &mistakes)
        var (quantity, channel, values): (Quantity?, String?, [Double?]) = (nil, nil, [])
        if let link = reader.optional("link") {
            for key in ["quantity", "channel", "values"] {
                guard let found = reader.optional(key) else { continue }
                mistakes.append(
                    found.mistake("a link is of the device as a whole; give its readings a place of their own"))
            }
            values = Self.link(link, &mistakes)
        } else {
            quantity = reader.required("quantity", "a quantity, such as pm2_5; or link: for its words", &mistakes)?
                .quantity(&mistakes)
            channel = reader.optionalText("channel", &mistakes)
            if let found = reader.required("values", "readings, such as 70 71 80x10 _ 60", &mistakes) {
                switch ValueNotation.values(found.text ?? "") {
                case .success(let read): values = read
                case .failure(let fault):
                    mistakes.append(
                        Mistake(
                            file: found.file, line: found.line, key: found.path,
                            value: found.text.map { _ in fault.word },
                            expected: fault.expected))
                }
            }
        }
        reader.finish(&mistakes)
        guard mistakes.count == before else { return nil }
        return RuleTest.Input(
            device: device, profile: profile, quantity: quantity, channel: channel, values: values, every: own)
    }

    private func device(_ setting: Setting?, _ mistakes: inout [Mistake]) -> String {
        guard let setting else { return "" }
        let name = setting.text ?? ""
        if name.isEmpty || !UsableName.admits(name) {
            mistakes.append(setting.mistake("expected a device name of 1 to \(UsableName.bytesMax) bytes"))
        }
        return name
    }

    /// `online _x9 offline`
    private static func link(_ setting: Setting, _ mistakes: inout [Mistake]) -> [Double?] {
        var values: [Double?] = []
        for word in (setting.text ?? "").split(separator: " ") {
            switch word {
            case "online": values.append(1)
            case "offline": values.append(0)
            default:
                guard word.first == "_", case .success(let none) = ValueNotation.values(String(word)) else {
                    let hint =
                        nearest(to: String(word), in: ["online", "offline"]).map { "; did you mean '\($0)'?" } ?? ""
                    mistakes.append(setting.mistake("expected online, offline and _ for nothing\(hint)"))
                    return values
                }
                values += none
            }
        }
        if values.isEmpty { mistakes.append(setting.mistake("expected words, such as online _x9 offline")) }
        return values
    }

    // MARK: What is to come of it

    private func expected(
        _ setting: Setting, _ start: Timestamp, _ inputs: [RuleTest.Input], _ only: Set<ByteName>?,
        _ mistakes: inout [Mistake]
    ) -> RuleTest.Expected? {
        let before = mistakes.count
        var reader = SettingReader(setting, &mistakes)
        var after = reader.duration("after", in: .zero...Self.longest, default: .zero, &mistakes)
        if let at = reader.optional("at") {
            if setting["after"] != nil { mistakes.append(at.mistake("give after or at, not both")) }
            if let moment = Self.moment(at, &mistakes) { after = moment - start }
            if after < .zero { mistakes.append(at.mistake("is before the test's start, \(start)")) }
        } else if setting["after"] == nil {
            _ = reader.required("after", "how long after the test's start, such as 12m", &mistakes)
        }
        let ruleSetting = reader.required("rule", "the name of a rule", &mistakes)
        let rule = ruleSetting?.text ?? ""
        if let ruleSetting {
            check(rule: rule, ruleSetting, &mistakes)
            if let only, !only.contains(ByteName(rule)) {
                mistakes.append(ruleSetting.mistake("is not among those of only:, so that its steps are not looked at"))
            }
        }
        let subject = subject(setting, &reader, inputs, &mistakes)
        let quantity = reader.optional("quantity")?.quantity(&mistakes)
        let channel = reader.optionalText("channel", &mistakes)
        let to = reader.required("to", "pending, firing, unknown, resolved or inactive", &mistakes)
            .map { _ in reader.word("to", default: AlertPhase.firing, &mistakes) }
        let severity = setting["severity"].map { _ in reader.word("severity", default: Severity.warning, &mistakes) }
        reader.finish(&mistakes)
        guard mistakes.count == before, let subject, let to else { return nil }
        return RuleTest.Expected(
            after: after, rule: rule, subject: subject, quantity: quantity, channel: channel, to: to,
            severity: severity,
            line: setting.line)
    }

    private func check(rule: String, _ setting: Setting, _ mistakes: inout [Mistake]) {
        guard let rules, !rules.contains(where: { $0.name.hasBytes(of: rule) }) else { return }
        let names = rules.map(\.name)
        let hint = nearest(to: rule, in: names).map { "did you mean '\($0)'?" }
        mistakes.append(
            setting.mistake(
                "no rule of the file is called so; "
                    + (hint ?? (names.isEmpty ? "it has none" : "there are \(names.joined(separator: ", "))"))))
    }

    /// Whom a step is about: what is named, else the gateway as a whole.
    private func subject(
        _ setting: Setting, _ reader: inout SettingReader, _ inputs: [RuleTest.Input], _ mistakes: inout [Mistake]
    ) -> (kind: Subject.Kind, name: String)? {
        let kinds: [Subject.Kind] = [.device, .circuit, .area]
        let named = kinds.filter { setting[$0.rawValue] != nil }
        guard named.count == 1, let kind = named.first, let found = reader.optional(kind.rawValue) else {
            if let about = reader.optional("about") {
                guard let kind = about.text.flatMap({ Subject.Kind(rawValue: $0) }),
                    kind == .gateway || kind == .broker, named.isEmpty
                else {
                    mistakes.append(about.mistake("expected gateway or broker; give others by device, circuit or area"))
                    return nil
                }
                return (kind, "")
            }
            mistakes.append(
                Mistake(
                    file: setting.file, line: setting.line, key: setting.path, value: nil,
                    expected: "expected whom it is about, one of device, circuit and area; or about: gateway or broker")
            )
            for kind in named { _ = reader.optional(kind.rawValue) }
            return nil
        }
        let name = found.text ?? ""
        let known: [String] =
            switch kind {
            case .circuit: roster.map(\.circuit).filter { !$0.isEmpty }
            case .area: roster.map(\.area).filter { !$0.isEmpty }
            case .device, .series, .gateway, .broker: inputs.map(\.device) + roster.map(\.device)
            }
        guard known.contains(where: { $0.hasBytes(of: name) }) else {
            let where_ =
                kind == .device
                ? "neither the test's series nor the roster has it" : "the roster has no such \(kind.rawValue)"
            let hint = nearest(to: name, in: known).map { "; did you mean '\($0)'?" } ?? ""
            mistakes.append(found.mistake(where_ + hint))
            return nil
        }
        return (kind, name)
    }

    private static func moment(_ setting: Setting?, _ mistakes: inout [Mistake]) -> Timestamp? {
        guard let setting else { return nil }
        guard let moment = setting.text.flatMap({ Timestamp(iso8601: $0) }), moment.milliseconds % 1000 == 0 else {
            mistakes.append(setting.mistake("expected a whole second with its zone, such as 2026-01-10T20:00:00+08:00"))
            return nil
        }
        return moment
    }
}
