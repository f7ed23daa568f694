import Basics
import Decoding
import Profiles
import Settings
import Telemetry
import Testing
import TestSupport

/// The verbs of the profile language beyond plain readings.
@Suite("Profile language")
struct LanguageTests {
    private func lines(
        _ rule: String, _ payload: String, topic: String = "t/d1", constants: [ByteName: [String: String]] = [:],
        zone: Int = 0
    ) throws -> [String] {
        let indented = rule.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)" }
            .joined(separator: "\n")
        let catalog = try DeviceCatalog.compile([
            ProfileSource(path: "test.yaml", text: "profile: test\nrules:\n- topic: \"t/{d}\"\n\(indented)\n")
        ])
        var bench = Bench(catalog, siteZoneOffsetSeconds: zone, constants: constants)
        bench.decode(topic, payload)
        return bench.lines + bench.batch.rejects.map { "reject \($0.reason.rawValue): \($0.detail)" }
    }

    @Test(
        "calculations follow the rules of arithmetic",
        arguments: [
            ("1 + 2 * 3 ^ 2 / 9 - 4", -1.0), ("-a ^ 2", -4), ("2 ^ 3 ^ 2", 512), ("(a + b) * 2", 10),
            ("{/o/x y} * 10", 70), ("sum({/list/*}, 1, none)", 11), ("mean({/list/*})", 10.0 / 3),
            ("min(a, b, none) + max({/list/*})", 7), ("abs(0 - b) + round(2.5) + floor(2.9)", 8),
            ("if(a < b, 10, none)", 10), ("(a == 2) + (b != 3) + (a >= 2) + (b <= 2)", 2),
            ("sqrt(16) + ln(exp(1)) + log10(1000)", 8), ("0x10 + 1e1", 26), ("sum(max(a, b), min(a, b))", 5),
            ("@index0 + 1", .nan),
        ])
    func calculates(calculation: String, expected: Double) throws {
        let rule = "device: \"{d}\"\nread: {distance: {calc: \"\(calculation)\"}}"
        guard !expected.isNaN else {
            #expect(throws: Mistakes.self) { try lines(rule, "{}") }
            return
        }
        let found = try lines(
            rule, #"{"a": 2, "b": 3, "o": {"x y": 7}, "list": [1, null, 5, 4], "none": null}"#)
        #expect(found.count == 1)
        let value = found.first.flatMap { Double($0.split(separator: " ")[2]) }
        // What lies outside of the plausible range is a suspect, and gives no line.
        if let value { #expect(abs(value - expected) <= 1e-12 * abs(expected)) }
    }

    @Test("a calculation with a missing operand gives nothing, and one with a text is a fault")
    func missingOperands() throws {
        let rule = "device: \"{d}\"\nread: {voltage: {calc: \"a - b\", missing: [65535]}}"
        #expect(try lines(rule, #"{"a": 230, "b": 1}"#) == ["d1 voltage 229.0 @2026-03-05T10:15:00Z"])
        #expect(try lines(rule, #"{"a": 230}"#) == [])
        #expect(try lines(rule, #"{"a": 230, "b": 65535}"#) == [])
        #expect(try lines(rule, #"{"a": 230, "b": "x"}"#).first?.hasPrefix("reject unexpected-value") == true)
        #expect(try lines("device: \"{d}\"\nread: {voltage: {calc: \"a / b\"}}", #"{"a": 1, "b": 0}"#) == [])
    }

    @Test(
        "a calculation that does not read is a mistake that says where",
        arguments: [
            ("a +", "at character 4: expected a number, a name or '('"), ("(a", "expected ')'"),
            ("sqr(a)", "did you mean 'sqrt'?"), ("{/list/*} + 1", "'*' only right inside sum, min, max or mean"),
            ("a b", "expected an operator or the end"), ("if(a, b)", "if(condition, then, else)"),
            (String(repeating: "(", count: 60) + "a", "parentheses"), ("sum(sum(sum(sum(sum(a)))))", "fewer sums"),
        ])
    func calculationMistakes(calculation: String, expected: String) throws {
        do {
            _ = try lines("device: \"{d}\"\nread: {voltage: {calc: \"\(calculation)\"}}", "{}")
            Issue.record("no mistake")
        } catch let mistakes as Mistakes {
            #expect(mistakes.list.contains { $0.description.contains(expected) }, "\(mistakes)")
        }
    }

    @Test("constants of the roster are read as $name, device by device")
    func constants() throws {
        let rule = """
            device: "{d}"
            read: {fill_level: {calc: "($depth - {/distance}) / ($depth - $full) * 100", unit: "%"}}
            """
        let constants: [ByteName: [String: String]] = ["d1": ["depth": "1500", "full": "100"]]
        #expect(
            try lines(rule, #"{"distance": 800}"#, constants: constants)
                == ["d1 fill_level 50.0 @2026-03-05T10:15:00Z"])
        #expect(try lines(rule, #"{"distance": 800}"#, topic: "t/d2", constants: constants) == [])
    }

    @Test("the message names the unit; what it does not know is as 'else' says")
    func unitFromMessage() throws {
        let rule = """
            device: "{d}"
            read: {o3: {from: /v, unit: {from: /u, map: {X9: mg/m3}}}}
            """
        let time = "@2026-03-05T10:15:00Z"
        #expect(try lines(rule, #"{"v": 80, "u": "µg/m³"}"#) == ["d1 o3 80.0 \(time)"])
        #expect(try lines(rule, #"{"v": 0.08, "u": "X9"}"#) == ["d1 o3 80.0 \(time)"])
        #expect(try lines(rule, #"{"v": 80, "u": "ppm"}"#).first?.contains("names no unit") == true)
        #expect(try lines(rule, #"{"v": 80}"#).first?.contains("names no unit") == true)
        let lenient = rule.replacing("}}}}", with: "}, else: null}}}").replacing("{X9: mg/m3}}", with: "{X9: mg/m3}")
        #expect(try lines(lenient, #"{"v": 80, "u": "ppm"}"#) == [])
        let fallback = rule.replacing("map: {X9: mg/m3}", with: "else: mg/m3")
        #expect(try lines(fallback, #"{"v": 0.08}"#) == ["d1 o3 80.0 \(time)"])
    }

    @Test(
        "times in every form",
        arguments: [
            ("{at: /t, as: \"yyyy/MM/ddTHH:mm:ssz\"}", "2026/03/05T10:14:00z", "2026-03-05T10:14:00Z"),
            ("{at: /t, as: \"d.M.yy H:mm\", zone: \"+01:00\"}", "5.3.26 9:05", "2026-03-05T08:05:00Z"),
            ("{at: /t, as: \"dd MMM yyyy hh:mm a\", zone: utc}", "05 Mar 2026 09:30 am", "2026-03-05T09:30:00Z"),
            ("{at: /t, as: \"MMM d yyyy h:mma\", zone: Asia/Shanghai}", "Mar 5 2026 5:30PM", "2026-03-05T09:30:00Z"),
            ("{at: /t, as: iso, zone: Europe/Berlin}", "2026-03-05 11:00:00", "2026-03-05T10:00:00Z"),
            ("{at: /t, as: iso, zone: Europe/Berlin}", "2026-03-05T10:00:00Z", "2026-03-05T10:00:00Z"),
            ("{at: /t, as: iso, end: true}", "2026-03-05T10:00:00Z/2026-03-05T10:05:00Z", "2026-03-05T10:05:00Z"),
            ("{at: /t, as: iso}", "2026-03-05T10:00:00Z/2026-03-05T10:05:00Z", "2026-03-05T10:00:00Z"),
            (
                "{at: /t, as: \"yyyyMMddHHmmss\", zone: \"+08:00\", plus: 3600}", "20260305160000",
                "2026-03-05T09:00:00Z"
            ),
            ("{at: /t, as: age}", "90", "2026-03-05T10:13:30Z"),
            ("{at: /t, as: s, plus: \"{/late} * -1\"}", "1772705700", "2026-03-05T10:14:50Z"),
        ])
    func times(candidate: String, text: String, expected: String) throws {
        let rule = "device: \"{d}\"\ntime: [\(candidate)]\nread: {voltage: /v}"
        #expect(try lines(rule, #"{"v": 1, "t": "\#(text)", "late": 10}"#) == ["d1 voltage 1.0 @\(expected)"])
    }

    @Test("the hour that comes twice is the one nearer to the receipt")
    func repeatedHour() throws {
        let zone = try #require(ZoneRules.system(named: "Europe/Berlin"))
        let civil = CivilTime(year: 2026, month: 10, day: 25, hour: 2, minute: 30)
        func moment(_ near: String) throws -> String {
            "\(zone.moment(of: civil, near: try #require(Timestamp(iso8601: near))))"
        }
        #expect(try moment("2026-10-25T00:31:00Z") == "2026-10-25T00:30:00Z")
        #expect(try moment("2026-10-25T01:31:00Z") == "2026-10-25T01:30:00Z")
        // Left out in spring: read as before the change.
        let lost = CivilTime(year: 2026, month: 3, day: 29, hour: 2, minute: 30)
        let near = try #require(Timestamp(iso8601: "2026-03-29T01:00:00Z"))
        #expect("\(zone.moment(of: lost, near: near))" == "2026-03-29T01:30:00Z")
        // Beyond what the file lists, by the rule in its last line.
        let far = try #require(Timestamp(iso8601: "2071-07-01T00:00:00Z"))
        #expect(zone.offsetSeconds(at: far) == 7200)
        #expect(ZoneRules.system(named: "Asia/Shanghai")?.offsetSeconds(at: far) == 28_800)
        #expect(ZoneRules.system(named: "../../../etc/passwd") == nil)
        #expect(ZoneRules(name: "x", file: Array("TZif2".utf8)) == nil)
    }

    @Test("conditions: absent, not, above, below, word")
    func conditions() throws {
        func fits(_ condition: String, _ payload: String) throws -> Bool {
            try lines("when: {/x: \(condition)}\ndevice: \"{d}\"\nread: {voltage: /v}", payload)
                == ["d1 voltage 1.0 @2026-03-05T10:15:00Z"]
        }
        #expect(try fits("absent", #"{"v": 1}"#) && fits("absent", #"{"v": 1, "x": null}"#))
        #expect(try !fits("absent", #"{"v": 1, "x": 0}"#))
        #expect(try fits("{not: [a, 2]}", #"{"v": 1, "x": "b"}"#) && fits("{not: a}", #"{"v": 1}"#))
        #expect(try !fits("{not: [a, 2]}", #"{"v": 1, "x": 2.0}"#))
        #expect(try fits("{above: 3}", #"{"v": 1, "x": 3.5}"#) && !fits("{above: 3}", #"{"v": 1, "x": 3}"#))
        #expect(try fits("{below: 3}", #"{"v": 1, "x": "2"}"#) && !fits("{below: 3}", #"{"v": 1}"#))
        #expect(try fits("{word: [LEAK, DRY]}", #"{"v": 1, "x": "OK DRY"}"#))
        #expect(try !fits("{word: DRY}", #"{"v": 1, "x": "DRYER"}"#))
    }

    @Test("what a rule holds is known to later messages under the same key, until it is taken back")
    func holds() throws {
        let text = """
            profile: test
            rules:
            - topic: "w/{d}/{c}/error"
              format: text
              hold: {key: "{d}/{c}", keep: {error: .}}
            - topic: "w/{d}/{c}"
              format: text
              held: "{d}/{c}"
              when: {$error: absent}
              device: "{d}"
              read: {voltage: .}
            """
        var bench = try Bench(profile: text)
        bench.decode("w/m/u", "1")
        bench.decode("w/m/u/error", "r")
        bench.decode("w/m/u", "2")
        bench.decode("w/m/i", "3")
        bench.decode("w/m/u/error", "")
        bench.decode("w/m/u", "4")
        #expect(bench.batch.readings.map(\.value) == [1, 3, 4])
        // A message that tells nothing is not kept, and what its topic told before is forgotten.
        #expect(bench.batch.remembered.map(\.payload.count) == [1, 0])
        bench.decode("w/x/y/error", "  ")
        #expect(bench.batch.remembered.last?.payload == [])
        // Another decoder that is shown what was kept knows as much.
        bench.decode("w/m/p/error", "r")
        var other = try Bench(profile: text)
        other.decoder.restore(bench.batch.remembered)
        other.decode("w/m/p", "5")
        other.decode("w/m/u", "6")
        #expect(bench.batch.remembered.count == 4 && other.batch.readings.map(\.value) == [6])
    }

    @Test("topics with levels after {name...}: the longest known end counts")
    func suffixTopics() throws {
        let text = """
            profile: test
            rules:
            - topic: "z/{d...}"
              device: "{d}"
              read: {voltage: /v}
            - topic: "z/{d...}/availability"
              format: text
              device: "{d}"
              status: {online: online, offline: offline}
            - topic: "z/{d...}/{key}/set"
              ignore: true
            """
        var bench = try Bench(profile: text)
        bench.decode("z/a/b/c", #"{"v": 1}"#)
        bench.decode("z/a/b/availability", "online")
        bench.decode("z/a/b/state/set", "1")
        bench.decode("z/availability", #"{"v": 2}"#)
        #expect(bench.lines.map { $0.split(separator: " ")[0] } == ["a/b/c", "availability"])
        #expect(bench.batch.statuses.count == 1 && bench.batch.ignoredMessages == 1)
        #expect(bench.registry.devices.map(\.name) == ["a/b/c", "a/b", "availability"])
    }

    @Test("items of one message that tell a series again at its time come one after the other, as messages would")
    func itemsAgain() throws {
        let rule = """
            device: "{d}"
            each: /l/*
            time: [{at: /t, as: s}]
            read: {air_temperature: /v, relative_humidity: /h}
            """
        func read(_ items: String) throws -> [String] {
            try lines(rule, #"{"l": [\#(items)]}"#).map { line in
                line.replacing("d1 ", with: "").replacing("2026-03-05T10:", with: "")
                    .replacing("air_temperature", with: "t").replacing("relative_humidity", with: "h")
            }
        }
        // 10:14:00 and 10:15:00 of that day.
        let (first, second) = (1_772_705_640, 1_772_705_700)
        #expect(
            try read(#"{"t":\#(first),"v":40},{"t":\#(first),"v":20}"#) == ["t 40.0 @14:00Z", "t 20.0 @14:00Z"])
        #expect(
            try read(#"{"t":\#(first),"v":1},{"t":\#(second),"v":2},{"t":\#(first),"v":3},{"t":\#(first),"h":4}"#)
                == ["t 1.0 @14:00Z", "h 4.0 @14:00Z", "t 3.0 @14:00Z", "t 2.0 @15:00Z"])
        // What belongs together stays so.
        #expect(
            try read(#"{"t":\#(first),"v":1},{"t":\#(first),"h":2},{"t":\#(first),"v":3,"h":4},{"t":\#(first),"v":5}"#)
                == ["t 1.0 @14:00Z", "h 2.0 @14:00Z", "t 3.0 @14:00Z", "h 4.0 @14:00Z", "t 5.0 @14:00Z"])
    }

    @Test("a word of a list in one text, and the key of the outer iteration")
    func words() throws {
        let rule = """
            device: "{d}"
            each: /nodes/*/values/*
            channel: "{@outer}-{@key}"
            read: {lamp_fault: {from: ., word: [LEAK, DRY]}}
            """
        let found = try lines(
            rule, #"{"nodes": {"a": {"values": {"x": "OK LEAK", "y": "OK"}}, "b": {"values": {"z": null}}}}"#)
        let time = "@2026-03-05T10:15:00Z"
        #expect(found == ["d1 lamp_fault[a-x] 1.0 \(time)", "d1 lamp_fault[a-y] 0.0 \(time)"])
    }

    private func unwrapped(_ layout: String, _ hex: String, _ read: String) throws -> [String] {
        try lines(
            "unwrap: {from: /data, as: hex, order: little, layout: \(layout)}\ndevice: \"{d}\"\n\(read)",
            #"{"data": "\#(hex)"}"#
        ).map { $0.replacing(" @2026-03-05T10:15:00Z", with: "") }
    }

    @Test("tags and values: by pairs of bytes, by one of them, with lengths, and what is unknown")
    func tagged() throws {
        let pairs = """
            [{tlv: {channel: u8, type: u8}, name: items, cases: {0x0367: {temperature: i16}, 0x0468: {humidity: u8}}}]
            """
        let read = """
            read:
              air_temperature: {from: /items/*/temperature, scale: 0.1}
              relative_humidity: {from: /items/*/humidity, scale: 0.5}
            """
        #expect(
            try unwrapped(pairs, "0367F1FF04686D", read) == [
                "d1 air_temperature -1.5", "d1 relative_humidity 54.5",
            ])
        #expect(try unwrapped(pairs, "0367F1FF0999", read).first?.contains("tag 0x999 at byte 4") == true)
        #expect(try unwrapped(pairs, "0367F1", read).first?.contains("2 bytes wanted at byte 2") == true)
        let lenient = pairs.replacing("cases:", with: "else: stop, cases:")
        #expect(try unwrapped(lenient, "0367F1FF0999AABB", read) == ["d1 air_temperature -1.5"])
        let byType = """
            [{tlv: {channel: u8, type: u8}, tag: [type], name: items, cases: {0x67: {temperature: i16be}}}]
            """
        #expect(
            try unwrapped(
                byType, "016700F50267FFF6",
                "each: /items/*\nchannel: \"{/channel}\"\nread: {air_temperature: {from: /temperature, scale: 0.1}}")
                == ["d1 air_temperature[1] 24.5", "d1 air_temperature[2] -1.0"])
        let sized = """
            [{tlv: {id: u16, size: u8}, length: size, name: items, cases: {0x10: {temperature: i16}}}]
            """
        // The unknown entry and what follows the value are passed over; of two readings of a series the first stays.
        #expect(try unwrapped(sized, "990003AABBCC100004F50001021000020A00", read) == ["d1 air_temperature 24.5"])
        #expect(try unwrapped(sized, "100009F500", read).first?.contains("9 bytes wanted") == true)
    }

    @Test("parts of a field, blocks with a length, packed numbers, and the payload itself")
    func layouts() throws {
        #expect(
            try unwrapped(
                "[{status: u8, parts: {battery: 0..6, low: 7, signed: i 4..7}}]", "C5",
                "read: {battery_level: /battery, lamp_fault: /low, air_temperature: /signed}") == [
                    "d1 battery_level 69.0", "d1 lamp_fault 1.0", "d1 air_temperature -4.0",
                ])
        #expect(
            try unwrapped(
                "[{len: u8, name: head, fields: {level: u8}}, {power: u16}]", "034D00000A00",
                "read: {light_level: /head/level, active_power: /power}") == [
                    "d1 light_level 77.0", "d1 active_power 10.0",
                ])
        let channels = "read: {vehicle_speed: {from: /v/*, channel: \"{@index}\"}}"
        #expect(
            try unwrapped("[{packed: u4 x 4, name: v}]", "2143", channels) == [
                "d1 vehicle_speed[0] 1.0", "d1 vehicle_speed[1] 2.0", "d1 vehicle_speed[2] 3.0",
                "d1 vehicle_speed[3] 4.0",
            ])
        let rule = """
            unwrap: {as: raw, order: big, layout: [{packed: i12 x end, name: v}]}
            device: "{d}"
            read: {distance: {from: /v/*, channel: "{@index}"}}
            """
        let time = "@2026-03-05T10:15:00Z"
        #expect(try lines(rule, "0A1") == ["d1 distance[0] 772.0 \(time)", "d1 distance[1] 305.0 \(time)"])
    }

    @Test(
        "a layout that does not read is a mistake",
        arguments: [
            "[{tlv: {a: u8}, name: x, cases: {q: {b: u8}}}]", "[{tlv: {a: f32}, name: x, cases: {1: {b: u8}}}]",
            "[{tlv: {a: u8}, tag: [z], name: x, cases: {1: {b: u8}}}]", "[{packed: 14 x 23, name: x}]",
            "[{packed: u60 x 2, name: x}]", "[{len: i8, name: x, fields: {a: u8}}]", "[{s: u8, parts: {a: 3..9}}]",
            "[{s: f32, parts: {a: 0}}]",
        ])
    func layoutMistakes(layout: String) {
        #expect(throws: Mistakes.self) { try unwrapped(layout, "00", "read: {voltage: /a}") }
    }

    @Test("any bytes under any layout give readings or a reject, never more")
    func hostileBytes() throws {
        let layout = """
            [{mask: u64, bits: {0: {a: u8}, 63: {b: u8}}},
             {repeat: end, name: r, fields: [{tlv: {t: u8, n: u16}, length: n, name: e, else: [{c: u8, parts: {p: i 0..7}}],
               cases: {0: [{packed: i13 x end, name: k}], 1: [{len: u8, name: q, fields: {d: f64}}]}}]}]
            """
        var generator = SeededGenerator(seed: 7)
        var ends: [Bool: Int] = [:]
        for _ in 0..<3000 {
            let count = Int.random(in: 0..<48, using: &generator)
            let hex = (0..<count).map { _ in
                let byte =
                    Bool.random(using: &generator)
                    ? UInt8.random(in: 0...2, using: &generator) : .random(in: 0...255, using: &generator)
                return (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }.joined()
            let found = try unwrapped(layout, hex, "read: {voltage: {from: /r/*/e/*}}")
            ends[found.first?.hasPrefix("reject") ?? false, default: 0] += 1
        }
        #expect(ends[true, default: 0] > 100 && ends[false, default: 0] > 100)
    }
}
