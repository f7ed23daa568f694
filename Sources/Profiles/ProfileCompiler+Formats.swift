import Basics
import Decoding
import Settings
import Telemetry

extension ProfileCompiler {
    /// `format`, and the keys that only some formats have.
    mutating func compileFormat(
        _ reader: inout SettingReader, _ scope: Scope
    ) -> (format: RulePlan.Format, options: Int32) {
        let written = reader.optional("format")
        let known = written.map { written in RulePlan.Format.allCases.first { $0.word == written.text } } ?? .json
        if known == nil, let written {
            let words = RulePlan.Format.allCases.map(\.word)
            let hint = nearest(to: written.shown, in: words).map { "; did you mean '\($0)'?" } ?? ""
            mistakes.append(written.mistake("expected one of \(words.joined(separator: ", "))\(hint)"))
        }
        let format = known ?? .json
        let lines = reader.optional("lines")
        let separator = reader.optional("separator")
        let names = reader.optional("names")
        if known != nil, lines != nil || separator != nil || names != nil {
            for (key, setting, owner) in [
                ("lines", lines, RulePlan.Format.lines), ("separator", separator, .split), ("names", names, .split),
            ] where setting != nil && format != owner {
                mistakes.append(setting!.mistake("'\(key)' is of format \(owner.word), not \(format.word)"))
            }
        }
        var plan = FormatPlan()
        switch format {
        case .lines:
            guard let lines else {
                _ = reader.required("lines", "a list of line patterns, such as \"{code}({value}*{unit})\"", &mistakes)
                return (format, -1)
            }
            plan.patterns = compileLines(lines, scope)
        case .split:
            let text = separator?.text ?? separator.map { $0.isQuoted ? "" : $0.shown } ?? ","
            if text.isEmpty {
                mistakes.append(separator!.mistake("expected a separator of one or more signs, such as ',' or ';'"))
            }
            plan.separator = builder.word(text)
            if let names { plan.names = compileNames(names) }
        case .json, .text, .form, .influx, .senml, .sparkplug, .cbor, .hj212: return (format, -1)
        }
        return (format, Int32(builder.add(one: plan, to: \.formats)))
    }

    private mutating func compileNames(_ setting: Setting) -> Run {
        var names: [String] = []
        for item in setting.items ?? [setting] {
            guard let text = item.text, !text.isEmpty, !names.contains(text) else {
                mistakes.append(item.mistake("expected a name, each name once"))
                continue
            }
            names.append(text)
        }
        if names.isEmpty { mistakes.append(setting.mistake("expected a list of names, in the order of the pieces")) }
        return builder.add(names.map { builder.literal($0) }, to: \.literals)
    }

    /// Patterns of whole lines; their holes become names of the document and no captures.
    private mutating func compileLines(_ setting: Setting, _ scope: Scope) -> Run {
        var patterns: [Pattern] = []
        for item in setting.items ?? [setting] {
            guard let text = expanded(item, scope), let pieces = holes(in: text, item) else { continue }
            var parts: [PatternPart] = []
            var names: Set<String> = ["line"]
            for (index, piece) in pieces.enumerated() {
                switch piece {
                case .literal(let literal): parts.append(PatternPart(kind: .literal, word: builder.word(literal)))
                case .hole(let name, let kind):
                    if !names.insert(name).inserted {
                        mistakes.append(item.mistake("expected each name once; '\(name)' is taken"))
                    }
                    if kind == .rest, index < pieces.count - 1 {
                        mistakes.append(
                            item.mistake("expected {\(name)...} at the end of the line; {\(name)} may hold '/'"))
                    }
                    let place = Int32(names.count - 2)
                    parts.append(PatternPart(kind: kind, word: builder.word(name), capture: place))
                }
            }
            builder.entries.lineHolesMax = max(builder.entries.lineHolesMax, names.count - 1)
            patterns.append(Pattern(parts: builder.add(parts, to: \.patternParts)))
        }
        if patterns.isEmpty { mistakes.append(setting.mistake("expected at least one line pattern")) }
        return builder.add(patterns, to: \.patterns)
    }
}
