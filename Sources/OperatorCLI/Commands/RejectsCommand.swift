import ArgumentParser

struct RejectsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rejects", abstract: "Messages that gave no reading: list them, or decode them again.",
        subcommands: [List.self, Replay.self], defaultSubcommand: List.self)
}
