/// SplitMix64, as in Steele, Lea and Flood (2014): the same inputs from the same seed.
struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    mutating func one<Element>(of elements: [Element]) -> Element { elements[below(elements.count)] }
}

/// Damage to bytes, such as lines, memory and people do.
enum Mutation {
    private static let bytesMax = 4096
    private static let words: [[UInt8]] = [
        "[", "{", "\"", "null", "1e999", "-", "\\u0000", "\u{FF}\u{FF}", "NaN", "9999999999999999999",
    ].map { Array($0.utf8) }

    /// A payload, damaged in one to four places; `other` is one of which a part may follow.
    static func payload(_ seed: [UInt8], other: [UInt8], _ generator: inout Generator) -> [UInt8] {
        var bytes = seed
        for _ in 0...generator.below(4) {
            let count = bytes.count
            switch generator.below(8) {
            case 0 where count > 0: bytes[generator.below(count)] ^= 1 << UInt8(generator.below(8))
            case 1 where count > 0: bytes[generator.below(count)] = UInt8(generator.below(256))
            case 2 where count > 0: bytes.removeLast(generator.below(count))
            case 3 where count > 1:
                let start = generator.below(count)
                bytes.removeSubrange(start..<min(count, start + 1 + generator.below(8)))
            case 4 where count < bytesMax:
                let start = generator.below(count + 1)
                bytes.insert(contentsOf: (0...generator.below(8)).map { _ in UInt8(generator.below(256)) }, at: start)
            case 5 where count > 0 && count < bytesMax:
                let start = generator.below(count)
                bytes.insert(contentsOf: bytes[start..<min(count, start + 1 + generator.below(32))], at: start)
            case 6 where count < bytesMax:
                // The head of one and the tail of another.
                bytes = Array(bytes.prefix(generator.below(count + 1))) + other.suffix(generator.below(other.count + 1))
            default:
                if count < bytesMax {
                    bytes.insert(contentsOf: generator.one(of: words), at: generator.below(count + 1))
                }
            }
        }
        return bytes
    }

    private static let values = [
        "", "~", "null", "yes", "-1", "0", "1e308", "-1e-308", "9223372036854775807", "9223372036854775808",
        "99999999999999999999999", "0x10", "1_000", ".inf", ".nan", "1s", "-5m", "1000000d", "1h30", "'", "\"",
        "\"\\u0000\"",
        "[]", "{}", "[[[[[[[[[[[[[[[[", "{a: {a: {a: {a: ", "&a [*a, *a]", "*a", "<<: *a", "!!binary aGk=", "!!int x",
        "|", ">-",
        "\u{FEFF}", "\u{202E}", "路灯", "e\u{301}", "/#", "+/+", "$share/x/y", "/dev/null", "/proc/self/mem", ".", "..",
        "2026-02-30T25:61:61Z", "# ", "- ", ": ", "\t", "{device}", "{", "}", "${X}", "%", "*", "?",
    ]

    /// A text of lines, such as a configuration, damaged in one to six places.
    static func lines(_ seed: [String], other: [String], _ generator: inout Generator) -> String {
        var lines = seed
        for _ in 0...generator.below(6) {
            guard !lines.isEmpty else { break }
            let place = generator.below(lines.count)
            let line = lines[place]
            switch generator.below(10) {
            case 0: lines.remove(at: place)
            case 1: lines.insert(line, at: generator.below(lines.count + 1))
            case 2: lines.insert(generator.one(of: other), at: place)
            case 3: lines[place] = String(repeating: " ", count: generator.below(6)) + line.drop { $0 == " " }
            case 4, 5:
                // Another value behind the same key.
                let mark: Character = line.contains(": ") ? ":" : ","
                let head = line.prefix { $0 != mark }
                lines[place] = "\(head)\(mark) \(generator.one(of: values))"
            case 6:
                // Another key before the same value.
                let rest = line.drop { $0 != ":" }
                let indent = line.prefix { $0 == " " }
                lines[place] = "\(indent)\(generator.one(of: values))\(rest)"
            case 7: lines[place] = line + generator.one(of: values)
            case 8:
                let bytes = payload(Array(line.utf8), other: Array(generator.one(of: other).utf8), &generator)
                lines[place] = String(decoding: bytes, as: UTF8.self)
            default: lines.swapAt(place, generator.below(lines.count))
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The bytes of a file, damaged as disks and copies do it.
    static func file(_ seed: [UInt8], _ generator: inout Generator) -> [UInt8] {
        var bytes = seed
        guard !bytes.isEmpty else { return bytes }
        switch generator.below(8) {
        case 0, 1, 2:
            for _ in 0...generator.below(4) { bytes[generator.below(bytes.count)] ^= 1 << UInt8(generator.below(8)) }
        case 3: bytes.removeLast(generator.below(bytes.count))
        case 4: for index in range(bytes.count, &generator) { bytes[index] = 0 }
        case 5: for index in range(bytes.count, &generator) { bytes[index] = UInt8(generator.below(256)) }
        case 6:
            // A page in the place of another.
            let page = generator.one(of: [512, 4096, 16_384])
            guard bytes.count >= 2 * page else { break }
            let (from, to) = (generator.below(bytes.count / page), generator.below(bytes.count / page))
            bytes.replaceSubrange(to * page..<(to + 1) * page, with: seed[from * page..<(from + 1) * page])
        default:
            // Numbers at their ends.
            for _ in 0...generator.below(3) {
                let value: UInt8 = generator.one(of: [0, 1, 0x7F, 0x80, 0xFF])
                let start = generator.below(bytes.count)
                for index in start..<min(bytes.count, start + 1 + generator.below(8)) { bytes[index] = value }
            }
        }
        return bytes
    }

    private static func range(_ count: Int, _ generator: inout Generator) -> Range<Int> {
        let start = generator.below(count)
        return start..<min(count, start + 1 + generator.below(generator.one(of: [8, 512, 20_000])))
    }
}
