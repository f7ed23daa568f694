import Basics
import Decoding
import Settings
import Telemetry

extension ProfileCompiler {
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
}
