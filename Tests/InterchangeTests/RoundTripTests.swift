import Basics
import Interchange
import Telemetry
import Testing
import TestSupport

@Suite("Written and read again")
struct RoundTripTests {
    /// Ends of the range, values between which there is no other double, and those that look alike.
    private static let edges: [Double] = [
        0, -0.0, 1, -1, 0.1, 0.2, 0.1 + 0.2, 1 / 3, 1e15, 1e16, 123_456_789_012_345_680, 9_007_199_254_740_992, 1e-5,
        1e-7,
        .leastNonzeroMagnitude, .leastNormalMagnitude, 1.7976931348623157e308, -1.7976931348623157e308, 4.35,
        100.0.nextUp,
        100.0.nextDown,
    ]

    @Test(
        "a value keeps every bit, and is written without digits that say nothing",
        arguments: [InterchangeFormat.csv, .jsonl])
    func values(format: InterchangeFormat) throws {
        var random = SeededGenerator(seed: 11)
        var values = Self.edges
        while values.count < 5000 {
            let value = Double(bitPattern: random.next())
            if value.isFinite { values.append(value) }
        }
        // No quantity takes them all: what is compared are the numbers of the text.
        var writer = ReadingWriter(format)
        writer.begin(device: "a", quantity: "voltage", channel: nil, unit: "V")
        for value in values {
            var line: [UInt8] = []
            writer.append(Timestamp(milliseconds: 1_772_734_502_250), value, to: &line)
            let text = String(decoding: line, as: UTF8.self)
            let number = String(
                text.split(separator: format == .csv ? "," : ":").last!.filter { $0 != "}" && $0 != "\n" })
            let digits = Array(number.utf8)
            let read = digits.withUnsafeBytes { DecimalNumber.parse($0) }
            #expect(read?.bitPattern == value.bitPattern, "\(value) was written as \(number)")
            #expect(!number.hasSuffix(".0"))
        }
    }

    @Test("readings with names of all sorts come back as they went", arguments: [InterchangeFormat.csv, .jsonl])
    func names(format: InterchangeFormat) {
        var random = SeededGenerator(seed: 5)
        var writer = ReadingWriter(format)
        var text = Array(writer.header.utf8)
        var expected: [String] = []
        var bits: [UInt64] = []
        let names = ["a", "路灯 1", "a,b", "\"quoted\"", " blank ", "back\\slash", "a\"b", "=1+1", "'", "💡", "#x", "{"]
        for (index, name) in names.enumerated() {
            let channel = index % 2 == 0 ? nil : names[index - 1]
            writer.begin(device: name, quantity: "current", channel: channel, unit: "A")
            for step in 0..<20 {
                let at = Timestamp(
                    milliseconds: 1_772_734_502_250 + Int64(step) * Int64.random(in: 1...100_000_000, using: &random))
                let value = Double.random(in: -5000...5000, using: &random)
                writer.append(at, value, to: &text)
                let line = expected.count + (format == .csv ? 2 : 1)
                expected.append("\(line) \(name)\(channel.map { "/\($0)" } ?? "") current \(at) \(value)")
                bits.append(value.bitPattern)
            }
        }
        let outcome = read(text, format)
        #expect(outcome.readings == expected)
        #expect(outcome.bits == bits)
        #expect(outcome.refusals == [])
    }

    @Test("the bytes are those that are promised")
    func bytes() {
        func write(_ format: InterchangeFormat) -> String {
            var writer = ReadingWriter(format)
            var text = Array(writer.header.utf8)
            writer.begin(device: "lamp-1", quantity: "voltage", channel: "l1", unit: "V")
            writer.append(Timestamp(milliseconds: 1_772_734_502_000), 230, to: &text)
            writer.begin(device: "lamp,2", quantity: "voltage", channel: nil, unit: "V")
            writer.append(Timestamp(milliseconds: 1_772_734_502_257), 230.25, to: &text)
            return String(decoding: text, as: UTF8.self)
        }
        #expect(
            write(.csv) == """
                observed,device,quantity,channel,unit,value
                2026-03-05T18:15:02.000Z,lamp-1,voltage,l1,V,230
                2026-03-05T18:15:02.257Z,"lamp,2",voltage,,V,230.25

                """)
        #expect(
            write(.jsonl) == """
                {"observed":"2026-03-05T18:15:02.000Z","device":"lamp-1","quantity":"voltage","channel":"l1","unit":"V","value":230}
                {"observed":"2026-03-05T18:15:02.257Z","device":"lamp,2","quantity":"voltage","unit":"V","value":230.25}

                """)
    }

    @Test(
        "the format is found by the file's ending, or by the first line",
        arguments: [
            ("a.csv", InterchangeFormat.csv), ("A.CSV", .csv), ("a.jsonl", .jsonl), ("a.ndjson", .jsonl),
            ("a.lp", .influx),
            ("a.txt", nil), ("csv", nil),
        ])
    func format(name: String, format: InterchangeFormat?) {
        #expect(InterchangeFormat(fileName: name) == format)
    }

    @Test("the first line tells what the ending does not")
    func firstLine() {
        func format(_ text: String) -> InterchangeFormat {
            Array(text.utf8).withUnsafeBytes { InterchangeFormat(firstBytes: $0) }
        }
        #expect(format(" {\"a\":1}\n") == .jsonl)
        #expect(format("device,observed,value\n1,2,3") == .csv)
        #expect(format("lamp,device=a voltage=1 1\n") == .influx)
        #expect(format("") == .influx)
    }
}
