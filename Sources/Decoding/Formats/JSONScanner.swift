/// Checks a JSON text and lays its values on a tape.
///
/// Strict, after RFC 8259: no comments, no trailing commas, no `NaN`, no raw control characters, valid UTF-8, no lone
/// surrogates. Two leniencies for what C clients send: NUL bytes after the end, and member names given twice, of which
/// the first one counts. Nothing recurses; the stack of open containers has a fixed size.
struct JSONScanner: ~Copyable {
    enum Outcome: Equatable {
        case complete
        /// Not JSON; the offset is where it stops being it.
        case malformed(at: Int)
        case tooDeep
        case tooManyValues
    }

    private let nestingMax: Int
    private let open: FixedArray<UInt32>

    init(nestingMax: Int) {
        precondition(nestingMax >= 1 && nestingMax <= 1024, "decoding: nestingMax must lie between 1 and 1024")
        self.nestingMax = nestingMax
        open = FixedArray(count: nestingMax, of: 0)
    }

    // Long: the state machine of the scanner; a call a token would cost more than the token.
    /// Scans `text[0..<count]`.
    ///
    /// `readable` says how many bytes may be loaded from `text`: where payloads lie side by side, more than `count`,
    /// which spares the careful path near the end.
    borrowing func scan(
        _ text: UnsafePointer<UInt8>, count: Int, readable: Int, into tape: inout Tape
    ) -> Outcome {
        var cursor = Cursor(text: text, count: count, readable: readable)
        var node = Tape.Node()
        var depth = 0
        cursor.skipBlanks()

        value: while true {
            guard cursor.position < count else { return .malformed(at: cursor.position) }
            let start = cursor.position
            var isClosed = true
            switch text[start] {
            case UInt8(ascii: "\""):
                guard let isEscaped = cursor.skipString() else { return .malformed(at: cursor.position) }
                node.kind = .text
                node.isEscaped = isEscaped
                node.start = UInt32(truncatingIfNeeded: start &+ 1)
                node.count = UInt32(truncatingIfNeeded: cursor.position &- start &- 2)
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                node.kind = text[start] == UInt8(ascii: "{") ? .object : .array
                isClosed = false
            case UInt8(ascii: "t"):
                guard cursor.skip("true") else { return .malformed(at: start) }
                node.kind = .yes
            case UInt8(ascii: "f"):
                guard cursor.skip("false") else { return .malformed(at: start) }
                node.kind = .no
            case UInt8(ascii: "n"):
                guard cursor.skip("null") else { return .malformed(at: start) }
                node.kind = .null
            default:
                guard cursor.skipNumber() else { return .malformed(at: cursor.position) }
                node.kind = .number
                node.start = UInt32(truncatingIfNeeded: start)
                node.count = UInt32(truncatingIfNeeded: cursor.position &- start)
            }
            node.next = UInt32(truncatingIfNeeded: tape.count &+ 1)
            guard let position = tape.append(node) else { return .tooManyValues }
            node = Tape.Node()

            if !isClosed {
                let isObject = text[start] == UInt8(ascii: "{")
                guard depth < nestingMax else { return .tooDeep }
                open[depth] = UInt32(truncatingIfNeeded: position)
                depth &+= 1
                cursor.position &+= 1
                cursor.skipBlanks()
                guard cursor.position < count else { return .malformed(at: cursor.position) }
                if text[cursor.position] != (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                    if isObject, !cursor.readKey(into: &node) { return .malformed(at: cursor.position) }
                    continue value
                }
            }

            // After a value: a comma, the end of one or more containers, or the end of the text.
            while true {
                cursor.skipBlanks()
                if depth == 0 {
                    while cursor.position < count, text[cursor.position] == 0 { cursor.position &+= 1 }
                    return cursor.position == count ? .complete : .malformed(at: cursor.position)
                }
                guard cursor.position < count else { return .malformed(at: cursor.position) }
                let container = Int(open[depth &- 1])
                let isObject = tape.nodes[container].kind == .object
                let byte = text[cursor.position]
                if byte == UInt8(ascii: ",") {
                    cursor.position &+= 1
                    cursor.skipBlanks()
                    if isObject, !cursor.readKey(into: &node) { return .malformed(at: cursor.position) }
                    continue value
                }
                guard byte == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
                    return .malformed(at: cursor.position)
                }
                cursor.position &+= 1
                depth &-= 1
                tape.close(container)
            }
        }
    }
}

/// A place in a text that is being scanned. Every `skip…` leaves `position` after what it took, or where it failed.
private struct Cursor {
    let text: UnsafePointer<UInt8>
    let count: Int
    let readable: Int
    var position = 0

    init(text: UnsafePointer<UInt8>, count: Int, readable: Int) {
        self.text = text
        self.count = count
        self.readable = readable
    }

    @inline(__always)
    mutating func skipBlanks() {
        while position < count {
            let byte = text[position]
            guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            position &+= 1
        }
    }

    @inline(__always)
    mutating func skip(_ word: StaticString) -> Bool {
        guard position &+ word.utf8CodeUnitCount <= count else { return false }
        for index in 0..<word.utf8CodeUnitCount where text[position &+ index] != word.utf8Start[index] {
            return false
        }
        position &+= word.utf8CodeUnitCount
        return true
    }

    /// Member name and colon.
    @inline(__always)
    mutating func readKey(into node: inout Tape.Node) -> Bool {
        guard position < count, text[position] == UInt8(ascii: "\"") else { return false }
        let start = position &+ 1
        guard let isEscaped = skipString() else { return false }
        let length = position &- start &- 1
        node.keyStart = UInt32(truncatingIfNeeded: start)
        node.keyCount = UInt32(truncatingIfNeeded: length)
        node.isKeyEscaped = isEscaped
        node.keyPrefix = prefix(at: start, length: length)
        skipBlanks()
        guard position < count, text[position] == UInt8(ascii: ":") else { return false }
        position &+= 1
        skipBlanks()
        return true
    }

    /// The first eight bytes of a name as a little-endian number, zero padded.
    @inline(__always)
    func prefix(at start: Int, length: Int) -> UInt64 {
        if start &+ 8 <= readable {
            let word = UInt64(
                littleEndian: UnsafeRawPointer(text + start).loadUnaligned(as: UInt64.self))
            return length >= 8 ? word : word & ((1 << UInt64(8 &* length)) &- 1)
        }
        var word: UInt64 = 0
        for index in 0..<min(8, length) { word |= UInt64(text[start &+ index]) << UInt64(8 &* index) }
        return word
    }

    /// A number by the grammar of RFC 8259.
    @inline(__always)
    mutating func skipNumber() -> Bool {
        if position < count, text[position] == UInt8(ascii: "-") { position &+= 1 }
        guard position < count else { return false }
        if text[position] == UInt8(ascii: "0") {
            position &+= 1
        } else if !skipDigits() {
            return false
        }
        if position < count, text[position] == UInt8(ascii: ".") {
            position &+= 1
            guard skipDigits() else { return false }
        }
        if position < count, text[position] | 0x20 == UInt8(ascii: "e") {
            position &+= 1
            if position < count, text[position] == UInt8(ascii: "+") || text[position] == UInt8(ascii: "-") {
                position &+= 1
            }
            guard skipDigits() else { return false }
        }
        return true
    }

    @inline(__always)
    private mutating func skipDigits() -> Bool {
        let start = position
        while position < count, text[position] &- UInt8(ascii: "0") <= 9 { position &+= 1 }
        return position > start
    }

    /// A string with its quotes; says whether it holds escapes. nil where it is no string.
    @inline(__always)
    mutating func skipString() -> Bool? {
        var isEscaped = false
        position &+= 1
        while true {
            skipPlain()
            guard position < count else { return nil }
            let byte = text[position]
            if byte == UInt8(ascii: "\"") {
                position &+= 1
                return isEscaped
            }
            if byte == UInt8(ascii: "\\") {
                guard skipEscape() else { return nil }
                isEscaped = true
            } else if byte >= 0x80 {
                guard let length = UTF8Check.length(text + position, atMost: count &- position) else { return nil }
                position &+= length
            } else if byte < 0x20 {
                return nil
            } else {
                position &+= 1
            }
        }
    }

    /// Eight bytes at a time over ASCII that is neither quote, backslash nor control character.
    @inline(__always)
    private mutating func skipPlain() {
        while position &+ 8 <= count {
            let word = UInt64(
                littleEndian: UnsafeRawPointer(text + position).loadUnaligned(as: UInt64.self))
            let ones: UInt64 = 0x0101_0101_0101_0101
            let highs: UInt64 = 0x8080_8080_8080_8080
            let quote = word ^ 0x2222_2222_2222_2222
            let backslash = word ^ 0x5C5C_5C5C_5C5C_5C5C
            // A borrow can mark a byte falsely only above one that is marked rightly; the lowest mark is exact.
            let marks =
                ((quote &- ones) & ~quote | (backslash &- ones) & ~backslash
                    | (word &- 0x2020_2020_2020_2020) & ~word | word) & highs
            if marks != 0 {
                position &+= marks.trailingZeroBitCount >> 3
                return
            }
            position &+= 8
        }
    }

    private mutating func skipEscape() -> Bool {
        guard position &+ 1 < count else { return false }
        switch text[position &+ 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position &+= 2
            return true
        case UInt8(ascii: "u"):
            guard let unit = JSONText.hexUnit(text + (position &+ 2), atMost: count &- position &- 2) else {
                return false
            }
            if unit & 0xF800 != 0xD800 {
                position &+= 6
                return true
            }
            // A high surrogate counts only with the low one that follows it.
            guard unit < 0xDC00, position &+ 7 < count, text[position &+ 6] == UInt8(ascii: "\\"),
                text[position &+ 7] == UInt8(ascii: "u"),
                let low = JSONText.hexUnit(text + (position &+ 8), atMost: count &- position &- 8),
                low & 0xFC00 == 0xDC00
            else { return false }
            position &+= 12
            return true
        default: return false
        }
    }
}

/// Well-formed UTF-8 after Unicode table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF.
enum UTF8Check {
    /// Length of the sequence that starts here; nil where it is not well formed.
    static func length(_ text: UnsafePointer<UInt8>, atMost count: Int) -> Int? {
        guard count > 0 else { return nil }
        let first = text[0]
        if first < 0x80 { return 1 }
        guard count > 1 else { return nil }
        let second = text[1]
        switch first {
        case 0xC2...0xDF:
            return second & 0xC0 == 0x80 ? 2 : nil
        case 0xE0...0xEF:
            guard count > 2, second & 0xC0 == 0x80, text[2] & 0xC0 == 0x80 else { return nil }
            if first == 0xE0, second < 0xA0 { return nil }
            if first == 0xED, second >= 0xA0 { return nil }
            return 3
        case 0xF0...0xF4:
            guard count > 3, second & 0xC0 == 0x80, text[2] & 0xC0 == 0x80, text[3] & 0xC0 == 0x80 else {
                return nil
            }
            if first == 0xF0, second < 0x90 { return nil }
            if first == 0xF4, second >= 0x90 { return nil }
            return 4
        default: return nil
        }
    }

    static func isValid(_ text: UnsafePointer<UInt8>, count: Int) -> Bool {
        var position = 0
        while position < count {
            guard let length = length(text + position, atMost: count - position) else { return false }
            position += length
        }
        return true
    }
}

/// The text inside a JSON string, its escapes resolved.
enum JSONText {
    /// Four hexadecimal digits.
    static func hexUnit(_ text: UnsafePointer<UInt8>, atMost count: Int) -> UInt32? {
        guard count >= 4 else { return nil }
        var unit: UInt32 = 0
        for index in 0..<4 {
            guard let digit = hexDigit(text[index]) else { return nil }
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }

    @inline(__always)
    static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// Writes the text of a string that the scanner accepted and returns its length, which never exceeds `count`.
    static func unescape(
        _ text: UnsafePointer<UInt8>, count: Int, into output: UnsafeMutablePointer<UInt8>
    ) -> Int {
        var read = 0
        var written = 0
        while read < count {
            let byte = text[read]
            guard byte == UInt8(ascii: "\\") else {
                output[written] = byte
                read += 1
                written += 1
                continue
            }
            let escape = text[read + 1]
            read += 2
            guard escape == UInt8(ascii: "u") else {
                output[written] =
                    switch escape {
                    case UInt8(ascii: "b"): 0x08
                    case UInt8(ascii: "f"): 0x0C
                    case UInt8(ascii: "n"): 0x0A
                    case UInt8(ascii: "r"): 0x0D
                    case UInt8(ascii: "t"): 0x09
                    default: escape
                    }
                written += 1
                continue
            }
            var scalar = hexUnit(text + read, atMost: count - read) ?? 0xFFFD
            read += 4
            if scalar & 0xFC00 == 0xD800, let low = hexUnit(text + read + 2, atMost: count - read - 2) {
                scalar = 0x1_0000 + ((scalar & 0x3FF) << 10 | low & 0x3FF)
                read += 6
            }
            for unit in Unicode.UTF8.encode(Unicode.Scalar(scalar) ?? "\u{FFFD}")! {
                output[written] = unit
                written += 1
            }
        }
        return written
    }
}
