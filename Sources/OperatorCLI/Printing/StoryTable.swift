import Basics
import Contract
import Telemetry

/// The steps of an alert, and what people did about them, in the order in which it happened.
enum StoryTable {
    static let columns: [TextTable.Column] = [
        .init("at"), .init("from"), .init("to"), .init("value", .right), .init("unit"),
        .init("told", key: "notifications"), .init("sentence"),
    ]

    /// Both lists oldest first. By their numbers and not by the clock, which may have been set between them.
    static func rows(
        _ steps: [AlertStoryAnswer.Transition], _ deeds: [IncidentDeed], unit: String?, _ output: Output
    ) -> [[String]] {
        var rows: [[String]] = []
        var deeds = deeds[...]
        func tell(before step: Int64) {
            while let deed = deeds.first, deed.after < step {
                deeds.removeFirst()
                rows.append(row(deed, output))
            }
        }
        for step in steps {
            tell(before: step.id)
            let told = step.notifications.map { notice in
                notice.deliveredAt == nil || notice.error != nil
                    ? "\(notice.channel) (\(output.text(notice.error ?? "waiting")))" : notice.channel
            }
            rows.append([
                output.time(step.at), step.from.rawValue, step.to.rawValue,
                step.value.map { output.number($0) } ?? "", output.unit(unit ?? ""), told.joined(separator: ", "),
                output.text(step.sentence),
            ])
        }
        tell(before: .max)
        return rows
    }

    private static func row(_ deed: IncidentDeed, _ output: Output) -> [String] {
        let note = deed.note.isEmpty ? "" : ": \(output.text(deed.note))"
        return [output.time(deed.at), "", "", "", "", "", "taken on by \(output.text(deed.by))\(note)"]
    }
}
