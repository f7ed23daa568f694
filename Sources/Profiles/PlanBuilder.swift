import Basics
import Decoding
import Telemetry

/// Collects the tables of a plan while profiles are compiled.
struct PlanBuilder {
    var entries = PlanEntries()
    var zones: [ZoneRules] = []
    private(set) var factNames: [String] = []
    private var facts: [ByteName: UInt32] = [:]
    var ruleNotes: [RuleNote] = []
    private(set) var wireUnits = [""]
    private var words: [ByteName: Word] = [:]

    /// Adds entries to the table at `path`, side by side.
    mutating func add<Entry>(_ new: [Entry], to path: WritableKeyPath<PlanEntries, [Entry]>) -> Run {
        let run = Run(start: UInt32(entries[keyPath: path].count), count: UInt32(new.count))
        entries[keyPath: path].append(contentsOf: new)
        return run
    }

    /// Adds one entry to the table at `path` and says where it stands.
    mutating func add<Entry>(one entry: Entry, to path: WritableKeyPath<PlanEntries, [Entry]>) -> UInt32 {
        entries[keyPath: path].append(entry)
        return UInt32(entries[keyPath: path].count - 1)
    }

    mutating func word(_ text: String) -> Word {
        if let known = words[ByteName(text)] { return known }
        var word = Word(prefix: 0, start: UInt32(entries.bytes.count), count: UInt32(text.utf8.count))
        for (position, byte) in text.utf8.prefix(8).enumerated() { word.prefix |= UInt64(byte) << (8 * position) }
        entries.bytes.append(contentsOf: text.utf8)
        words[ByteName(text)] = word
        return word
    }

    /// Where a unit's name stands among those that profiles use; 0 when there are too many of them.
    mutating func wireUnit(_ name: String) -> UInt16 {
        if let known = wireUnits.firstIndex(where: { $0.hasBytes(of: name) }) { return UInt16(known) }
        guard wireUnits.count < Int(UInt16.max) else { return 0 }
        wireUnits.append(name)
        return UInt16(wireUnits.count - 1)
    }

    mutating func fact(_ name: String) -> UInt32 {
        if let known = facts[ByteName(name)] { return known }
        facts[ByteName(name)] = UInt32(factNames.count)
        factNames.append(name)
        return UInt32(factNames.count - 1)
    }

    mutating func literal(_ text: String) -> Literal {
        let number = text.utf8Bytes { DecimalNumber.parse($0) }
        return Literal(word: word(text), number: number.map { $0.isFinite ? $0 : .nan } ?? .nan)
    }

    mutating func plan(topics: TopicTree, profileNames: [String]) -> Plan {
        entries.ruleLists = topics.ruleLists
        entries.ruleOrder = topics.ruleOrder
        entries.topicNodes = topics.nodes
        entries.topicLiterals = topics.literals
        entries.topicPatterns = topics.patterns
        entries.topicSuffixes = topics.suffixes
        return Plan(
            entries, profileNames: profileNames, zones: zones, factNames: factNames, ruleNotes: ruleNotes,
            wireUnits: wireUnits)
    }
}
