import Basics
import ConfigurationFiles
import Contract
import Logging
import ServiceLifecycle
import UnixSignals

/// SIGHUP: reads profiles, rules and roster anew. What is wrong is logged, and the old ones stay.
struct ReloadService: Service {
    let source: LiveSource
    let log: Logger
    let hangups: UnixSignalsSequence

    func run() async {
        for await _ in hangups.cancelOnGracefulShutdown() {
            do throws(Refusal) {
                _ = try await ReloadOrder().carryOut(by: source)
            } catch {
                switch error {
                case .wrong(let mistakes):
                    for mistake in mistakes.split(separator: "\n") {
                        log.error("not reloaded", metadata: ["mistake": "\(mistake)"])
                    }
                case .notFound, .unavailable, .failed: log.error("not reloaded", metadata: ["reason": "\(error)"])
                }
                log.error("the old profiles, rules and roster stay in force")
            }
        }
    }
}

extension LoadedFiles {
    /// Reads the files that the configuration file names now; its other changes take a restart, but are checked too.
    static func reload(_ configuration: GatewayConfiguration) throws(Mistakes) -> LoadedFiles {
        let changed = try GatewayConfiguration(path: configuration.file)
        var current = configuration
        current.rosterFile = changed.rosterFile
        current.rulesFile = changed.rulesFile
        current.devicesFolder = changed.devicesFolder
        current.profileParameters = changed.profileParameters
        return try load(current)
    }
}
