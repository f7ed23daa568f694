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
            rows += decisions(step, output)
        }
        tell(before: .max)
        return rows
    }

    /// What held a step back from somebody, one line for all who share it.
    private static func decisions(_ step: AlertStoryAnswer.Transition, _ output: Output) -> [[String]] {
        var lines: [(at: Timestamp, words: String, recipients: [String])] = []
        for decision in step.decisions where decision.verdict != AlertStoryAnswer.Decision.told {
            if let last = lines.last, last.at == decision.at, last.words == decision.words {
                lines[lines.count - 1].recipients.append(decision.recipient)
            } else {
                lines.append((decision.at, decision.words, [decision.recipient]))
            }
        }
        return lines.map { line in
            [
                output.time(line.at), "", "", "", "", "",
                "\(line.recipients.joined(separator: ", ")): \(output.text(line.words))",
            ]
        }
    }

    private static func row(_ deed: IncidentDeed, _ output: Output) -> [String] {
        [output.time(deed.at), "", "", "", "", "", sentence(deed, output)]
    }

    /// A deed with its note.
    static func sentence(_ deed: IncidentDeed, _ output: Output) -> String {
        words(deed, output) + (deed.note.isEmpty ? "" : ": \(output.text(deed.note))")
    }

    private static func words(_ deed: IncidentDeed, _ output: Output) -> String {
        let (by, target) = (output.text(deed.by), output.text(deed.target ?? "?"))
        return switch deed.kind {
        case .acknowledged: "taken on by \(by)"
        case .comment: "\(by) writes"
        case .assigned: "given to \(target) by \(by)"
        case .shelved: "put aside until \(Timestamp(iso8601: deed.target ?? "").map(output.time) ?? target) by \(by)"
        case .unshelved: "put aside no more, by \(by)"
        }
    }
}
