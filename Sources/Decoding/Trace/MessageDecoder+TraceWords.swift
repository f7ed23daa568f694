import Basics
import Telemetry

// Conditions, references, places and values as a person reads them.

extension MessageDecoder {
    mutating func failure(of conditions: Run) -> String {
        for position in conditions.range where !hold(Run(start: position, count: 1)) {
            let condition = plan.conditions[position]
            let name = written(plan.references[condition.reference])
            guard let value = value(of: condition.reference) else { return "\(name) is absent" }
            let words = condition.literals.range.prefix(8).map { "'\(text(of: plan.literals[$0].word))'" }
                .joined(separator: " or ")
            switch condition.kind {
            case .exists: return "\(name) is null"
            case .absent: return "\(name) is there: \(wire(value))"
            case .oneOf: return "\(name) is \(wire(value)), not \(words)"
            case .noneOf: return "\(name) is \(wire(value)), one of those that it must not be"
            case .above: return "\(name) is \(wire(value)), not above \(words)"
            case .below: return "\(name) is \(wire(value)), not below \(words)"
            case .hasWord: return "\(name) is \(wire(value)), without the word \(words)"
            case .like: return "\(name) is \(wire(value)), which is not like the pattern"
            }
        }
        return "a condition does not hold"
    }

    private func text(of word: Word) -> String {
        String(
            decoding: UnsafeRawBufferPointer(start: plan.bytes.pointer + Int(word.start), count: Int(word.count)),
            as: UTF8.self)
    }

    /// A reference as a profile writes it; of a template, the text that it gives here.
    mutating func written(_ reference: Reference) -> String {
        switch reference.base {
        case .key: return "@key"
        case .index: return "@index"
        case .outerKey: return "@outer"
        case .fact: return "$\(catalog.plan.factNames[Int(reference.template)])"
        case .template:
            let name = written(reference.template).map { String(decoding: $0, as: UTF8.self) }
            return name.map { "'\($0)'" } ?? "the template"
        case .item, .message: break
        }
        var name = reference.base == .message && item.node != 0 ? "^" : ""
        for position in reference.steps.range {
            let step = plan.steps[position]
            switch step.kind {
            case .member: name += "/" + text(of: step.word).replacing("~", with: "~0").replacing("/", with: "~1")
            case .every: name += "/*"
            case .filter: name += "/[\(text(of: step.word))=\(text(of: step.literal.word))]"
            }
        }
        return name.isEmpty ? "." : name
    }

    /// Where a reference without `*` leads in the message.
    mutating func place(of position: UInt32) -> String {
        let node = node(at: position)
        return node >= 0 ? path(to: Int(node)) : written(plan.references[position])
    }

    /// The JSON Pointer of a node; what was unwrapped stands behind the place of its bytes.
    mutating func path(to node: Int) -> String {
        var root = 0
        var path = ""
        while root < document.tape.count, Int(document.tape.nodes[root].next) <= node,
            Int(document.tape.nodes[root].next) > root
        {
            root = Int(document.tape.nodes[root].next)
        }
        if root > 0 { path = trace?.unwrapPrefix ?? "" }
        var place = root
        while place < node {
            var child = place + 1
            var index = 0
            while child < document.tape.count, Int(document.tape.nodes[child].next) <= node,
                Int(document.tape.nodes[child].next) > child
            {
                child = Int(document.tape.nodes[child].next)
                index += 1
            }
            guard child <= node else { break }
            path += "/" + key(of: child, index, in: place)
            place = child
        }
        return path.isEmpty ? "." : path
    }

    mutating func key(of child: Int, _ index: Int, in container: Int) -> String {
        guard document.tape.nodes[container].kind == .object else { return "\(index)" }
        let node = document.tape.nodes[child]
        let base = (node.isKeyOfPlan ? plan.bytes.pointer : document.text) + Int(node.keyStart)
        let mark = scratch.arena.mark
        defer { scratch.arena.rewind(to: mark) }
        let name =
            node.isKeyEscaped && Int(node.keyCount) <= Self.namedTextBytesMax
            ? unescaped(base, count: Int(node.keyCount))
            : UnsafeRawBufferPointer(start: base, count: Int(node.keyCount))
        return String(decoding: name, as: UTF8.self).replacing("~", with: "~0").replacing("/", with: "~1")
    }

    /// A value as it stands in the message, texts in quotes, cut where it is long.
    mutating func wire(_ value: Scalar) -> String {
        switch value.kind {
        case .array: return "a list"
        case .object: return "an object"
        case .null: return "null"
        case .yes: return "true"
        case .no: return "false"
        case .real: return Int64(exactly: value.real).map { "\($0)" } ?? "\(value.real)"
        case .number: return String(decoding: value.bytes.prefix(80), as: UTF8.self)
        case .text:
            let mark = scratch.arena.mark
            defer { scratch.arena.rewind(to: mark) }
            let bytes = plainText(value) ?? value.bytes
            let cut = bytes.count > 80
            return "\"\(String(decoding: bytes.prefix(80), as: UTF8.self))\(cut ? "…" : "")\""
        }
    }
}
