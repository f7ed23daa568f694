import Basics
import Decoding
import Settings
import Telemetry

extension ProfileCompiler {
    /// A piece of a text with holes.
    enum Piece: Equatable {
        case literal(String)
        case hole(String, PatternPart.Kind)
    }

    /// The text of a setting with parameters and variables filled in; notes a mistake where it is no text.
    mutating func expanded(_ setting: Setting, _ scope: Scope) -> String? {
        guard let text = setting.text else {
            mistakes.append(setting.mistake("expected text"))
            return nil
        }
        return expanded(text, scope)
    }

    func expanded(_ text: String, _ scope: Scope) -> String {
        guard text.contains("{"), !scope.substitutions.isEmpty else { return text }
        var result = ""
        var rest = text[...]
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            result += rest[..<open]
            let name = String(rest[rest.index(after: open)..<close])
            result += scope.substitutions[name] ?? String(rest[open...close])
            rest = rest[rest.index(after: close)...]
        }
        return result + rest
    }

    /// Parts a text into literals and `{name}`, `{name:digits}`, `{name...}`.
    mutating func holes(in text: String, _ setting: Setting) -> [Piece]? {
        var pieces: [Piece] = []
        var rest = text[...]
        while let open = rest.firstIndex(of: "{") {
            if open > rest.startIndex { pieces.append(.literal(String(rest[..<open]))) }
            guard let close = rest[open...].firstIndex(of: "}") else {
                mistakes.append(setting.mistake("expected '}' after '{'"))
                return nil
            }
            var name = String(rest[rest.index(after: open)..<close])
            var kind = PatternPart.Kind.level
            if name.hasSuffix("...") {
                name.removeLast(3)
                kind = .rest
            } else if let colon = name.firstIndex(of: ":") {
                guard name[name.index(after: colon)...] == "digits" else {
                    mistakes.append(setting.mistake("expected {name}, {name:digits} or {name...}"))
                    return nil
                }
                name = String(name[..<colon])
                kind = .digits
            }
            guard !name.isEmpty, name.utf8.allSatisfy(Self.isNameByte) else {
                mistakes.append(setting.mistake("expected a name of letters, digits, '-' and '_' between '{' and '}'"))
                return nil
            }
            if case .hole? = pieces.last {
                mistakes.append(setting.mistake("expected text between '{\(name)}' and the hole before it"))
                return nil
            }
            pieces.append(.hole(name, kind))
            rest = rest[rest.index(after: close)...]
        }
        if rest.contains("}") {
            mistakes.append(setting.mistake("expected '{' before '}'"))
            return nil
        }
        if !rest.isEmpty { pieces.append(.literal(String(rest))) }
        return pieces
    }

    /// A pattern whose holes become captures.
    mutating func compilePattern(_ setting: Setting, _ scope: inout Scope) -> UInt32? {
        guard let text = expanded(setting, scope), let pieces = holes(in: text, setting) else { return nil }
        var parts: [PatternPart] = []
        for (index, piece) in pieces.enumerated() {
            switch piece {
            case .literal(let literal): parts.append(PatternPart(kind: .literal, word: builder.word(literal)))
            case .hole(let name, let kind):
                if kind == .rest, index < pieces.count - 2 {
                    mistakes.append(setting.mistake("expected at most one text after {\(name)...}"))
                    return nil
                }
                let position = UInt32(scope.captures.count)
                guard scope.captures.updateValue(position, forKey: name) == nil else {
                    mistakes.append(setting.mistake("expected each name once; '\(name)' is taken"))
                    return nil
                }
                parts.append(PatternPart(kind: kind, capture: Int32(position)))
            }
        }
        return builder.add(one: Pattern(parts: builder.add(parts, to: \.patternParts)), to: \.patterns)
    }

    /// A text with `{capture}`, `{/reference}` and `{reference >> 1}` in it.
    mutating func template(_ written: String, at setting: Setting, _ scope: Scope) -> UInt32? {
        var parts: [TemplatePart] = []
        var plan = Template(isStatic: true, isOfTopic: true)
        var rest = expanded(written, scope)[...]
        while let open = rest.firstIndex(of: "{") {
            if open > rest.startIndex {
                parts.append(TemplatePart(kind: .literal, word: builder.word(String(rest[..<open]))))
            }
            guard let close = rest[open...].firstIndex(of: "}") else {
                mistakes.append(setting.mistake("expected '}' after '{'"))
                return nil
            }
            let hole = rest[rest.index(after: open)..<close]
            guard let part = templatePart(String(hole), at: setting, scope, &plan) else { return nil }
            parts.append(part)
            plan.isStatic = false
            rest = rest[rest.index(after: close)...]
        }
        if !rest.isEmpty || parts.isEmpty {
            parts.append(TemplatePart(kind: .literal, word: builder.word(String(rest))))
        }
        plan.parts = builder.add(parts, to: \.templateParts)
        return builder.add(one: plan, to: \.templates)
    }

    private mutating func templatePart(
        _ hole: String, at setting: Setting, _ scope: Scope, _ plan: inout Template
    ) -> TemplatePart? {
        var operand = hole[...]
        var operations: [IntegerOperation] = []
        // From the end, for a reference may itself hold blanks: `/motor speed >> 1`.
        while let numberStart = operand.lastIndex(of: " "),
            let number = Int64(operand[operand.index(after: numberStart)...])
        {
            let before = operand[..<numberStart]
            guard let signStart = before.lastIndex(of: " ") else { break }
            let kind: IntegerOperation.Kind
            switch before[before.index(after: signStart)...] {
            case ">>": kind = .shiftRight
            case "+": kind = .add
            case "&": kind = .and
            default:
                mistakes.append(setting.mistake("expected '>>', '+' or '&' before a number"))
                return nil
            }
            if kind == .shiftRight, !(0...63).contains(number) {
                mistakes.append(setting.mistake("expected a shift of 0 to 63"))
                return nil
            }
            operations.insert(IntegerOperation(kind: kind, operand: number), at: 0)
            operand = before[..<signStart]
        }
        let run = builder.add(operations, to: \.operations)
        let name = String(operand)
        if let capture = scope.captures[name] {
            if capture >= scope.topicCaptureCount { plan.isOfTopic = false }
            return TemplatePart(kind: .capture, position: capture, operations: run)
        }
        plan.isOfTopic = false
        guard name.hasPrefix("/") || name.hasPrefix("^") || name.hasPrefix("@") || name.hasPrefix("$") || name == "."
        else {
            let hint = nearest(to: name, in: scope.captures.keys.sorted()).map { "; did you mean '\($0)'?" } ?? ""
            mistakes.append(setting.mistake("nothing is called '\(name)' here\(hint)"))
            return nil
        }
        guard let reference = single(name, at: setting, scope) else { return nil }
        switch reference.base {
        case .key, .index, .outerKey: plan.usesIteration = true
        case .item, .message, .template, .fact: break
        }
        return TemplatePart(
            kind: .reference, position: builder.add(one: reference, to: \.references), operations: run)
    }

    /// A template, or `{from, map, else}`.
    mutating func compileNaming(_ setting: Setting, _ scope: Scope) -> UInt32? {
        guard setting.entries != nil else {
            guard let text = setting.text ?? (setting.isQuoted ? "" : nil) else {
                mistakes.append(setting.mistake("expected text, or a map with 'from' and 'map'"))
                return nil
            }
            guard let template = template(text, at: setting, scope) else { return nil }
            return builder.add(one: Naming(template: Int32(template)), to: \.namings)
        }
        var reader = SettingReader(setting, &mistakes)
        let from = reader.required("from", "where the value stands, such as /address", &mistakes)
        let map = reader.required("map", "a map of values and names", &mistakes)
        let otherwise = reader.optional("else")
        reader.finish(&mistakes)
        let reference = from.flatMap { single($0, scope) }
        var cases: [NamingCase] = []
        for entry in mapEntries(map, "a map of values and names") {
            guard let text = entry.value.text else {
                mistakes.append(entry.value.mistake("expected text"))
                continue
            }
            guard let template = template(text, at: entry.value, scope) else { continue }
            cases.append(NamingCase(literal: builder.literal(entry.key), template: template))
        }
        var naming = Naming(cases: builder.add(cases, to: \.namingCases))
        if let otherwise {
            guard let text = otherwise.text else {
                mistakes.append(otherwise.mistake("expected text"))
                return nil
            }
            guard let template = template(text, at: otherwise, scope) else { return nil }
            naming.template = Int32(template)
        }
        guard let reference else { return nil }
        naming.reference = Int32(builder.add(one: reference, to: \.references))
        return builder.add(one: naming, to: \.namings)
    }
}
