import Basics
import Telemetry

/// A line chart in braille dots, two across and four down in each character, or in ASCII for a terminal without them.
///
/// Where there is no data there is no line: a gap in the readings is a gap in the chart.
struct TerminalPlot {
    struct Point: Equatable {
        var at: Timestamp
        var value: Double
    }

    /// In characters, without axes.
    var width = 72
    /// The left axis has a number at each end of an interval, and an interval has so many rows.
    var intervals = 4
    var rowsPerInterval = 3
    /// Points further apart than this are not joined by a line.
    var gap: Duration?
    var isASCII = false
    /// Characters before the axis at least, so that several charts stand under one another.
    var labelWidthMin = 0
    var time: (Timestamp) -> String = localTime

    private var height: Int { intervals * rowsPerInterval + 1 }

    /// What the left axis says, from the top.
    func labels(_ points: [Point]) -> [String] {
        guard let scale = Scale(points, intervals: intervals) else { return [] }
        return (0...intervals).reversed().map(scale.label)
    }

    /// The chart's lines: values at the left, times below. Empty input gives one sentence.
    func lines(_ points: [Point], since: Timestamp, until: Timestamp) -> [String] {
        guard let scale = Scale(points, intervals: intervals), until > since else {
            return ["no readings in this span"]
        }
        var dots = Canvas(columns: width * 2, rows: height * 4)
        let span = Double((until - since).milliseconds)
        func place(_ point: Point) -> (x: Int, y: Int) {
            let across = Double((point.at - since).milliseconds) / span
            // A number of the axis stands in the middle of its row.
            let down = (1 - scale.fraction(of: point.value)) * Double((height - 1) * 4) + 1.5
            return (
                min(max(Int(across * Double(width * 2)), 0), width * 2 - 1), min(max(Int(down), 0), height * 4 - 1)
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
        let labels = labels(points)
        let labelWidth = max(labels.map(displayWidth).max() ?? 0, labelWidthMin)
        var lines: [String] = []
        for row in 0..<height {
            let label = row % rowsPerInterval == 0 ? labels[row / rowsPerInterval] : ""
            let axis = label.isEmpty ? (isASCII ? "|" : "│") : (isASCII ? "+" : "┤")
            let text = dots.text(row: row, isASCII: isASCII)
            lines.append(blanks(labelWidth - displayWidth(label)) + label + " " + axis + text)
        }
        let corner = isASCII ? "+" : "└"
        lines.append(blanks(labelWidth + 1) + corner + String(repeating: isASCII ? "-" : "─", count: width))
        let (left, right) = (time(since), time(until))
        lines.append(blanks(labelWidth + 2) + left + blanks(max(1, width - left.count - right.count)) + right)
        return lines
    }

    private func blanks(_ count: Int) -> String { String(repeating: " ", count: max(0, count)) }

    /// The values of the left axis: multiples of 1, 2, 2.5 or 5 times a power of ten.
    private struct Scale {
        let low: Double
        let step: Double
        let intervals: Int

        /// nil without points.
        init?(_ points: [Point], intervals: Int) {
            guard let least = points.lazy.map(\.value).min(), let most = points.lazy.map(\.value).max() else {
                return nil
            }
            self.intervals = intervals
            if least == most {
                // A flat line gets a scale to lie in the middle of.
                step = Self.roundStep(least == 0 ? 1 : abs(least) / 10)
                low = ((least / step).rounded() - Double(intervals / 2)) * step
                return
            }
            // Half the difference of the halves: the whole one may be more than a Double holds.
            var step = Self.roundStep((most / 2 - least / 2) / Double(intervals) * 2)
            var low = (least / step).rounded(.down) * step
            // Where the lowest value lies high in its interval the last one would not hold the highest.
            for _ in 0..<4 where low + step * Double(intervals) < most {
                step = Self.roundStep(step * 1.01)
                low = (least / step).rounded(.down) * step
            }
            (self.low, self.step) = (low, step)
        }

        /// From 0 at the bottom to 1 at the top, also for numbers at the end of what a Double holds.
        func fraction(of value: Double) -> Double {
            let height = step * Double(intervals)
            let fraction = value / height - low / height
            return fraction.isFinite ? min(max(fraction, 0), 1) : 0
        }

        /// As many decimals as the step has.
        func label(_ index: Int) -> String {
            var (decimals, scaled) = (0, step)
            while decimals < 12, abs(scaled - scaled.rounded()) > 1e-6 * scaled {
                decimals += 1
                scaled *= 10
            }
            return fixed(low + step * Double(index), decimals: decimals)
        }

        private static func roundStep(_ least: Double) -> Double {
            var power = 1.0
            while power > least, power > 1e-300 { power /= 10 }
            while power * 10 <= least, power < 1e300 { power *= 10 }
            return [1, 2, 2.5, 5, 10].lazy.map { $0 * power }.first { $0 >= least * (1 - 1e-12) } ?? power * 10
        }
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

        /// Without trailing blanks.
        func text(row: Int, isASCII: Bool) -> String {
            let start = row * (columns / 2)
            var text = String.UnicodeScalarView()
            for cell in cells[start..<start + columns / 2].reversed().drop(while: { $0 == 0 }).reversed() {
                if cell == 0 {
                    text.append(" ")
                } else if isASCII {
                    let (isUp, isDown) = (cell & 0b0001_1011 != 0, cell & 0b1110_0100 != 0)
                    text.append(isUp ? (isDown ? ":" : "'") : ".")
                } else {
                    text.append(Unicode.Scalar(0x2800 + UInt32(cell))!)
                }
            }
            return String(text)
        }
    }
}

/// A number with four significant digits and no trailing zeros, whole numbers with all of theirs: `41.5`, `-0.0032`,
/// `128431`.
func shortNumber(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
    if abs(value) >= 1e15 || abs(value) < 1e-6 { return "\(value)" }
    // Three decimals near one, more below it, none for large numbers.
    var (decimals, size) = (0, abs(value))
    while size < 1000, decimals < 9 {
        size *= 10
        decimals += 1
    }
    return fixed(value, decimals: decimals, trimmed: true)
}

/// A counter's reading or what it grew by: with four decimals also where it is large, as what it grows by is small.
func counterNumber(_ value: Double) -> String {
    abs(value) < 1 ? shortNumber(value) : fixed(value, decimals: 4, trimmed: true)
}

/// A number with so many decimals; `trimmed` of trailing zeros.
func fixed(_ value: Double, decimals: Int, trimmed: Bool = false) -> String {
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (value * scale).rounded()
    guard abs(scaled) < 9e18 else { return "\(value)" }
    let digits = String(abs(Int64(scaled)))
    let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    var text = String(padded.dropLast(decimals))
    var fraction = padded.suffix(decimals)
    if trimmed { while fraction.last == "0" { fraction.removeLast() } }
    if !fraction.isEmpty { text += "." + fraction }
    return (scaled < 0 ? "-" : "") + text
}
