import ArgumentParser

struct DevicesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "devices", abstract: "The devices; and tools for those who write their profiles.",
        subcommands: [List.self, Try.self, Test.self, Lint.self, New.self, Learn.self, Schema.self],
        defaultSubcommand: List.self)
}
