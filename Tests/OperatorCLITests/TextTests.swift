import ArgumentParser
import Basics
import Foundation
import Telemetry
import Testing

@testable import OperatorCLI

@Suite("Text of the command line")
struct TextTests {
    // MARK: Tables

    @Test("words stand left, numbers right, and nothing trails")
    func table() {
        var table = TextTable([.init("device"), .init("value", .right), .init("unit")])
        table.append(["lamp-1", "41.5", "W"])
        table.append(["路灯-二", "7", ""])
        table.append(["", "1234", "kWh"])
        #expect(
            table.lines() == [
                "device   value  unit",
                "lamp-1    41.5  W",
                "路灯-二      7",
                "          1234  kWh",
            ])
    }

    @Test("a table without rows is its header")
    func emptyTable() {
        #expect(TextTable([.init("a"), .init("b", .right)]).lines() == ["a  b"])
    }

    @Test(
        "a sentence in the last column goes on below its beginning, where the terminal is narrow and has room for words"
    )
    func wrapped() {
        var table = TextTable([.init("check"), .init("finding")])
        table.append(["broker", "the broker keeps at most 1000 messages"])
        table.append(["clock", "good"])
        #expect(
            table.lines(width: 30) == [
                "check   finding", "broker  the broker keeps at", "        most 1000 messages", "clock   good",
            ])
        #expect(table.lines(width: 80) == table.lines())
        #expect(table.lines(width: 20) == table.lines())
        #expect(table.lines(width: 30).allSatisfy { displayWidth($0) <= 30 })
        var numbers = TextTable([.init("a"), .init("b", .right)])
        numbers.append(["x", String(repeating: "1", count: 40)])
        #expect(numbers.lines(width: 30) == numbers.lines())
    }

    @Test(
        "a text takes the cells that a terminal gives it",
        arguments: [
            ("", 0), ("lamp", 4), ("µg/m³", 5), ("°C", 2), ("历下区", 6), ("ｌａｍｐ", 8), ("한글", 4), ("e\u{301}", 1),
            ("क\u{94D}ष", 2), ("💡", 2), ("☀", 1), ("a\u{200B}b", 2), ("ﾗﾝﾌﾟ", 4),
        ])
    func width(text: String, cells: Int) {
        #expect(displayWidth(text) == cells)
    }

    @Test(
        "nothing in a device's text steers the terminal",
        arguments: [
            ("lamp-1", "lamp-1"), ("历下区", "历下区"), ("\u{1B}[2J", "·[2J"), ("a\u{7}b\u{8}", "a·b·"),
            ("\u{9B}31m", "·31m"), ("a\r\nb", "a··b"), ("\u{7F}", "·"), ("\u{202E}evil", "·evil"),
            ("x\u{2028}y", "x·y"), ("\t", "·"), ("\u{0}", "·"),
        ])
    func printableText(text: String, shown: String) {
        #expect(printable(text) == shown)
    }

    // MARK: Numbers

    @Test(
        "a number has four significant digits and no trailing zeros",
        arguments: [
            (0, "0"), (1, "1"), (-1, "-1"), (41.5, "41.5"), (-0.0032, "-0.0032"), (128_431, "128431"),
            (0.1 + 0.2, "0.3"), (1234.56, "1235"), (3.14159, "3.142"), (0.999999, "1"), (-1234.4, "-1234"),
            (0.45, "0.45"), (1e15, "1000000000000000.0"), (1e-7, "1e-07"), (123_456_789_012, "123456789012"),
            (-0.0, "0"), (9.9996, "10"), (0.00012345, "0.0001235"),
        ])
    func shortNumbers(value: Double, text: String) {
        #expect(shortNumber(value) == text)
    }

    @Test(
        "a counter has the digits in which it grows",
        arguments: [
            (12345.1, "12345.1"), (12345.45 - 12345.1, "0.35"), (0, "0"), (0.00012, "0.00012"), (12345, "12345"),
            (1e9 + 0.25, "1000000000.25"), (12345.26666, "12345.2667"), (-0.2, "-0.2"),
        ])
    func counterNumbers(value: Double, text: String) {
        #expect(counterNumber(value) == text)
    }

    @Test(
        "a number with fixed decimals keeps its zeros",
        arguments: [(1.5, 2, "1.50"), (-0.04, 1, "0.0"), (0.05, 3, "0.050"), (-12, 0, "-12"), (1e18, 3, "1e+18")])
    func fixedNumbers(value: Double, decimals: Int, text: String) {
        #expect(fixed(value, decimals: decimals) == text)
    }

    @Test("people get the units that they write, programs the code")
    func units() {
        var people = Output(format: .table, now: Timestamp(milliseconds: 0))
        people.isUTF8 = true
        #expect(
            ["1", "Cel", "ug/m3", "kW.h", "W/m2", "V"].map(people.unit) == ["", "°C", "µg/m³", "kWh", "W/m²", "V"])
        people.isUTF8 = false
        #expect(["1", "Cel", "ug/m3", "kW.h"].map(people.unit) == ["", "Cel", "ug/m3", "kWh"])
        let programs = Output(format: .csv, now: Timestamp(milliseconds: 0))
        #expect(["1", "Cel", "kW.h"].map(programs.unit) == ["1", "Cel", "kW.h"])
    }

    @Test("people get rounded numbers and printable text, programs the whole")
    func cells() {
        let now = Timestamp(milliseconds: 1_772_705_700_000)
        let people = Output(format: .table, now: now)
        let programs = Output(format: .csv, now: now)
        #expect(people.number(0.1 + 0.2) == "0.3")
        #expect(programs.number(0.1 + 0.2) == "0.30000000000000004")
        #expect([people.number(nil), programs.number(nil)] == ["-", ""])
        #expect([people.text("a\u{1B}"), programs.text("a\u{1B}")] == ["a·", "a\u{1B}"])
        #expect(people.age(now - .seconds(5)) == "5s")
        #expect(programs.age(now - .seconds(5)) == "2026-03-05T10:14:55Z")
        let then = now - .seconds(5)
        #expect([people.ago(90, of: then), programs.ago(90, of: then)] == ["90s", "2026-03-05T10:14:55Z"])
        // Nobody knows how long ago it was, where an earlier version kept the name of the moment alone.
        #expect([people.ago(nil, of: then), programs.ago(nil, of: then)] == ["?", "2026-03-05T10:14:55Z"])
        #expect([people.ago(nil, of: nil), programs.ago(nil, of: nil)] == ["-", ""])
    }

    @Test(
        "the locale says whether the terminal shows UTF-8, the strongest variable first",
        arguments: [
            ([:], false), (["LANG": "zh_CN.UTF-8"], true), (["LANG": "C.utf8"], true), (["LANG": "C"], false),
            (["LC_ALL": "C", "LANG": "en_GB.UTF-8"], false), (["LC_ALL": "", "LC_CTYPE": "C.UTF-8"], true),
            (["LC_CTYPE": "POSIX", "LANG": "C.UTF-8"], false), (["LANG": "zh_CN.GB18030"], false),
        ] as [([String: String], Bool)])
    func locale(environment: [String: String], isUTF8: Bool) {
        #expect(StandardStreams.isUTF8(environment) == isUTF8)
    }

    // MARK: Times

    private static let now = Timestamp(milliseconds: 1_772_705_700_000)  // 2026-03-05T10:15:00Z

    @Test(
        "an age is in the largest unit that is at least two",
        arguments: [
            (0, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172_799, "47h"), (172_800, "2d"),
            (86_400_000, "1000d"), (-3, "in 3s"), (-7200, "in 2h"),
        ])
    func ages(seconds: Int, text: String) {
        #expect(age(of: Self.now - .seconds(seconds), now: Self.now) == text)
    }

    @Test(
        "a moment is a time or how long ago",
        arguments: [
            ("10m", "2026-03-05T10:05:00Z"), ("24h", "2026-03-04T10:15:00Z"), ("7d", "2026-02-26T10:15:00Z"),
            ("90s", "2026-03-05T10:13:30Z"), ("0s", "2026-03-05T10:15:00Z"), ("1.5h", "2026-03-05T08:45:00Z"),
            ("2026-03-05T18:15:02+08:00", "2026-03-05T10:15:02Z"), ("2026-03-05T10:15Z", "2026-03-05T10:15:00Z"),
            // Before the clock of Unix there are no readings.
            ("99999999d", "1970-01-01T00:00:00Z"),
        ])
    func moments(argument: String, moment: String) throws {
        let parsed = try #require(MomentArgument(argument: argument))
        #expect(parsed.timestamp(now: Self.now).description == moment)
    }

    @Test("a time without zone is by the wall clock here, on that day")
    func wallClock() throws {
        for text in ["2026-01-15T12:00:00", "2026-07-15 12:00"] {
            let moment = try #require(MomentArgument(argument: text)).timestamp(now: Self.now)
            #expect(localTime(moment).hasPrefix(text.prefix(10) + " 12:00:00 "))
        }
        let day = try #require(MomentArgument(argument: "2026-07-15")).timestamp(now: Self.now)
        #expect(localTime(day).hasPrefix("2026-07-15 00:00:00 "))
    }

    @Test("a time of the day alone is the last one, or the next for what is to come; so are the words for days")
    func clockTimes() throws {
        let now = Self.now
        for text in ["00:00", "10:15", "10:16", "23:59", "06:30:30"] {
            let argument = try #require(MomentArgument(argument: text))
            let (last, next) = (argument.timestamp(now: now), try #require(argument.next(after: now)))
            #expect(
                last <= now && now - last < .seconds(86_400) && next > now && next - now <= .seconds(86_400), "\(text)")
            for moment in [last, next] { #expect(localTime(moment).dropFirst(11).hasPrefix(text)) }
        }
        for (text, days) in [("today", 0), ("yesterday", 1)] {
            let argument = try #require(MomentArgument(argument: text))
            let moment = argument.timestamp(now: now)
            #expect(localTime(moment).dropFirst(11).hasPrefix("00:00:00"))
            #expect(moment <= now && now - moment < .seconds(86_400 * (days + 1)))
            #expect(argument.next(after: now) == nil)
        }
    }

    @Test("a default is told as it would be typed")
    func defaults() {
        #expect(MomentArgument(argument: "1d")?.defaultValueDescription == "1d")
        #expect(SpanArgument(argument: "1h")?.defaultValueDescription == "1h")
        #expect(!QueryCommand.helpMessage().contains("Argument("))
        #expect(QueryCommand.helpMessage().contains("(default: 1d)"))
    }

    @Test(
        "other words are not a moment",
        arguments: [
            "", "tomorrow", "10", "24:00", "7:5", "22:60", "12:00:00:00", "10 m", "-5m", "2026-13-01T00:00:00Z",
            "2026-13-05", "m", "1e3s", "10x",
        ])
    func notMoments(argument: String) { #expect(MomentArgument(argument: argument) == nil) }

    @Test("a span has a unit and is longer than nothing")
    func spans() {
        #expect(SpanArgument(argument: "5m")?.duration == .seconds(300))
        #expect(SpanArgument(argument: "250ms")?.duration == .milliseconds(250))
        #expect(SpanArgument(argument: "1d")?.duration == .seconds(86_400))
        for wrong in ["", "0s", "5", "-5m", "m", "five minutes", "2026-03-05T00:00:00Z"] {
            #expect(SpanArgument(argument: wrong) == nil, "\(wrong)")
        }
    }
}
