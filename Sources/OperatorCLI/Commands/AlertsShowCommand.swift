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
                    story, columns: StoryTable.columns,
                    rows: StoryTable.rows(story.transitions, story.deeds, unit: story.alert.unit, output),
                    empty: "no steps")
            }
        }
    }
}
