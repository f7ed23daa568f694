// Rules, and the tree of topics that finds them.

package struct RulePlan: Sendable {
    package enum Format: UInt8, Sendable, CaseIterable {
        case json, text, form, lines, split, influx, senml, sparkplug, cbor, hj212

        /// As profiles write it.
        package var word: String { "\(self)" }
    }
    package var profile: UInt32
    package var format = Format.json
    /// Negative: the format needs to be told nothing.
    package var formatOptions: Int32 = -1
    package var isIgnored = false
    /// Says that the payload is absent: the rule fits empty messages, and only them.
    package var wantsEmpty = false
    /// Known from the message alone: judged before anything is unwrapped.
    package var messageConditions = Run()
    package var itemConditions = Run()
    package var unwrap: Int32 = -1
    package var each: Int32 = -1
    package var captures = Run()
    package var device: UInt32 = 0
    /// An ignored rule, or one that only holds, may name none.
    package var namesDevice = false
    package var channel: Int32 = -1
    package var time = Run()
    package var status: Int32 = -1
    package var readings = Run()
    package var table: Int32 = -1
    /// Templates of the keys under which facts are kept and found; negative: none.
    package var holdKey: Int32 = -1
    package var heldKey: Int32 = -1
    package var holds = Run()
    /// Only keeps something: it names no device.
    package var onlyHolds = false
    /// Asks for facts of the roster.
    package var usesFacts = false

    package init(profile: UInt32) {
        self.profile = profile
    }
}

/// What a rule keeps of a message for later ones.
package struct HoldEntry: Sendable {
    package var fact: UInt32
    package var reference: UInt32

    package init(fact: UInt32, reference: UInt32) {
        self.fact = fact
        self.reference = reference
    }
}

/// What a format must be told: separators, names, patterns.
package struct FormatPlan: Sendable {
    package var separator = Word()
    /// Names of the pieces, in the table of literals.
    package var names = Run()
    /// In the table of patterns. The word of a hole is its name, its capture its place among the holes.
    package var patterns = Run()

    package init() {}
}

/// Where a rule stands, for those who ask how a message was decoded.
package struct RuleNote: Sendable {
    package var line: Int
    package var topic: String

    package init(line: Int, topic: String) {
        self.line = line
        self.topic = topic
    }
}

/// A place in the tree of topics.
package struct TopicNode: Sendable {
    package var literals = Run()
    /// Most specific first.
    package var patterns = Run()
    /// Rules of topics that end here; negative: none.
    package var end: Int32 = -1
    /// Rules of topics that take all further levels; negative: none.
    package var rest: Int32 = -1
    /// Where the further levels go.
    package var restCapture: UInt32 = 0
    /// Topics that take further levels up to some known last ones; the longest first.
    package var suffixes = Run()

    package init() {}
}

/// The last levels of a topic after `{name...}`.
package struct TopicSuffix: Sendable {
    /// Patterns of the levels.
    package var levels: Run
    package var rules: Int32

    package init(levels: Run, rules: Int32) {
        self.levels = levels
        self.rules = rules
    }
}

package struct TopicLiteral: Sendable {
    package var word: Word
    package var node: UInt32

    package init(word: Word, node: UInt32) {
        self.word = word
        self.node = node
    }
}

package struct TopicPattern: Sendable {
    package var pattern: UInt32
    package var node: UInt32

    package init(pattern: UInt32, node: UInt32) {
        self.pattern = pattern
        self.node = node
    }
}
