import ArgumentParser

@main
struct FleetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "baotu-fleet", abstract: "A simulated city.")
}
