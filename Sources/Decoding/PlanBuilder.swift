import Basics
import Settings
import Telemetry

/// Collects the tables of a plan while profiles are compiled.
struct PlanBuilder {
    var bytes: [UInt8] = []
    var steps: [Step] = []
    var references: [Reference] = []
    var templates: [Template] = []
    var templateParts: [TemplatePart] = []
    var operations: [IntegerOperation] = []
    var namings: [Naming] = []
    var namingCases: [NamingCase] = []
    var patterns: [Pattern] = []
    var patternParts: [PatternPart] = []
    var conditions: [Condition] = []
    var literals: [Literal] = []
    var captures: [Capture] = []
    var times: [TimeCandidate] = []
    var timeFields: [TimeField] = []
    var maps: [MapEntry] = []
    var numbers: [Double] = []
    var readings: [ReadingPlan] = []
    var tables: [TablePlan] = []
    var tableRows: [TableRow] = []
    var statuses: [StatusPlan] = []
    var unwraps: [UnwrapPlan] = []
    var layout: [LayoutStep] = []
    var formats: [FormatPlan] = []
    var rules: [RulePlan] = []
    var calculation: [CalcStep] = []
    var unitChoices: [UnitChoice] = []
    var unitCases: [UnitCase] = []
    var holds: [HoldEntry] = []
    var zones: [ZoneRules] = []
    private(set) var factNames: [String] = []
    private var facts: [String: UInt32] = [:]
    var capturesMax = 0
    var ruleNotes: [RuleNote] = []
    private(set) var wireUnits = [""]
    var lineHolesMax = 0
    private var words: [String: Word] = [:]

    /// Adds `entries` to the table at `path`, side by side.
    mutating func add<Entry>(_ entries: [Entry], to path: WritableKeyPath<PlanBuilder, [Entry]>) -> Run {
        let run = Run(start: UInt32(self[keyPath: path].count), count: UInt32(entries.count))
        self[keyPath: path].append(contentsOf: entries)
        return run
    }

    /// Adds one entry to the table at `path` and says where it stands.
    mutating func add<Entry>(one entry: Entry, to path: WritableKeyPath<PlanBuilder, [Entry]>) -> UInt32 {
        self[keyPath: path].append(entry)
        return UInt32(self[keyPath: path].count - 1)
    }

    mutating func word(_ text: String) -> Word {
        if let known = words[text] { return known }
        var word = Word(prefix: 0, start: UInt32(bytes.count), count: UInt32(text.utf8.count))
        for (position, byte) in text.utf8.prefix(8).enumerated() { word.prefix |= UInt64(byte) << (8 * position) }
        bytes.append(contentsOf: text.utf8)
        words[text] = word
        return word
    }

    /// Where a unit's name stands among those that profiles use; 0 when there are too many of them.
    mutating func wireUnit(_ name: String) -> UInt16 {
        if let known = wireUnits.firstIndex(of: name) { return UInt16(known) }
        guard wireUnits.count < Int(UInt16.max) else { return 0 }
        wireUnits.append(name)
        return UInt16(wireUnits.count - 1)
    }

    mutating func fact(_ name: String) -> UInt32 {
        if let known = facts[name] { return known }
        facts[name] = UInt32(factNames.count)
        factNames.append(name)
        return UInt32(factNames.count - 1)
    }

    mutating func literal(_ text: String) -> Literal {
        let number = text.utf8Bytes { DecimalNumber.parse($0) }
        return Literal(word: word(text), number: number.map { $0.isFinite ? $0 : .nan } ?? .nan)
    }

    func plan(topics: TopicTree, profileNames: [String]) -> Plan {
        Plan(
            tables: PlanTables(
                bytes: PlanTable(bytes), steps: PlanTable(steps), references: PlanTable(references),
                templates: PlanTable(templates), templateParts: PlanTable(templateParts),
                operations: PlanTable(operations), namings: PlanTable(namings), namingCases: PlanTable(namingCases),
                patterns: PlanTable(patterns), patternParts: PlanTable(patternParts),
                conditions: PlanTable(conditions), literals: PlanTable(literals), captures: PlanTable(captures),
                times: PlanTable(times), timeFields: PlanTable(timeFields), maps: PlanTable(maps),
                numbers: PlanTable(numbers), calculation: PlanTable(calculation), unitChoices: PlanTable(unitChoices),
                unitCases: PlanTable(unitCases), holds: PlanTable(holds), readings: PlanTable(readings),
                tables: PlanTable(tables),
                tableRows: PlanTable(tableRows), statuses: PlanTable(statuses), unwraps: PlanTable(unwraps),
                layout: PlanTable(layout), formats: PlanTable(formats), rules: PlanTable(rules),
                ruleLists: PlanTable(topics.ruleLists),
                ruleOrder: PlanTable(topics.ruleOrder), topicNodes: PlanTable(topics.nodes),
                topicLiterals: PlanTable(topics.literals), topicPatterns: PlanTable(topics.patterns),
                topicSuffixes: PlanTable(topics.suffixes),
                capturesMax: capturesMax, lineHolesMax: lineHolesMax),
            profileNames: profileNames, zones: zones, factNames: factNames, ruleNotes: ruleNotes, wireUnits: wireUnits)
    }
}
