import Basics
import Telemetry

/// The JSON Schema (draft 2020-12) of `profile.yaml`, for editors.
package enum ProfileSchema {
    /// The whole schema, indented, with a line's end.
    package static var text: String {
        var members: [(String, Tree)] = [
            ("$schema", .text("https://json-schema.org/draft/2020-12/schema")),
            ("title", .text("Device profile")),
            ("$ref", .text("#/$defs/profile")),
        ]
        var definitions = ProfileKeys.sections.map { ($0.name, schema(of: $0)) }
        definitions.append(("readings", readings))
        members.append(("$defs", .object(definitions)))
        return Tree.object(members).written(indent: 0) + "\n"
    }

    /// A JSON value whose members keep their order.
    indirect enum Tree {
        case text(String)
        /// As it is written.
        case number(String)
        case flag(Bool)
        case list([Tree])
        case object([(String, Tree)])

        func written(indent: Int) -> String {
            let margin = String(repeating: " ", count: indent + 2)
            let end = "\n" + String(repeating: " ", count: indent)
            switch self {
            case .text(let text): return JSONText.quoted(text)
            case .number(let number): return number
            case .flag(let flag): return flag ? "true" : "false"
            case .list(let items):
                // Words stand in a row.
                let words = items.compactMap { if case .text(let text) = $0 { JSONText.quoted(text) } else { nil } }
                if words.count == items.count { return "[\(words.joined(separator: ", "))]" }
                return "[\n"
                    + items.map { margin + $0.written(indent: indent + 2) }.joined(separator: ",\n") + end + "]"
            case .object(let members):
                if members.isEmpty { return "{}" }
                if members.count == 1, case .text(let text) = members[0].1 {
                    return "{\(JSONText.quoted(members[0].0)): \(JSONText.quoted(text))}"
                }
                let lines = members.map { "\(margin)\(JSONText.quoted($0.0)): \($0.1.written(indent: indent + 2))" }
                return "{\n" + lines.joined(separator: ",\n") + end + "}"
            }
        }
    }

    private static func type(_ name: String) -> Tree { .object([("type", .text(name))]) }

    private static func reference(_ name: String) -> Tree { .object([("$ref", .text("#/$defs/\(name)"))]) }

    private static func schema(of section: ProfileKeys.Section) -> Tree {
        let properties = section.keys.map { key -> (String, Tree) in
            var members: [(String, Tree)] = [("description", .text(key.meaning))]
            if case .object(let form) = schema(of: key.form) { members += form }
            return (key.name, .object(members))
        }
        var members: [(String, Tree)] = [
            ("description", .text(section.meaning)), ("type", .text("object")), ("properties", .object(properties)),
        ]
        let required = section.keys.filter(\.isRequired).map { Tree.text($0.name) }
        if !required.isEmpty { members.append(("required", .list(required))) }
        members.append(("additionalProperties", section.others.map { schema(of: $0) } ?? .flag(false)))
        return .object(members)
    }

    private static func schema(of form: ProfileKeys.Form) -> Tree {
        switch form {
        case .text: return type("string")
        case .word(let words): return .object([("enum", .list(words.map { .text($0) }))])
        case .flag: return type("boolean")
        case .number: return .object([("type", .list([.text("number"), .text("string")]))])
        case .scalar: return .object([("type", .list([.text("string"), .text("number"), .text("boolean")]))])
        case .null: return type("null")
        case .list(let item): return .object([("type", .text("array")), ("items", schema(of: item))])
        case .map(let value): return .object([("type", .text("object")), ("additionalProperties", schema(of: value))])
        case .section(let name): return reference(name)
        case .readings: return reference("readings")
        case .any(let forms): return .object([("anyOf", .list(forms.map { schema(of: $0) }))])
        }
    }

    private static var readings: Tree {
        let reading = Tree.list([
            type("string"), type("null"), reference("reading"),
            .object([
                ("type", .text("array")),
                ("items", .object([("anyOf", .list([type("string"), reference("reading")]))])),
            ]),
        ])
        let properties = Quantity.all.map { quantity -> (String, Tree) in
            let definition = quantity.definition
            let meaning =
                "\(definition.title), in \(definition.unit), \(TraceReport.short(definition.min)) to "
                + TraceReport.short(definition.max)
            return (quantity.name, .object([("description", .text(meaning)), ("anyOf", reading)]))
        }
        return .object([
            ("description", .text("Quantities and where they stand.")), ("type", .text("object")),
            ("properties", .object(properties)), ("additionalProperties", .flag(false)),
        ])
    }
}
