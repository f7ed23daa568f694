import Basics
import Foundation
import Telemetry
import Testing
import TestSupport

@testable import ConfigurationFiles

/// Files of tests of rules: what they say, and every mistake with its place and what would be right.
@Suite("Files of tests of rules")
struct RuleTestFileTests {
    private let folder = TemporaryDirectory()

    private static let rules = """
        rules:
        - rule: hot
          threshold: {quantity: control_gear_temperature, above: 85}
        - rule: silent
          absence: {}
        """

    private func mistakes(_ text: String) throws -> [String] {
        try Self.rules.write(toFile: folder.path + "/alerts.yaml", atomically: true, encoding: .utf8)
        do throws(Mistakes) {
            _ = try RuleTestFile.parse(yaml: text, file: folder.path + "/t.yaml")
            return []
        } catch {
            return error.list.map { $0.description.replacing(folder.path + "/", with: "") }
        }
    }

    /// A file with one test, whose parts may be others.
    private static func file(
        head: String = "rules: alerts.yaml", more: String = "",
        series: String = "{device: lamp-1, quantity: control_gear_temperature, values: 80 90x5}",
        expect: String = "{after: 1m, rule: hot, device: lamp-1, to: firing}"
    ) -> String {
        """
        \(head)
        tests:
        - name: a lamp
        \(more.isEmpty ? "  every: 1m" : "  " + more)
          series:
          - \(series)
          expect:
          - \(expect)
        """
    }

    @Test("a good one has no mistakes, and its times, values and names are those that it says")
    func good() throws {
        #expect(try mistakes(Self.file()) == [])
        try Self.rules.write(toFile: folder.path + "/alerts.yaml", atomically: true, encoding: .utf8)
        let file = try RuleTestFile.parse(
            yaml: Self.file(
                head: "rules: alerts.yaml\nroster: |\n  device,cadence\n  lamp-2,1m",
                more: "start: 2026-01-10T20:00:00+08:00",
                expect: "{at: 2026-01-10T20:30:00+08:00, rule: silent, device: lamp-2, to: firing}"),
            file: folder.path + "/t.yaml")
        let test = try #require(file.tests.first)
        #expect(test.name == "a lamp" && test.line == 6 && file.roster.map(\.device) == ["lamp-2"])
        #expect(test.start == Timestamp(iso8601: "2026-01-10T12:00:00Z"))
        #expect(test.lasts == .seconds(1800) && test.expected.map(\.after) == [.seconds(1800)])
        #expect(test.inputs.first?.values == [80, 90, 90, 90, 90, 90])
    }

    @Test(
        "the short notation of readings",
        arguments: [
            ("80", [80]), ("-5 +6 .5", [-5, 6, 0.5]), ("80x3", [80, 80, 80]), ("_ 1 _x2", [nil, 1, nil, nil]),
            ("20+5x4", [20, 25, 30, 35, 40]), ("-1-0.5x2", [-1, -1.5, -2]), ("1\n 2", [1, 2]),
        ] as [(String, [Double?])])
    func notation(text: String, values: [Double?]) {
        guard case .success(let read) = ValueNotation.values(text) else {
            Issue.record("\(text) does not read")
            return
        }
        #expect(read == values)
    }

    @Test(
        "words that are no readings",
        arguments: ["", "x", "80x", "80x0", "80y3", "_3", "_x", "20+5", "20+x4", "1e3", "--1", "80x2000000", "nan"])
    func noReadings(text: String) {
        guard case .failure(let fault) = ValueNotation.values(text) else {
            Issue.record("'\(text)' reads")
            return
        }
        #expect(fault.expected.hasPrefix("expected "))
    }

    @Test(
        "a mistake has its place, what stands there, and what would be right",
        arguments: [
            ("", "t.yaml:1: rules: missing: the file of the rules under test"),
            ("rules: alerts.yaml\n", "t.yaml:1: tests: missing: a list of tests"),
            (
                "rules: alerts.yaml\ntests: []\n",
                "t.yaml:2: tests: 'a list of 0': expected a list of tests, at least one"
            ),
            ("rules: alerts.yaml\ntests: some\n", "t.yaml:2: tests: 'some': expected a list of tests, at least one"),
            ("rule: alerts.yaml\ntests: []\n", "t.yaml:1: rule: unknown key; did you mean 'rules'?"),
            (file(head: "rules: nowhere.yaml"), "nowhere.yaml: "),
            (file(head: "configuration: nowhere.yaml"), "nowhere.yaml: "),
            (
                file(head: "rules: alerts.yaml\nroster: [a]"),
                "t.yaml:2: roster: 'a list of 1': expected the file of a roster"
            ),
            (file(head: "rules: alerts.yaml\nroster: nowhere.csv"), "nowhere.csv: "),
            (
                file(head: "rules: alerts.yaml\nroster: |\n  device,cadence\n  lamp-1,soon"),
                "t.yaml:4: roster.cadence: 'soon': expected a duration from 1s to 30d"
            ),
            (
                file(more: "start: yesterday"),
                "t.yaml:4: tests[0].start: 'yesterday': expected a whole second with its zone"
            ),
            (
                file(more: "start: 2026-01-10T20:00:00"),
                "t.yaml:4: tests[0].start: '2026-01-10T20:00:00': expected a whole second with its zone"
            ),
            (file(more: "every: 0s"), "t.yaml:4: tests[0].every: '0s': expected a duration from 1s to 24h"),
            (file(more: "lasts: long"), "t.yaml:4: tests[0].lasts: 'long': expected a duration"),
            (
                file(more: "only: [hott]"),
                "t.yaml:4: tests[0].only: 'a list of 1': no rule of the file is called so; did you mean 'hot'?"
            ),
            (file(more: "only: silent"), "t.yaml:8: tests[0].expect[0].rule: 'hot': is not among those of only:"),
            (file(more: "evry: 1m"), "t.yaml:4: tests[0].evry: unknown key; did you mean 'every'?"),
            (
                file(series: "{quantity: voltage, values: 1}"),
                "t.yaml:6: tests[0].series[0].device: missing: the name of a device"
            ),
            (
                file(series: "{device: '', quantity: voltage, values: 1}"),
                "t.yaml:6: tests[0].series[0].device: '': expected a device name"
            ),
            (
                file(series: "{device: lamp-1, values: 1}"),
                "t.yaml:6: tests[0].series[0].quantity: missing: a quantity, such as pm2_5; or link:"
            ),
            (
                file(series: "{device: lamp-1, quantity: volage, values: 1}"),
                "t.yaml:6: tests[0].series[0].quantity: 'volage': "
            ),
            (
                file(series: "{device: lamp-1, quantity: voltage}"),
                "t.yaml:6: tests[0].series[0].values: missing: readings"
            ),
            (
                file(series: "{device: lamp-1, quantity: voltage, values: 80 9O}"),
                "t.yaml:6: tests[0].series[0].values: '9O': expected a number, 80x10"
            ),
            (
                file(series: "{device: lamp-1, quantity: voltage, values: [80, 90]}"),
                "t.yaml:6: tests[0].series[0].values: expected readings"
            ),
            (
                file(series: "{device: lamp-1, link: onlin}"),
                "t.yaml:6: tests[0].series[0].link: 'onlin': expected online, offline and _ for nothing; did you mean 'online'?"
            ),
            (
                file(series: "{device: lamp-1, link: online, values: 1}"),
                "t.yaml:6: tests[0].series[0].values: '1': a link is of the device as a whole"
            ),
            (
                file(expect: "{rule: hot, device: lamp-1, to: firing}"),
                "t.yaml:8: tests[0].expect[0].after: missing: how long after"
            ),
            (
                file(expect: "{after: 1, rule: hot, device: lamp-1, to: firing}"),
                "t.yaml:8: tests[0].expect[0].after: '1': expected a duration"
            ),
            (
                file(expect: "{after: 1m, at: 2026-01-01T00:01:00Z, rule: hot, device: lamp-1, to: firing}"),
                "t.yaml:8: tests[0].expect[0].at: '2026-01-01T00:01:00Z': give after or at, not both"
            ),
            (
                file(expect: "{at: 2025-01-01T00:01:00Z, rule: hot, device: lamp-1, to: firing}"),
                "t.yaml:8: tests[0].expect[0].at: '2025-01-01T00:01:00Z': is before the test's start"
            ),
            (
                file(expect: "{after: 1m, rule: hto, device: lamp-1, to: firing}"),
                "t.yaml:8: tests[0].expect[0].rule: 'hto': no rule of the file is called so; "
            ),
            (
                file(expect: "{after: 1m, device: lamp-1, to: firing}"),
                "t.yaml:8: tests[0].expect[0].rule: missing: the name of a rule"
            ),
            (
                file(expect: "{after: 1m, rule: hot, device: lamp-2, to: firing}"),
                "t.yaml:8: tests[0].expect[0].device: 'lamp-2': neither the test's series nor the roster has it; did you mean 'lamp-1'?"
            ),
            (
                file(expect: "{after: 1m, rule: hot, circuit: c, to: firing}"),
                "t.yaml:8: tests[0].expect[0].circuit: 'c': the roster has no such circuit"
            ),
            (
                file(expect: "{after: 1m, rule: hot, to: firing}"),
                "t.yaml:8: tests[0].expect[0]: expected whom it is about"
            ),
            (
                file(expect: "{after: 1m, rule: hot, about: lamp-1, to: firing}"),
                "t.yaml:8: tests[0].expect[0].about: 'lamp-1': expected gateway or broker"
            ),
            (
                file(expect: "{after: 1m, rule: hot, device: lamp-1, area: a, to: firing}"),
                "t.yaml:8: tests[0].expect[0]: expected whom it is about"
            ),
            (
                file(expect: "{after: 1m, rule: hot, device: lamp-1}"),
                "t.yaml:8: tests[0].expect[0].to: missing: pending, firing"
            ),
            (
                file(expect: "{after: 1m, rule: hot, device: lamp-1, to: fired}"),
                "t.yaml:8: tests[0].expect[0].to: 'fired': expected "
            ),
            (
                file(expect: "{after: 1m, rule: hot, device: lamp-1, to: firing, severity: bad}"),
                "t.yaml:8: tests[0].expect[0].severity: 'bad': expected "
            ),
            (
                file(expect: "{after: 1m, rule: hot, device: lamp-1, quantity: volage, to: firing}"),
                "t.yaml:8: tests[0].expect[0].quantity: 'volage': "
            ),
        ])
    func wrong(text: String, start: String) throws {
        let found = try mistakes(text)
        #expect(found.contains { $0.hasPrefix(start) }, "\(found)")
    }

    @Test("all mistakes of a file come at once, and a name twice is one")
    func together() throws {
        let found = try mistakes(
            Self.file(
                series: "{device: lamp-1, quantity: voltage, values: 8O}",
                expect: "{after: 1m, rule: x, device: l, to: y}"))
        #expect(found.count == 4, "\(found)")
        let twice = "- name: a lamp\n  expect: []\n"
        #expect(
            try mistakes("rules: alerts.yaml\ntests:\n" + twice + twice)
                == ["t.yaml:5: tests[1].name: 'a lamp': stands in line 3 already; each name once"])
    }
}
