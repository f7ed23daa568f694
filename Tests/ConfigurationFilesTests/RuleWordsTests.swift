import Basics
import Settings
import Telemetry
import Testing

@testable import ConfigurationFiles

/// The words that rules, routes and maintenance windows have in common.
@Suite("Devices and times in files")
struct RuleWordsTests {
    private func selector(_ yaml: String) throws -> (selector: DeviceSelector, mistakes: [String]) {
        let root = try Setting.parse(yaml: "devices: \(yaml)\n", file: "alerts.yaml")
        var mistakes: [Mistake] = []
        let found = DeviceSelectorSection.parse(root["devices"], &mistakes)
        return (found, mistakes.map(\.description))
    }

    @Test("a selector has one word or a list under each key, and labels by name")
    func selectors() throws {
        let found = try selector(
            "{name: [\"lamp-*\", pole-1], profile: lamps, area: [Lixia, Shizhong], circuit: c-1, labels: {owner: [east, west], road: \"Jing*\"}}"
        )
        #expect(found.mistakes == [])
        #expect(
            found.selector
                == DeviceSelector(
                    names: ["lamp-*", "pole-1"], profiles: ["lamps"], areas: ["Lixia", "Shizhong"], circuits: ["c-1"],
                    labels: ["owner": ["east", "west"], "road": ["Jing*"]]))
        #expect(try selector("{}").selector == .all)
    }

    @Test(
        "what a selector cannot mean is a mistake with its place",
        arguments: [
            ("{nam: a}", "alerts.yaml:1: devices.nam: unknown key; did you mean 'name'?"),
            (
                "{name: []}",
                "alerts.yaml:1: devices.name: 'a list of 0': expected at least one word; left out, all are meant"
            ),
            (
                "{area: {a: b}}",
                "alerts.yaml:1: devices.area: 'a map of 1 key': expected a word, or a list of words of which any fits"
            ),
            ("{area: [Lixia, ]}", ""),
            ("{area: [[a]]}", "alerts.yaml:1: devices.area[0]: 'a list of 1': expected text"),
            (
                "{labels: east}",
                "alerts.yaml:1: devices.labels: 'east': expected a map of the roster's labels, such as {owner: east, road: \"Jing*\"}"
            ),
            (
                "{labels: {}}",
                "alerts.yaml:1: devices.labels: 'a map of 0 keys': expected at least one label; left out, all are meant"
            ),
            (
                "{labels: {\"the owner\": east}}",
                "alerts.yaml:1: devices.labels.the owner: 'east': expected a label's name of at most 64 of the letters a-z, A-Z, 0-9, '-', '_' and '.'"
            ),
            (
                "{labels: {owner: }}",
                "alerts.yaml:1: devices.labels.owner: nothing stands behind this key; write a value, or leave the key out"
            ),
        ])
    func wrongSelectors(yaml: String, sentence: String) throws {
        #expect(try selector(yaml).mistakes == (sentence.isEmpty ? [] : [sentence]))
    }

    private func times(_ yaml: String, holidays: String? = nil) throws -> (times: ActiveTimes?, mistakes: [String]) {
        let root = try Setting.parse(
            yaml: "times: \(yaml)\n" + (holidays.map { "holidays: \($0)\n" } ?? ""), file: "alerts.yaml")
        var mistakes: [Mistake] = []
        let dates = ActiveTimesSection.holidays(root["holidays"], &mistakes)
        let found = ActiveTimesSection.parse(root["times"], holidays: dates, &mistakes)
        return (found, mistakes.map(\.description))
    }

    @Test("times are spans by the clock or the sun on kinds of days, quoted or not")
    func spans() throws {
        let found = try times(
            "[{days: [mon, workday], from: \"22:00\", to: 6:00}, {sun: night, before: 30m}, {days: holiday}, {from: 08:00, to: 24:00}]",
            holidays: "[2026-01-01, 2026-10-01..2026-10-07]")
        #expect(found.mistakes == [])
        #expect(
            found.times
                == ActiveTimes(
                    [
                        .init(days: [.monday, .workday], hours: .clock(from: 1320, to: 360)),
                        .init(hours: .sunDown(before: .seconds(1800), after: .zero)),
                        .init(days: [.holiday], hours: .wholeDay), .init(hours: .clock(from: 480, to: 1440)),
                    ], holidays: .init([20454...20454, 20727...20733])))
        #expect(try times("{sun: day}").times == ActiveTimes([.init(hours: .sunUp(before: .zero, after: .zero))]))
    }

    @Test(
        "what is no time is a mistake that says what would be one",
        arguments: [
            ("[]", "times: 'a list of 0': never comes: expected at least one span; left out, it is always"),
            ("[{}]", "times[0]: 'a map of 0 keys': expected days, from and to, or sun"),
            (
                "[{days: []}]",
                "times[0].days: 'a list of 0': never comes: expected at least one day; left out, all are meant"
            ),
            (
                "[{days: [monday]}]",
                "times[0].days[0]: 'monday': expected one of mon, tue, wed, thu, fri, sat, sun, workday, holiday; did you mean 'mon'?"
            ),
            (
                "[{days: [holidya]}]",
                "times[0].days[0]: 'holidya': expected one of mon, tue, wed, thu, fri, sat, sun, workday, holiday; did you mean 'holiday'?"
            ),
            (
                "[{days: holiday}]",
                "times: 'a list of 1': never comes: there are no holidays (a list of dates at the top)"
            ),
            (
                "[{from: 25:00, to: 6:00}]",
                "times[0].from: '25:00': expected a time of day from 00:00 to 23:59, such as \"22:00\""
            ),
            (
                "[{from: 22:00, to: 22:00}]",
                "times[0].to: '22:00': expected another time than from; for the whole day leave both out"
            ),
            (
                "[{from: 22:00, to: 24:01}]",
                "times[0].to: '24:01': expected a time of day from 00:01 to 24:00, such as \"22:00\""
            ),
            (
                "[{from: 22:60, to: 6:00}]",
                "times[0].from: '22:60': expected a time of day from 00:00 to 23:59, such as \"22:00\""
            ),
            (
                "[{from: 1320, to: 6:00}]",
                "times[0].from: '1320': expected a time of day from 00:00 to 23:59, such as \"22:00\"; without quotes some programs read 22:00 as this number"
            ),
            ("[{from: 22:00}]", "times[0].to: missing: a time of day beside its from, such as \"22:00\""),
            ("[{form: 22:00, to: 6:00}]", "times[0].form: unknown key; did you mean 'from'?"),
            (
                "[{sun: nigth}]",
                "times[0].sun: 'nigth': expected night (the sun is down) or day (it is up); did you mean 'night'?"
            ),
            (
                "[{sun: night, before: 4h}]",
                "times[0].before: '4h': expected a duration from 0s to 3h, such as 30s, 5m or 1h"
            ),
            (
                "[{from: 22:00, to: 6:00, after: 1h}]",
                "times[0].after: '1h': is about the sun, and this span has none: write sun: night or sun: day"
            ),
            (
                "[{sun: night, from: 22:00, to: 6:00}]",
                "times[0].from: '22:00': expected either sun or from and to; two spans of the list are two lines"
            ),
            ("[night]", "times[0]: 'night': expected a map of keys"),
        ])
    func wrongTimes(yaml: String, sentence: String) throws {
        #expect(try times(yaml).mistakes.first == "alerts.yaml:1: \(sentence)")
    }

    @Test(
        "a holiday is a date that the calendar has",
        arguments: [
            (
                "[2026-02-29]",
                "holidays[0]: '2026-02-29': expected a date that the calendar has, such as 2026-10-01, or a range such as 2026-10-01..2026-10-07"
            ),
            (
                "[1.10.2026]",
                "holidays[0]: '1.10.2026': expected a date that the calendar has, such as 2026-10-01, or a range such as 2026-10-01..2026-10-07"
            ),
            (
                "[2026-10-07..2026-10-01]",
                "holidays[0]: '2026-10-07..2026-10-01': expected a range that ends on the day on which it begins, or later"
            ),
            (
                "{a: b}",
                "holidays: 'a map of 1 key': expected a list of dates, such as [2026-01-01, 2026-10-01..2026-10-07]"
            ),
        ])
    func wrongHolidays(yaml: String, sentence: String) throws {
        #expect(try times("{days: mon}", holidays: yaml).mistakes == ["alerts.yaml:2: \(sentence)"])
    }
}

extension CheckTests {
    @Test(
        "circuits and labels that no device of the roster has are warnings, and what none has together is one",
        arguments: [
            (
                "{circuit: c-2}",
                "devices.circuit: 'c-2': no device of the roster is on a circuit of this name; did you mean 'c-1'?"
            ),
            (
                "{area: [Lixia, Lixai]}",
                "devices.area[1]: 'Lixai': no device of the roster is in an area of this name; did you mean 'Lixia'?"
            ),
            (
                "{labels: {ownr: east}}",
                "devices.labels: 'a map of 1 key': no device of the roster has the label 'ownr'; did you mean 'owner'?"
            ),
            (
                "{labels: {owner: esat}}",
                "devices.labels.owner: 'esat': no device of the roster has this value of the label; did you mean 'east'?"
            ),
            (
                "{area: Shizhong, circuit: c-1}",
                "devices: 'a map of 2 keys': rule 'r' watches nothing: no device of the roster is all that its devices ask for"
            ),
        ])
    func places(devices: String, sentence: String) throws {
        let found = try load(
            rules: rule("threshold: {quantity: voltage, above: 250}", devices: devices),
            roster:
                "device,cadence,profile,area,circuit,labels\nlamp-1,10s,lamps,Lixia,c-1,owner=east\nlamp-2,10s,lamps,Shizhong,,\n"
        )
        #expect(found.mistakes == [])
        #expect(found.warnings == ["alerts.yaml:3: warning: rules[0].\(sentence)"])
    }

    @Test("labels of the roster are pairs, and their names are words")
    func labels() throws {
        let entries = try RosterFile.parse(
            csv: "device,cadence,labels\na,1h,owner=east; road = Jingshi Lu\nb,1h,\n", file: "roster.csv")
        #expect(entries.map(\.labels) == [["owner": "east", "road": "Jingshi Lu"], [:]])
        do {
            _ = try RosterFile.parse(csv: "device,cadence,labels\na,1h,owner\nb,1h,the owner=x\n", file: "roster.csv")
            Issue.record("the mistakes passed")
        } catch {
            #expect(
                error.list.map(\.description) == [
                    "roster.csv:2: labels: 'owner': expected name=value pairs, each name once, such as owner=east;road=Jingshi Lu",
                    "roster.csv:3: labels: 'the owner=x': expected a label's name of at most 64 of the letters a-z, A-Z, 0-9, '-', '_' and '.', not 'the owner'",
                ])
        }
    }
}
