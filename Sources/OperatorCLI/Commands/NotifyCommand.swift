import ArgumentParser
import Contract

struct NotifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notify", abstract: "Channels by which people are told of alerts: try one.",
        subcommands: [Test.self])

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "test", abstract: "Sends a test notice by one channel, and says what came of it.",
            discussion: """
                The notice is of no alert (rule test), and goes beside those that wait. Exit codes: 0 the other side has taken \
                it, 1 there is no such channel, 2 it was not delivered; the reason is said.
                """)

        @Argument(help: "The channel's name in section notification of the configuration, or log or mqtt.")
        var channel: String

        @OptionGroup var options: AskOptions

        func run() async throws {
            let output = options.output
            try await options.ask { source in
                let answer = try await source.carryOut(NotifyTestOrder(channel: channel))
                let outcome = answer.isDelivered ? "delivered" : "not delivered: \(output.text(answer.reason))"
                if output.isForPeople {
                    try output.write("\(answer.channel): \(outcome)")
                } else {
                    try output.print(
                        answer,
                        columns: [.init("channel"), .init("delivered"), .init("reason"), .init("seconds", .right)],
                        rows: [
                            ["\(answer.channel)", "\(answer.isDelivered)", answer.reason ?? "", "\(answer.seconds)"]
                        ],
                        empty: "")
                }
                if !answer.isDelivered { throw ExitCode(2) }
            }
        }
    }
}
