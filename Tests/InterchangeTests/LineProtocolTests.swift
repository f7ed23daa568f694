import Basics
import Interchange
import Telemetry
import Testing

@Suite("Line protocol")
struct LineProtocolTests {
    private static let time = "2026-03-05T18:15:02.250Z"

    @Test(
        "fields become readings of their quantity",
        arguments: [
            ("lamp,device=a voltage=230.5 1772734502250000000", ["1 a voltage \(time) 230.5"]),
            (
                "lamp,device=a voltage=230.5,current=0.4 1772734502250999999",
                ["1 a voltage \(time) 230.5", "1 a current \(time) 0.4"]
            ),
            ("lamp,device=a voltage=230i 1772734502250000000", ["1 a voltage \(time) 230.0"]),
            ("lamp,device=a voltage=230u 1772734502250000000", ["1 a voltage \(time) 230.0"]),
            ("lamp,device=a current=-4i 1772734502250000000", ["1 a current \(time) -4.0"]),
            ("lamp,device=a current=-1.5e-3 1772734502250000000", ["1 a current \(time) -0.0015"]),
            (
                "lamp,device=a lamp_on=t,lamp_fault=FALSE 1772734502250000000",
                ["1 a lamp_on \(time) 1.0", "1 a lamp_fault \(time) 0.0"]
            ),
            ("voltage,device=a value=230 1772734502250000000", ["1 a voltage \(time) 230.0"]),
            ("lamp,device=a,channel=l1 voltage=230 1772734502250000000", ["1 a/l1 voltage \(time) 230.0"]),
            ("lamp,zone=x,sensor=s,host=h voltage=1 1772734502250000000", ["1 h voltage \(time) 1.0"]),
            ("lamp,sensor=s,device_id=d,host=h voltage=1 1772734502250000000", ["1 d voltage \(time) 1.0"]),
            // Escapes: comma, equals sign and blank in tags; in a measurement no equals sign; a backslash elsewhere stays.
            (#"my\,lamp\ x=y,device=a\,b\=c\ d voltage=1 1772734502250000000"#, ["1 a,b=c d voltage \(time) 1.0"]),
            (#"lamp,device=a\b voltage=1 1772734502250000000"#, [#"1 a\b voltage \#(time) 1.0"#]),
            (#"lamp,dev\=ice=x,device=路灯 voltage=1 1772734502250000000"#, ["1 路灯 voltage \(time) 1.0"]),
            (#"lamp,device=a note="x, y=\"1\" \\",voltage=1 1772734502250000000"#, ["1 a voltage \(time) 1.0"]),
            ("  lamp,device=a   voltage=1   1772734502250000000  ", ["1 a voltage \(time) 1.0"]),
            ("# a comment", []), ("", []), ("   ", []),
        ])
    func reads(line: String, readings: [String]) {
        let outcome = read(line + "\n", .influx)
        #expect(outcome.readings == readings)
        #expect(outcome.refusals == [])
        #expect(outcome.report.texts == (line.contains("note=") ? 1 : 0))
    }

    @Test(
        "a line that does not read is refused with what would be right",
        arguments: [
            ("lamp,device=a voltage=1", "expected a timestamp"), ("lamp,device=a voltage=1 ", "line 1: timestamp: ''"),
            ("lamp,device=a voltage=1 soon", "line 1: timestamp: 'soon': expected a whole number"),
            ("lamp,device=a voltage=1 99999999999999999999", "line 1: timestamp"),
            ("lamp,device=a voltage=1 18446744073709551615", "line 1: timestamp"),
            ("lamp,device=a voltage=1 -2000000", "expected a time from 1970-01-01"),
            ("lamp,zone=x voltage=1 1772734502250000000", "no tag names the device"),
            ("lamp voltage=1 1772734502250000000", "no tag names the device"),
            ("lamp,device= voltage=1 1772734502250000000", "expected a value for each tag"),
            ("lamp,device voltage=1 1772734502250000000", "expected tag=value"),
            (",device=a voltage=1 1772734502250000000", "expected the measurement"), ("lamp", "expected a blank"),
            ("lamp,device=a", "expected a blank"), ("lamp,device=a ", "expected field=value"),
            ("lamp,device=a voltage 1772734502250000000", "expected field=value"),
            ("lamp,device=a voltage= 1772734502250000000", "expected a number"),
            ("lamp,device=a voltage=abc 1772734502250000000", "expected a number"),
            ("lamp,device=a voltage=1.5i 1772734502250000000", "expected a number"),
            ("lamp,device=a voltage=-1u 1772734502250000000", "expected a number"),
            ("lamp,device=a voltage=i 1772734502250000000", "expected a number"),
            (#"lamp,device=a note="x 1772734502250000000"#, "expected a number"),
            (#"lamp,device=a note="x"y 1772734502250000000"#, "expected a comma or a blank"),
            ("lamp,device=a voltage=9000 1772734502250000000", "9000.0 V is not possible"),
            ("lamp,device=a voltage=1, 1772734502250000000", "expected field=value"),
        ])
    func refuses(line: String, sentence: String) {
        let outcome = read(line + "\nlamp,device=b voltage=1 1772734502250000000\n", .influx)
        #expect(outcome.refusals.count == 1)
        #expect(outcome.refusals.first?.contains(sentence) == true, "\(outcome.refusals)")
        #expect(outcome.readings == ["2 b voltage \(Self.time) 1.0"])
    }

    @Test(
        "timestamps are read in the precision that is said",
        arguments: [
            (ImportOptions.Precision.ns, "1772734502250000000"), (.us, "1772734502250000"), (.ms, "1772734502250"),
            (.s, "1772734502"),
        ])
    func precision(precision: ImportOptions.Precision, text: String) {
        var options = ImportOptions()
        options.precision = precision
        let time = precision == .s ? "2026-03-05T18:15:02Z" : Self.time
        #expect(read("x,device=a voltage=1 \(text)", .influx, options).readings == ["1 a voltage \(time) 1.0"])
    }

    @Test("device, channel and quantities are found under the names that are given")
    func names() throws {
        var options = ImportOptions()
        options.deviceTags = ["pole"]
        options.channelTag = "phase"
        options.mappings = [
            try QuantityMapping("u=voltage:mV"), try QuantityMapping("air.t=air_temperature"),
            try QuantityMapping("t=device_temperature"), try QuantityMapping("rssi=-"),
        ]
        let text = """
            lamp,pole=7,phase=l2,device=x u=230000,t=40,rssi=-70,mystery=1,mystery2=1 1772734502250000000
            air,pole=7 t=20,mystery=2 1772734502250000000
            """
        let outcome = read(text, .influx, options)
        #expect(
            outcome.readings == [
                "1 7/l2 voltage \(Self.time) 230.0", "1 7/l2 device_temperature \(Self.time) 40.0",
                "2 7 air_temperature \(Self.time) 20.0",
            ])
        #expect(outcome.unknown.map { "\($0.word) \($0.count)" } == ["mystery 2", "mystery2 1"])
        #expect(outcome.report.leftOut == 1)
    }

    @Test("a line of too many fields is refused, so that a batch has an end")
    func tooManyFields() {
        let fields = (0..<300).map { "voltage=\($0)" }.joined(separator: ",")
        let outcome = read("x,device=a \(fields) 1772734502250000000", .influx)
        #expect(outcome.readings == [])
        #expect(outcome.refusals.first?.contains("at most 256 fields") == true)
    }

    @Test(
        "a mapping that means nothing is refused with what would be right",
        arguments: [
            ("temp", "expected word=quantity"), ("=voltage", "expected word=quantity"),
            ("u=voltag", "'voltag' is not a quantity; did you mean 'voltage'?"),
            ("u=voltage:Vlt", "'Vlt' is not a unit"), ("u=voltage:W", "voltage is in V, into which W does not convert"),
        ])
    func wrongMapping(text: String, sentence: String) {
        let fault = #expect(throws: QuantityMapping.Fault.self) { try QuantityMapping(text) }
        #expect(fault?.description.contains(sentence) == true)
    }
}
