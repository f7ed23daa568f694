import ArgumentParser
import Contract

struct ReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Has the gateway read profiles, rules and roster anew, and says what is wrong with them.",
        discussion: """
            systemctl reload does the same. With a mistake the old ones stay in force, and the exit code is 78. Keys of the \
            configuration file that take a restart are named where they were changed.
            """)

    @OptionGroup var options: AskOptions

    func run() async throws {
        let output = options.output
        try await options.ask { source in
            let answer: ReloadAnswer
            do {
                answer = try await source.carryOut(ReloadOrder())
            } catch var error as NoAnswer where error.exitCode == NoAnswer.misconfigured {
                error.description += "\nnothing was reloaded; the old profiles, rules and roster stay in force"
                throw error
            }
            for warning in answer.warnings { StandardStreams.complain(printable(warning)) }
            if !answer.restartNeeded.isEmpty {
                StandardStreams.complain(
                    "changed, and not in force until a restart: \(answer.restartNeeded.joined(separator: ", "))")
            }
            try output.print(
                answer,
                columns: [.init("profiles", .right), .init("rules", .right), .init("devices", .right)]
                    + (output.isForPeople ? [] : [.init("restart_needed"), .init("warnings")]),
                rows: [
                    ["\(answer.profiles)", "\(answer.rules)", "\(answer.devices)"]
                        + (output.isForPeople
                            ? []
                            : [
                                answer.restartNeeded.joined(separator: " "),
                                answer.warnings.joined(separator: "\n"),
                            ])
                ], empty: "")
        }
    }
}
