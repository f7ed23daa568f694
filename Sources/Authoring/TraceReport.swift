import Basics
package import Decoding
import Telemetry

/// The trace of a message as lines for people.
package enum TraceReport {
    /// The topic, then each rule with its items and values, what nothing read, and the faults.
    package static func lines(_ trace: MessageTrace) -> [String] {
        var lines = [trace.topic.isEmpty ? "(empty topic)" : trace.topic]
        if trace.rules.isEmpty {
            lines.append("  no rule is for this topic")
            for (index, topic) in trace.nearestTopics.enumerated() {
                lines.append((index == 0 ? "  nearest:  " : "            ") + topic)
            }
        }
        for rule in trace.rules { lines += Self.lines(rule) }
        if !trace.leftovers.isEmpty {
            lines.append("  read by nothing")
            lines += columns(
                trace.leftovers.map { ["    \($0.path)", $0.wire, $0.why.map { "(\($0))" } ?? ""] })
        }
        if !trace.rejects.isEmpty {
            lines.append("  faults")
            for reject in trace.rejects { lines.append("    \(reject.reason.rawValue): \(reject.detail)") }
        }
        return lines
    }

    private static func lines(_ rule: MessageTrace.Rule) -> [String] {
        let name = "  rule in line \(rule.line) of \(rule.profile), \(rule.topic)"
        switch rule.outcome {
        case .ignored: return ["\(name): ignores the message"]
        case .misfit(let why): return ["\(name): does not fit, \(why)"]
        case .applied: break
        }
        var lines = [rule.items.isEmpty ? "\(name): fits, but has nothing to read" : "\(name): fits"]
        for item in rule.items {
            let place = item.path == "." ? "" : "\(item.path): "
            if let misfit = item.misfit {
                lines.append("    \(place)passed over, \(misfit)")
                continue
            }
            if item.device.isEmpty {
                lines += item.notes.map { "    \(place)\($0)" }
                continue
            }
            let channel = item.channel.isEmpty ? "" : ", channel \(item.channel)"
            let time = item.timePath.map { "from \($0)" } ?? "the time of receipt"
            lines.append("    \(place)device \(item.device)\(channel), time \(item.observed) (\(time))")
            for note in item.notes { lines.append("      \(note)") }
            lines += columns(item.fields.map { row($0, in: item) })
        }
        return lines
    }

    private static func row(_ field: MessageTrace.Field, in item: MessageTrace.Item) -> [String] {
        let wire = (field.wire ?? "") + (field.wireUnit.map { " \($0)" } ?? "")
        let quantity = field.quantity
        switch field.result {
        case .reading(let value):
            return row(field, item, wire, value) + [value.isRepeated ? "(given up: came before in this message)" : ""]
        case .suspect(let value):
            let range = "\(short(quantity.range.lowerBound)) to \(short(quantity.range.upperBound))"
            return row(field, item, wire, value) + ["(implausible: outside \(range))"]
        case .none(let why):
            return [
                "      \(field.path)", field.wire == nil ? "" : wire, "->", quantity.name, "no reading", "(\(why))",
            ]
        }
    }

    private static func row(
        _ field: MessageTrace.Field, _ item: MessageTrace.Item, _ wire: String, _ value: MessageTrace.Value
    ) -> [String] {
        let quantity = field.quantity
        let unit = quantity.unit == "1" ? "" : " \(quantity.unit)"
        let time = value.observed == item.observed ? "" : " at \(value.observed)"
        let channel = value.channel.map { "[\($0)]" } ?? ""
        return ["      \(field.path)", wire, "->", quantity.name + channel, "\(short(value.value))\(unit)\(time)"]
    }

    /// Whole numbers without a fraction.
    static func short(_ number: Double) -> String {
        if let whole = Int64(exactly: number) { return "\(whole)" }
        return "\(number)"
    }

    /// Rows in columns, two blanks between them, no blanks at the end.
    static func columns(_ rows: [[String]]) -> [String] {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in
            // A single long value does not push everything to the right.
            min(48, rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0)
        }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                line += cell
                if column + 1 < row.count {
                    line += String(repeating: " ", count: max(0, widths[column] - cell.count)) + "  "
                }
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
