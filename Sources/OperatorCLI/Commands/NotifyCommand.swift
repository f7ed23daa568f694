import ArgumentParser
import Basics
import Contract

struct NotifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notify",
        abstract: "Channels by which people are told of alerts: what waits for them, or try one.",
        subcommands: [List.self, Test.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract:
                "Each channel that ever had something to tell: what waits, what arrived, what was given up, and why.")

        @OptionGroup var options: AskOptions

        func run() async throws {
            let output = options.output
            try await options.ask { source in
                let channels = try await source.answer(ChannelsRequest())
                try output.print(
                    channels, columns: Self.columns(output), rows: channels.map { Self.row($0, output) },
                    empty: "no channel had anything to tell yet")
            }
        }

        private static func columns(_ output: Output) -> [TextTable.Column] {
            [
                .init("channel"), .init("waiting", .right), .init("oldest", .right),
                .init("failed", .right, key: "failed_attempts"),
                .init("in a day", .right, key: "delivered_in_day"), .init("last", .right, key: "last_delivered"),
                .init("given up", .right, key: "given_up"),
            ] + (output.isForPeople ? [.init("why")] : [.init("error"), .init("given_up_reason")])
        }

        private static func row(_ channel: ChannelAnswer, _ output: Output) -> [String] {
            func moment(_ moment: Timestamp?) -> String { moment.map(output.age) ?? (output.isForPeople ? "-" : "") }
            let why = [channel.error, channel.givenUpReason].map { $0.map { output.text($0) } ?? "" }
            return [
                output.text(channel.channel), "\(channel.waiting)", moment(channel.oldest), "\(channel.failedAttempts)",
                "\(channel.deliveredInDay)", moment(channel.lastDelivered), "\(channel.givenUp)",
            ] + (output.isForPeople ? [why.first { !$0.isEmpty } ?? ""] : why)
        }
    }

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
