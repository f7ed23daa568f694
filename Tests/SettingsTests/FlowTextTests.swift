import Basics
import Settings
import Testing

@Suite("Settings as one line")
struct FlowTextTests {
    @Test(
        "a line reads again as what it was made of",
        arguments: [
            "a: 1", "severity: warning\nfinding: {kinds: [disk_low, gap], clear_after: 5m}",
            "text: \"a: b\"", "text: 'true'", "text: \"\"", "text: \"# no comment\"", "text: \"x #y\"",
            "list: [1, -2, \"- x\", \"a, b\", \"[\", '{', \"line\\nend\", \"tab\\tand \\\"quotes\\\" and \\\\\"]",
            "\"key: odd\": [历城, \" blank \", \"*\", \"&a\", \"!t\", \"%\", \"@\", \"`\"]",
            "runbook: >-\n  two lines\n  of text: with a colon", "empty: {}\nnone: []",
            "deep: {a: {b: [{c: d}, {e: []}]}}",
            "n: null", "n: ~", "n: .5", "n: +1",
        ])
    func again(yaml: String) throws {
        let setting = try Setting.parse(yaml: yaml, file: "x.yaml")
        let line = setting.flow
        #expect(!line.contains("\n"), "\(line)")
        let again = try Setting.parse(yaml: line, file: "x.yaml")
        #expect(again.flow == line)
        #expect(Self.content(again) == Self.content(setting), "\(line)")
    }

    @Test("a rule has a line for each of its keys, without its name")
    func lines() throws {
        let setting = try Setting.parse(
            yaml: "rule: hot\nseverity: critical\nthreshold: {quantity: voltage, above: 253}", file: "x.yaml")
        #expect(
            setting.flowLines(without: "rule") == "severity: critical\nthreshold: {quantity: voltage, above: 253}")
    }

    /// All that a setting says, whoever wrote it.
    private static func content(_ setting: Setting) -> String {
        if let items = setting.items { return "[" + items.map(content).joined(separator: ",") + "]" }
        if let entries = setting.entries {
            return "{" + entries.map { "\($0.key.debugDescription):\(content($0.value))" }.joined(separator: ",") + "}"
        }
        return setting.isMissing ? "missing" : (setting.text ?? "?").debugDescription
    }
}
