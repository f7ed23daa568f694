import API
import ArgumentParser
import Basics
import Broker
import Gateway
import Glibc
import Store
import Telemetry

@main
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

    @Flag(help: "Read every configuration file and profile, report all mistakes, and end.")
    var check = false

    func run() async throws {
        let daemon: Daemon
        do {
            daemon = try Daemon(configurationFile: config)
        } catch {
            for mistake in error.list { Self.complain("\(mistake)") }
            Self.complain("\(error.list.count) mistake\(error.list.count == 1 ? "" : "s"); nothing was started")
            throw ExitCode(78)  // EX_CONFIG of sysexits(3)
        }
        if check {
            print(daemon.summary)
            return
        }
        do {
            try await daemon.run()
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
