package import Basics

// The compiled form of all profiles: flat tables of plain values that point at each other by position, so that the
// hot path follows no reference count. `Profiles` writes them, `MessageDecoder` reads them.

/// The tables while they grow: what compiles profiles fills them, side by side, and a plan is made of them once.
package struct PlanEntries {
    package var bytes: [UInt8] = []
    package var steps: [Step] = []
    package var references: [Reference] = []
    package var templates: [Template] = []
    package var templateParts: [TemplatePart] = []
    package var operations: [IntegerOperation] = []
    package var namings: [Naming] = []
    package var namingCases: [NamingCase] = []
    package var patterns: [Pattern] = []
    package var patternParts: [PatternPart] = []
    package var conditions: [WhenCondition] = []
    package var literals: [Literal] = []
    package var captures: [Capture] = []
    package var times: [TimeCandidate] = []
    package var timeFields: [TimeField] = []
    package var maps: [MapEntry] = []
    package var numbers: [Double] = []
    package var calculation: [CalcStep] = []
    package var unitChoices: [UnitChoice] = []
    package var unitCases: [UnitCase] = []
    package var holds: [HoldEntry] = []
    package var readings: [ReadingPlan] = []
    package var tables: [TablePlan] = []
    package var tableRows: [TableRow] = []
    package var statuses: [StatusPlan] = []
    package var unwraps: [UnwrapPlan] = []
    package var layout: [LayoutStep] = []
    package var formats: [FormatPlan] = []
    package var rules: [RulePlan] = []
    /// Rules that share a topic, in order.
    package var ruleLists: [Run] = []
    package var ruleOrder: [UInt32] = []
    package var topicNodes: [TopicNode] = []
    package var topicLiterals: [TopicLiteral] = []
    package var topicPatterns: [TopicPattern] = []
    package var topicSuffixes: [TopicSuffix] = []
    package var capturesMax = 0
    /// Most holes of one line pattern.
    package var lineHolesMax = 0

    package init() {}
}

/// All tables. Good for as long as the `Plan` that they belong to.
struct PlanTables: Sendable {
    let bytes: PlanTable<UInt8>
    let steps: PlanTable<Step>
    let references: PlanTable<Reference>
    let templates: PlanTable<Template>
    let templateParts: PlanTable<TemplatePart>
    let operations: PlanTable<IntegerOperation>
    let namings: PlanTable<Naming>
    let namingCases: PlanTable<NamingCase>
    let patterns: PlanTable<Pattern>
    let patternParts: PlanTable<PatternPart>
    let conditions: PlanTable<WhenCondition>
    let literals: PlanTable<Literal>
    let captures: PlanTable<Capture>
    let times: PlanTable<TimeCandidate>
    let timeFields: PlanTable<TimeField>
    let maps: PlanTable<MapEntry>
    let numbers: PlanTable<Double>
    let calculation: PlanTable<CalcStep>
    let unitChoices: PlanTable<UnitChoice>
    let unitCases: PlanTable<UnitCase>
    let holds: PlanTable<HoldEntry>
    let readings: PlanTable<ReadingPlan>
    let tables: PlanTable<TablePlan>
    let tableRows: PlanTable<TableRow>
    let statuses: PlanTable<StatusPlan>
    let unwraps: PlanTable<UnwrapPlan>
    let layout: PlanTable<LayoutStep>
    let formats: PlanTable<FormatPlan>
    let rules: PlanTable<RulePlan>
    /// Rules that share a topic, in order.
    let ruleLists: PlanTable<Run>
    let ruleOrder: PlanTable<UInt32>
    let topicNodes: PlanTable<TopicNode>
    let topicLiterals: PlanTable<TopicLiteral>
    let topicPatterns: PlanTable<TopicPattern>
    let topicSuffixes: PlanTable<TopicSuffix>
    let capturesMax: Int
    /// Most holes of one line pattern.
    let lineHolesMax: Int

    init(_ entries: PlanEntries, in memory: inout PlanMemory) {
        bytes = memory.table(entries.bytes)
        steps = memory.table(entries.steps)
        references = memory.table(entries.references)
        templates = memory.table(entries.templates)
        templateParts = memory.table(entries.templateParts)
        operations = memory.table(entries.operations)
        namings = memory.table(entries.namings)
        namingCases = memory.table(entries.namingCases)
        patterns = memory.table(entries.patterns)
        patternParts = memory.table(entries.patternParts)
        conditions = memory.table(entries.conditions)
        literals = memory.table(entries.literals)
        captures = memory.table(entries.captures)
        times = memory.table(entries.times)
        timeFields = memory.table(entries.timeFields)
        maps = memory.table(entries.maps)
        numbers = memory.table(entries.numbers)
        calculation = memory.table(entries.calculation)
        unitChoices = memory.table(entries.unitChoices)
        unitCases = memory.table(entries.unitCases)
        holds = memory.table(entries.holds)
        readings = memory.table(entries.readings)
        tables = memory.table(entries.tables)
        tableRows = memory.table(entries.tableRows)
        statuses = memory.table(entries.statuses)
        unwraps = memory.table(entries.unwraps)
        layout = memory.table(entries.layout)
        formats = memory.table(entries.formats)
        rules = memory.table(entries.rules)
        ruleLists = memory.table(entries.ruleLists)
        ruleOrder = memory.table(entries.ruleOrder)
        topicNodes = memory.table(entries.topicNodes)
        topicLiterals = memory.table(entries.topicLiterals)
        topicPatterns = memory.table(entries.topicPatterns)
        topicSuffixes = memory.table(entries.topicSuffixes)
        capturesMax = entries.capturesMax
        lineHolesMax = entries.lineHolesMax
    }
}

/// The compiled profiles: the tables, the memory that they are views of, and the names behind them.
package final class Plan: Sendable {
    private let memory: PlanMemory
    let tables: PlanTables
    let profileNames: [String]
    let zones: [ZoneRules]
    /// Names of what `hold` keeps and the roster tells.
    let factNames: [String]
    /// By rule.
    let ruleNotes: [RuleNote]
    /// By `ReadingPlan.wireUnit`; the first one is empty: no unit is named.
    let wireUnits: [String]

    package init(
        _ entries: PlanEntries, profileNames: [String], zones: [ZoneRules], factNames: [String], ruleNotes: [RuleNote],
        wireUnits: [String]
    ) {
        var memory = PlanMemory()
        tables = PlanTables(entries, in: &memory)
        self.memory = memory
        self.profileNames = profileNames
        self.zones = zones
        self.factNames = factNames
        self.ruleNotes = ruleNotes
        self.wireUnits = wireUnits
    }
}
