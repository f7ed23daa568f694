import Basics

// Where values stand in a message, and the texts that are compared with them or made of them.

/// Consecutive entries of one table.
package struct Run: Sendable {
    package var start: UInt32
    package var count: UInt32

    @inline(__always) package var isEmpty: Bool { count == 0 }
    @inline(__always) package var end: UInt32 { start &+ count }
    @inline(__always) package var range: Range<UInt32> { start..<(start &+ count) }

    package init(start: UInt32 = 0, count: UInt32 = 0) {
        self.start = start
        self.count = count
    }
}

/// A constant text of the plan, in its block of bytes, with its first eight bytes as one number: most keys are
/// compared by that number and their length alone.
package struct Word: Sendable {
    package var prefix: UInt64
    package var start: UInt32
    package var count: UInt32

    package init(prefix: UInt64 = 0, start: UInt32 = 0, count: UInt32 = 0) {
        self.prefix = prefix
        self.start = start
        self.count = count
    }
}

/// A value that a profile names, to compare with one of a message: as text, and as a number where it is one.
package struct Literal: Sendable {
    package var word: Word
    /// NaN where the text is not a number; NaN equals nothing.
    package var number: Double

    package init(word: Word = Word(), number: Double = .nan) {
        self.word = word
        self.number = number
    }
}

/// One step of a reference from a value to a part of it.
package struct Step: Sendable {
    package enum Kind: UInt8, Sendable { case member, every, filter }
    package var kind: Kind
    /// Member name; of a filter, the member that is compared.
    package var word: Word
    /// Position in an array; negative where the step is not a number.
    package var element: Int32
    package var literal: Literal

    package init(kind: Kind = .member, word: Word = Word(), element: Int32 = -1, literal: Literal = Literal()) {
        self.kind = kind
        self.word = word
        self.element = element
        self.literal = literal
    }
}

/// Where a value is found.
package struct Reference: Sendable {
    package enum Base: UInt8, Sendable {
        case item, message, key, index, template
        /// Member name of the `*` around the innermost one.
        case outerKey
        /// What an earlier message or the roster told; `template` is its place among the facts.
        case fact
    }
    package var base: Base
    package var steps: Run
    package var template: UInt32
    /// Whether a step is `*`.
    package var iterates: Bool

    package init(base: Base = .item, steps: Run = Run(), template: UInt32 = 0, iterates: Bool = false) {
        self.base = base
        self.steps = steps
        self.template = template
        self.iterates = iterates
    }
}

/// Text with holes for captures and references.
package struct Template: Sendable {
    package var parts: Run
    /// No part depends on the message.
    package var isStatic: Bool
    /// Uses `@index` or `@key`, which only an iteration has.
    package var usesIteration: Bool
    /// Depends on nothing but the topic.
    package var isOfTopic: Bool

    package init(parts: Run = Run(), isStatic: Bool = false, usesIteration: Bool = false, isOfTopic: Bool = false) {
        self.parts = parts
        self.isStatic = isStatic
        self.usesIteration = usesIteration
        self.isOfTopic = isOfTopic
    }
}

package struct TemplatePart: Sendable {
    package enum Kind: UInt8, Sendable { case literal, capture, reference }
    package var kind: Kind
    package var word: Word
    /// Position of the capture, or of the reference.
    package var position: UInt32
    package var operations: Run

    package init(kind: Kind = .literal, word: Word = Word(), position: UInt32 = 0, operations: Run = Run()) {
        self.kind = kind
        self.word = word
        self.position = position
        self.operations = operations
    }
}

package struct IntegerOperation: Sendable {
    package enum Kind: UInt8, Sendable { case shiftRight, add, and }
    package var kind: Kind
    package var operand: Int64

    package init(kind: Kind, operand: Int64) {
        self.kind = kind
        self.operand = operand
    }
}

/// How a device or channel gets its name: a template, or a value looked up in a map.
package struct Naming: Sendable {
    /// Negative: `template` alone.
    package var reference: Int32
    package var cases: Run
    /// Template of `else`, or the only one; negative where there is none.
    package var template: Int32

    package init(reference: Int32 = -1, cases: Run = Run(), template: Int32 = -1) {
        self.reference = reference
        self.cases = cases
        self.template = template
    }
}

package struct NamingCase: Sendable {
    package var literal: Literal
    package var template: UInt32

    package init(literal: Literal, template: UInt32) {
        self.literal = literal
        self.template = template
    }
}

/// A text with holes that is matched, not written: a topic level, a captured string, `like`.
package struct Pattern: Sendable {
    package var parts: Run

    package init(parts: Run = Run()) { self.parts = parts }
}

package struct PatternPart: Sendable {
    package enum Kind: UInt8, Sendable { case literal, level, digits, rest }
    package var kind: Kind
    package var word: Word
    /// Where the matched text goes; negative: nowhere.
    package var capture: Int32

    package init(kind: Kind = .literal, word: Word = Word(), capture: Int32 = -1) {
        self.kind = kind
        self.word = word
        self.capture = capture
    }
}

package struct WhenCondition: Sendable {
    package enum Kind: UInt8, Sendable { case exists, absent, oneOf, noneOf, like, above, below, hasWord }
    package var kind: Kind
    package var reference: UInt32
    /// Of `above` and `below` the bound.
    package var literals: Run
    package var pattern: UInt32

    package init(kind: Kind, reference: UInt32, literals: Run = Run(), pattern: UInt32 = 0) {
        self.kind = kind
        self.reference = reference
        self.literals = literals
        self.pattern = pattern
    }
}

package struct Capture: Sendable {
    package var reference: UInt32
    package var pattern: UInt32

    package init(reference: UInt32, pattern: UInt32) {
        self.reference = reference
        self.pattern = pattern
    }
}
