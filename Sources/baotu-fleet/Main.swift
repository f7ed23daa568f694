import ArgumentParser

@main
enum Main {
    /// Options without a command mean the city, and with --payloads the load, which alone has that option.
    static func main() {
        var arguments = Array(CommandLine.arguments.dropFirst())
        let isLoad = arguments.contains { $0 == "--payloads" || $0.hasPrefix("--payloads=") }
        if isLoad, arguments.first?.hasPrefix("-") == true { arguments.insert("load", at: 0) }
        FleetCommand.main(arguments)
    }
}

struct FleetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "baotu-fleet", abstract: "A simulated city, and a load for measuring.",
        subcommands: [CityCommand.self, LoadCommand.self, NullCommand.self], defaultSubcommand: CityCommand.self)
}

/// Where the broker is.
struct BrokerArguments: ParsableArguments {
    @Option(help: "Host name or address of the broker.") var host = "127.0.0.1"
    @Option(help: "Port of the broker, 1 to 65535.") var port = 1883
    @Option(help: "User name, where the broker asks for one.") var username: String?
    @Option(help: "Password to the user name.") var password: String?

    func validate() throws {
        guard (1...65_535).contains(port) else {
            throw ValidationError("--port \(port): expected a port from 1 to 65535")
        }
        guard password == nil || username != nil else { throw ValidationError("--password needs --username") }
    }
}
