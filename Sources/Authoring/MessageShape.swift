/// What several messages of one kind have in common: every place, and the values met there.
final class MessageShape {
    /// Messages (or items of a list) that had this place.
    private(set) var count = 0
    private(set) var nullCount = 0
    /// Scalars as met: numbers and truth values as written, texts without quotes; the first ones only.
    private(set) var values: [Value] = []
    private(set) var members: [(key: String, shape: MessageShape)] = []
    /// Of a list: all its items taken together.
    private(set) var items: MessageShape?
    private(set) var itemCountMax = 0

    enum Value: Hashable {
        case number(String)
        case text(String)
        case flag(Bool)

        /// Numbers in strings are numbers; truth values are 1 and 0.
        var number: Double? {
            switch self {
            case .number(let text), .text(let text):
                guard let number = Double(text), number.isFinite else { return nil }
                return number
            case .flag(let flag): return flag ? 1 : 0
            }
        }

        var isFlag: Bool { if case .flag = self { true } else { false } }

        var text: String {
            switch self {
            case .number(let text), .text(let text): text
            case .flag(let flag): "\(flag)"
            }
        }

        var shown: String {
            switch self {
            case .number(let text): text
            case .text(let text): "\"\(text.prefix(60))\(text.count > 60 ? "…" : "")\""
            case .flag(let flag): "\(flag)"
            }
        }
    }

    /// Values kept of one place, and members of one object.
    private static let valuesMax = 200
    private static let membersMax = 500

    func add(_ tree: JSONTree) {
        count += 1
        switch tree {
        case .null: nullCount += 1
        case .flag(let flag): keep(.flag(flag))
        case .number(let text): keep(.number(text))
        case .text(let text): keep(.text(text))
        case .list(let list):
            itemCountMax = max(itemCountMax, list.count)
            let shape = items ?? MessageShape()
            items = shape
            for item in list { shape.add(item) }
        case .object(let object):
            for (key, value) in object {
                if let known = members.first(where: { $0.key == key }) {
                    known.shape.add(value)
                } else if members.count < Self.membersMax {
                    let shape = MessageShape()
                    shape.add(value)
                    members.append((key, shape))
                }
            }
        }
    }

    private func keep(_ value: Value) { if values.count < Self.valuesMax { values.append(value) } }

    func member(_ key: String) -> MessageShape? { members.first { $0.key == key }?.shape }

    var isObject: Bool { !members.isEmpty }
    /// All values are numbers, be it in strings or as truth values.
    var numbers: [Double]? {
        let numbers = values.compactMap(\.number)
        return numbers.count == values.count && !numbers.isEmpty ? numbers : nil
    }

    /// The distinct values and how often each was met, most frequent first.
    var counted: [(value: Value, count: Int)] {
        var counts: [Value: Int] = [:]
        for value in values { counts[value, default: 0] += 1 }
        return counts.sorted { ($1.value, $0.key.shown) < ($0.value, $1.key.shown) }.map { ($0.key, $0.value) }
    }
}
