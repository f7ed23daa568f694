package import Basics
import Decoding
import Profiles
import Settings
import Telemetry

/// What is wrong with profiles, and what looks as if it were.
package struct ProfileLint: Sendable {
    /// Something that loads and is probably not meant.
    package struct Warning: Sendable, Hashable, CustomStringConvertible {
        /// Path of the profile, as it was given.
        package var file: String
        /// From 1.
        package var line: Int
        /// Dotted path, such as `rules[2].topic`.
        package var key: String
        /// What is odd, and what would be right.
        package var text: String

        /// `profile.yaml:12: warning: rules[2].topic: …`, as editors read it.
        package var description: String { "\(file):\(line): warning: \(key): \(text)" }
    }

    /// All mistakes of all profiles, as the loader finds them.
    package let mistakes: [Mistake]
    /// Of one profile after the other; those of rules that are never reached come last.
    package let warnings: [Warning]

    /// Looks at profiles that are loaded together.
    package init(_ folders: [ProfileFolder], parameters: [String: String] = [:]) {
        do {
            _ = try DeviceCatalog.compile(folders.map(\.source), parameters: parameters)
            mistakes = []
        } catch {
            mistakes = error.list
        }
        var warnings: [Warning] = []
        var rules: [LintedRule] = []
        for folder in folders {
            // What is not YAML is a mistake above.
            guard let root = try? Setting.parse(yaml: folder.source.text, file: folder.source.path) else { continue }
            warnings += Self.warnings(of: folder, root)
            for rule in root["rules"]?.items ?? [] {
                let linted = LintedRule(rule, root["params"])
                warnings += linted.warnings
                rules.append(linted)
            }
        }
        self.warnings = warnings + Self.unreachable(rules)
    }

    private static func warnings(of folder: ProfileFolder, _ root: Setting) -> [Warning] {
        var warnings: [Warning] = []
        if (root["sources"]?.items?.isEmpty ?? (root["sources"]?.text == nil)) {
            warnings.append(root.warning("sources", "missing: where the dialect is described, for whoever mends this"))
        }
        if folder.samples.isEmpty {
            warnings.append(root.warning("examples", "no samples: nothing tests this profile; put one into samples/"))
        }
        let examples = root["examples"].map { $0.items ?? [$0] } ?? []
        for example in examples {
            guard let name = example.text, !folder.samples.contains(where: { $0.path.hasSuffix("/" + name) }) else {
                continue
            }
            let names = folder.samples.map { "samples/" + ($0.path.split(separator: "/").last ?? "") }
            let hint = nearest(to: name, in: names).map { "; did you mean '\($0)'?" } ?? ""
            warnings.append(
                Warning(
                    file: example.file, line: example.line, key: example.path, text: "there is no file '\(name)'\(hint)"
                ))
        }
        return warnings
    }

    /// Rules behind one that ignores the same topic under no condition, or under the same ones.
    private static func unreachable(_ rules: [LintedRule]) -> [Warning] {
        var warnings: [Warning] = []
        for (index, rule) in rules.enumerated() {
            let wall = rules[..<index].first { earlier in
                earlier.isIgnored && earlier.shape == rule.shape && earlier.conditions.isSubset(of: rule.conditions)
            }
            guard let wall else { continue }
            let place = wall.setting.file == rule.setting.file ? "line" : "\(wall.setting.file), line"
            warnings.append(
                Warning(
                    file: rule.setting.file, line: rule.setting.line, key: rule.setting.path,
                    text: "never reached: the rule in \(place) \(wall.setting.line) ignores what this one would read"))
        }
        return warnings
    }
}

extension Setting {
    fileprivate func warning(_ key: String, _ text: String) -> ProfileLint.Warning {
        ProfileLint.Warning(
            file: file, line: line, key: path.isEmpty ? key : key.isEmpty ? path : "\(path).\(key)", text: text)
    }
}

/// One rule as lint sees it.
private struct LintedRule {
    let setting: Setting
    let isIgnored: Bool
    /// The topic with its parameters filled in and its holes without names.
    let shape: String
    let conditions: Set<String>
    private(set) var warnings: [ProfileLint.Warning] = []

    init(_ setting: Setting, _ parameters: Setting?) {
        self.setting = setting
        isIgnored = ["true", "yes", "on"].contains(setting["ignore"]?.text ?? "")
        let fill = (parameters?.entries ?? []).map { ("{\($0.key)}", $0.value.text ?? "") }
        let topic = fill.reduce(setting["topic"]?.text ?? "") { $0.replacing($1.0, with: $1.1) }
        shape = Self.withoutNames(topic)
        conditions = Set((setting["when"]?.entries ?? []).map { "\($0.key)\u{0}\(Self.written($0.value))" })

        let levels = topic.split(separator: "/", omittingEmptySubsequences: false)
        if !topic.isEmpty,
            levels.allSatisfy({ $0.hasPrefix("{") && $0.hasSuffix("}") && !$0.dropFirst().contains("{") })
        {
            let all = levels.last?.hasSuffix("...}") == true ? "every topic" : "every topic of \(levels.count) levels"
            warnings.append(
                (setting["topic"] ?? setting).warning(
                    "", "takes \(all) that no other rule has; begin it with a literal level"))
        }
        if !isIgnored { warnCaptures(fill.map(\.0)) }
        if let read = setting["read"] { warnUnits(read) }
        for row in setting["table"]?["rows"]?.entries ?? [] { warnUnits(row.value) }
    }

    private static func withoutNames(_ topic: String) -> String {
        var shape = ""
        var rest = topic[...]
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            let hole = rest[open..<close]
            shape += rest[..<open] + (hole.hasSuffix("...") ? "{...}" : hole.hasSuffix(":digits") ? "{:digits}" : "{}")
            rest = rest[rest.index(after: close)...]
        }
        return shape + rest
    }

    private static func written(_ setting: Setting) -> String {
        switch setting.content {
        case .scalar(let text): text
        case .list(let items): "[" + items.map(written).joined(separator: "\u{1}") + "]"
        case .map(let entries): "{" + entries.map { "\($0.key)\u{1}\(written($0.value))" }.joined() + "}"
        }
    }

    // MARK: Captures

    /// Names that say of themselves that nobody asks for them.
    private static func isNobodys(_ name: String) -> Bool { name.hasPrefix("any") || name.hasPrefix("_") }

    private mutating func warnCaptures(_ parameters: [String]) {
        var captured: [(name: String, at: Setting)] = []
        if let topic = setting["topic"] { captured += Self.holes(in: topic.text ?? "").map { ($0, topic) } }
        for entry in setting["capture"]?.entries ?? [] {
            captured += Self.holes(in: entry.value.text ?? "").map { ($0, entry.value) }
        }
        var texts: [String] = []
        for entry in setting.entries ?? [] where entry.key != "topic" {
            if entry.key == "capture" {
                // The pattern names; only the reference before it asks.
                texts += (entry.value.entries ?? []).map(\.key)
            } else {
                Self.gather(entry.value, into: &texts)
            }
        }
        for (name, place) in captured
        where !Self.isNobodys(name) && !parameters.contains("{\(name)}")
            && !texts.contains(where: { Self.asks($0, name) })
        {
            warnings.append(
                place.warning("", "'\(name)' is captured and never used; call it {any} if it does not matter"))
        }
    }

    private static func holes(in text: String) -> [String] {
        text.split(separator: "{").dropFirst(text.hasPrefix("{") ? 0 : 1).compactMap { piece in
            guard let close = piece.firstIndex(of: "}") else { return nil }
            let hole = piece[..<close]
            if hole.hasSuffix("...") { return String(hole.dropLast(3)) }
            return String(hole.split(separator: ":").first ?? "")
        }
    }

    private static func gather(_ setting: Setting, into texts: inout [String]) {
        switch setting.content {
        case .scalar(let text): texts.append(text)
        case .list(let items): for item in items { gather(item, into: &texts) }
        case .map(let entries):
            for entry in entries {
                texts.append(entry.key)
                gather(entry.value, into: &texts)
            }
        }
    }

    private static func asks(_ text: String, _ name: String) -> Bool {
        if text == name || text.contains("{\(name)}") || text.contains("{\(name) ") { return true }
        // In a calculation a capture stands bare.
        return text.contains { "+-*/^<>=()".contains($0) }
            && text.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.contains(Substring(name))
    }

    // MARK: Units

    private mutating func warnUnits(_ readings: Setting) {
        for entry in readings.entries ?? [] {
            guard let quantity = Quantity(named: entry.key), quantity.unit != "1" else { continue }
            let settings = entry.value.items.flatMap { $0.contains { $0.entries != nil } ? $0 : nil } ?? [entry.value]
            // One word for all readings of the quantity.
            if settings.contains(where: { reading in !["unit", "map", "calc", "word"].contains { reading[$0] != nil } })
            {
                warnings.append(
                    ProfileLint.Warning(
                        file: entry.value.file, line: entry.keyLine, key: entry.value.path,
                        text: "no unit: values are taken to be in \(quantity.unit); say so with unit: \(quantity.unit)")
                )
            }
        }
    }
}
