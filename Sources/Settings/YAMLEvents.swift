import CYAML

/// The parts of a YAML text, front to back: libyaml behind this file.
///
/// libyaml keeps what is open in memory of its own, not on the stack; how deep a text may nest is for the caller to say.
struct YAMLEvents: ~Copyable {
    enum Event {
        case documentStart
        case documentEnd
        case scalar(String, isQuoted: Bool, anchor: String?)
        case listStart(anchor: String?)
        case listEnd
        case mapStart(anchor: String?)
        case mapEnd
        case alias(String)
        case end
    }

    struct Problem: Error {
        let line: Int?
        let sentence: String
    }

    /// Line of the last event, from 1.
    private(set) var line = 1
    /// On the heap: it points at itself from within.
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    /// libyaml reads from here until it is deleted.
    private let input: UnsafeMutableBufferPointer<UInt8>
    private let isUsable: Bool

    init(_ text: String) {
        var text = text
        input = text.withUTF8 { bytes in
            let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
            _ = copy.initialize(fromContentsOf: bytes)
            return copy
        }
        parser = .allocate(capacity: 1)
        parser.initialize(to: yaml_parser_t())
        isUsable = yaml_parser_initialize(parser) == 1
        guard isUsable else { return }
        // Not guessed from the first bytes: a String is UTF-8.
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, input.baseAddress, input.count)
    }

    deinit {
        // One that could not be initialized holds nothing.
        if isUsable { yaml_parser_delete(parser) }
        parser.deallocate()
        input.deallocate()
    }

    /// The next part. Not to be asked again after `end` or a problem.
    mutating func next() throws(Problem) -> Event {
        guard isUsable else { throw Problem(line: nil, sentence: "YAML: Memory error") }
        while true {
            var event = yaml_event_t()
            defer { yaml_event_delete(&event) }
            guard yaml_parser_parse(parser, &event) == 1 else { throw problem() }
            line = event.start_mark.line + 1
            switch event.type {
            case YAML_DOCUMENT_START_EVENT: return .documentStart
            case YAML_DOCUMENT_END_EVENT: return .documentEnd
            case YAML_ALIAS_EVENT: return .alias(Self.text(event.data.alias.anchor) ?? "")
            case YAML_SCALAR_EVENT:
                let scalar = event.data.scalar
                // By count: a text in double quotes may hold a zero byte.
                let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
                let isQuoted = scalar.style != YAML_PLAIN_SCALAR_STYLE && scalar.style != YAML_ANY_SCALAR_STYLE
                return .scalar(
                    String(decoding: bytes, as: UTF8.self), isQuoted: isQuoted, anchor: Self.text(scalar.anchor))
            case YAML_SEQUENCE_START_EVENT: return .listStart(anchor: Self.text(event.data.sequence_start.anchor))
            case YAML_SEQUENCE_END_EVENT: return .listEnd
            case YAML_MAPPING_START_EVENT: return .mapStart(anchor: Self.text(event.data.mapping_start.anchor))
            case YAML_MAPPING_END_EVENT: return .mapEnd
            case YAML_STREAM_START_EVENT: continue
            default: return .end
            }
        }
    }

    private func problem() -> Problem {
        guard parser.pointee.error != YAML_MEMORY_ERROR else {
            return Problem(line: nil, sentence: "YAML: Memory error")
        }
        let words = parser.pointee.problem.map { String(cString: $0) } ?? "not readable"
        let line =
            parser.pointee.error == YAML_READER_ERROR
            ? lineOfByte(Int(parser.pointee.problem_offset)) : parser.pointee.problem_mark.line + 1
        return Problem(line: line, sentence: "YAML syntax: \(words)")
    }

    /// A byte that may not stand in YAML has no mark, only its place in the text.
    private func lineOfByte(_ offset: Int) -> Int {
        1 + input.prefix(offset).count { $0 == UInt8(ascii: "\n") }
    }

    private static func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        pointer.map { String(cString: $0) }
    }
}
