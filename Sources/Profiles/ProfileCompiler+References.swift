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

    // MARK: References

    /// One reference without `*`.
    mutating func single(_ setting: Setting, _ scope: Scope) -> Reference? {
        guard let text = setting.text else {
            mistakes.append(setting.mistake("expected a reference"))
            return nil
        }
        return single(text, at: setting, scope)
    }

    mutating func single(_ text: String, at setting: Setting, _ scope: Scope) -> Reference? {
        guard let reference = reference(text, at: setting, scope) else { return nil }
        if reference.iterates {
            mistakes.append(setting.mistake("expected a reference to one value; '*' gives many"))
            return nil
        }
        return reference
    }

    /// One reference or a list of them, of which the first present counts.
    mutating func references(_ setting: Setting, _ scope: Scope, mayIterate: Bool) -> Run? {
        let settings = setting.items ?? [setting]
        var references: [Reference] = []
        for item in settings {
            let found = mayIterate ? reference(item, scope) : single(item, scope)
            if let found { references.append(found) }
        }
        guard references.count == settings.count, !references.isEmpty else {
            if settings.isEmpty { mistakes.append(setting.mistake("expected at least one reference")) }
            return nil
        }
        return builder.add(references, to: \.references)
    }

    mutating func reference(_ setting: Setting, _ scope: Scope) -> Reference? {
        guard let text = setting.text else {
            mistakes.append(setting.mistake("expected a reference"))
            return nil
        }
        return reference(text, at: setting, scope)
    }

    mutating func reference(_ written: String, at setting: Setting, _ scope: Scope) -> Reference? {
        let text = expanded(written, scope)
        switch text {
        case ".": return Reference(base: .item)
        case "^", "^.": return Reference(base: .message)
        case "@key": return Reference(base: .key)
        case "@index": return Reference(base: .index)
        case "@outer": return Reference(base: .outerKey)
        default: break
        }
        if text.hasPrefix("$") {
            let name = String(text.dropFirst())
            guard !name.isEmpty, name.utf8.allSatisfy(Self.isNameByte) else {
                mistakes.append(setting.mistake("expected a name of letters, digits, '-' and '_' after '$'"))
                return nil
            }
            usesFacts = true
            return Reference(base: .fact, template: builder.fact(name))
        }
        if text.hasPrefix("/") { return pointer(text[...], base: .item, setting) }
        if text.hasPrefix("^/") { return pointer(text.dropFirst(), base: .message, setting) }
        if scope.captures[text] != nil {
            return template("{\(text)}", at: setting, scope).map { Reference(base: .template, template: $0) }
        }
        if text.contains("{") {
            return template(text, at: setting, scope).map { Reference(base: .template, template: $0) }
        }
        let hint = nearest(to: text, in: scope.captures.keys.sorted()).map { "; did you mean '\($0)'?" } ?? ""
        mistakes.append(
            setting.mistake(
                "expected a reference: /key, ^/key, ., @key, @index, @outer, $fact or a captured name\(hint)"))
        return nil
    }

    /// A JSON Pointer with `*` and `[key=value]`.
    private mutating func pointer(_ text: Substring, base: Reference.Base, _ setting: Setting) -> Reference? {
        var steps: [Step] = []
        var rest = text
        while rest.first == "/" {
            rest = rest.dropFirst()
            if rest.first == "[" {
                guard let close = rest.firstIndex(of: "]"), let equals = rest[..<close].firstIndex(of: "=") else {
                    mistakes.append(setting.mistake("expected [key=value]"))
                    return nil
                }
                let key = String(rest[rest.index(after: rest.startIndex)..<equals])
                let value = String(rest[rest.index(after: equals)..<close])
                steps.append(Step(kind: .filter, word: builder.word(key), literal: builder.literal(value)))
                rest = rest[rest.index(after: close)...]
                guard rest.isEmpty || rest.first == "/" else {
                    mistakes.append(setting.mistake("expected '/' or nothing after ']'"))
                    return nil
                }
                continue
            }
            let end = rest.firstIndex(of: "/") ?? rest.endIndex
            let token = rest[..<end]
            rest = rest[end...]
            if token == "*" {
                steps.append(Step(kind: .every))
                continue
            }
            let name = unescaped(token)
            let element = token.utf8.allSatisfy { $0 &- UInt8(ascii: "0") <= 9 } ? Int32(token) : nil
            steps.append(Step(kind: .member, word: builder.word(name), element: element ?? -1))
        }
        guard steps.count(where: { $0.kind == .every }) <= 2 else {
            mistakes.append(setting.mistake("expected at most two '*'"))
            return nil
        }
        let iterates = steps.contains { $0.kind == .every }
        return Reference(base: base, steps: builder.add(steps, to: \.steps), iterates: iterates)
    }

    /// `~1` is a slash and `~0` a tilde, after RFC 6901.
    private func unescaped(_ token: Substring) -> String {
        var result = ""
        var rest = token
        while let tilde = rest.firstIndex(of: "~") {
            result += rest[..<tilde]
            let next = rest.index(after: tilde)
            if next < rest.endIndex, rest[next] == "1" || rest[next] == "0" {
                result += rest[next] == "1" ? "/" : "~"
                rest = rest[rest.index(after: next)...]
            } else {
                result += "~"
                rest = rest[next...]
            }
        }
        return result + rest
    }

    // MARK: Templates

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

    // MARK: Conditions

    /// The conditions of `when` or `if`, and whether each can be judged before the item is known.
    mutating func compileConditions(
        _ setting: Setting, _ scope: Scope
    ) -> [(condition: Condition, isOfMessage: Bool)] {
        var conditions: [(condition: Condition, isOfMessage: Bool)] = []
        for entry in mapEntries(setting, "a map of references and the values they must have") {
            guard let reference = single(entry.key, at: entry.value, scope) else { continue }
            let isOfMessage =
                switch reference.base {
                case .message: true
                case .item: scope.isWholeMessage
                case .key, .index, .outerKey, .fact: false
                case .template: builder.entries.templates[Int(reference.template)].isOfTopic
                }
            var condition = Condition(kind: .oneOf, reference: builder.add(one: reference, to: \.references))
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
    private mutating func compileTest(_ setting: Setting, _ scope: Scope, _ condition: inout Condition) -> Bool {
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
