public import Basics
public import Telemetry

/// How one message was decoded: which rules were tried, what each reference led to, and what nothing read.
///
/// It tells what the decoder did with the compiled profiles; no second reading of a profile stands behind it.
public struct MessageTrace: Sendable {
    /// One rule of the topic's list.
    public struct Rule: Sendable {
        /// Whose rule it is.
        public var profile: String
        /// Where the rule stands in its file; from 1.
        public var line: Int
        /// Its topic filter, as the profile writes it.
        public var topic: String
        /// Whether the rule took the message.
        public var outcome: Outcome
        /// One unless the rule has an `each`; none where it did not apply.
        public var items: [Item] = []
    }

    /// What a rule did with the message.
    public enum Outcome: Sendable, Equatable {
        case applied
        /// The rule says `ignore`.
        case ignored
        /// What did not hold, in words.
        case misfit(String)
    }

    /// One application of a rule: to the whole message, or to one value of its `each`.
    public struct Item: Sendable {
        /// Where the item stands, as a JSON Pointer; `.` for the message.
        public var path: String
        /// Empty where the rule only keeps values for later messages.
        public var device = ""
        /// Empty for the device as a whole.
        public var channel = ""
        /// Time of the readings that have none of their own.
        public var observed = Timestamp(milliseconds: 0)
        /// Where the time was found; nil where it is the time of receipt.
        public var timePath: String?
        /// Times that were passed over, and why.
        public var notes: [String] = []
        /// Why the item gave nothing; nil where it was read.
        public var misfit: String?
        /// As the profile asks for them.
        public var fields: [Field] = []
    }

    /// One value that a reading of the profile asked for.
    public struct Field: Sendable {
        /// What the profile says that it measures.
        public var quantity: Quantity
        /// Where the value stands, or the references that led to none.
        public var path: String
        /// As it stands in the message; nil where it is absent.
        public var wire: String?
        /// The unit that the profile names; nil where it names none.
        public var wireUnit: String?
        /// What became of it.
        public var result: Result
    }

    /// What became of a value.
    public enum Result: Sendable, Equatable {
        case reading(Value)
        /// Outside the plausible range of its quantity.
        case suspect(Value)
        /// No reading, and why.
        case none(String)
    }

    /// A reading with the names of what it is of.
    public struct Value: Sendable, Equatable {
        /// The device's name.
        public var device: String
        /// nil for the device as a whole.
        public var channel: String?
        /// In the canonical unit.
        public var value: Double
        /// The item's time, or the value's own.
        public var observed: Timestamp
        /// An earlier value of the same item, series and time stands in its place.
        public var isRepeated = false
    }

    /// A value of the message that no rule read.
    public struct Leftover: Sendable, Equatable {
        /// As `Item.path`.
        public var path: String
        /// As it stands in the message.
        public var wire: String
        /// Why, where it can be told.
        public var why: String?
    }

    /// Of the message; what is not UTF-8 is mended with U+FFFD.
    public var topic: String
    /// Empty where no profile has a rule for the topic.
    public var rules: [Rule] = []
    /// Topics of the profiles that are nearest to the message's, where no rule is for it.
    public var nearestTopics: [String] = []
    /// Values of the message that none of the rules read.
    public var leftovers: [Leftover] = []
    /// What was rejected of the message, or all of it.
    public var rejects: [Reject] = []
}

/// Gathers the traces of the messages that one call decodes.
final class TraceSink {
    var messages: [MessageTrace] = []
    /// Nodes that a reference of the rule in hand led to.
    var used: Set<Int32> = []
    /// Why the values of a node were not read.
    var reasons: [Int32: String] = [:]
    /// What stands before the places of unwrapped values: where their bytes stood.
    var unwrapPrefix = ""
    /// Values of the message in each format that a rule had it read as.
    var layings: [UInt8: Laying] = [:]

    struct Laying {
        var leaves: [(path: String, wire: String)] = []
        var known: Set<String> = []
        var usedPaths: Set<String> = []
        var reasons: [String: String] = [:]
        var isApplied = false
    }

    /// A trace longer than this is cut: nobody reads on.
    static let fieldsMax = 10_000
    static let leavesMax = 10_000

    var rule: Int { messages[messages.count - 1].rules.count - 1 }

    func begin(topic: String) {
        messages.append(MessageTrace(topic: topic))
        used = []
        reasons = [:]
        layings = [:]
        unwrapPrefix = ""
    }

    func withRule(_ body: (inout MessageTrace.Rule) -> Void) {
        guard let last = messages.indices.last, let rule = messages[last].rules.indices.last else { return }
        body(&messages[last].rules[rule])
    }

    func withItem(_ body: (inout MessageTrace.Item) -> Void) {
        withRule { rule in
            guard let last = rule.items.indices.last else { return }
            body(&rule.items[last])
        }
    }

    func append(_ field: MessageTrace.Field) {
        withItem { if $0.fields.count < Self.fieldsMax { $0.fields.append(field) } }
    }
}
