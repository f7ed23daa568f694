import ArgumentParser
import Basics
import Contract
import Telemetry

extension AlertsCommand {
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "One alert with the steps it took and whom they were told.")

        @Argument(help: "The alert's number.", completion: NameCompletion.alerts)
        var id: Int64

        @OptionGroup var options: AskOptions

        func run() async throws {
            let output = options.output
            try await options.ask { source in
                let story = try await source.answer(AlertRequest(id))
                if output.isForPeople { try output.write(AlertsCommand.headline(story, output) + "\n") }
                try output.print(
                    story,
                    columns: [
                        .init("at"), .init("from"), .init("to"), .init("value", .right), .init("unit"),
                        .init("told", key: "notifications"), .init("sentence"),
                    ],
                    rows: story.transitions.map { step in
                        let told = step.notifications.map { notice in
                            notice.deliveredAt == nil || notice.error != nil
                                ? "\(notice.channel) (\(output.text(notice.error ?? "waiting")))" : notice.channel
                        }
                        return [
                            output.time(step.at), step.from.rawValue, step.to.rawValue,
                            step.value.map { output.number($0) } ?? "", output.unit(story.alert.unit ?? ""),
                            told.joined(separator: ", "), output.text(step.sentence),
                        ]
                    }, empty: "no steps")
            }
        }
    }
}
