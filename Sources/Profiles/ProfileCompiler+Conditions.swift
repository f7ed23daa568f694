import Basics
import Decoding
import Settings
import Telemetry

extension ProfileCompiler {
    /// The conditions of `when` or `if`, and whether each can be judged before the item is known.
    mutating func compileConditions(
        _ setting: Setting, _ scope: Scope
    ) -> [(condition: WhenCondition, isOfMessage: Bool)] {
        var conditions: [(condition: WhenCondition, isOfMessage: Bool)] = []
        for entry in mapEntries(setting, "a map of references and the values they must have") {
            guard let reference = single(entry.key, at: entry.value, scope) else { continue }
            let isOfMessage =
                switch reference.base {
                case .message: true
                case .item: scope.isWholeMessage
                case .key, .index, .outerKey, .fact: false
                case .template: builder.entries.templates[Int(reference.template)].isOfTopic
                }
            var condition = WhenCondition(kind: .oneOf, reference: builder.add(one: reference, to: \.references))
            if entry.value.entries != nil {
                guard compileTest(entry.value, scope, &condition) else { continue }
            } else if let items = entry.value.items {
                let literals = items.compactMap { item -> Literal? in
                    expanded(item, scope).map { builder.literal($0) }
                }
                condition.literals = builder.add(literals, to: \.literals)
            } else if entry.value.text == "exists", !entry.value.isQuoted {
                condition.kind = .exists
            } else if entry.value.text == "absent", !entry.value.isQuoted {
                condition.kind = .absent
            } else if let text = expanded(entry.value, scope) {
                condition.literals = builder.add([builder.literal(text)], to: \.literals)
            } else {
                continue
            }
            conditions.append((condition, isOfMessage))
        }
        return conditions
    }

    /// `{like: …}`, `{not: …}`, `{above: …}`, `{below: …}` or `{word: …}`; false, and a mistake, for anything else.
    private mutating func compileTest(_ setting: Setting, _ scope: Scope, _ condition: inout WhenCondition) -> Bool {
        let known = ["like", "not", "above", "below", "word"]
        guard let entry = setting.entries?.first, setting.entries?.count == 1, known.contains(entry.key) else {
            let hint = setting.entries?.first.flatMap { nearest(to: $0.key, in: known) }
                .map { "; did you mean '\($0)'?" }
            mistakes.append(setting.mistake("expected one of like, not, above, below and word\(hint ?? "")"))
            return false
        }
        let values = entry.value.items ?? [entry.value]
        switch entry.key {
        case "like":
            // The holes of a comparison name nothing.
            var inner = scope
            inner.captures = [:]
            guard let pattern = compilePattern(entry.value, &inner) else { return false }
            forgetCaptures(of: pattern)
            condition.kind = .like
            condition.pattern = pattern
            return true
        case "not": condition.kind = .noneOf
        case "word": condition.kind = .hasWord
        default: condition.kind = entry.key == "above" ? .above : .below
        }
        var literals: [Literal] = []
        for value in values {
            guard let text = expanded(value, scope) else { return false }
            literals.append(builder.literal(text))
        }
        if condition.kind == .above || condition.kind == .below, literals.count != 1 || literals[0].number.isNaN {
            mistakes.append(entry.value.mistake("expected a number"))
            return false
        }
        condition.literals = builder.add(literals, to: \.literals)
        return true
    }

    private mutating func forgetCaptures(of pattern: UInt32) {
        for position in builder.entries.patterns[Int(pattern)].parts.range {
            builder.entries.patternParts[Int(position)].capture = -1
        }
    }
}
