import ArgumentParser

struct RulesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules",
        abstract: "Alert rules before they are in force: checked, tested, and rehearsed on the store.",
        subcommands: [Check.self, Test.self, Rehearse.self])
}
