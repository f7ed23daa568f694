import Basics
import Telemetry

/// One JSON object a line (RFC 8259), each one reading. Keys may come in any order; other keys are passed over.
struct JSONLines {
    private static let nestingMax = 32

    func read(
        _ line: UnsafeMutableBufferPointer<UInt8>, _ number: Int, _ intake: inout Intake,
        into readings: inout NamedReadings
    ) {
        guard let base = line.baseAddress else { return }
        var scanner = Scanner(base: base, end: line.count)
        scanner.skipBlanks()
        if scanner.position == scanner.end { return }
        guard let found = object(&scanner) else {
            intake.report.refuse(
                number, "", UnsafeRawBufferPointer(line),
                "expected a JSON object with observed, device, quantity and value; it does not read from byte "
                    + "\(scanner.position + 1)")
            return
        }
        if let (key, field) = found.wrong {
            intake.report.refuse(
                number, key.rawValue, field.text(line), key == .value ? "expected a number" : "expected a text")
            return
        }
        for (key, field) in [
            (ReadingKey.observed, found.observed), (.device, found.device), (.quantity, found.quantity),
            (.value, found.value),
        ] where field == nil {
            intake.report.refuse(number, key.rawValue, nil, "expected '\(key.rawValue)' in the object")
            return
        }
        let none = Field()
        let (device, channel) = (found.device!.text(line), (found.channel ?? none).text(line))
        let value = found.value!.text(line)
        guard let meaning = intake.meaning(found.quantity!.text(line), number),
            let moment = intake.moment(found.observed!.text(line), number),
            let conversion = intake.conversion(meaning, from: (found.unit ?? none).text(line), number),
            let amount = intake.number(value, "value", number), intake.checkDevice(device, number),
            intake.checkName("channel", channel, number)
        else { return }
        intake.put(
            device: device, channel: channel, meaning: meaning, conversion, value: amount, text: value,
            observed: moment, line: number, into: &readings)
    }

    private struct Found {
        var observed: Field?
        var device: Field?
        var quantity: Field?
        var channel: Field?
        var unit: Field?
        var value: Field?
        /// A key whose value is of the wrong kind.
        var wrong: (ReadingKey, Field)?
    }

    /// The object, or nil where the line is none; of a key that stands twice the last counts.
    private func object(_ scanner: inout Scanner) -> Found? {
        guard scanner.take(UInt8(ascii: "{")) else { return nil }
        var found = Found()
        scanner.skipBlanks()
        if !scanner.take(UInt8(ascii: "}")) {
            repeat {
                scanner.skipBlanks()
                guard let name = scanner.string() else { return nil }
                scanner.skipBlanks()
                guard scanner.take(UInt8(ascii: ":")) else { return nil }
                scanner.skipBlanks()
                let key = scanner.key(name)
                guard let (kind, field) = scanner.value(nestingMax: Self.nestingMax) else { return nil }
                guard let key, kind != .null else {
                    scanner.skipBlanks()
                    continue
                }
                if kind != (key == .value ? .number : .text) { found.wrong = (key, field) }
                switch key {
                case .observed: found.observed = field
                case .device: found.device = field
                case .quantity: found.quantity = field
                case .channel: found.channel = field
                case .unit: found.unit = field
                case .value: found.value = field
                }
                scanner.skipBlanks()
            } while scanner.take(UInt8(ascii: ","))
            guard scanner.take(UInt8(ascii: "}")) else { return nil }
        }
        scanner.skipBlanks()
        return scanner.position == scanner.end ? found : nil
    }

    private enum Kind { case text, number, null, other }

    /// Walks over the bytes of one line and unescapes texts in place: no escape is shorter than what it stands for.
    private struct Scanner {
        let base: UnsafeMutablePointer<UInt8>
        let end: Int
        var position = 0

        init(base: UnsafeMutablePointer<UInt8>, end: Int) {
            self.base = base
            self.end = end
        }

        @inline(__always)
        mutating func skipBlanks() {
            while position < end, base[position] == 0x20 || base[position] == 0x09 || base[position] == 0x0D {
                position &+= 1
            }
        }

        @inline(__always)
        mutating func take(_ byte: UInt8) -> Bool {
            guard position < end, base[position] == byte else { return false }
            position &+= 1
            return true
        }

        func key(_ name: Field) -> ReadingKey? {
            let text = UnsafeRawBufferPointer(start: base + name.start, count: name.count)
            // Told apart by length and first letter, then compared in full.
            let key: ReadingKey
            switch (name.count, text.first) {
            case (8, UInt8(ascii: "o")): key = .observed
            case (6, UInt8(ascii: "d")): key = .device
            case (8, UInt8(ascii: "q")): key = .quantity
            case (7, UInt8(ascii: "c")): key = .channel
            case (4, UInt8(ascii: "u")): key = .unit
            case (5, UInt8(ascii: "v")): key = .value
            default: return nil
            }
            return key.rawValue.utf8.elementsEqual(text) ? key : nil
        }

        /// Past one value of any kind.
        mutating func value(nestingMax: Int) -> (Kind, Field)? {
            guard position < end else { return nil }
            let start = position
            switch base[position] {
            case UInt8(ascii: "\""): return string().map { (.text, $0) }
            case UInt8(ascii: "{"), UInt8(ascii: "["): return nested(nestingMax) ? (.other, field(from: start)) : nil
            default:
                while position < end, isOfWord(base[position]) { position &+= 1 }
                guard position > start else { return nil }
                let word = UnsafeRawBufferPointer(start: base + start, count: position &- start)
                switch word[0] {
                case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return (.number, field(from: start))
                case UInt8(ascii: "n"): return "null".utf8.elementsEqual(word) ? (.null, field(from: start)) : nil
                case UInt8(ascii: "t"): return "true".utf8.elementsEqual(word) ? (.other, field(from: start)) : nil
                case UInt8(ascii: "f"): return "false".utf8.elementsEqual(word) ? (.other, field(from: start)) : nil
                default: return nil
                }
            }
        }

        private func field(from start: Int) -> Field { Field(start: start, count: position - start) }

        private func isOfWord(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "E"),
                UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
                true
            default: false
            }
        }

        /// Past an object or an array, whatever is in it.
        private mutating func nested(_ nestingMax: Int) -> Bool {
            guard nestingMax > 0 else { return false }
            let isObject = base[position] == UInt8(ascii: "{")
            let closing = isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")
            position += 1
            skipBlanks()
            if take(closing) { return true }
            repeat {
                skipBlanks()
                if isObject {
                    guard string() != nil else { return false }
                    skipBlanks()
                    guard take(UInt8(ascii: ":")) else { return false }
                    skipBlanks()
                }
                guard value(nestingMax: nestingMax - 1) != nil else { return false }
                skipBlanks()
            } while take(UInt8(ascii: ","))
            return take(closing)
        }

        /// The text that begins here, unescaped; nil where it does not read.
        mutating func string() -> Field? {
            guard take(UInt8(ascii: "\"")) else { return nil }
            let start = position
            while position < end {
                switch base[position] {
                case UInt8(ascii: "\""):
                    position &+= 1
                    return Field(start: start, count: position &- 1 &- start)
                case UInt8(ascii: "\\"): return escaped(from: start)
                case 0..<0x20: return nil
                default: position &+= 1
                }
            }
            return nil
        }

        /// The rest of a text in which there are escapes.
        private mutating func escaped(from start: Int) -> Field? {
            var to = position
            while position < end {
                let byte = base[position]
                position += 1
                switch byte {
                case UInt8(ascii: "\""): return Field(start: start, count: to - start)
                case 0..<0x20: return nil
                case UInt8(ascii: "\\"):
                    guard position < end else { return nil }
                    let mark = base[position]
                    position += 1
                    guard let scalar = mark == UInt8(ascii: "u") ? unicode() : Self.short(mark) else { return nil }
                    for unit in UTF8.encode(scalar)! {
                        base[to] = unit
                        to += 1
                    }
                default:
                    base[to] = byte
                    to += 1
                }
            }
            return nil
        }

        private static func short(_ mark: UInt8) -> Unicode.Scalar? {
            switch mark {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): Unicode.Scalar(mark)
            case UInt8(ascii: "b"): "\u{8}"
            case UInt8(ascii: "f"): "\u{C}"
            case UInt8(ascii: "n"): "\n"
            case UInt8(ascii: "r"): "\r"
            case UInt8(ascii: "t"): "\t"
            default: nil
            }
        }

        /// The character behind `\u`: one unit, or a pair of surrogates.
        private mutating func unicode() -> Unicode.Scalar? {
            guard let first = unit() else { return nil }
            guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) }
            guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")), let second = unit(),
                (0xDC00..<0xE000).contains(second)
            else { return nil }
            return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        }

        private mutating func unit() -> UInt32? {
            guard position + 4 <= end else { return nil }
            var unit: UInt32 = 0
            for _ in 0..<4 {
                let byte = base[position]
                let digit: UInt8
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
                case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
                case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
                default: return nil
                }
                unit = unit << 4 | UInt32(digit)
                position += 1
            }
            return unit
        }
    }
}
