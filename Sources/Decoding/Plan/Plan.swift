package import Basics

// The compiled form of all profiles: flat tables of plain values that point at each other by position, so that the
// hot path follows no reference count. `Profiles` writes them, `MessageDecoder` reads them.

/// One table of a plan: written once, then read by position.
///
/// Positions come from the builder and are in range by construction; a debug build checks them.
struct PlanTable<Entry: Sendable>: @unchecked Sendable {
    // Sendable: nothing writes to the memory after `init`.
    private let base: UnsafeMutablePointer<Entry>
    let count: Int

    init(_ entries: [Entry]) {
        base = .allocate(capacity: max(1, entries.count))
        base.initialize(from: entries, count: entries.count)
        count = entries.count
    }

    func deallocate() { base.deallocate() }

    @inline(__always)
    var pointer: UnsafePointer<Entry> { UnsafePointer(base) }

    @inline(__always)
    subscript(position: UInt32) -> Entry {
        assert(position < count)
        return base[Int(position)]
    }
}

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
    package var conditions: [Condition] = []
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

/// All tables. A value of it borrows from its `Plan`.
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
    let conditions: PlanTable<Condition>
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

    init(_ entries: PlanEntries) {
        bytes = PlanTable(entries.bytes)
        steps = PlanTable(entries.steps)
        references = PlanTable(entries.references)
        templates = PlanTable(entries.templates)
        templateParts = PlanTable(entries.templateParts)
        operations = PlanTable(entries.operations)
        namings = PlanTable(entries.namings)
        namingCases = PlanTable(entries.namingCases)
        patterns = PlanTable(entries.patterns)
        patternParts = PlanTable(entries.patternParts)
        conditions = PlanTable(entries.conditions)
        literals = PlanTable(entries.literals)
        captures = PlanTable(entries.captures)
        times = PlanTable(entries.times)
        timeFields = PlanTable(entries.timeFields)
        maps = PlanTable(entries.maps)
        numbers = PlanTable(entries.numbers)
        calculation = PlanTable(entries.calculation)
        unitChoices = PlanTable(entries.unitChoices)
        unitCases = PlanTable(entries.unitCases)
        holds = PlanTable(entries.holds)
        readings = PlanTable(entries.readings)
        tables = PlanTable(entries.tables)
        tableRows = PlanTable(entries.tableRows)
        statuses = PlanTable(entries.statuses)
        unwraps = PlanTable(entries.unwraps)
        layout = PlanTable(entries.layout)
        formats = PlanTable(entries.formats)
        rules = PlanTable(entries.rules)
        ruleLists = PlanTable(entries.ruleLists)
        ruleOrder = PlanTable(entries.ruleOrder)
        topicNodes = PlanTable(entries.topicNodes)
        topicLiterals = PlanTable(entries.topicLiterals)
        topicPatterns = PlanTable(entries.topicPatterns)
        topicSuffixes = PlanTable(entries.topicSuffixes)
        capturesMax = entries.capturesMax
        lineHolesMax = entries.lineHolesMax
    }
}

/// Owns the tables of the compiled profiles.
package final class Plan: Sendable {
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
        tables = PlanTables(entries)
        self.profileNames = profileNames
        self.zones = zones
        self.factNames = factNames
        self.ruleNotes = ruleNotes
        self.wireUnits = wireUnits
    }

    deinit {
        tables.bytes.deallocate()
        tables.steps.deallocate()
        tables.references.deallocate()
        tables.templates.deallocate()
        tables.templateParts.deallocate()
        tables.operations.deallocate()
        tables.namings.deallocate()
        tables.namingCases.deallocate()
        tables.patterns.deallocate()
        tables.patternParts.deallocate()
        tables.conditions.deallocate()
        tables.literals.deallocate()
        tables.captures.deallocate()
        tables.times.deallocate()
        tables.timeFields.deallocate()
        tables.maps.deallocate()
        tables.numbers.deallocate()
        tables.calculation.deallocate()
        tables.unitChoices.deallocate()
        tables.unitCases.deallocate()
        tables.holds.deallocate()
        tables.topicSuffixes.deallocate()
        tables.readings.deallocate()
        tables.tables.deallocate()
        tables.tableRows.deallocate()
        tables.statuses.deallocate()
        tables.unwraps.deallocate()
        tables.layout.deallocate()
        tables.formats.deallocate()
        tables.rules.deallocate()
        tables.ruleLists.deallocate()
        tables.ruleOrder.deallocate()
        tables.topicNodes.deallocate()
        tables.topicLiterals.deallocate()
        tables.topicPatterns.deallocate()
    }
}
