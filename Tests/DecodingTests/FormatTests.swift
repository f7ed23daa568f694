import Basics
import Decoding
import Profiles
import Settings
import Telemetry
import Testing
import TestSupport

/// Formats of text that are not JSON: form, split, lines, influx.
@Suite("Text formats")
struct FormatTests {
    private func decode(_ rule: String, _ payload: String) throws -> (lines: [String], rejects: [String]) {
        var bench = try Bench(profile: "profile: p\nrules:\n" + rule)
        bench.decode("t/x", payload)
        return (bench.lines, bench.rejectLines)
    }

    private static let formRule = """
        - topic: "t/{d}"
          format: form
          device: "{/na me}"
          time: [{at: /when, as: "yyyy-MM-dd HH:mm:ss", zone: utc}]
          read: {active_power: /p, voltage: /u}
        """

    @Test("a form is an object of texts, with percent signs and plus signs resolved")
    func form() throws {
        let found = try decode(
            Self.formRule, "na+me=k%C3%BChl%26&when=2026-03-05+10%3a15%3A00&p=41.5&p=9&&empty=&flag&u=%32%33%30\r\n")
        #expect(found.rejects == [])
        #expect(
            found.lines == [
                "kühl& active_power 41.5 @2026-03-05T10:15:00Z", "kühl& voltage 230.0 @2026-03-05T10:15:00Z",
            ])
    }

    @Test(
        "a broken form is rejected with the place",
        arguments: [
            ("p=1%2", "malformed: '%' without two hexadecimal digits at byte 3"),
            ("p=%zz", "malformed: '%' without two hexadecimal digits at byte 2"),
            ("p=1&q=%ff", "malformed: text that is not UTF-8 at byte 4"),
            ("a\u{1}=1", "malformed: a control character at byte 1"),
        ])
    func brokenForm(payload: String, expected: String) throws {
        #expect(try decode(Self.formRule, payload).rejects == [expected])
    }

    @Test("pieces between separators are an array, without the blanks around them")
    func splitArray() throws {
        let rule = """
            - topic: "t/{d}"
              format: split
              separator: ";"
              device: "{/0}"
              read: {active_power: /1, voltage: /2, current: /3}
            """
        let found = try decode(rule, " lamp-7 ; 41.5;;\t0.25 ;more \r\n")
        #expect(found.rejects == [])
        #expect(found.lines.map { $0.prefix { $0 != "@" } } == ["lamp-7 active_power 41.5 ", "lamp-7 current 0.25 "])
    }

    @Test("pieces with names are an object; those beyond the names are known by their place")
    func splitObject() throws {
        let rule = """
            - topic: "t/{d}"
              format: split
              separator: "||"
              names: [id, power]
              device: "{/id}"
              read: {active_power: /power, voltage: /2}
            """
        let found = try decode(rule, "a|b||41.5||230")
        #expect(found.lines.map { $0.prefix { $0 != "@" } } == ["a|b active_power 41.5 ", "a|b voltage 230.0 "])
        #expect(try decode(rule, "a").lines == [])
    }

    private static let obisRule = """
        - topic: "t/{d}"
          format: lines
          lines: ["{code}({when})({value}*{unit})", "{code}({value}*{unit})", "/{maker}"]
          each: /*
          device: meter
          table:
            key: /code
            value: /value
            rows:
              1-0:1.8.0: {active_energy_import: {unit: kW.h}}
              1-0:32.7.0: {voltage: {channel: "line{/line}"}}
              0-1:24.2.1: {active_power: {unit: W}}
        """

    @Test("lines are taken apart by the first pattern that fits the whole line")
    func lines() throws {
        let found = try decode(
            Self.obisRule,
            "/ISk5/ESMR 5.0\r\n\r\n1-0:1.8.0(00123.456*kWh)\r\n1-0:32.7.0(229.8*V)\r\n0-0:96.1.1(4530)\r\n0-1:24.2.1(230305100000W)(7*W)\r\n!A1B2\r\n"
        )
        #expect(found.rejects == [])
        #expect(
            found.lines.map { $0.prefix { $0 != "@" } } == [
                "meter active_energy_import 123.456 ", "meter voltage[line4] 229.8 ", "meter active_power 7.0 ",
            ])
    }

    @Test("a payload without any known line is rejected, one of blank lines is empty")
    func unknownLines() throws {
        #expect(
            try decode(Self.obisRule, "\n{\"p\":1}\n").rejects
                == ["malformed: no line fits a pattern of the profile, the first one being line 2"])
        let blank = try decode(Self.obisRule, "\n \n")
        #expect(blank.rejects == [] && blank.lines == [])
    }

    private static let influxRule = """
        - topic: "t/{d}"
          format: influx
          each: /*
          device: "{/tags/st=a, b}"
          channel: "{/measurement}"
          time: [{at: /time, as: ns}]
          read:
            active_power: "/fields/p q"
            voltage: /fields/u
            current: {from: /fields/i, if: {/fields/note: 'say "a, b" \\'}}
            lamp_fault: /fields/ok
        """

    @Test("line protocol: escapes, quoted texts, integers, truth values, comments, times")
    func influx() throws {
        let found = try decode(
            Self.influxRule,
            "# air\n\n  m\\,1\\ x,st\\=a\\,\\ b=lamp\\ 1 p\\ q=-7i,u=230u,i=1.5e0,note=\"say \\\"a, b\\\" \\\\\",ok=T 1772705702123456789\r\n"
                + "m,st\\=a\\,\\ b=2 ok=false"
        )
        #expect(found.rejects == [])
        #expect(
            found.lines == [
                "lamp 1 active_power[m,1 x] -7.0 @2026-03-05T10:15:02.123Z",
                "lamp 1 voltage[m,1 x] 230.0 @2026-03-05T10:15:02.123Z",
                "lamp 1 current[m,1 x] 1.5 @2026-03-05T10:15:02.123Z",
                "lamp 1 lamp_fault[m,1 x] 1.0 @2026-03-05T10:15:02.123Z",
                "2 lamp_fault[m] 0.0 @2026-03-05T10:15:00Z",
            ])
    }

    @Test(
        "broken line protocol is rejected with the place",
        arguments: [
            (",a=b p=1", "expected the measurement's name at byte 0"),
            ("m", "expected a blank and the fields at byte 1"),
            ("m,=b p=1", "expected the key of a tag at byte 2"),
            ("m,a p=1", "expected '=' and the value of a tag at byte 3"),
            ("m,a= p=1", "expected the value of a tag at byte 4"),
            ("m p", "expected '=' and the value of a field at byte 3"),
            ("m p=", "expected a number, a truth value or a text in quotes at byte 4"),
            ("m p=1x", "expected a number, a truth value or a text in quotes at byte 4"),
            ("m p=1.5i", "expected a whole number before 'i' at byte 4"),
            ("m p=nan", "expected a number, a truth value or a text in quotes at byte 4"),
            ("m p=\"a", "a text without its closing quote at byte 4"),
            ("m p=1 x", "expected a time in nanoseconds at byte 6"),
            ("m p=1 12 3", "expected the end of the line at byte 9"),
        ])
    func brokenInflux(payload: String, expected: String) throws {
        #expect(try decode(Self.influxRule, payload).rejects == ["malformed: \(expected)"])
    }

    @Test("rules of one topic may read the same payload by different formats, in any order")
    func mixed() throws {
        let found = try decode(
            """
            - {topic: "t/{d}", format: split, names: [a, b], device: one, read: {active_power: /b}}
            - {topic: "t/{d}", format: text, device: two, read: {voltage: .}}
            - {topic: "t/{d}", format: split, separator: ".", device: three, read: {current: /0}}
            - {topic: "t/{d}", device: four, read: {air_temperature: .}}
            - {topic: "t/{d}", format: form, device: five, read: {relative_humidity: /12.5}}
            - {topic: "t/{d}", format: split, names: [a, b], device: six, read: {active_power: /a}}
            """, "12.5")
        #expect(found.rejects == [])
        #expect(
            found.lines.map { $0.prefix { $0 != "@" } } == [
                "two voltage 12.5 ", "three current 12.0 ", "four air_temperature 12.5 ", "six active_power 12.5 ",
            ])
    }

    @Test("bytes that a layout reads need not be text, and a text rule beside it still wants text")
    func rawBytes() throws {
        var bench = try Bench(
            profile: """
                profile: p
                rules:
                - topic: "t/{d}"
                  format: text
                  unwrap: {as: raw, layout: [{p: u16be}]}
                  device: "{d}"
                  read: {active_power: /p}
                - {topic: "t/{d}", format: text, device: other, read: {voltage: .}}
                """)
        bench.decode("t/x", [0xFF, 0xFE] as [UInt8])
        #expect(bench.lines == ["x active_power 65534.0 @2026-03-05T10:15:00Z"])
        #expect(bench.rejectLines == [])
    }

    @Test("the rules that the reference shows for the formats compile")
    func reference() throws {
        let text = try SettingFiles.text(of: Repository.root + "Devices/README.md")
        let section = try #require(text.split(separator: "\n## ").first { $0.hasPrefix("Formats\n") })
        let examples = section.split(separator: "```").filter { $0.hasPrefix("yaml\n") }.map { $0.dropFirst(5) }
        #expect(examples.count == 8)
        for example in examples {
            _ = try DeviceCatalog.compile([ProfileSource(path: "p", text: "profile: p\nrules:\n" + example)])
        }
    }

    @Test("a document is bounded in values, depth and text")
    func limits() throws {
        var limits = DecodingLimits()
        limits.nodesMax = 16
        let catalog = try DeviceCatalog.compile([
            ProfileSource(path: "p.yaml", text: "profile: p\nrules:\n" + Self.influxRule)
        ])
        var bench = Bench(catalog, limits: limits)
        bench.decode("t/x", String(repeating: "m p=1\n", count: 100))
        #expect(bench.rejectLines == ["too-large: more than 16 values"])

        limits.nodesMax = 1000
        limits.nestingMax = 2
        bench = Bench(catalog, limits: limits)
        bench.decode("t/x", "m p=1")
        #expect(bench.rejectLines == ["too-large: nested deeper than 2 levels"])
    }

    /// Every prefix of a good payload, and good payloads with flipped bits: each message ends somewhere.
    static func torture(_ profile: String, topic: String, _ payloads: [[UInt8]], rounds: Int = 1500) throws {
        var random = SeededGenerator(seed: 212)
        var bench = try Bench(profile: profile)
        func ends(_ batch: DecodedBatch) -> Bool {
            batch.readings.count + batch.statuses.count + batch.suspects.count + batch.rejects.count
                + batch.emptyMessages + batch.ignoredMessages > 0
        }
        for payload in payloads {
            for length in 0...payload.count {
                bench.batch.removeAll()
                bench.decode(topic, payload.prefix(length))
                #expect(ends(bench.batch), "\(length) bytes of \(payload)")
            }
        }
        for round in 0..<rounds {
            var payload = payloads.randomElement(using: &random)!
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let at = Int.random(in: 0..<payload.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: payload[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: payload[at] = UInt8.random(in: 0...255, using: &random)
                default: payload.insert(contentsOf: payload[at..<min(payload.count, at + 9)], at: at)
                }
            }
            bench.batch.removeAll()
            bench.decode(topic, payload)
            #expect(ends(bench.batch), "round \(round): \(payload)")
            #expect(bench.batch.readings.allSatisfy { $0.value.isFinite }, "round \(round): \(payload)")
        }
    }

    @Test("truncated and damaged payloads end in something, and nothing crashes")
    func hostile() throws {
        let cases = [
            (Self.formRule, "na+me=k%C3%BChl%26&when=2026-03-05+10%3a15%3A00&p=41.5"),
            (Self.obisRule, "/ISk5\n1-0:1.8.0(00123.456*kWh)\n0-1:24.2.1(230305100000W)(7*W)\n"),
            (Self.influxRule, "m\\,1,st\\=a\\,\\ b=l\\ 1 p\\ q=-7i,note=\"say \\\"a\",ok=T 1772705702123456789\n#x\n"),
            (
                "- {topic: 't/{d}', format: split, names: [a, b], device: x, read: {active_power: /b}}",
                "1, 2, 3, \u{b5}g"
            ),
        ]
        for (rule, payload) in cases {
            try Self.torture("profile: p\nrules:\n" + rule, topic: "t/x", [Array(payload.utf8)])
        }
    }
}
