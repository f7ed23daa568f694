import Settings
import Testing

@testable import ConfigurationFiles

/// What may be wrong in what the desk goes by, each with its sentence.
@Suite("Configuration of the desk")
struct DeskConfigurationTests {
    private let files = CheckTests()
    private static let rules = """
        rules:
        - {rule: dark, severity: warning, absence: {cadences: 3}}
        - {rule: feeder, severity: critical, absence: {cadences: 4}}
        - {rule: hot, threshold: {quantity: voltage, levels: [{severity: info, above: 240}, {severity: critical, above: 250}]}}

        """
    private static let channels = """
        notification:
          commands: [{name: duty-room, program: /bin/true}, {name: boss, program: /bin/true}]

        """

    @Test(
        "causes, maintenance, flapping and holidays that cannot be meant",
        arguments: [
            ("causes: {cause: feeder}", "causes: 'a map of 1 key': expected a list"),
            (
                "causes: [{cause: feeders, explains: [dark], within: circuit}]",
                "causes[0].cause: 'feeders': no rule of this file has this name; did you mean 'feeder'?"
            ),
            (
                "causes: [{cause: feeder, explains: [drak], within: circuit}]",
                "causes[0].explains[0]: 'drak': no rule of this file has this name; did you mean 'dark'?"
            ),
            (
                "causes: [{cause: feeder, explains: [], within: all}]",
                "explains: 'a list of 0': expected at least one rule"
            ),
            (
                "causes: [{cause: feeder, explain: [dark], within: all}]",
                "causes[0].explain: unknown key; did you mean 'explains'?"
            ),
            (
                "causes: [{cause: feeder, explains: [dark]}]",
                "causes[0].within: missing: how far it reaches: device, circuit, area or all"
            ),
            (
                "causes: [{cause: feeder, explains: [dark], within: street}]",
                "causes[0].within: 'street': expected one of device, circuit, area, all"
            ),
            (
                "causes: [{cause: feeder, explains: [dark], within: all, wait: soon}]",
                "causes[0].wait: 'soon': expected a duration from 0s to 1h"
            ),
            (
                "causes: [{cause: feeder, explains: [feeder], within: all}]",
                "feeder would explain itself, at once or over others"
            ),
            (
                "causes: [{cause: feeder, explains: [dark], within: all}, {cause: dark, explains: ['f*'], within: all}]",
                "feeder would explain itself, at once or over others"
            ),
            (
                "maintenance: [{times: [{days: [sun], from: '02:00', to: '04:00'}]}]",
                "maintenance[0].name: missing: what it is called"
            ),
            ("maintenance: [{name: w}]", "maintenance[0].times: missing: when it is, such as [{days: [sun]"),
            (
                "maintenance: [{name: w, times: [{from: '25:00', to: '04:00'}]}]",
                "maintenance[0].times[0].from: '25:00': expected a time of day from 00:00 to 23:59"
            ),
            (
                "maintenance: [{name: w, times: [{days: [tuesday], from: '22:00', to: '04:00'}]}]",
                "days[0]: 'tuesday': expected one of mon, tue, wed, thu, fri, sat, sun, workday, holiday; did you mean 'tue'?"
            ),
            (
                "maintenance: [{name: w, times: [{from: '1 am', to: '04:00'}]}]",
                "maintenance[0].times[0].from: '1 am': expected a time of day"
            ),
            (
                "maintenance: [{name: w, times: [{from: '02:00', to: '04:00'}]}, {name: w, times: [{from: '01:00', to: '04:00'}]}]",
                "'w' stands above already; each name once"
            ),
            (
                "maintenance: [{name: w, rules: [drak], times: [{from: '02:00', to: '04:00'}]}]",
                "maintenance[0].rules[0]: 'drak': no rule of this file has this name; did you mean 'dark'?"
            ),
            (
                "maintenance: [{name: w, devices: {circuits: F}, times: [{from: '02:00', to: '04:00'}]}]",
                "maintenance[0].devices.circuits: unknown key; did you mean 'circuit'?"
            ),
            ("flapping: never", "flapping: 'never': expected a map of keys"),
            ("flapping: {episodes: 1}", "flapping.episodes: '1': expected a whole number from 2 to 100"),
            ("flapping: {within: 0s}", "flapping.within: '0s': expected a duration from 1m to 24h"),
            ("flapping: {times: 3}", "flapping.times: unknown key; known here: episodes, within, quiet"),
            ("holidays: [2026-13-01]", "holidays[0]: '2026-13-01': expected a date that the calendar has"),
        ])
    func desk(yaml: String, sentence: String) throws {
        let found = try files.load(rules: yaml + "\n" + Self.rules)
        #expect(found.mistakes.contains { $0.contains(sentence) }, "\(found)")
    }

    @Test(
        "routes that cannot be meant",
        arguments: [
            (
                "{to: [duty-room]}",
                "notification.routes: 'a map of 1 key': expected a list of routes, such as [{to: [duty-room]}]"
            ),
            ("[{severity: critical}]", "notification.routes[0].to: missing: a list of channels, such as [duty-room]"),
            (
                "[{to: [duty-rom]}]",
                "routes[0].to[0]: 'duty-rom': there is no such channel; did you mean 'duty-room'? there are"
            ),
            ("[{to: [log]}]", "routes[0].to[0]: 'log': log hears every step of every alert, and has no routes"),
            ("[{to: []}]", "routes[0].to: 'a list of 0': expected at least one channel"),
            ("[{to: [boss], severity: high}]", "routes[0].severity: 'high': expected one of info, warning, critical"),
            ("[{to: [boss], after: 10}]", "routes[0].after: '10': expected a duration from 0s to 7d"),
            ("[{to: [boss], after: 30d}]", "routes[0].after: '30d': expected a duration from 0s to 7d"),
            ("[{to: [boss], times: {from: '22:00'}}]", "routes[0].times.to: missing: a time of day beside its from"),
            ("[{too: [boss]}]", "notification.routes[0].too: unknown key; did you mean 'to'?"),
        ])
    func routes(yaml: String, sentence: String) throws {
        let found = try files.load(Self.channels + "  routes: \(yaml)\n", rules: Self.rules)
        #expect(found.mistakes.contains { $0.contains(sentence) }, "\(found)")
    }

    @Test(
        "routes and windows that mean nothing are warnings, and so is a rule of which nobody is told",
        arguments: [
            (
                "[{to: [boss]}, {to: [duty-room], rules: [drak]}]", "",
                "routes[1].rules[0]: 'drak': no rule of alerts.yaml has this name; did you mean 'dark'?"
            ),
            (
                "[{to: [boss]}, {to: [duty-room], devices: {area: Lixai}}]", "",
                "routes[1].devices.area: 'Lixai': no device of the roster is in an area of this name; did you mean 'Lixia'?"
            ),
            (
                "[{to: [boss, duty-room], severity: critical}]", "",
                "rules[0].rule: 'dark': no channel for people is told of it: no entry of notification.routes"
            ),
            (
                "[{to: [boss]}]",
                "maintenance: [{name: w, devices: {name: lmp-*}, times: [{from: '02:00', to: '04:00'}]}]\n",
                "maintenance[0].devices.name: 'lmp-*': no device of the roster is meant by it"
            ),
        ])
    func meansNothing(routes: String, desk: String, sentence: String) throws {
        let found = try files.load(Self.channels + "  routes: \(routes)\n", rules: desk + Self.rules)
        #expect(found.mistakes == [])
        #expect(found.warnings.count == 1 && found.warnings[0].contains(sentence), "\(found)")
    }

    @Test("a rule whose ladder reaches a route is told, and one channel without routes is told of all")
    func told() throws {
        let routed = Self.channels + "  routes: [{to: [boss], severity: critical}]\n"
        #expect(try files.load(routed, rules: Self.rules).warnings == [])
        #expect(try files.load(Self.channels, rules: Self.rules).warnings == [])
    }
}
