import Foundation
import Testing
import TestSupport

/// `baotu rules` as it is run.
@Suite("Rules on the command line")
struct RulesTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path(percentEncoded: false)
    private let folder = TemporaryDirectory()

    private func write(_ text: String, _ name: String) throws -> String {
        try text.write(toFile: "\(folder.path)/\(name)", atomically: true, encoding: .utf8)
        return "\(folder.path)/\(name)"
    }

    @Test("the tests that are shipped say what the rules that are shipped do")
    func shipped() throws {
        let run = try Program("baotu", ["rules", "test", Self.root + "Config/alerts-test.yaml"])
        #expect(run.code == 0, "\(run.output)\(run.errors)")
        #expect(run.output.contains("all as expected") && !run.output.contains("FAIL"))
    }

    private func test(_ expect: String, format: String = "table") throws -> Program {
        _ = try write(
            "rules:\n- rule: hot\n  threshold: {quantity: control_gear_temperature, above: 85, hold: 1m}\n",
            "alerts.yaml")
        let file = try write(
            """
            rules: alerts.yaml
            tests:
            - name: a lamp
              series:
              - {device: lamp-1, quantity: control_gear_temperature, values: "80 90x5 70"}
              expect: [\(expect)]
            """, "t.yaml")
        return try Program("baotu", ["rules", "test", file, "--format", format])
    }

    private static let firing = "{after: 2m, rule: hot, device: lamp-1, to: firing}"
    private static let resolved = "{after: 6m, rule: hot, device: lamp-1, to: resolved}"

    @Test("what is expected and does not come, and what comes and is not expected, each fail with a row of their own")
    func fails() throws {
        let good = try test("\(Self.firing), \(Self.resolved)")
        #expect(good.code == 0 && good.output.hasPrefix("ok   a lamp\n"), "\(good.output)")
        let silent = try test("{after: 1m, rule: hot, device: lamp-1, to: pending}, \(Self.firing), \(Self.resolved)")
        #expect(silent.code == 0)

        let missing = try test("\(Self.firing), \(Self.resolved), {after: 7m, rule: hot, device: lamp-1, to: unknown}")
        #expect(
            missing.code == 1 && missing.output.contains("  FAIL     7m  unknown   nothing   hot   lamp-1\n"),
            "\(missing.output)")
        let unexpected = try test(Self.firing)
        #expect(
            unexpected.code == 1 && unexpected.output.contains("  FAIL     6m  nothing   resolved  hot   lamp-1"),
            "\(unexpected.output)")
        let late = try test("{after: 3m, rule: hot, device: lamp-1, to: firing}, \(Self.resolved)")
        #expect(late.code == 1 && late.output.contains("firing after 2m"), "\(late.output)")
        #expect(late.output.hasSuffix("t.yaml: 1 test, 1 failed\n"))
        let other = try test("{after: 2m, rule: hot, device: lamp-1, to: firing, severity: critical}, \(Self.resolved)")
        #expect(other.code == 1)
    }

    @Test("programs get the same as JSON and CSV")
    func formats() throws {
        let json = try test(Self.firing, format: "json")
        let files = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]])
        let tests = try #require(files.first?["tests"] as? [[String: Any]])
        let steps = try #require(tests.first?["steps"] as? [[String: Any]])
        #expect(
            json.code == 1 && tests.first?["passed"] as? Bool == false
                && steps.map { $0["passed"] as? Bool } == [true, false])
        #expect(steps[0]["after_seconds"] as? Double == 120 && steps[0]["line"] as? Int == 6)
        let csv = try test(Self.firing, format: "csv").output.split(separator: "\n")
        #expect(csv.count == 3 && csv[0] == "file,test,result,after_seconds,expected,got,rule,subject")
    }

    @Test("mistakes are told with their places and nothing is run")
    func mistakes() throws {
        let run = try test("{after: 2m, rule: hto, device: lamp-1, to: firing}")
        #expect(
            run.code == 1 && run.output.isEmpty && run.errors.contains("t.yaml:6: tests[0].expect[0].rule: 'hto'"),
            "\(run.errors)")
    }

    @Test("a rule of parts watches the devices that measure one of them, and where none does that is said")
    func parts() throws {
        let site = try write(
            "rules: alerts.yaml\ndevices: {folder: \(Self.root)Devices, roster: roster.csv}\n", "baotu.yaml")
        _ = try write("rules: []\n", "alerts.yaml")
        _ = try write(
            "device,cadence,area,profile\nlamp-1,1m,Lixia,streetlight-controller\nlamp-2,1m,Lixia,streetlight-controller\n",
            "roster.csv")
        let rules = try write(
            """
            rules:
            - rule: dust
              any: [{quantity: pm2_5, above: 75}, {quantity: o3, above: 200}]
            - rule: dark
              all: [{quantity: voltage, below: 50}, {quantity: lamp_on, above: 0.5}]
            - rule: many
              group: {of: area, at_least: 1, condition: {quantity: pm2_5, above: 75}}
            """, "new.yaml")
        let run = try Program("baotu", ["rules", "check", rules, "--config", site, "--format", "csv"])
        let counts = run.output.split(separator: "\n").dropFirst().map { $0.split(separator: ",")[2] }
        #expect(counts == ["0", "2", "0"], "\(run.output) \(run.errors)")
        let table = try Program("baotu", ["rules", "check", rules, "--config", site])
        #expect(table.output.hasSuffix("0 devices, so that they raise nothing: dust, many\n"), "\(table.output)")
    }

    @Test("a file of rules is checked against the site, and each rule says what it watches")
    func check() throws {
        let site = try write(
            "rules: alerts.yaml\ndevices: {folder: \(Self.root)Devices, roster: roster.csv}\n", "baotu.yaml")
        _ = try write("rules: []\n", "alerts.yaml")
        _ = try write("device,cadence,area\nlamp-1,1m,Lixia\nlamp-2,1m,Lixia\n", "roster.csv")
        let rules = try write(
            """
            rules:
            - rule: silent
              absence: {}
            - rule: elsewhere
              devices: {area: Lixa}
              absence: {}
            """, "new.yaml")
        let run = try Program("baotu", ["rules", "check", rules, "--config", site])
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.output.contains("new.yaml: 2 rules, no mistakes"))
        #expect(
            run.output.contains("silent     warning         2          silent for 3 cadences, at least 1m"),
            "\(run.output)")
        #expect(run.output.hasSuffix("0 devices, so that they raise nothing: elsewhere\n"))
        #expect(
            run.errors.contains("new.yaml:5: warning: rules[1].devices.area: 'Lixa'")
                && run.errors.contains("did you mean 'Lixia'?"))

        let wrong = try write("rules:\n- rule: x\n  threshold: {quantity: pm25, above: 1}\n", "wrong.yaml")
        let failed = try Program("baotu", ["rules", "check", wrong, "--config", site])
        #expect(
            failed.code == 1 && failed.output.isEmpty
                && failed.errors.contains("wrong.yaml:3: rules[0].threshold.quantity"), "\(failed.errors)")
    }
}
