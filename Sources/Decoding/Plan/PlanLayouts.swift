// How bytes are taken apart that a message carries as text.

package struct UnwrapPlan: Sendable {
    package enum Encoding: UInt8, Sendable { case base64, hex, raw }
    package var encoding: Encoding
    package var reference: UInt32
    package var layout: Run
    package var isRestAllowed: Bool

    package init(encoding: Encoding, reference: UInt32, layout: Run, isRestAllowed: Bool) {
        self.encoding = encoding
        self.reference = reference
        self.layout = layout
        self.isRestAllowed = isRestAllowed
    }
}

/// One step of reading bytes.
package struct LayoutStep: Sendable {
    package enum Kind: UInt8, Sendable {
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
    package var kind: Kind
    package var name: Word
    package var type: LayoutType
    package var isLittleEndian: Bool
    /// NaN: any value will do.
    package var must: Double
    /// Of a packed number and a part of a field, in bits.
    package var width: UInt8
    package var isSigned: Bool
    /// Of `otherwise`: 0 rejects the message, 1 ends the entries, 2 reads the fields of `body`. Of `tagged`: the place of
    /// the length among the fields of the tag, and of those that are no part of the tag; negative: none.
    package var choice: Int32
    package var body: Run
    /// Bytes to skip, bit of a mask, or how often; negative: until the end.
    package var count: Int32

    package init(
        kind: Kind, name: Word = Word(), type: LayoutType = .u8, isLittleEndian: Bool = false, must: Double = .nan,
        width: UInt8 = 0, isSigned: Bool = false, choice: Int32 = -1, body: Run = Run(), count: Int32 = 0
    ) {
        self.kind = kind
        self.name = name
        self.type = type
        self.isLittleEndian = isLittleEndian
        self.must = must
        self.width = width
        self.isSigned = isSigned
        self.choice = choice
        self.body = body
        self.count = count
    }
}

package enum LayoutType: UInt8, Sendable {
    case u8, i8, u16, i16, u24, i24, u32, i32, u64, i64, f32, f64

    package var byteCount: Int {
        switch self {
        case .u8, .i8: 1
        case .u16, .i16: 2
        case .u24, .i24: 3
        case .u32, .i32, .f32: 4
        case .u64, .i64, .f64: 8
        }
    }
}
