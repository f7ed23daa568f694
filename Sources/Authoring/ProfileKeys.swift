import Basics
import Telemetry

/// The keys of the profile language, in one table: what the schema of `profile.yaml` is made from.
///
/// The loader decides what is right; a test holds this table to the keys that it knows.
package enum ProfileKeys {
    /// What may stand under a key.
    indirect enum Form: Sendable {
        case text
        /// One of these words.
        case word([String])
        case flag
        case number
        /// Text, numbers and truth values alike: what is compared is the text as written.
        case scalar
        case null
        case list(Form)
        /// Keys that the author chooses.
        case map(Form)
        /// The keys of a section of this table.
        case section(String)
        /// The quantities of the vocabulary.
        case readings
        case any([Form])
    }

    struct Key: Sendable {
        var name: String
        var form: Form
        var meaning: String
        var isRequired = false
    }

    struct Section: Sendable {
        var name: String
        var meaning: String
        var keys: [Key]
        /// What may stand under keys that the author chooses; nil where only the keys above are known.
        var others: Form?
    }

    static func section(named name: String) -> Section? { sections.first { $0.name == name } }

    static let formats = [
        "json", "text", "form", "lines", "split", "influx", "senml", "sparkplug", "cbor", "hj212",
    ]
    static let layoutTypes: [String] = {
        let plain = ["u8", "i8", "u16", "i16", "u24", "i24", "u32", "i32", "u64", "i64", "f32", "f64"]
        return plain + plain.dropFirst(2).flatMap { ["\($0)le", "\($0)be"] }
    }()

    private static let reference = Form.any([.text, .list(.text)])
    private static let naming = Form.any([.scalar, .section("naming")])
    private static let conditions = Form.map(
        .any([.scalar, .list(.scalar), .section("comparison")]))
    private static let time = Form.any([.section("time"), .list(.section("time"))])
    private static let reading = Form.any([
        .text, .null, .list(.any([.text, .section("reading")])), .section("reading"),
    ])
    private static let state = Form.any([.word(["online", "offline"]), .null])
    private static let layout = Form.any([.list(.any([.text, .section("layout")])), .map(.word(layoutTypes))])

    static let sections: [Section] = [
        Section(
            name: "profile", meaning: "A device family: how its messages become readings.",
            keys: [
                Key(
                    name: "profile", form: .text, meaning: "Letters, digits, '-' and '_'; unique among all profiles.",
                    isRequired: true),
                Key(
                    name: "sources", form: .any([.text, .list(.text)]),
                    meaning: "Where the dialect is described: manual, edition, page."),
                Key(
                    name: "params", form: .map(.scalar),
                    meaning: "Defaults that a deployment may replace; filled in wherever {name} stands."),
                Key(
                    name: "rules", form: .list(.section("rule")), meaning: "What to do with which message.",
                    isRequired: true),
                Key(
                    name: "examples", form: .any([.text, .list(.text)]),
                    meaning: "Sample files, relative to the profile."),
            ]),
        Section(
            name: "rule", meaning: "What to do with messages of one topic.",
            keys: [
                Key(
                    name: "topic", form: .text,
                    meaning: "Literal text with {name} (within one level), {name:digits}, and {name...} for the rest.",
                    isRequired: true),
                Key(name: "format", form: .word(formats), meaning: "How the payload is written; default json."),
                Key(
                    name: "lines", form: .any([.text, .list(.text)]),
                    meaning: "Of format lines: patterns of whole lines, such as \"{code}({value}*{unit})\"."),
                Key(name: "separator", form: .scalar, meaning: "Of format split: what parts the pieces; default ','."),
                Key(
                    name: "names", form: .any([.text, .list(.text)]),
                    meaning: "Of format split: what the pieces are called, in their order."),
                Key(
                    name: "when", form: conditions,
                    meaning:
                        "Conditions, all of which must hold: reference: value, list, exists, absent, or {like, not, …}."
                ),
                Key(
                    name: "unwrap", form: .section("unwrap"),
                    meaning: "Bytes written as base64 or hex; the rest of the rule reads what they hold."),
                Key(
                    name: "each", form: .text,
                    meaning: "A reference with one or two '*': the rule is applied to each value it leads to."),
                Key(
                    name: "capture", form: .map(.text),
                    meaning: "Takes a text apart: reference: \"text with {holes}\"."),
                Key(name: "device", form: naming, meaning: "The device's name; needed unless the rule ignores."),
                Key(name: "channel", form: naming, meaning: "The channel of all readings of the rule."),
                Key(
                    name: "time", form: time,
                    meaning: "Candidates for the observed time; the first usable one wins, the receipt comes last."),
                Key(
                    name: "status", form: .any([.word(["online", "offline"]), .section("status"), .map(state)]),
                    meaning: "Values that mean online and offline."),
                Key(name: "read", form: .readings, meaning: "Quantities and where they stand."),
                Key(
                    name: "table", form: .section("table"),
                    meaning: "The same, where a key of the message says which quantity it is."),
                Key(name: "hold", form: .section("hold"), meaning: "Values of this message to keep for later ones."),
                Key(name: "held", form: .text, meaning: "The key under which this rule finds what was kept, as $name."),
                Key(name: "ignore", form: .flag, meaning: "Known and unwanted: counted, not reported, not subscribed."),
            ]),
        Section(
            name: "comparison", meaning: "How a value must be; one of these.",
            keys: [
                Key(name: "like", form: .scalar, meaning: "It has this shape: text with {holes}."),
                Key(name: "not", form: .any([.scalar, .list(.scalar)]), meaning: "It is none of these, or absent."),
                Key(name: "above", form: .number, meaning: "It is a number above."),
                Key(name: "below", form: .number, meaning: "It is a number below."),
                Key(
                    name: "word", form: .any([.scalar, .list(.scalar)]),
                    meaning: "It is a list in one text with such a word in it."),
            ]),
        Section(
            name: "naming", meaning: "A name looked up in a map.",
            keys: [
                Key(name: "from", form: .text, meaning: "Where the value stands.", isRequired: true),
                Key(name: "map", form: .map(.scalar), meaning: "What a value is called.", isRequired: true),
                Key(name: "else", form: .scalar, meaning: "What others are called; a template."),
            ]),
        Section(
            name: "hold", meaning: "What is kept of a message for later ones.",
            keys: [
                Key(name: "key", form: .text, meaning: "What the values are kept under.", isRequired: true),
                Key(name: "keep", form: .map(.text), meaning: "Names and references.", isRequired: true),
            ]),
        Section(
            name: "time", meaning: "Where a time may stand.",
            keys: [
                Key(name: "at", form: reference, meaning: "A reference, or several.", isRequired: true),
                Key(
                    name: "as", form: .text,
                    meaning: "iso, s, ms, us, ns, age, or a pattern of yyyy yy MM MMM dd HH hh a mm ss SSS Z.",
                    isRequired: true),
                Key(
                    name: "zone", form: .text,
                    meaning: "utc, site, an offset such as +08:00, or Asia/Shanghai, where the text has none."),
                Key(name: "end", form: .flag, meaning: "Of an interval begin/end the end counts."),
                Key(name: "plus", form: .scalar, meaning: "Seconds to add: a number or a calculation."),
                Key(
                    name: "else", form: .text,
                    meaning:
                        "receipt: what a time that cannot be used gives way to; without it the message is a reject."),
            ]),
        Section(
            name: "reading", meaning: "How one quantity is read.",
            keys: [
                Key(
                    name: "from", form: reference,
                    meaning: "Where the value stands; of several, the first present. With '*' one reading each."),
                Key(
                    name: "calc", form: .scalar,
                    meaning:
                        "A calculation in place of 'from': numbers, {/reference}, name, $name, + - * / ^, functions."),
                Key(
                    name: "unit", form: .any([.scalar, .section("unit")]),
                    meaning: "The unit on the wire: a UCUM code or a known spelling; or {from, map, else}."),
                Key(
                    name: "scale", form: .any([.number, .text]),
                    meaning: "A factor, or 10^ and a reference to the exponent."),
                Key(
                    name: "missing", form: .any([.scalar, .list(.scalar)]),
                    meaning: "Numbers on the wire that mean \"no value\"."),
                Key(name: "bits", form: .scalar, meaning: "a..b: these bits as a number; a mask such as 0x00FF."),
                Key(
                    name: "word", form: .any([.scalar, .list(.scalar)]),
                    meaning: "1 when the text is a list with this word in it, else 0."),
                Key(
                    name: "map", form: .map(.any([.number, .null])),
                    meaning: "What a value means, in the canonical unit; null: missing."),
                Key(
                    name: "else", form: .any([.number, .null]),
                    meaning: "What values outside the map mean; without it they are rejected."),
                Key(
                    name: "channel", form: .any([.scalar, .section("naming"), .null]), meaning: "The reading's channel."
                ),
                Key(name: "time", form: time, meaning: "The reading's own time."),
                Key(name: "if", form: conditions, meaning: "Conditions, as of 'when', for this reading."),
                Key(
                    name: "for", form: .map(.list(.scalar)),
                    meaning: "Lists of the same length: the reading is repeated with each set filled in."),
            ]),
        Section(
            name: "unit", meaning: "A unit that the message names.",
            keys: [
                Key(name: "from", form: reference, meaning: "Where the unit stands.", isRequired: true),
                Key(name: "map", form: .map(.scalar), meaning: "Units for texts that are no known spelling."),
                Key(
                    name: "else", form: .any([.scalar, .null]),
                    meaning: "The unit where the message names none or an unknown one; null: no reading."),
            ]),
        Section(
            name: "table", meaning: "A key of the message says which quantity it is.",
            keys: [
                Key(name: "key", form: .text, meaning: "Where the key stands, or \"{field}\", @key.", isRequired: true),
                Key(name: "value", form: reference, meaning: "Where the value stands.", isRequired: true),
                Key(name: "rows", form: .map(.readings), meaning: "What each key stands for.", isRequired: true),
            ]),
        Section(
            name: "status", meaning: "Online or offline, where a field says so.",
            keys: [
                Key(name: "from", form: reference, meaning: "Where the status stands.", isRequired: true),
                Key(
                    name: "map", form: .map(state), meaning: "What a value means; null: no change.",
                    isRequired: true),
            ]),
        Section(
            name: "unwrap", meaning: "Bytes inside a text.",
            keys: [
                Key(name: "from", form: .text, meaning: "The field that holds the bytes; not with raw."),
                Key(
                    name: "as", form: .word(["base64", "hex", "raw"]),
                    meaning: "How they are written; raw: the payload.", isRequired: true),
                Key(name: "order", form: .word(["little", "big"]), meaning: "Byte order of types without le or be."),
                Key(name: "rest", form: .word(["ok"]), meaning: "Bytes left over are no fault."),
                Key(name: "layout", form: layout, meaning: "What the bytes are, one after another.", isRequired: true),
            ]),
        Section(
            name: "layout", meaning: "A step of a layout: a field such as {power: u16}, or one of these.",
            keys: [
                Key(name: "skip", form: .scalar, meaning: "So many bytes are passed over."),
                Key(name: "must", form: .scalar, meaning: "The value that the field must have."),
                Key(name: "mask", form: .word(layoutTypes), meaning: "Bits that say which fields follow."),
                Key(
                    name: "bits", form: .map(layout),
                    meaning: "Fields that follow when the bit is set, in the order of the bits."),
                Key(name: "repeat", form: .scalar, meaning: "end, or a number of times."),
                Key(name: "name", form: .text, meaning: "What the repeated fields are called."),
                Key(name: "fields", form: layout, meaning: "The fields that repeat, or those of the block."),
                Key(name: "parts", form: .map(.scalar), meaning: "Bits of the field as values: {level: 0..6, low: 7}."),
                Key(name: "len", form: .word(layoutTypes), meaning: "The length in bytes of the block that follows."),
                Key(name: "packed", form: .text, meaning: "Numbers of some bits each: u14 x 23, or x end."),
                Key(name: "tlv", form: .map(.word(layoutTypes)), meaning: "The fields that every entry begins with."),
                Key(name: "cases", form: .map(layout), meaning: "What follows each tag."),
                Key(name: "tag", form: .list(.text), meaning: "Which of the fields are the tag."),
                Key(name: "length", form: .text, meaning: "Which of the fields is the length of the value."),
                Key(name: "else", form: .any([.word(["stop"]), layout]), meaning: "What follows an unknown tag."),
            ], others: .word(layoutTypes)),
    ]
}
