import ArgumentParser

struct StoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Looks after the files of the store.",
        subcommands: [
            StoreCheckCommand.self, StoreForgetCommand.self, StoreLedgerCommand.self, StoreRepairCommand.self,
        ])
}
