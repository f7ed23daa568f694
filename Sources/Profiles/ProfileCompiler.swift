import Basics
import Decoding
import Settings
import Telemetry

/// Reads profiles into the tables of a plan and notes every mistake on the way.
struct ProfileCompiler {
    var builder = PlanBuilder()
    var mistakes: [Mistake] = []
    /// The rule in hand asks for facts: what was held, or what the roster tells.
    var usesFacts = false
    private let parameters: [String: String]
    let zone: (String) -> ZoneRules?
    private var knownParameters: Set<String> = []
    private var profileNames: [String] = []
    /// Of each profile.
    private var origins: [(name: String, path: String, folder: Int)] = []
    private var warnings: [Mistake] = []
    /// The topic of each rule.
    private var places: [Setting] = []
    private var routes: [TopicRoute] = []
    private var wantedFilters: [String] = []

    init(parameters: [String: String], zone: @escaping (String) -> ZoneRules?) {
        self.parameters = parameters
        self.zone = zone
    }

    /// What names mean at one place of a profile.
    struct Scope {
        /// Filled in before a text is read: parameters, and the variables of `for`.
        var substitutions: [String: String]
        /// Captures of the topic, then those of `capture`.
        var captures: [String: UInt32] = [:]
        var topicCaptureCount = 0
        /// The item is the whole message.
        var isWholeMessage = true
    }

    mutating func compile(_ source: ProfileSource) {
        let root: Setting
        do {
            root = try Setting.parse(yaml: source.text, file: source.path)
        } catch {
            mistakes += error.list
            return
        }
        var reader = SettingReader(root, &mistakes)
        let nameSetting = reader.required("profile", "the name of the profile, such as opendtu", &mistakes)
        let name = nameSetting?.text ?? ""
        if let nameSetting {
            if name.isEmpty || !name.utf8.allSatisfy(Self.isNameByte) {
                mistakes.append(nameSetting.mistake("expected letters, digits, '-' and '_'"))
            } else if let earlier = origins.first(where: { $0.name.hasBytes(of: name) }) {
                guard earlier.folder == source.folder else {
                    warnings.append(
                        nameSetting.mistake("hidden by the profile of this name in \(earlier.path)", isWarning: true))
                    return
                }
                mistakes.append(nameSetting.mistake("another profile has this name"))
            }
        }
        let profile = UInt32(profileNames.count)
        profileNames.append(name)
        origins.append((name, source.path, source.folder))
        _ = reader.texts("sources", default: [], &mistakes)
        _ = reader.texts("examples", default: [], &mistakes)

        var substitutions: [String: String] = [:]
        for entry in mapEntries(reader.optional("params"), "a map of parameter names and their defaults") {
            guard let text = entry.value.text else {
                mistakes.append(entry.value.mistake("expected text"))
                continue
            }
            knownParameters.formUnion([entry.key, "\(name).\(entry.key)"])
            substitutions[entry.key] = parameters["\(name).\(entry.key)"] ?? parameters[entry.key] ?? text
        }
        if let rules = reader.required("rules", "a list of rules", &mistakes) {
            if let items = rules.items {
                for item in items { compileRule(item, profile, Scope(substitutions: substitutions)) }
            } else {
                mistakes.append(rules.mistake("expected a list of rules"))
            }
        }
        reader.finish(&mistakes)
    }

    mutating func finish() throws(Mistakes) -> DeviceCatalog {
        for name in parameters.keys.sorted() where !knownParameters.contains(name) {
            let hint = nearest(to: name, in: knownParameters.sorted()).map { "; did you mean '\($0)'?" } ?? ""
            mistakes.append(
                Mistake(
                    file: "parameters", line: nil, key: name, value: parameters[name],
                    expected: "no profile has this parameter\(hint)"))
        }
        guard mistakes.isEmpty else { throw Mistakes(mistakes) }
        warnHidden()
        let topics = TopicTree(routes, builder: &builder)
        return DeviceCatalog(
            plan: builder.plan(topics: topics, profileNames: profileNames),
            subscriptions: TopicFilter.withoutCovered(Set(wantedFilters.map { ByteName($0) }).sorted().map(\.text)),
            warnings: warnings)
    }

    /// Rules of one profile that take away messages of another one of the same topic: ignored, they reach nobody behind;
    /// read by both under no condition, each device and each reading is of the first.
    private mutating func warnHidden() {
        var walls: [TopicRoute: Int] = [:]
        for (index, rule) in builder.entries.rules.enumerated() {
            let takesAll = rule.messageConditions.isEmpty && rule.itemConditions.isEmpty && !rule.wantsEmpty
            if let wall = walls[routes[index]], builder.entries.rules[wall].profile != rule.profile, !rule.isIgnored {
                let first = builder.entries.rules[wall]
                let isHidden = first.isIgnored || (takesAll && first.format == rule.format && !rule.onlyHolds)
                if isHidden {
                    let by = origins[Int(first.profile)]
                    let does = first.isIgnored ? "ignores" : "reads"
                    warnings.append(
                        places[index].mistake(
                            "hidden by profile '\(by.name)' (\(by.path):\(places[wall].line)), which \(does) all messages of this topic",
                            isWarning: true))
                }
            }
            if takesAll, walls[routes[index]] == nil, !rule.onlyHolds { walls[routes[index]] = index }
        }
    }

    // MARK: A rule

    // Long: one rule of a profile key by key, every mistake gathered.
    /// Long, for it is the list of the keys of a rule in the order in which later ones build upon earlier ones.
    private mutating func compileRule(_ setting: Setting, _ profile: UInt32, _ outer: Scope) {
        var scope = outer
        var rule = RulePlan(profile: profile)
        usesFacts = false
        var reader = SettingReader(setting, &mistakes)
        guard setting.entries != nil else { return }

        var route: TopicRoute?
        if let topic = reader.required("topic", "the topic, with {name} for what varies", &mistakes) {
            route = self.route(topic, &scope)
        }
        (rule.format, rule.formatOptions) = compileFormat(&reader, scope)
        rule.isIgnored = reader.flag("ignore", default: false, &mistakes)
        let unwrap = reader.optional("unwrap")
        if let unwrap {
            rule.unwrap = compileUnwrap(unwrap, scope)
            // Bytes of their own need not be of any format.
            if unwrap["as"]?.text == "raw", setting["format"] == nil { rule.format = .text }
        }
        if let each = reader.optional("each") { rule.each = compileEach(each, scope) }
        scope.isWholeMessage = rule.each < 0 && unwrap == nil

        let capture = reader.optional("capture")
        if let capture { rule.captures = compileCaptures(capture, &scope) }
        if let when = reader.optional("when") {
            var conditions = compileConditions(when, scope)
            // That the payload is absent is judged before it is read.
            if let empty = conditions.firstIndex(where: { $0.isOfMessage && isEmptyPayload($0.condition) }) {
                conditions.remove(at: empty)
                rule.wantsEmpty = true
            }
            rule.messageConditions = builder.add(conditions.filter(\.isOfMessage).map(\.condition), to: \.conditions)
            rule.itemConditions = builder.add(conditions.filter { !$0.isOfMessage }.map(\.condition), to: \.conditions)
            if rule.isIgnored, !rule.itemConditions.isEmpty {
                mistakes.append(when.mistake("expected conditions on the whole message ('^/key') beside 'ignore'"))
            }
        }
        let hold = reader.optional("hold")
        if let hold { compileHold(hold, scope, &rule) }
        if let held = reader.optional("held"), let text = expanded(held, scope) {
            rule.heldKey = template(text, at: held, scope).map { Int32($0) } ?? -1
        }
        rule.onlyHolds = hold != nil && setting["read"] == nil && setting["table"] == nil && setting["status"] == nil
        let device =
            rule.isIgnored || rule.onlyHolds
            ? reader.optional("device") : reader.required("device", Self.deviceHint, &mistakes)
        if let device, let naming = compileNaming(device, scope) { (rule.device, rule.namesDevice) = (naming, true) }
        if let channel = reader.optional("channel") {
            rule.channel = compileNaming(channel, scope).map(Int32.init) ?? -1
        }
        if let time = reader.optional("time") { rule.time = compileTime(time, scope) }
        let status = reader.optional("status")
        if let status { rule.status = compileStatus(status, scope) }
        let read = reader.optional("read")
        if let read { rule.readings = compileReadings(read, scope, defaultFrom: nil) }
        let table = reader.optional("table")
        if let table { rule.table = compileTable(table, scope) }
        rule.usesFacts = usesFacts
        reader.finish(&mistakes)

        if rule.isIgnored {
            for (key, used) in [("read", read), ("table", table), ("status", status), ("hold", hold)] where used != nil
            {
                mistakes.append(used!.mistake("'\(key)' beside 'ignore': an ignored message gives nothing"))
            }
        } else if read == nil, table == nil, status == nil, hold == nil {
            mistakes.append(
                setting.mistake("expected 'read', 'table', 'status', 'hold' or 'ignore': the rule gives nothing"))
        }
        guard let route else { return }
        // A rule and its route are known by the same position.
        builder.entries.rules.append(rule)
        let topic = setting["topic"].flatMap { expanded($0, outer) } ?? ""
        builder.ruleNotes.append(RuleNote(line: setting.line, topic: topic))
        routes.append(route)
        places.append(setting["topic"] ?? setting)
        if !rule.isIgnored { wantedFilters.append(route.filter) }
        builder.entries.capturesMax = max(builder.entries.capturesMax, scope.captures.count)
    }

    /// `.: absent`.
    private func isEmptyPayload(_ condition: WhenCondition) -> Bool {
        let reference = builder.entries.references[Int(condition.reference)]
        return condition.kind == .absent && reference.steps.isEmpty
            && (reference.base == .item || reference.base == .message)
    }

    private static let deviceHint = "what the device is called, such as \"{serial}\" or \"{/serialNumber}\""

    private mutating func route(_ setting: Setting, _ scope: inout Scope) -> TopicRoute? {
        guard let text = expanded(setting, scope) else { return nil }
        var route = TopicRoute(levels: [], takesRest: false)
        let levels = text.split(separator: "/", omittingEmptySubsequences: false)
        for level in levels {
            guard let pieces = holes(in: String(level), setting) else { return nil }
            var parts: [TopicLevel.Piece] = []
            for piece in pieces {
                switch piece {
                case .literal(let literal):
                    if literal.contains("+") || literal.contains("#") {
                        mistakes.append(setting.mistake("expected {name} and {name...} in place of '+' and '#'"))
                        return nil
                    }
                    parts.append(.literal(ByteName(literal)))
                case .hole(let name, let kind):
                    guard scope.captures.updateValue(UInt32(scope.captures.count), forKey: name) == nil else {
                        mistakes.append(setting.mistake("expected each name once; '\(name)' stands twice"))
                        return nil
                    }
                    if kind == .rest {
                        guard pieces.count == 1, !route.takesRest else {
                            mistakes.append(
                                setting.mistake("expected {\(name)...} once, and a level by itself between slashes"))
                            return nil
                        }
                        route.takesRest = true
                        continue
                    }
                    parts.append(.hole(digits: kind == .digits))
                }
            }
            if case .hole(_, .rest)? = pieces.first { continue }
            let found: TopicLevel
            if parts.isEmpty {
                found = .literal("")
            } else if parts.count == 1, case .literal(let literal) = parts[0] {
                found = .literal(literal)
            } else {
                found = .pattern(parts)
            }
            if route.takesRest { route.suffix.append(found) } else { route.levels.append(found) }
        }
        scope.topicCaptureCount = scope.captures.count
        return route
    }

    private mutating func compileEach(_ setting: Setting, _ scope: Scope) -> Int32 {
        guard let reference = reference(setting, scope) else { return -1 }
        let stars = builder.entries.steps[Int(reference.steps.start)..<Int(reference.steps.end)].count {
            $0.kind == .every
        }
        guard reference.base == .item || reference.base == .message, (1...2).contains(stars) else {
            mistakes.append(setting.mistake("expected a reference with one or two '*', such as /entries/*"))
            return -1
        }
        return Int32(builder.add(one: reference, to: \.references))
    }

    private mutating func compileCaptures(_ setting: Setting, _ scope: inout Scope) -> Run {
        var captures: [Capture] = []
        for entry in mapEntries(setting, "a map of references and templates") {
            guard let reference = single(entry.key, at: entry.value, scope),
                let pattern = compilePattern(entry.value, &scope)
            else { continue }
            captures.append(Capture(reference: builder.add(one: reference, to: \.references), pattern: pattern))
        }
        return builder.add(captures, to: \.captures)
    }

    /// `{key: template, keep: {name: reference}}`.
    private mutating func compileHold(_ setting: Setting, _ scope: Scope, _ rule: inout RulePlan) {
        var reader = SettingReader(setting, &mistakes)
        let key = reader.required("key", "what the values are kept under, such as \"{device}/{control}\"", &mistakes)
        let keep = reader.required("keep", "a map of names and references", &mistakes)
        reader.finish(&mistakes)
        var entries: [HoldEntry] = []
        for entry in mapEntries(keep, "a map of names and references") {
            guard !entry.key.isEmpty, entry.key.utf8.allSatisfy(Self.isNameByte) else {
                mistakes.append(entry.value.mistake("expected a name of letters, digits, '-' and '_'"))
                continue
            }
            guard let reference = single(entry.value, scope) else { continue }
            entries.append(
                HoldEntry(fact: builder.fact(entry.key), reference: builder.add(one: reference, to: \.references)))
        }
        rule.holds = builder.add(entries, to: \.holds)
        guard let key, let text = expanded(key, scope) else { return }
        rule.holdKey = template(text, at: key, scope).map { Int32($0) } ?? -1
    }

    private mutating func compileStatus(_ setting: Setting, _ scope: Scope) -> Int32 {
        if let text = setting.text {
            guard text == "online" || text == "offline" else {
                mistakes.append(setting.mistake("expected online, offline or a map of values to them"))
                return -1
            }
            return Int32(builder.add(one: StatusPlan(constant: text == "online"), to: \.statuses))
        }
        var references: Run?
        var map: Setting? = setting
        if setting["from"] != nil || setting["map"] != nil {
            var reader = SettingReader(setting, &mistakes)
            let from = reader.required("from", "where the status stands, such as /state", &mistakes)
            map = reader.required("map", "a map of values to online or offline", &mistakes)
            reader.finish(&mistakes)
            references = from.flatMap { self.references($0, scope, mayIterate: false) }
        } else {
            references = builder.add([Reference()], to: \.references)
        }
        var entries: [MapEntry] = []
        for entry in mapEntries(map, "a map of values to online or offline") {
            switch entry.value.text {
            case "online": entries.append(MapEntry(literal: builder.literal(entry.key), value: 1))
            case "offline": entries.append(MapEntry(literal: builder.literal(entry.key), value: 0))
            case _ where entry.value.isMissing:
                entries.append(MapEntry(literal: builder.literal(entry.key), value: .nan))
            default: mistakes.append(entry.value.mistake("expected online, offline, or null for no change"))
            }
        }
        guard let references else { return -1 }
        let plan = StatusPlan(references: references, map: builder.add(entries, to: \.maps))
        return Int32(builder.add(one: plan, to: \.statuses))
    }

    private mutating func compileTable(_ setting: Setting, _ scope: Scope) -> Int32 {
        var reader = SettingReader(setting, &mistakes)
        let key = reader.required("key", "where the key stands, such as /name, @key or \"{field}\"", &mistakes)
        let value = reader.required("value", "where the value stands, such as /value or .", &mistakes)
        let rows = reader.required("rows", "a map of keys and the readings they stand for", &mistakes)
        reader.finish(&mistakes)
        let keyReference = key.flatMap { single($0, scope) }
        var compiled: [TableRow] = []
        for entry in mapEntries(rows, "a map of keys and the readings they stand for") {
            let readings = compileReadings(entry.value, scope, defaultFrom: value)
            compiled.append(TableRow(literal: builder.literal(entry.key), readings: readings))
        }
        guard let keyReference else { return -1 }
        let plan = TablePlan(
            key: builder.add(one: keyReference, to: \.references), rows: builder.add(compiled, to: \.tableRows))
        return Int32(builder.add(one: plan, to: \.tables))
    }

    // MARK: Helpers

    mutating func mapEntries(_ setting: Setting?, _ meaning: String) -> [Setting.Entry] {
        guard let setting else { return [] }
        if let entries = setting.entries { return entries }
        mistakes.append(setting.mistake("expected \(meaning)"))
        return []
    }

    static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
