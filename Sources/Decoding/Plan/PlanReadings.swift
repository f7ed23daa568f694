import Basics
package import Telemetry

// How a value becomes a reading: its quantity, unit, time and calculation.

/// How one quantity is read.
package struct ReadingPlan: Sendable {
    package enum Bits: UInt8, Sendable { case none, anyOf, field }
    package var quantity: Quantity
    /// The unit that the profile names, for people; its conversion is below.
    package var wireUnit: UInt16 = 0
    package var min: Double
    package var max: Double
    /// First present wins.
    package var references = Run()
    package var numerator = 1.0
    package var denominator = 1.0
    package var offset = 0.0
    /// Reference to a power of ten that multiplies the value; negative: none.
    package var exponent: Int32 = -1
    package var missing = Run()
    package var map = Run()
    /// NaN where an unknown value is not expected; infinity where it means missing.
    package var otherwise = Double.nan
    package var bits = Bits.none
    package var bitMask: UInt64 = 0
    package var bitShift: UInt8 = 0
    /// In place of `references`.
    package var calculation = Run()
    /// The unit stands in the message; negative: it is known.
    package var unitChoice: Int32 = -1
    /// Words of a list in one text, any of which gives 1; none: not such a list.
    package var words = Run()
    /// One of the four above that are rare, or `map`, or a scale in the message.
    package var isSpecial = false
    /// Position of the naming; negative: the rule's.
    package var channel: Int32 = -1
    /// Empty: the rule's.
    package var time = Run()
    package var conditions = Run()

    package init(quantity: Quantity) {
        self.quantity = quantity
        min = quantity.range.lowerBound
        max = quantity.range.upperBound
    }
}

/// A unit that the message names.
package struct UnitChoice: Sendable {
    package enum Otherwise: UInt8, Sendable { case reject, missing, unit }
    /// First present counts.
    package var references: Run
    package var cases: Run
    /// What an absent or unknown unit means; of `unit` the last case.
    package var otherwise: Otherwise

    package init(references: Run, cases: Run, otherwise: Otherwise = .reject) {
        self.references = references
        self.cases = cases
        self.otherwise = otherwise
    }
}

package struct UnitCase: Sendable {
    package var literal: Literal
    package var numerator: Double
    package var denominator: Double
    package var offset: Double

    package init(literal: Literal, numerator: Double, denominator: Double, offset: Double) {
        self.literal = literal
        self.numerator = numerator
        self.denominator = denominator
        self.offset = offset
    }
}

package struct MapEntry: Sendable {
    package var literal: Literal
    /// NaN: this value means missing.
    package var value: Double

    package init(literal: Literal, value: Double) {
        self.literal = literal
        self.value = value
    }
}

package struct TimeCandidate: Sendable {
    package enum Form: UInt8, Sendable { case iso, seconds, milliseconds, microseconds, nanoseconds, age, fields }
    package enum Zone: UInt8, Sendable { case none, site, fixed, named }
    package var form: Form
    package var zone: Zone
    package var offsetSeconds: Int32
    /// Of `named`: its place among the zones of the plan.
    package var zoneIndex: UInt32
    /// Of an interval written as `begin/end` the end counts, not the begin.
    package var takesEnd: Bool
    /// What to add in seconds; empty: nothing.
    package var plus: Run
    package var references: Run
    package var fields: Run
    /// Where no time can be used the receipt stands, and the message is no reject.
    package var elseReceipt: Bool

    package init(
        form: Form, zone: Zone = .none, offsetSeconds: Int32 = 0, zoneIndex: UInt32 = 0, takesEnd: Bool = false,
        plus: Run = Run(), references: Run, fields: Run = Run(), elseReceipt: Bool = false
    ) {
        self.form = form
        self.zone = zone
        self.offsetSeconds = offsetSeconds
        self.zoneIndex = zoneIndex
        self.takesEnd = takesEnd
        self.plus = plus
        self.references = references
        self.fields = fields
        self.elseReceipt = elseReceipt
    }
}

/// One piece of a time pattern such as `dd.MM.yy HH:mm`.
package struct TimeField: Sendable {
    package enum Kind: UInt8, Sendable {
        case year, shortYear, month, monthName, day, hour, halfDayHour, halfDay, minute, second, millisecond, literal
        /// `Z` or `z`: the time is UTC.
        case utc
    }
    package var kind: Kind
    package var byte: UInt8
    /// Digits at the least and at the most.
    package var width: UInt8
    package var widthMax: UInt8

    package init(kind: Kind, byte: UInt8 = 0, width: UInt8 = 0, widthMax: UInt8 = 0) {
        self.kind = kind
        self.byte = byte
        self.width = width
        self.widthMax = widthMax
    }
}

package struct TablePlan: Sendable {
    package var key: UInt32
    package var rows: Run

    package init(key: UInt32, rows: Run) {
        self.key = key
        self.rows = rows
    }
}

package struct TableRow: Sendable {
    package var literal: Literal
    package var readings: Run

    package init(literal: Literal, readings: Run) {
        self.literal = literal
        self.readings = readings
    }
}

package struct StatusPlan: Sendable {
    package var references: Run
    /// 1 is online, 0 offline.
    package var map: Run
    /// What every message of the rule means; nil where a value says it.
    package var constant: Bool?

    package init(references: Run = Run(), map: Run = Run(), constant: Bool? = nil) {
        self.references = references
        self.map = map
        self.constant = constant
    }
}

/// One step of a calculation, in the order in which it is done; values wait on a stack.
package struct CalcStep: Sendable {
    package enum Kind: UInt8, Sendable {
        case number, reference
        case add, subtract, multiply, divide, power, negate
        case less, lessOrEqual, greater, greaterOrEqual, equal, unequal
        case abs, sqrt, ln, log10, exp, round, floor
        /// Takes condition, then, else.
        case choose
        /// Begins a fold; `take` folds the top of the stack in, `takeAll` every value of a reference with `*`.
        case sum, min, max, mean, take, takeAll, end
    }

    package var kind: Kind
    package var number: Double
    package var reference: UInt32

    /// Deepest stack that the loader lets through.
    package static let depthMax = 32
    /// Folds within folds.
    package static let foldsMax = 4

    package init(kind: Kind, number: Double = 0, reference: UInt32 = 0) {
        self.kind = kind
        self.number = number
        self.reference = reference
    }
}
