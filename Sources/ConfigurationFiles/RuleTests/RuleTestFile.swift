package import Alerting
package import Basics
package import Pipeline
package import Telemetry
import Settings
import Windows

/// A file of tests of rules, read and found good together with the rules that it names.
package struct RuleTestFile: Sendable {
    /// As given.
    package var file: String
    /// Those under test, in the order of their file.
    package var rules: [AlertRule]
    /// Which windows are kept and what is watched: of the configuration that it names, else the usual windows and nothing.
    package var plan: PipelinePlan
    /// The devices that are expected.
    package var roster: [RosterEntry]
    /// In the order of the file.
    package var tests: [RuleTest]

    /// Reads a file with what it names. Throws all mistakes together, each with file, line, key, value and what would be right.
    package static func load(_ path: String) throws(Mistakes) -> RuleTestFile {
        try parse(yaml: try SettingFiles.text(of: path), file: path)
    }

    /// The same of a text; what it names lies beside `file`.
    package static func parse(yaml text: String, file: String) throws(Mistakes) -> RuleTestFile {
        let root = try Setting.parse(yaml: text, file: file)
        var mistakes: [Mistake] = []
        var reader = SettingReader(root, &mistakes)
        func located(_ path: String) -> String { GatewayConfiguration.located(path, beside: file) }

        var configuration: GatewayConfiguration?
        if let path = reader.optionalText("configuration", &mistakes) {
            configuration = collect(&mistakes) { () throws(Mistakes) in try GatewayConfiguration(path: located(path)) }
        }
        let plan = configuration?.plan ?? PipelinePlan()
        let rulesFile = reader.optionalText("rules", &mistakes).map(located) ?? configuration?.rulesFile
        var rules: [AlertRule]?
        if let rulesFile {
            rules = collect(&mistakes) { () throws(Mistakes) in
                try RuleFile.parse(
                    yaml: try SettingFiles.text(of: rulesFile), file: rulesFile, windows: plan.windows.lengths(of:))
            }
        } else if root["rules"] == nil, root["configuration"] == nil {
            _ = reader.required("rules", "the file of the rules under test, such as alerts.yaml", &mistakes)
        }
        let roster = Self.roster(reader.optional("roster"), located, &mistakes)
        let section = RuleTestSection(rules: rules, roster: roster)
        var tests: [RuleTest] = []
        if let list = reader.required("tests", "a list of tests, each with name, series and expect", &mistakes) {
            if list.items?.isEmpty ?? true { mistakes.append(list.mistake("expected a list of tests, at least one")) }
            for item in list.items ?? [] {
                guard let test = section.test(item, &mistakes) else { continue }
                if let earlier = tests.first(where: { $0.name.hasBytes(of: test.name) }) {
                    mistakes.append(
                        (item["name"] ?? item).mistake("stands in line \(earlier.line) already; each name once"))
                }
                tests.append(test)
            }
        }
        reader.finish(&mistakes)
        guard mistakes.isEmpty, let rules else { throw Mistakes(mistakes) }
        return RuleTestFile(file: file, rules: rules, plan: plan, roster: roster, tests: tests)
    }

    /// Lines of a roster, or the file that has them.
    private static func roster(
        _ setting: Setting?, _ located: (String) -> String, _ mistakes: inout [Mistake]
    ) -> [RosterEntry] {
        guard let setting else { return [] }
        guard let text = setting.text else {
            mistakes.append(setting.mistake("expected the file of a roster, or its lines behind a |"))
            return []
        }
        guard text.utf8.contains(UInt8(ascii: "\n")) else {
            let path = located(text)
            return collect(&mistakes) { () throws(Mistakes) in
                try RosterFile.parse(csv: try SettingFiles.text(of: path), file: path)
            } ?? []
        }
        do throws(Mistakes) {
            return try RosterFile.parse(csv: text, file: setting.file)
        } catch {
            // Its first line is the one behind the |.
            mistakes += error.list.map {
                Mistake(
                    file: $0.file, line: setting.line + ($0.line ?? 0),
                    key: "roster" + ($0.key.isEmpty ? "" : ".\($0.key)"),
                    value: $0.value, expected: $0.expected)
            }
            return []
        }
    }

    private static func collect<Value>(
        _ mistakes: inout [Mistake], _ read: () throws(Mistakes) -> Value
    ) -> Value? {
        do throws(Mistakes) {
            return try read()
        } catch {
            mistakes += error.list
            return nil
        }
    }
}
