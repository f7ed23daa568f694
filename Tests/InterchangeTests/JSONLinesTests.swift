import Basics
import Interchange
import Telemetry
import Testing

@Suite("JSON lines")
struct JSONLinesTests {
    private static let rest = #""quantity":"voltage","observed":"2026-03-05T18:15:02Z","value":1"#

    @Test(
        "an object becomes a reading, whatever the order and whatever else is in it",
        arguments: [
            (#"{"device":"a",\#(rest)}"#, "1 a voltage 2026-03-05T18:15:02Z 1.0"),
            (#" { "device" : "a" , \#(rest) } "#, "1 a voltage 2026-03-05T18:15:02Z 1.0"),
            (#"{\#(rest),"device":"a","channel":"l1","unit":"kV"}"#, "1 a/l1 voltage 2026-03-05T18:15:02Z 1000.0"),
            (#"{"x":{"y":[1,{"z":null}],"w":true},"device":"a",\#(rest)}"#, "1 a voltage 2026-03-05T18:15:02Z 1.0"),
            (#"{"device":"a","channel":null,"unit":null,\#(rest)}"#, "1 a voltage 2026-03-05T18:15:02Z 1.0"),
            (
                #"{"device":"\u8def\u706f \"1\" \\ \/ \ud83d\udca1",\#(rest)}"#,
                #"1 路灯 "1" \ / 💡 voltage 2026-03-05T18:15:02Z 1.0"#
            ),
            (#"{"devi\u0063e":"a",\#(rest)}"#, "1 a voltage 2026-03-05T18:15:02Z 1.0"),
        ])
    func reads(line: String, reading: String) {
        let outcome = read(line + "\n\n", .jsonl)
        #expect(outcome.readings == [reading])
        #expect(outcome.refusals == [])
    }

    @Test(
        "a line that is no reading is refused with what would be right",
        arguments: [
            (#"{"device":"a","quantity":"voltage","value":1}"#, "line 1: observed: expected 'observed' in the object"),
            (#"{"device":7,\#(rest)}"#, "line 1: device: '7': expected a text"),
            (
                #"{"device":"a","quantity":"voltage","observed":"2026-03-05T18:15:02Z","value":"1"}"#,
                "line 1: value: '1': expected a number"
            ),
            (
                #"{"device":"a","quantity":"voltage","observed":"2026-03-05T18:15:02Z","value":true}"#,
                "line 1: value: 'true': expected a number"
            ),
            (
                #"{"device":"a","quantity":"voltage","observed":"2026-03-05T18:15:02Z","value":null}"#,
                "line 1: value: expected 'value' in the object"
            ),
            (#"{"device":"a",\#(rest)"#, "line 1: '"), (#"{"device":"a",\#(rest)}}"#, "line 1: '"),
            (#"{"device":"a\ud83d",\#(rest)}"#, "line 1: '"), (#"{"device":"\x",\#(rest)}"#, "line 1: '"),
            (#"{"device":"a" "b":1,\#(rest)}"#, "line 1: '"), ("[1,2]", "line 1: '[1,2]': expected a JSON object"),
            ("null", "line 1: 'null': expected a JSON object"), (#"{"a"#, "line 1: '"), ("{", "line 1: '{'"),
            (#"{"device":"a\u0001",\#(rest)}"#, "line 1: device: 'a\u{1}': expected at most 128 bytes"),
        ])
    func refuses(line: String, sentence: String) {
        let outcome = read(line + "\n" + #"{"device":"b",\#(Self.rest)}"#, .jsonl)
        #expect(outcome.refusals.count == 1)
        #expect(outcome.refusals.first?.hasPrefix(sentence) == true, "\(outcome.refusals)")
        #expect(outcome.readings == ["2 b voltage 2026-03-05T18:15:02Z 1.0"])
    }

    @Test("nesting is followed only so far")
    func nesting() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(read(#"{"x":\#(deep)"#, .jsonl).report.refused == 1)
    }
}
