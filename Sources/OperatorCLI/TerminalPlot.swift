import Telemetry

/// A line chart in braille dots, two across and four down in each character.
///
/// Where there is no data there is no line: a gap in the readings is a gap in the chart.
struct TerminalPlot {
    struct Point: Equatable {
        var at: Timestamp
        var value: Double
    }

    /// In characters, without axes.
    var width = 72
    var height = 12
    /// Points further apart than this are not joined by a line.
    var gap: Duration?

    /// The chart's lines: values at the left, times below. Empty input gives one sentence.
    func lines(_ points: [Point], since: Timestamp, until: Timestamp, unit: String) -> [String] {
        guard let least = points.map(\.value).min(), let most = points.map(\.value).max(), until > since else {
            return ["no readings in this span"]
        }
        // A flat line gets a scale to lie in the middle of.
        let margin = most > least ? 0 : max(abs(most) * 0.1, 1)
        let (low, high) = (least - margin, most + margin)
        var dots = Canvas(columns: width * 2, rows: height * 4)
        let span = Double((until - since).milliseconds)
        func place(_ point: Point) -> (x: Int, y: Int) {
            let across = Double((point.at - since).milliseconds) / span
            let up = (point.value - low) / (high - low)
            return (
                min(max(Int(across * Double(width * 2)), 0), width * 2 - 1),
                min(max(Int((1 - up) * Double(height * 4 - 1) + 0.5), 0), height * 4 - 1)
            )
        }
        var previous: Point?
        for point in points {
            let here = place(point)
            if let previous, gap.map({ point.at - previous.at <= $0 }) ?? true {
                dots.line(from: place(previous), to: here)
            } else {
                dots.set(here.x, here.y)
            }
            previous = point
        }
        let labels = (0..<height).map { row in
            let value = high - (high - low) * Double(row) / Double(max(height - 1, 1))
            return row % 4 == 0 || row == height - 1 ? shortNumber(value) : ""
        }
        let labelWidth = labels.map(displayWidth).max() ?? 0
        var lines = unit.isEmpty || unit == "1" ? [] : [String(repeating: " ", count: labelWidth) + " \(unit)"]
        for row in 0..<height {
            let label = String(repeating: " ", count: labelWidth - displayWidth(labels[row])) + labels[row]
            lines.append("\(label) ┤\(dots.text(row: row))")
        }
        lines.append(String(repeating: " ", count: labelWidth + 1) + "└" + String(repeating: "─", count: width))
        let (left, right) = (since.description, until.description)
        let blanks = String(repeating: " ", count: max(1, width - left.count - right.count))
        lines.append(String(repeating: " ", count: labelWidth + 2) + left + blanks + right)
        return lines
    }

    /// A field of dots, row 0 at the top.
    private struct Canvas {
        let columns: Int
        private var cells: [UInt8]

        init(columns: Int, rows: Int) {
            self.columns = columns
            cells = Array(repeating: 0, count: columns / 2 * (rows / 4))
        }

        mutating func set(_ x: Int, _ y: Int) {
            // Bits of U+2800: 1 2 4 and 64 down the left column, 8 16 32 and 128 down the right.
            let bits: [UInt8] = [1, 2, 4, 64, 8, 16, 32, 128]
            cells[y / 4 * (columns / 2) + x / 2] |= bits[(x % 2) * 4 + y % 4]
        }

        mutating func line(from: (x: Int, y: Int), to: (x: Int, y: Int)) {
            let steps = max(abs(to.x - from.x), abs(to.y - from.y), 1)
            for step in 0...steps {
                set(
                    from.x + Int((Double(to.x - from.x) * Double(step) / Double(steps)).rounded()),
                    from.y + Int((Double(to.y - from.y) * Double(step) / Double(steps)).rounded()))
            }
        }

        func text(row: Int) -> String {
            let start = row * (columns / 2)
            let scalars = cells[start..<start + columns / 2].map { Unicode.Scalar(0x2800 + UInt32($0))! }
            var text = String.UnicodeScalarView()
            text.append(contentsOf: scalars)
            return String(text)
        }
    }
}

/// A number with at most four significant decimals and no trailing zeros: `41.5`, `-0.0032`, `128431`.
func shortNumber(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
    if abs(value) >= 1e15 { return "\(value)" }
    var scale = 1.0
    // Three decimals near one, more below it, none for large numbers.
    var size = abs(value)
    while size < 1000, scale < 1e9 {
        size *= 10
        scale *= 10
    }
    let rounded = (value * scale).rounded() / scale
    return rounded == rounded.rounded() ? "\(Int64(rounded))" : "\(rounded)"
}
