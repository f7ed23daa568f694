import ArgumentParser
import Basics
import Contract
import Foundation
import Store
import Telemetry
import Testing
import TestSupport

@testable import OperatorCLI

/// `baotu air` over a store that the test wrote, and `baotu aqi`, both as they are run.
@Suite("Air quality on the command line")
struct AirTests {
    private let folder = TemporaryDirectory()
    private var store: String { folder.path + "/store" }

    /// 2026-05-01T00:00+08:00
    private static let midnight = Timestamp(milliseconds: 1_777_564_800_000)
    private static let until = "2026-05-03T00:00:00+08:00"

    /// Two days of three stations in two areas, each hour in quarters: the second has no SO2, the third measures ozone as
    /// ppb and stops an hour before the end. PM2.5 of the first is 2 a quarter more than the hour of the day.
    private func makeStore() throws {
        let options = {
            var options = StoreOptions(folder: store)
            options.days = LocalDays(offsetSeconds: 8 * 3600)
            return options
        }()
        let journal = try Journal.open(options)
        defer { journal.close() }
        _ = try journal.saveRoster(
            [("air-1", "历下区"), ("air-2", "历下区"), ("air-3", "Shizhong")].map {
                RosterEntry(device: $0.0, profile: "stations", area: $0.1, circuit: "", cadence: .seconds(900))
            }, now: Self.midnight)
        for step in 0..<(48 * 4) {
            let at = Self.midnight + .seconds(step * 900)
            let hour = step / 4
            var batch = DecodedBatch()
            for name in ["air-1", "air-2", "air-3"] {
                if name == "air-3", hour == 47 { continue }
                var values: [(String, Double)] = [
                    ("pm2_5", name == "air-1" ? Double(hour % 24) + 2 * Double(step % 4) : 70), ("pm10", 40),
                    ("no2", 30), ("co", 800),
                ]
                if name != "air-2" { values.append(("so2", 9)) }
                values.append(name == "air-3" ? ("o3_fraction", 30) : ("o3", 90))
                let device = journal.registry.intern(device: name, profile: "stations")!
                let start = batch.readings.count
                for (word, value) in values {
                    let quantity = try #require(Quantity(named: word))
                    let series = journal.registry.intern(device: device, quantity: quantity, channel: .none)!
                    batch.readings.append(Reading(series: series, observed: at, value: value))
                }
                journal.registry.closeRow(batch.readings[start...])
                batch.heard.append(Hearing(device: device, at: at))
            }
            _ = try journal.commit(batch, received: 3, now: at)
            if step == 120 { try journal.finishSeal(try journal.beginSeal(state: nothingLearnt, now: at).run()) }
        }
    }

    private func air(_ arguments: String..., code: Int32 = 0) throws -> String {
        let run = try Program(
            "baotu", ["air", "--store", store] + arguments,
            environment: ["TZ": "Asia/Shanghai", "LC_ALL": "C.UTF-8"])
        #expect(run.code == code, "\(run.errors)")
        return code == 0 ? run.output : run.errors
    }

    /// The cells of CSV without quotes.
    private func cells(_ csv: String) -> [[String: String]] {
        let lines = csv.split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        return lines.dropFirst().map { Dictionary(uniqueKeysWithValues: zip(lines[0], $0)) }
    }

    @Test("the last hour of each station: index, primary pollutant, what is missing and why there is none")
    func lastHour() throws {
        try makeStore()
        let rows = cells(try air("--until", Self.until, "--format", "csv"))
        #expect(rows.map { $0["station"] } == ["air-1", "air-2", "air-3"])
        #expect(rows.map { $0["time"] } == Array(repeating: "2026-05-02T15:00:00Z", count: 3))
        #expect(rows.map { $0["standard"] } == Array(repeating: "cn_hj633_2026", count: 3))
        // (23 + 25 + 27 + 29) / 4 = 26 of PM2.5 is 38; 40 of PM10 is 40.
        #expect(rows[0]["index"] == "40")
        #expect(rows[0]["category"] == "excellent")
        #expect(rows[0]["primary"] == "")
        // 70: 100 + 50 * 10 / 55 = 109.1
        #expect(rows[1]["index"] == "110")
        #expect(rows[1]["primary"] == "pm2_5")
        #expect(rows[1]["missing"] == "so2 1h")
        #expect(rows[2]["index"] == "")
        #expect(rows[2]["reason"] == "nothing measured that the standard counts")
    }

    @Test("hours of a span, of the stations that fit a pattern")
    func span() throws {
        try makeStore()
        let rows = cells(
            try air("air-1", "air-3", "--since", "2026-05-02T20:00:00+08:00", "--until", Self.until, "--format", "csv"))
        #expect(rows.count == 8)
        #expect(rows[1]["index"] == "110")
        let table = try air("air-1", "--until", Self.until)
        #expect(table.contains("2026-05-02 23:00:00 +08:00  air-1    历下区  cn_hj633_2026     40  excellent"), "\(table)")
    }

    @Test("an area has the index of its worst station, and the median")
    func areas() throws {
        try makeStore()
        let rows = cells(try air("--by", "area", "--until", Self.until, "--format", "csv"))
        #expect(rows.map { $0["area"] } == ["Shizhong", "历下区"])
        #expect(rows.map { $0["stations"] } == ["1", "2"])
        #expect(rows.map { $0["indexed"] } == ["0", "2"])
        #expect(rows.map { $0["index"] } == ["", "110"])
        #expect(rows.map { $0["station"] } == ["air-3", "air-2"])
        #expect(rows.map { $0["median"] } == ["", "75.0"])
        let one = cells(try air("--by", "area", "--area", "历下区", "--until", Self.until, "--format", "csv"))
        #expect(one.map { $0["area"] } == ["历下区"])
    }

    @Test("days are days of the site, and a day without an hour of it is told as missing")
    func days() throws {
        try makeStore()
        let last = cells(try air("--step", "1d", "--until", Self.until, "--format", "csv"))
        #expect(last.map { $0["time"] } == Array(repeating: "2026-05-01T16:00:00Z", count: 3))
        // The mean of 0 to 23 and 3 is 14.5, to even 14; PM10 of 40 and ozone of 90 are 40 and 45.
        #expect(last.map { $0["index"] } == ["45", "110", "110"])
        #expect(last.map { $0["missing"] } == ["", "so2 24h", ""])
        let both = try air(
            "--step", "1d", "--since", "2026-05-01T00:00:00+08:00", "--until", Self.until, "--format", "csv")
        #expect(cells(both).count == 6)
        let none = try air(
            "--step", "1d", "--since", "2026-05-02T01:00:00+08:00", "--until", Self.until, code: 64)
        #expect(none == "baotu: there is no whole day of the site between --since and --until\n")
    }

    @Test("the other standards")
    func standards() throws {
        try makeStore()
        let us = cells(try air("air-2", "--standard", "us", "--until", Self.until, "--format", "csv"))
        // 55.5 to 125.4 is 151 to 200: 70 is 161.2. 48 hours of ozone give the surrogate.
        #expect(us[0]["index"] == "161")
        #expect(us[0]["category"] == "Unhealthy")
        #expect(us[0]["missing"] == "so2 1h")
        let eu = cells(try air("air-2", "--standard", "eu", "--until", Self.until, "--format", "csv"))
        #expect(eu[0]["index"] == "4")
        // 30 ppb are 59.9 ug/m3 at 20 degC; PM2.5 of 70 is the worse. The last hour was silent.
        let early = cells(
            try air("air-3", "--standard", "eu", "--until", "2026-05-02T23:00:00+08:00", "--format", "csv"))
        #expect(early[0]["missing"] == "")
        let silent = cells(try air("air-3", "--standard", "eu", "--until", Self.until, "--format", "csv"))
        #expect(silent[0]["reason"] == "nothing measured that the standard counts")
        let who = cells(try air("air-2", "--standard", "who", "--until", Self.until, "--format", "csv"))
        #expect(who[0]["index"] == "")
        #expect(who[0]["category"] == "interim target 1 met")
        #expect(who[0]["times_guideline"] == "4.666666666666667")
    }

    @Test("JSON has the sub-indices")
    func json() throws {
        try makeStore()
        struct Answer: Decodable {
            let station: String
            let index: Int?
            let colour: String?
            let sub_indices: [Sub]
            struct Sub: Decodable {
                let pollutant: String
                let concentration: Double
                let unit: String
                let index: Int
            }
        }
        let text = try air("air-1", "--until", Self.until, "--format", "json")
        let answers = try JSONDecoder().decode([Answer].self, from: Data(text.utf8))
        #expect(answers.map(\.station) == ["air-1"])
        #expect(answers[0].colour == "#00E400")
        let carbon = try #require(answers[0].sub_indices.first { $0.pollutant == "co" })
        #expect(carbon.concentration == 0.8)
        #expect(carbon.unit == "mg/m3")
        #expect(carbon.index == 8)
    }

    @Test("wrong lines and empty answers have a sentence")
    func sentences() throws {
        try makeStore()
        #expect(
            try air("--since", "2020-01-01T00:00:00Z", "--until", "2020-01-02T00:00:00Z", "nothing*", code: 1)
                .contains("no device fits 'nothing*'"))
        #expect(try air("--step", "1d", "nothing*", code: 1).contains("no device fits 'nothing*'"))
        #expect(try air("air-9", code: 1).contains("there is no device 'air-9'; did you mean"))
        #expect(try air("--step", "2h", code: 64).contains("indices are made of hours (1h) or of days (1d)"))
        #expect(try air("--step", "1d", "--standard", "eu", code: 64).contains("the European index is of hours"))
        #expect(
            try air("--since", Self.until, "--until", Self.until, code: 64)
                .contains("is not a whole hour before --until"))
        #expect(
            try air("--since", "1970-01-02T00:00:00Z", "--until", "2026-01-01T00:00:00Z", code: 64)
                .contains("ask for a shorter span or for fewer stations"))
    }

    // MARK: One calculation

    private func aqi(_ line: String, code: Int32 = 0) throws -> String {
        let run = try Program(
            "baotu", ["aqi"] + line.split(separator: " ").map(String.init), environment: ["LC_ALL": "C"])
        #expect(run.code == code, "\(run.errors)")
        return code == 0 ? run.output : run.errors
    }

    @Test(
        "one calculation by each standard",
        arguments: [
            ("--standard cn --at 2026-02-28T23:59:59+08:00 pm2_5=65", "88", "good"),
            ("--standard cn --at 2026-03-01T00:00:00+08:00 pm2_5=65", "105", "lightly polluted"),
            ("--standard cn_hj633_2012 --at 2026-03-01T00:00:00+08:00 pm2_5=65", "88", "good"),
            ("--standard cn_hj633_2026 --average 1h o3=800", "300", "heavily polluted"),
            ("--standard us pm2_5=9.05", "50", "Good"),
            ("--standard us o3=0.0785ppm", "126", "Unhealthy for Sensitive Groups"),
            ("--standard us o3=78.5ppb", "126", "Unhealthy for Sensitive Groups"),
            ("--standard us_epa_2012 pm2_5=17.4", "62", "Moderate"),
            ("--standard us --average nowcast pm2_5=17.49", "66", "Moderate"),
            ("--standard us co=9.62mg/m3", "90", "Moderate"), ("--standard eu no2=10.01µg/m³", "2", "fair"),
            ("--standard who so2=41", "", "interim target 2 met"),
            ("--standard us o3/8h=0.07 o3/1h=0.205", "201", "Very Unhealthy"),
        ])
    func calculations(line: String, index: String, category: String) throws {
        let whole = try #require(cells(try aqi(line + " --format csv")).last)
        #expect(whole["pollutant"] == "all")
        #expect(whole["index"] == index)
        #expect(whole["category"] == category)
    }

    @Test("the table has each pollutant, why there is no index, and the document")
    func calculationTable() throws {
        let text = try aqi("--at 2026-05-01T00:00:00+08:00 pm2_5=35 co=1.25")
        let words = text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        #expect(words.contains("pm2_5 24h 35 ug/m3 50 excellent"), "\(text)")
        #expect(words.contains("co 24h 1.2 mg/m3 30 excellent"), "\(text)")
        #expect(
            text.contains(
                "incomplete, and the rest is not above 100 but 50; missing: pm10 24h, o3 8h, no2 24h, so2 24h"))
        #expect(text.hasSuffix("by HJ 633-2026\n"))
    }

    @Test(
        "bad input gets a sentence",
        arguments: [
            ("", "give at least one concentration"), ("pm2_5", "expected pollutant=value"),
            ("pm25=1", "'pm25' is not a pollutant"), ("pm2_5=", "'' is not a number"),
            ("pm2_5=1e12", "'1e12' is not a number below a thousand million"),
            ("pm2_5=-1", "a concentration below zero"),
            ("pm2_5=1ppb", "ppb does not measure particles"), ("o3=1kg", "'kg' is not a unit"),
            ("pm2_5=1 pm2_5=2", "pm2_5 24h is given twice"), ("o3/3h=1", "no mean over '3h'"),
            ("--standard xx pm2_5=1", "expected cn, us, eu or who"),
            ("--standard eu co=1", "has no limits for co 1h"),
            ("--standard us --average nowcast so2=1", "has no limits for so2 nowcast"),
            ("--standard cn_hj633_2012 --average 1h pm2_5=1", "has no limits for this mean"),
        ])
    func badInput(line: String, sentence: String) throws {
        let errors = try aqi(line, code: 64)
        #expect(errors.contains(sentence), "\(errors)")
    }
}
