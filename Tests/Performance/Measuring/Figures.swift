import Glibc

/// One line of the table.
package struct Figure {
    package enum Target {
        case atMost(Double)
        case atLeast(Double)
        case none
    }

    package var name: String
    package var value: Double
    package var unit: String
    package var target = Target.none
    package var note = ""

    /// By more than a fifth: neighbours on a shared machine cost as much from one hour to the next.
    package var isMissed: Bool {
        switch target {
        case .atMost(let bound): value > bound * 1.2
        case .atLeast(let bound): value < bound / 1.2
        case .none: false
        }
    }

    /// Whether the target is met to the letter.
    private var isMet: Bool {
        switch target {
        case .atMost(let bound): value <= bound
        case .atLeast(let bound): value >= bound
        case .none: true
        }
    }

    package var line: String {
        let bound =
            switch target {
            case .atMost(let bound): "≤ \(Self.text(bound))"
            case .atLeast(let bound): "≥ \(Self.text(bound))"
            case .none: ""
            }
        let mark = isMissed ? "MISSED" : isMet ? "" : "near"
        let cells = [
            padded(name, 62), padded(Self.text(value), 10, atStart: true), padded(unit, 9),
            padded(bound, 11), padded(mark, 7), note,
        ]
        return cells.joined(separator: " ")
    }

    package static func text(_ value: Double) -> String {
        if value >= 1000 {
            var digits = String(Int(value.rounded()))
            for place in stride(from: digits.count - 3, to: 0, by: -3) {
                digits.insert(",", at: digits.index(digits.startIndex, offsetBy: place))
            }
            return digits
        }
        return fixed(value, value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3)
    }
}

package func fixed(_ value: Double, _ places: Int) -> String {
    let power = pow(10, Double(places))
    let parts = String(describing: (value * power).rounded() / power).split(separator: ".")
    guard places > 0 else { return String(parts[0]) }
    let fraction = parts.count > 1 ? String(parts[1]) : ""
    return parts[0] + "." + fraction + String(repeating: "0", count: max(0, places - fraction.count))
}

private func padded(_ text: String, _ width: Int, atStart: Bool = false) -> String {
    let room = String(repeating: " ", count: max(0, width - text.count))
    return atStart ? room + text : text + room
}

/// What was measured, each line printed as soon as it is known.
package struct FigureTable {
    private var figures: [Figure] = []

    package init() {}

    package static let heading = "figure, measured value, unit, target"

    package mutating func add(
        _ name: String, _ value: Double, _ unit: String, _ target: Figure.Target = .none, _ note: String = ""
    ) {
        let figure = Figure(name: name, value: value, unit: unit, target: target, note: note)
        figures.append(figure)
        print(figure.line)
        fflush(nil)
    }

    package var missed: [String] { figures.filter(\.isMissed).map(\.name) }
}
