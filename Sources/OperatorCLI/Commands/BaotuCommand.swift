public import ArgumentParser
import Basics
import Contract

/// `baotu`: what city operations ask.
public struct BaotuCommand: AsyncParsableCommand {
    /// The name, the help and the list of commands.
    public static let configuration = CommandConfiguration(
        commandName: "baotu", abstract: "Asks the city's telemetry gateway.",
        discussion: """
            Answers come from the daemon's socket, or with --store DIR from the files when it is down.
            Exit codes: 0 answered; 1 no such thing, or the store cannot be read; 2 something bad was found (doctor, \
            decode, devices try, rejects replay), refused (import), left out (export) or not delivered (notify test); 64 wrong command line; 69 the gateway does not answer; \
            77 it takes no orders of this user.
            """,
        version: ProductVersion.current,
        subcommands: [
            StatusCommand.self, DevicesCommand.self, LatestCommand.self, HistoryCommand.self, QueryCommand.self,
            AirCommand.self, AqiCommand.self, StatsCommand.self, AlertsCommand.self, WhyCommand.self,
            MissedCommand.self, HealthCommand.self, IncidentsCommand.self,
            SilencesCommand.self, RejectsCommand.self, CorrectionsCommand.self, RulesCommand.self,
            ExportCommand.self, ImportCommand.self, DecodeCommand.self, DetectCommand.self, DoctorCommand.self,
            ReloadCommand.self, NotifyCommand.self,
            BackupCommand.self, RestoreCommand.self, StoreCommand.self,
        ])

    /// For the parser of the command line.
    public init() {}

    /// Reads the command line and does what it says. A misspelt command gets the one that was probably meant.
    public static func start() async {
        if let sentence = misspelt(CommandLine.arguments.dropFirst()) {
            StandardStreams.complain(sentence)
            exit(withError: ExitCode(64))
        }
        await main()
    }

    /// What is wrong with the commands that the line begins with; nil where nothing is, or another word has to say it.
    static func misspelt(_ words: some Sequence<String>) -> String? {
        var level = configuration
        for word in words {
            // What stands behind a default command may be a name, and so may all behind a command without others.
            var names: [String] = []
            var next: CommandConfiguration?
            for known in level.subcommands {
                let configuration = known.configuration
                names.append(configuration.commandName ?? "")
                if configuration.commandName == word { next = configuration }
            }
            if let next {
                level = next
                continue
            }
            guard !names.isEmpty, !word.hasPrefix("-"), word != "help", level.defaultSubcommand == nil else {
                return nil
            }
            let hint = nearest(to: word, in: names + ["help"]).map { "did you mean '\($0)'?" }
            return "there is no command '\(printable(word))'; " + (hint ?? "there are \(names.joined(separator: ", "))")
        }
        return nil
    }
}
