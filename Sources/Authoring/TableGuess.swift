import Basics
import Telemetry

/// A list whose items name their quantity: `[{"type": "temperature", "value": 21.5}]`.
struct TableGuess {
    let keyPath: String
    let valuePath: String
    private(set) var rows: [(key: String, text: String)] = []
    private(set) var unknown: [String] = []

    private static let keyNames = [
        "name", "key", "type", "valuetype", "n", "attribute", "attributename", "quantity", "measurand", "parameter",
        "sensor",
        "field", "variable", "id",
    ]
    private static let valueNames = ["value", "val", "v", "sensorvalue", "reading"]

    init?(_ items: MessageShape, _ trees: [JSONTree], at path: String, isKeyed: Bool) {
        guard !isKeyed else { return nil }
        func find(_ names: [String], _ isFine: (MessageShape) -> Bool) -> String? {
            for wanted in names {
                for (key, member) in items.members
                where QuantityAliases.words(of: key).joined() == wanted && isFine(member) { return key }
            }
            return nil
        }
        guard let value = find(Self.valueNames, { $0.numbers != nil || !$0.values.isEmpty }),
            let key = find(
                Self.keyNames,
                { member in
                    !member.values.isEmpty
                        && member.values.allSatisfy { if case .text = $0 { true } else { false } }
                        && member.values.contains { QuantityAliases.guess($0.text) != nil }
                }), let keyPath = FieldWalk.pointer("", key), let valuePath = FieldWalk.pointer("", value)
        else { return nil }
        self.keyPath = YAMLText.quoted(keyPath)
        self.valuePath = YAMLText.quoted(valuePath)

        var order: [String] = []
        var shapes: [String: MessageShape] = [:]
        var units: [String: String] = [:]
        for item in trees.flatMap({ Self.items(of: $0, at: path) }) {
            guard case .object(let members) = item,
                case .text(let name)? = members.first(where: { $0.key == key })?.value,
                let tree = members.first(where: { $0.key == value })?.value
            else { continue }
            if shapes[name] == nil {
                order.append(name)
                shapes[name] = MessageShape()
            }
            shapes[name]?.add(tree)
            for unitName in ["unit", "units", "uom", "u"] {
                if case .text(let unit)? = members.first(where: { $0.key == unitName })?.value { units[name] = unit }
            }
        }
        for name in order {
            guard let shape = shapes[name] else { continue }
            if let found = FieldGuess.reading([name], shape, unit: units[name]) {
                var parts = found.parts
                if let channel = found.channel { parts.append("channel: \(YAMLText.quoted(channel))") }
                rows.append((name, "{\(found.quantity.name): {\(parts.joined(separator: ", "))}}"))
            } else {
                unknown.append("\(name): \(FieldWalk.seen(shape))")
            }
        }
        guard !rows.isEmpty else { return nil }
    }

    private static func items(of tree: JSONTree, at path: String) -> [JSONTree] {
        var node = tree
        for token in path.split(separator: "/") {
            let key = token.replacing("~1", with: "/").replacing("~0", with: "~")
            guard case .object(let members) = node, let next = members.first(where: { $0.key == key })?.value else {
                return []
            }
            node = next
        }
        guard case .list(let items) = node else { return [] }
        return items
    }
}
