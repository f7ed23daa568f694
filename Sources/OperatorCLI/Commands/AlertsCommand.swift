import ArgumentParser
import Basics
import Contract
import Telemetry

struct AlertsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alerts", abstract: "Alerts: list them, show one, take one on, give it to somebody, put it aside.",
        subcommands: [
            List.self, Show.self, Acknowledge.self, Comment.self, Assign.self, Shelve.self, Unshelve.self,
        ], defaultSubcommand: List.self)

    /// What the alert is about, in which phase, who has taken it on, and whether its story begins later than it did.
    static func headline(_ story: AlertStoryAnswer, _ output: Output) -> String {
        let alert = story.alert
        var lines = [
            "alert \(alert.id): \(alert.rule) on \(output.text(alert.about)), \(alert.severity.rawValue), "
                + "\(alert.phase.rawValue) since \(output.time(alert.at))",
            output.text(alert.sentence),
        ]
        if let by = alert.acknowledgedBy, let at = alert.acknowledgedAt {
            let note = alert.note.map { $0.isEmpty ? "" : ": \(output.text($0))" } ?? ""
            lines.append("taken on by \(output.text(by)) at \(output.time(at))\(note)")
        }
        if let steps = story.stepsGivenUp, let since = story.toldSince {
            let what = steps == 1 ? "1 older step is" : "\(steps) older steps are"
            lines.append("told since \(output.time(since)): \(what) no longer kept (store.retention.alerts)")
        }
        return lines.joined(separator: "\n")
    }
}
