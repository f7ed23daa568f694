import Basics
import Foundation
import Telemetry
import Testing

@testable import Detection

@Suite("DetectionRun")
struct RunTests {
    private static let settings = DetectorSettings(tier: .full, rules: PlausibilityRules())

    /// The output of a text taken in pieces of so many bytes, or the mistake.
    private static func output(_ text: String, piece: Int = 1 << 16) -> Result<String, Mistake> {
        let bytes = Array(text.utf8)
        var run = DetectionRun(file: "f.csv", settings: settings)
        do {
            var start = 0
            while start < bytes.count {
                let end = min(start + piece, bytes.count)
                try bytes[start..<end].withUnsafeBytes { try run.take($0) }
                start = end
            }
            try run.finish()
        } catch {
            return .failure(
                error as? Mistake ?? Mistake(file: "", line: nil, key: "", value: nil, expected: "\(error)"))
        }
        return .success(String(decoding: run.output, as: UTF8.self))
    }

    @Test("a file of the benchmark: a row for each row, and the alerts of the table")
    func benchmark() throws {
        let path = Samples.fixtures + "/nab/data/realTraffic/occupancy_6005.csv"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let output = try Self.output(text).get()
        let file = try #require(try NABFile.load(folder: Samples.fixtures + "/nab").first { path.hasSuffix($0.name) })
        let expected = Samples.anomalies(file.times, file.values, Self.settings)
        let input = text.split(whereSeparator: \.isNewline).dropFirst()
        let lines = output.split(separator: "\n")
        #expect(lines.first == "timestamp,value,score,alert" && lines.count == input.count + 1)
        for (row, pair) in zip(lines.dropFirst(), input).enumerated() {
            let score = expected[row].map { "\(($0.severity * 1e6).rounded() / 1e6),1" } ?? "0,0"
            #expect(pair.0 == pair.1 + "," + score)
        }
        #expect(expected.count >= 3)
        for piece in [1, 7, 4096] { #expect(try Self.output(text, piece: piece).get() == output) }
    }

    @Test(
        "columns, times and missing values as files have them",
        arguments: [
            ("timestamp,value\n2014-04-01 00:00:00,1\n", "2014-04-01 00:00:00,1,0,0\n"),
            ("\u{FEFF}timestamp,value\r\n2014-04-01 00:00:00,1.5\r\n", "2014-04-01 00:00:00,1.5,0,0\n"),
            ("2014-04-01T00:00:00Z,1", "2014-04-01T00:00:00Z,1,0,0\n"),
            ("\n\n2014-04-01T00:00:00.5+08:00,-1e3\n\n", "2014-04-01T00:00:00.5+08:00,-1e3,0,0\n"),
            ("value,unit,timestamp\n7,kW,2014-04-01 00:00:00-07:00\n", "2014-04-01 00:00:00-07:00,7,0,0\n"),
            (",power,flag\n2014-04-01,\"7\",x\n", "2014-04-01,7,0,0\n"),
            ("t,v\n1/2/2015,3\n10/20/2015,4\n", "1/2/2015,3,0,0\n10/20/2015,4,0,0\n"),
            ("t,v\n1/2/2015 0:15,4\n", "1/2/2015 0:15,4,0,0\n"),
            (
                "timestamp,value\n2014-04-01 00:00:00,\n2014-04-01 00:05:00,NaN\n2014-04-01 00:10:00,-inf\n",
                "2014-04-01 00:00:00,,0,0\n2014-04-01 00:05:00,NaN,0,0\n2014-04-01 00:10:00,-inf,0,0\n"
            ),
            ("timestamp,value\n", ""), ("", ""),
        ])
    func forms(text: String, rows: String) throws {
        #expect(try Self.output(text).get() == "timestamp,value,score,alert\n" + rows)
    }

    @Test(
        "a mistake names the line and what would be right",
        arguments: [
            ("timestamp,value\n2014-04-01 00:00:00,1\nyesterday,2\n", 3, "timestamp"),
            ("timestamp,value\n2014-04-01 00:00:00,many\n", 2, "value"),
            ("timestamp,value\n2014-04-01 00:00:00\n", 2, ""),
            ("2014-04-01 25:00:00,1\n", 1, "timestamp"), ("timestamp\n", 1, "timestamp"),
            ("timestamp,value\n13/1/2015,1\n", 2, "timestamp"),
            ("timestamp,value\n(a line without end)", 2, ""),
        ])
    func mistakes(text: String, line: Int, key: String) {
        let text = text.replacing("(a line without end)", with: String(repeating: "9", count: 70_000))
        guard case .failure(let mistake) = Self.output(text) else {
            return #expect(Bool(false), "taken: \(text.prefix(100))")
        }
        #expect(mistake.line == line && mistake.key == key && mistake.file == "f.csv")
        #expect(mistake.expected.contains("expected"))
    }

    @Test("the day's time is that of the clock that the file was written by")
    func wallClock() {
        func read(_ text: String) -> Int64? { WallClock.read(Array(text.utf8)[...])?.milliseconds }
        let expected = read("2014-04-01 06:30:00")
        for text in ["2014-04-01T06:30:00Z", "2014-04-01 06:30:00+05:30", "2014-04-01T06:30-08:00", "4/1/2014 6:30"] {
            #expect(read(text) == expected && expected != nil, "\(text)")
        }
        #expect(read("10/20/2015") == read("2015-10-20 00:00:00") && read("2015-10-20") == read("10/20/2015"))
        for text in ["", "x", "1/2", "//", "1/2/2015 99:00", "-1/2/2015", "2014-04", "2014-13-01"] {
            #expect(read(text) == nil, "\(text)")
        }
    }
}

@Suite("sentences")
struct SentenceTests {
    private static func sentence(_ evidence: Anomaly.Evidence, value: Double = 311.04) -> String {
        Anomaly(
            series: Samples.series, observed: Timestamp(milliseconds: 0), value: value, severity: 0.6,
            evidence: evidence
        ).sentence(title: "PM2.5", unit: "ug/m3")
    }

    @Test("each says what was seen, and what is usual")
    func sentences() {
        #expect(
            Self.sentence(.range(min: 12, max: 95, readings: 2300))
                == "PM2.5 is 311 ug/m3, above all of 12 to 95 ug/m3 in 2,300 readings, by 260.3 % of that range")
        #expect(
            Self.sentence(.seasonal(expected: 40, deviation: 30.5, usual: 4))
                == "PM2.5 is 311 ug/m3 where 40 ug/m3 is usual at this time of day; of late it strays by 30.5 ug/m3, usually by 4 ug/m3"
        )
        #expect(
            Self.sentence(.gap(silence: .seconds(7200), interval: .seconds(60)))
                == "PM2.5 was not heard for 2 h; a reading is due every 60 s")
        #expect(
            Self.sentence(.flatLine(readings: 20, usual: 6), value: 0.0545073)
                == "PM2.5 stands still: 20 readings of 0.05451 ug/m3 in a row, where at most 6 are usual")
        #expect(
            Self.sentence(.peers(median: 20, spread: 1.5, count: 7))
                == "PM2.5 is 311 ug/m3 where the median of 7 others beside it is 20 ug/m3, give or take 1.5 ug/m3")
    }

    @Test("every part has a name of its own and a sentence with its numbers")
    func parts() {
        let findings: [Anomaly.Evidence] = [
            .seasonal(expected: 1.25, deviation: 2, usual: 3), .novelty(distance: 1.25, usual: 2),
            .range(min: 1.25, max: 2, readings: 3), .mean(mean: 1.25, usual: 2, spread: 3),
            .physicalRange(min: 1.25, max: 2), .rateOfChange(perHour: 1.25, limit: 2),
            .flatLine(readings: 125, usual: 2),
            .straightLine(readings: 9, step: 1.25), .spike(expected: 1.25, usualStep: 2),
            .levelShift(before: 1.25, after: 2, readings: 6), .gap(silence: .milliseconds(1250), interval: .seconds(1)),
            .peers(median: 1.25, spread: 2, count: 5),
        ]
        let parts = findings.map {
            Anomaly(
                series: Samples.series, observed: Timestamp(milliseconds: 0), value: 7, severity: 0.5, evidence: $0
            ).part
        }
        #expect(Set(parts).count == findings.count)
        for finding in findings {
            let text = Self.sentence(finding)
            #expect(text.hasPrefix("PM2.5 ") && (text.contains("1.25") || text.contains("125")), "\(text)")
        }
    }

    @Test(
        "numbers have four digits that matter",
        arguments: [
            (0, "0"), (311, "311"), (0.012345, "0.01235"), (-2.5, "-2.5"), (12_345.6, "12,346"), (99.996, "100"),
            (1e-9, "1e-09"), (1e20, "1e+20"), (999.96, "1,000"), (-1234.5, "-1,235"), (0.1 + 0.2, "0.3"),
        ])
    func numbers(value: Double, text: String) { #expect(Anomaly.text(value) == text) }
}
