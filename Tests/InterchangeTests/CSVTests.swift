import Basics
import Interchange
import Telemetry
import Testing

@Suite("CSV lines")
struct CSVTests {
    private static let header = "observed,device,quantity,channel,unit,value\n"

    @Test(
        "a line becomes a reading",
        arguments: [
            (
                "2026-03-05T18:15:02.250Z,lamp-1,voltage,l1,V,230.5",
                "2 lamp-1/l1 voltage 2026-03-05T18:15:02.250Z 230.5"
            ),
            ("2026-03-05T18:15:02Z,lamp-1,voltage,,V,230", "2 lamp-1 voltage 2026-03-05T18:15:02Z 230.0"),
            ("2026-03-05T18:15:02+08:00,a,voltage,,V,1", "2 a voltage 2026-03-05T10:15:02Z 1.0"),
            ("2026-03-05 18:15:02.2509Z,a,voltage,,V,1", "2 a voltage 2026-03-05T18:15:02.250Z 1.0"),
            ("2026-12-31T23:59:60Z,a,voltage,,V,1", "2 a voltage 2027-01-01T00:00:00Z 1.0"),
            (#"2026-03-05T18:15:02Z,"a,b",voltage,"l ""1""",V,1"#, #"2 a,b/l "1" voltage 2026-03-05T18:15:02Z 1.0"#),
            (#""2026-03-05T18:15:02Z","路灯","voltage","","V","1e2""#, "2 路灯 voltage 2026-03-05T18:15:02Z 100.0"),
            // An empty unit is the canonical one, others are converted.
            ("2026-03-05T18:15:02Z,a,voltage,,,1", "2 a voltage 2026-03-05T18:15:02Z 1.0"),
            ("2026-03-05T18:15:02Z,a,active_power,,kW,1.5", "2 a active_power 2026-03-05T18:15:02Z 1500.0"),
            ("2026-03-05T18:15:02Z,a,voltage,,mV,230000", "2 a voltage 2026-03-05T18:15:02Z 230.0"),
            ("2026-03-05T18:15:02Z,a,voltage,,V,1\r", "2 a voltage 2026-03-05T18:15:02Z 1.0"),
        ])
    func reads(line: String, reading: String) {
        let outcome = read(Self.header + line + "\n", .csv)
        #expect(outcome.readings == [reading])
        #expect(outcome.refusals == [])
        // Without the last line break too.
        #expect(read(Self.header + line, .csv).readings.count == 1)
    }

    @Test(
        "a line that does not read is refused with what would be right, and the next one goes on",
        arguments: [
            ("yesterday,a,voltage,,V,1", "line 2: observed: 'yesterday': expected a time with its zone"),
            (
                "2026-03-05T18:15:02,a,voltage,,V,1",
                "line 2: observed: '2026-03-05T18:15:02': expected a time with its zone"
            ),
            ("2026-02-30T18:15:02Z,a,voltage,,V,1", "line 2: observed: '2026-02-30T18:15:02Z': expected a time"),
            ("2026-03-05T24:15:02Z,a,voltage,,V,1", "line 2: observed: '2026-03-05T24:15:02Z': expected a time"),
            (
                "1969-12-31T23:59:59Z,a,voltage,,V,1",
                "line 2: observed: '1969-12-31T23:59:59Z': expected a time from 1970-01-01"
            ),
            ("2026-03-05T18:15:02Z,,voltage,,V,1", "line 2: device: expected the device's name"),
            ("2026-03-05T18:15:02Z,a\tb,voltage,,V,1", "line 2: device: 'a\tb': expected at most 128 bytes"),
            ("2026-03-05T18:15:02Z,a,voltage,,W,1", "line 2: unit: 'W': expected V, the unit of voltage"),
            ("2026-03-05T18:15:02Z,a,voltage,,Volt!,1", "line 2: unit: 'Volt!': expected V, the unit of voltage"),
            ("2026-03-05T18:15:02Z,a,voltage,,V,high", "line 2: value: 'high': expected a finite number"),
            ("2026-03-05T18:15:02Z,a,voltage,,V,", "line 2: value: '': expected a finite number"),
            ("2026-03-05T18:15:02Z,a,voltage,,V,nan", "line 2: value: 'nan': expected a finite number"),
            ("2026-03-05T18:15:02Z,a,voltage,,V,1e999", "line 2: value: '1e999': expected a finite number"),
            ("2026-03-05T18:15:02Z,a,voltage,,kV,230", "line 2: value: '230': 230000.0 V is not possible"),
            ("2026-03-05T18:15:02Z,a,voltage,,V", "line 2: '2026-03-05T18:15:02Z,a,voltage,,V': expected 6 fields"),
            ("2026-03-05T18:15:02Z,a,voltage,,V,1,2", "line 2: '2026-03-05T18:15:02Z,a,voltage,,V,1,2': expected 6"),
            (#"2026-03-05T18:15:02Z,"a,voltage,,V,1"#, "line 2: '2026"),
            (#"2026-03-05T18:15:02Z,"a"b,voltage,,V,1"#, "line 2: '2026"),
        ])
    func refuses(line: String, sentence: String) {
        let outcome = read(Self.header + line + "\n2026-03-05T18:15:02Z,b,voltage,,V,1\n", .csv)
        #expect(outcome.refusals.count == 1)
        #expect(outcome.refusals.first?.hasPrefix(sentence) == true, "\(outcome.refusals)")
        #expect(outcome.readings == ["3 b voltage 2026-03-05T18:15:02Z 1.0"])
    }

    @Test("columns come in any order, and those of something else are passed over")
    func columns() {
        let text = "value,\"device\",note,quantity,observed\r\n1,a,\"x,y\",voltage,2026-03-05T18:15:02Z\r\n"
        #expect(read(text, .csv).readings == ["2 a voltage 2026-03-05T18:15:02Z 1.0"])
        #expect(read("\u{FEFF}" + text, .csv).readings.count == 1)
        var reader = ReadingReader(.csv, file: "f")
        var readings = NamedReadings()
        Array(text.utf8).withUnsafeBytes { reader.take($0) }
        _ = try? reader.read(into: &readings, readingsMax: 10)
        #expect(reader.columnsIgnored == ["note"])
    }

    @Test(
        "a header that is not one of readings ends the reading",
        arguments: ["time,device,quantity,value", "observed,device,value", "observed,observed,device,quantity,value"])
    func wrongHeader(header: String) {
        let fault = read(header + "\n", .csv).fault
        #expect(fault?.hasPrefix("test:1: header: '\(header)': expected the columns observed,device") == true)
    }

    @Test("a header parted by another sign is told with that sign", arguments: [(";", "semicolons"), ("\t", "tabs")])
    func otherSign(sign: String, word: String) {
        let header = Self.header.replacing(",", with: sign)
        #expect(read(header, .csv).fault?.contains("the fields are parted by \(word)") == true)
    }

    @Test("an unknown quantity is counted, with the one that was probably meant; a mapping mends it")
    func unknown() throws {
        let text =
            Self.header + "2026-03-05T18:15:02Z,a,voltag,,V,1\n2026-03-05T18:15:03Z,a,voltag,,V,1\n"
            + "2026-03-05T18:15:03Z,a,zzz,,,1\n"
        let outcome = read(text, .csv)
        #expect(outcome.unknown.map(\.word) == ["voltag", "zzz"])
        #expect(outcome.unknown.map(\.count) == [2, 1])
        #expect(outcome.unknown.map(\.nearest) == ["voltage", nil])
        #expect(outcome.report.refused == 3)
        #expect(outcome.refusals == [])
        var options = ImportOptions()
        options.mappings = [try QuantityMapping("voltag=dc_voltage"), try QuantityMapping("zzz=-")]
        let mapped = read(text, .csv, options)
        #expect(mapped.readings.count == 2)
        #expect(mapped.report.refused == 0)
        #expect(mapped.report.leftOut == 1)
    }
}
