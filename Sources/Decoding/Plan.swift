import Basics
import Settings
import Telemetry

// The compiled form of all profiles: flat tables of plain values that point at each other by position, so that the
// hot path follows no reference count. `PlanBuilder` writes them, `MessageDecoder` reads them.

/// Consecutive entries of one table.
struct Run: Sendable {
    var start: UInt32 = 0
    var count: UInt32 = 0

    @inline(__always) var isEmpty: Bool { count == 0 }
    @inline(__always) var end: UInt32 { start &+ count }
    @inline(__always) var range: Range<UInt32> { start..<(start &+ count) }
}

/// A constant text of the plan, in its block of bytes, with its first eight bytes as one number: most keys are
/// compared by that number and their length alone.
struct Word: Sendable {
    var prefix: UInt64 = 0
    var start: UInt32 = 0
    var count: UInt32 = 0
}

/// A value that a profile names, to compare with one of a message: as text, and as a number where it is one.
struct Literal: Sendable {
    var word = Word()
    /// NaN where the text is not a number; NaN equals nothing.
    var number = Double.nan
}

/// One step of a reference from a value to a part of it.
struct Step: Sendable {
    enum Kind: UInt8, Sendable { case member, every, filter }
    var kind = Kind.member
    /// Member name; of a filter, the member that is compared.
    var word = Word()
    /// Position in an array; negative where the step is not a number.
    var element: Int32 = -1
    var literal = Literal()
}

/// Where a value is found.
struct Reference: Sendable {
    enum Base: UInt8, Sendable {
        case item, message, key, index, template
        /// Member name of the `*` around the innermost one.
        case outerKey
        /// What an earlier message or the roster told; `template` is its place among the facts.
        case fact
    }
    var base = Base.item
    var steps = Run()
    var template: UInt32 = 0
    /// Whether a step is `*`.
    var iterates = false
}

/// Text with holes for captures and references.
struct Template: Sendable {
    var parts = Run()
    /// No part depends on the message.
    var isStatic = false
    /// Uses `@index` or `@key`, which only an iteration has.
    var usesIteration = false
    /// Depends on nothing but the topic.
    var isOfTopic = false
}

struct TemplatePart: Sendable {
    enum Kind: UInt8, Sendable { case literal, capture, reference }
    var kind = Kind.literal
    var word = Word()
    /// Position of the capture, or of the reference.
    var position: UInt32 = 0
    var operations = Run()
}

struct IntegerOperation: Sendable {
    enum Kind: UInt8, Sendable { case shiftRight, add, and }
    var kind: Kind
    var operand: Int64
}

/// How a device or channel gets its name: a template, or a value looked up in a map.
struct Naming: Sendable {
    /// Negative: `template` alone.
    var reference: Int32 = -1
    var cases = Run()
    /// Template of `else`, or the only one; negative where there is none.
    var template: Int32 = -1
}

struct NamingCase: Sendable {
    var literal: Literal
    var template: UInt32
}

/// A text with holes that is matched, not written: a topic level, a captured string, `like`.
struct Pattern: Sendable { var parts = Run() }

struct PatternPart: Sendable {
    enum Kind: UInt8, Sendable { case literal, level, digits, rest }
    var kind = Kind.literal
    var word = Word()
    /// Where the matched text goes; negative: nowhere.
    var capture: Int32 = -1
}

struct Condition: Sendable {
    enum Kind: UInt8, Sendable { case exists, absent, oneOf, noneOf, like, above, below, hasWord }
    var kind: Kind
    var reference: UInt32
    /// Of `above` and `below` the bound.
    var literals = Run()
    var pattern: UInt32 = 0
}

struct Capture: Sendable {
    var reference: UInt32
    var pattern: UInt32
}

struct TimeCandidate: Sendable {
    enum Form: UInt8, Sendable { case iso, seconds, milliseconds, microseconds, nanoseconds, age, fields }
    enum Zone: UInt8, Sendable { case none, site, fixed, named }
    var form: Form
    var zone = Zone.none
    var offsetSeconds: Int32 = 0
    /// Of `named`: its place among the zones of the plan.
    var zoneIndex: UInt32 = 0
    /// Of an interval written as `begin/end` the end counts, not the begin.
    var takesEnd = false
    /// What to add in seconds; empty: nothing.
    var plus = Run()
    var references: Run
    var fields = Run()
}

/// One piece of a time pattern such as `dd.MM.yy HH:mm`.
struct TimeField: Sendable {
    enum Kind: UInt8, Sendable {
        case year, shortYear, month, monthName, day, hour, halfDayHour, halfDay, minute, second, millisecond, literal
        /// `Z` or `z`: the time is UTC.
        case utc
    }
    var kind: Kind
    var byte: UInt8 = 0
    /// Digits at the least and at the most.
    var width: UInt8 = 0
    var widthMax: UInt8 = 0
}

struct MapEntry: Sendable {
    var literal: Literal
    /// NaN: this value means missing.
    var value: Double
}

/// How one quantity is read.
struct ReadingPlan: Sendable {
    enum Bits: UInt8, Sendable { case none, anyOf, field }
    var quantity: Quantity
    /// The unit that the profile names, for people; its conversion is below.
    var wireUnit: UInt16 = 0
    var min: Double
    var max: Double
    /// First present wins.
    var references = Run()
    var numerator = 1.0
    var denominator = 1.0
    var offset = 0.0
    /// Reference to a power of ten that multiplies the value; negative: none.
    var exponent: Int32 = -1
    var missing = Run()
    var map = Run()
    /// NaN where an unknown value is not expected; infinity where it means missing.
    var otherwise = Double.nan
    var bits = Bits.none
    var bitMask: UInt64 = 0
    var bitShift: UInt8 = 0
    /// In place of `references`.
    var calculation = Run()
    /// The unit stands in the message; negative: it is known.
    var unitChoice: Int32 = -1
    /// Words of a list in one text, any of which gives 1; none: not such a list.
    var words = Run()
    /// One of the four above that are rare, or `map`, or a scale in the message.
    var isSpecial = false
    /// Position of the naming; negative: the rule's.
    var channel: Int32 = -1
    /// Empty: the rule's.
    var time = Run()
    var conditions = Run()
}

/// A unit that the message names.
struct UnitChoice: Sendable {
    enum Otherwise: UInt8, Sendable { case reject, missing, unit }
    /// First present counts.
    var references: Run
    var cases: Run
    /// What an absent or unknown unit means; of `unit` the last case.
    var otherwise = Otherwise.reject
}

struct UnitCase: Sendable {
    var literal: Literal
    var numerator: Double
    var denominator: Double
    var offset: Double
}

/// What a rule keeps of a message for later ones.
struct HoldEntry: Sendable {
    var fact: UInt32
    var reference: UInt32
}

struct TablePlan: Sendable {
    var key: UInt32
    var rows: Run
}

struct TableRow: Sendable {
    var literal: Literal
    var readings: Run
}

struct StatusPlan: Sendable {
    var references = Run()
    /// 1 is online, 0 offline.
    var map = Run()
    /// What every message of the rule means; nil where a value says it.
    var constant: Bool?
}

struct UnwrapPlan: Sendable {
    enum Encoding: UInt8, Sendable { case base64, hex, raw }
    var encoding: Encoding
    var reference: UInt32
    var layout: Run
    var isRestAllowed: Bool
}

/// One step of reading bytes.
struct LayoutStep: Sendable {
    enum Kind: UInt8, Sendable {
        case field, skip, mask, bit, repetition
        /// Entries that begin with a tag; `body` has the fields of the tag, then the cases, then what else may be.
        case tagged
        /// The fields of one tag; `must` is the tag.
        case tagCase
        /// What follows a tag without a case.
        case otherwise
        /// A part whose length stands before it.
        case block
        /// Numbers of some bits each, side by side.
        case packed
        /// Bits of the field before, as a value of its own; `count` is the lowest, `width` how many.
        case part
    }
    var kind: Kind
    var name = Word()
    var type = LayoutType.u8
    var isLittleEndian = false
    /// NaN: any value will do.
    var must = Double.nan
    /// Of a packed number and a part of a field, in bits.
    var width: UInt8 = 0
    var isSigned = false
    /// Of `otherwise`: 0 rejects the message, 1 ends the entries, 2 reads the fields of `body`. Of `tagged`: the place of
    /// the length among the fields of the tag, and of those that are no part of the tag; negative: none.
    var choice: Int32 = -1
    var body = Run()
    /// Bytes to skip, bit of a mask, or how often; negative: until the end.
    var count: Int32 = 0
}

enum LayoutType: UInt8, Sendable {
    case u8, i8, u16, i16, u24, i24, u32, i32, u64, i64, f32, f64

    var byteCount: Int {
        switch self {
        case .u8, .i8: 1
        case .u16, .i16: 2
        case .u24, .i24: 3
        case .u32, .i32, .f32: 4
        case .u64, .i64, .f64: 8
        }
    }
}

/// What a format must be told: separators, names, patterns.
struct FormatPlan: Sendable {
    var separator = Word()
    /// Names of the pieces, in the table of literals.
    var names = Run()
    /// In the table of patterns. The word of a hole is its name, its capture its place among the holes.
    var patterns = Run()
}

struct RulePlan: Sendable {
    enum Format: UInt8, Sendable, CaseIterable {
        case json, text, form, lines, split, influx, senml, sparkplug, cbor, hj212

        /// As profiles write it.
        var word: String { "\(self)" }
    }
    var profile: UInt32 = 0
    var format = Format.json
    /// Negative: the format needs to be told nothing.
    var formatOptions: Int32 = -1
    var isIgnored = false
    /// Says that the payload is absent: the rule fits empty messages, and only them.
    var wantsEmpty = false
    /// Known from the message alone: judged before anything is unwrapped.
    var messageConditions = Run()
    var itemConditions = Run()
    var unwrap: Int32 = -1
    var each: Int32 = -1
    var captures = Run()
    var device: UInt32 = 0
    var channel: Int32 = -1
    var time = Run()
    var status: Int32 = -1
    var readings = Run()
    var table: Int32 = -1
    /// Templates of the keys under which facts are kept and found; negative: none.
    var holdKey: Int32 = -1
    var heldKey: Int32 = -1
    var holds = Run()
    /// Only keeps something: it names no device.
    var onlyHolds = false
    /// Asks for facts of the roster.
    var usesFacts = false
}

/// A place in the tree of topics.
struct TopicNode: Sendable {
    var literals = Run()
    /// Most specific first.
    var patterns = Run()
    /// Rules of topics that end here; negative: none.
    var end: Int32 = -1
    /// Rules of topics that take all further levels; negative: none.
    var rest: Int32 = -1
    /// Where the further levels go.
    var restCapture: UInt32 = 0
    /// Topics that take further levels up to some known last ones; the longest first.
    var suffixes = Run()
}

/// The last levels of a topic after `{name...}`.
struct TopicSuffix: Sendable {
    /// Patterns of the levels.
    var levels: Run
    var rules: Int32
}

struct TopicLiteral: Sendable {
    var word: Word
    var node: UInt32
}

struct TopicPattern: Sendable {
    var pattern: UInt32
    var node: UInt32
}

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
}

/// Owns the tables of the compiled profiles.
final class Plan: Sendable {
    let tables: PlanTables
    let profileNames: [String]
    let zones: [ZoneRules]
    /// Names of what `hold` keeps and the roster tells.
    let factNames: [String]
    /// By rule.
    let ruleNotes: [RuleNote]
    /// By `ReadingPlan.wireUnit`; the first one is empty: no unit is named.
    let wireUnits: [String]

    init(
        tables: PlanTables, profileNames: [String], zones: [ZoneRules], factNames: [String], ruleNotes: [RuleNote],
        wireUnits: [String]
    ) {
        self.tables = tables
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
