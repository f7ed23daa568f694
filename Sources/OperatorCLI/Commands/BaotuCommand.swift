public import ArgumentParser

/// `baotu`: what city operations ask.
public struct BaotuCommand: AsyncParsableCommand {
    /// The name, the help and the list of commands.
    public static let configuration = CommandConfiguration(
        commandName: "baotu", abstract: "Asks the city's telemetry gateway.",
        discussion: """
            Answers come from the daemon's socket, or with --store DIR from the files when it is down.
            Exit codes: 0 answered; 1 no such thing, or the store cannot be read; 2 something bad was found (doctor, \
            decode, devices try, rejects replay), refused (import) or left out (export); 64 wrong command line; 69 the gateway does not answer.
            """,
        version: "0.1.0",
        subcommands: [
            StatusCommand.self, DevicesCommand.self, LatestCommand.self, HistoryCommand.self, QueryCommand.self,
            AirCommand.self, AqiCommand.self, StatsCommand.self, AlertsCommand.self, RejectsCommand.self,
            ExportCommand.self, ImportCommand.self, DecodeCommand.self, DetectCommand.self, DoctorCommand.self,
            ReloadCommand.self,
            BackupCommand.self, RestoreCommand.self, StoreCommand.self,
        ])

    /// For the parser of the command line.
    public init() {}
}
