import API
import ArgumentParser
import Basics
import Broker
import CStart
import Dispatch
import Gateway
import Glibc
import Store
import Telemetry

@main
enum Main {
    // Not asynchronous itself: what the language's runtime sets up for that comes before the first line.
    static func main() {
        // SIGHUP is ignored since before the runtime (CStart), until `HangUps` listens for it.
        Task {
            await DaemonCommand.main()
            exit(0)
        }
        dispatchMain()
    }
}

struct DaemonCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "baotud", abstract: "The city's telemetry gateway.",
        discussion: """
            Runs in the foreground until SIGTERM or SIGINT; SIGHUP reloads profiles, rules and roster. \
            Exit codes: 0 stopped in order; 1 the store, the socket or the broker's options cannot be used; \
            64 wrong command line; 78 mistakes in the configuration.
            """, version: Daemon.version)

    @Option(name: [.short, .long], help: "The configuration file.", completion: .file())
    var config = "/etc/baotu/baotu.yaml"

    @Flag(help: "Read every configuration file and profile, report all mistakes and warnings, and end.")
    var check = false

    @Flag(
        help:
            "Print a drop-in for the unit that lets the gateway reach its broker, its channels and this machine alone, and end."
    )
    var printDropIn = false

    func run() async throws {
        // Before the files are read: who changes one and says so is heard.
        let hangUps = await HangUps()
        let daemon: Daemon
        do {
            daemon = try Daemon(configurationFile: config)
        } catch {
            for mistake in error.list { Self.complain("\(mistake)") }
            Self.complain("\(counted(error.list.count, "mistake")); nothing was started")
            throw ExitCode(78)  // EX_CONFIG of sysexits(3)
        }
        if check {
            for warning in daemon.warnings { Self.complain(warning) }
            print(daemon.summary)
            return
        }
        if printDropIn {
            do {
                print(try daemon.dropIn())
            } catch {
                Self.complain("\(error)")
                throw ExitCode(1)
            }
            return
        }
        do {
            try await daemon.run(hangUps)
        } catch {
            Self.complain("\(error)")
            throw ExitCode(1)
        }
    }

    private static func complain(_ sentence: String) {
        let bytes = Array("baotud: \(sentence)\n".utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}
