import Basics
import Foundation
import Telemetry
import Testing
import TestSupport

@testable import Decoding

@Suite("JSON scanner")
struct JSONScannerTests {
    /// Scans a text that lies alone, or with other bytes behind it: both ends of the buffer must give the same.
    private func scan(_ bytes: [UInt8], nestingMax: Int = 64, nodesMax: Int = 1000) -> JSONScanner.Outcome {
        var outcomes: [JSONScanner.Outcome] = []
        for padding in [0, 16] {
            let padded = bytes + [UInt8](repeating: 0x22, count: padding)
            let scanner = JSONScanner(nestingMax: nestingMax)
            var tape = Tape(nodesMax: nodesMax)
            // A copy of exactly this size, so that a reading past its end is one past an allocation.
            let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, padded.count))
            defer { memory.deallocate() }
            memory.initialize(from: padded, count: padded.count)
            outcomes.append(scanner.scan(memory, count: bytes.count, readable: padded.count, into: &tape))
        }
        #expect(outcomes[0] == outcomes[1])
        return outcomes[0]
    }

    @Test(
        "accepts JSON",
        arguments: [
            "0", "-0", "-0.0e-0", "1E+9", "\"\"", "true", " null ", "[]", "{}", "[[],{}]",
            "{\"a\":{\"b\":[1,2]}}\r\n\t",
            "\"\\u0041\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\ud83d\\ude00\"", "\"µ中😀\"", "{\"a\":1,\"a\":2}",
            "[1]\u{0}\u{0}",
            "\"long enough to be skipped eight bytes at a time\"",
        ])
    func accepts(text: String) {
        #expect(scan(Array(text.utf8)) == .complete, "\(text)")
    }

    @Test(
        "refuses what is not JSON",
        arguments: [
            "", " ", "01", "+1", "1.", ".5", "1e", "1e+", "-", "--1", "NaN", "Infinity", "nul", "truee", "tru", "'a'",
            "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{\"a\":1", "[1", "]", "}", "[1}",
            "{\"a\":1]", "1 2", "\"a", "\"\\\"", "\"\\x41\"", "\"\\u12g4\"", "\"\\u123\"", "\"\\ud800\"",
            "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"a\u{1}b\"", "\"a\nb\"", "/* */1", "[1]x", "{1:2}", "\u{0}1",
        ])
    func refuses(text: String) {
        let outcome = scan(Array(text.utf8))
        guard case .malformed = outcome else {
            Issue.record("\(text) gave \(outcome)")
            return
        }
    }

    @Test(
        "refuses ill-formed UTF-8",
        arguments: [
            [0x80], [0xC0, 0xAF], [0xC2], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF0, 0x80, 0x80, 0x80],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82], [0xFF], [0xC2, 0x41],
        ] as [[UInt8]])
    func refusesUTF8(bytes: [UInt8]) {
        #expect(scan([0x22] + bytes + [0x22]) != .complete)
    }

    @Test("nests as deep as allowed and no deeper, however deep the text goes")
    func nesting() {
        func nested(_ depth: Int) -> [UInt8] {
            [UInt8](repeating: UInt8(ascii: "["), count: depth) + [UInt8](repeating: UInt8(ascii: "]"), count: depth)
        }
        #expect(scan(nested(64)) == .complete)
        #expect(scan(nested(65)) == .tooDeep)
        #expect(scan(nested(10_000)) == .tooDeep)
        #expect(scan(Array("[1,2,3]".utf8), nodesMax: 3) == .tooManyValues)
    }

    @Test(
        "resolves escapes",
        arguments: [
            ("\\u0041", "A"), ("\\n\\t\\\"\\\\\\/", "\n\t\"\\/"), ("\\ud83d\\ude00!", "😀!"), ("\\u00b5g\\u4e2d", "µg中"),
            ("plain", "plain"), ("\\b\\f\\r", "\u{8}\u{C}\r"),
        ])
    func escapes(written: String, meant: String) {
        let source = Array(written.utf8)
        var output = [UInt8](repeating: 0, count: source.count)
        let count = source.withUnsafeBufferPointer { source in
            output.withUnsafeMutableBufferPointer { output in
                JSONText.unescape(source.baseAddress!, count: source.count, into: output.baseAddress!)
            }
        }
        #expect(String(decoding: output[..<count], as: UTF8.self) == meant)
    }

    @Test("mutated JSON is judged as Foundation judges it, wherever both are strict")
    func againstFoundation() {
        let seed: UInt64 = 7
        var random = SeededGenerator(seed: seed)
        let original = Array(#"{"a":[1,-2.5e3,"x\u00e9y",true,null,{"b":""}],"c":"plain ascii text"}"#.utf8)
        for round in 0..<20_000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                bytes[at] = original.randomElement(using: &random)!
            }
            let object = try? JSONSerialization.jsonObject(with: Data(bytes), options: [.fragmentsAllowed])
            // Foundation lets leading zeros and lone surrogates pass in some releases; what we accept, it must.
            if scan(bytes) == .complete, object == nil {
                Issue.record("seed \(seed) round \(round): \(String(decoding: bytes, as: UTF8.self))")
                return
            }
        }
    }
}

@Suite("Decimal numbers")
struct DecimalNumberTests {
    private func parse(_ text: String) -> Double? {
        var text = text
        return text.withUTF8 { DecimalNumber.parse(UnsafeRawBufferPointer($0)) }
    }

    @Test("reads what is a number and nothing else")
    func forms() {
        let good: [(String, Double)] = [
            ("0", 0), ("-0", -0.0), ("+5", 5), (" 18.45 ", 18.45), ("007", 7), (".5", 0.5), ("5.", 5), ("1e3", 1000),
            ("1E-3", 0.001), ("9007199254740993", 9_007_199_254_740_992), ("0.000000000000000000000001", 1e-24),
            ("5e-324", .leastNonzeroMagnitude), ("1.7976931348623157e308", .greatestFiniteMagnitude),
            ("123456789012345678901234567890", 123_456_789_012_345_677_877_719_597_056),
        ]
        for (text, value) in good { #expect(parse(text) == value, "\(text)") }
        #expect(parse("1e999") == .infinity)
        #expect(parse("-1e400") == -.infinity)
        #expect(parse("1e-999") == 0)
        for text in ["", " ", "abc", "1,5", "1.2.3", "0x10", "1e", "--1", "1 2", "e5", ".", "-", "1e5x", "١"] {
            #expect(parse(text) == nil, "\(text)")
        }
        #expect(parse(String(repeating: "1", count: 513)) == nil)
    }

    @Test("random doubles come back exactly, in their shortest and their longest form")
    func exact() {
        let seed: UInt64 = 20_260_305
        var random = SeededGenerator(seed: seed)
        for _ in 0..<50_000 {
            let double = Double(bitPattern: random.next())
            guard double.isFinite else { continue }
            #expect(parse("\(double)") == double, "seed \(seed)")
            let plain = Double(Int64.random(in: -1_000_000_000...1_000_000_000, using: &random)) / 1000
            #expect(parse("\(plain)") == plain)
            let digits = "\(random.next())" + "." + "\(random.next() % 100_000)"
            #expect(parse(digits) == strtod(digits, nil), "seed \(seed): \(digits)")
        }
    }
}
