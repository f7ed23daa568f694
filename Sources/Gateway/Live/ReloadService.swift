import Basics
import ConfigurationFiles
import Contract
import Logging
import ServiceLifecycle
import UnixSignals

/// SIGHUP, listened for from the moment this is made: what comes before the gateway runs is kept for it.
public struct HangUps: Sendable {
    let signals: UnixSignalsSequence

    /// From now on SIGHUP does not end the process.
    public init() async { signals = await UnixSignalsSequence(trapping: .sighup) }
}

/// SIGHUP: reads profiles, rules and roster anew. What is wrong is logged, and the old ones stay.
struct ReloadService: Service {
    let source: LiveSource
    let log: Logger
    let hangUps: HangUps

    func run() async {
        for await _ in hangUps.signals.cancelOnGracefulShutdown() {
            do throws(Refusal) {
                _ = try await source.reload()
            } catch {
                switch error {
                case .misconfigured(let mistakes):
                    for mistake in mistakes.split(separator: "\n") {
                        log.error("not reloaded", metadata: ["mistake": "\(mistake)"])
                    }
                case .wrong, .forbidden, .notFound, .unavailable, .failed:
                    log.error("not reloaded", metadata: ["reason": "\(error)"])
                }
                log.error("the old profiles, rules and roster stay in force")
            }
        }
    }
}

extension LoadedFiles {
    /// Reads the files that the configuration file names now; its other changes take a restart, and are named.
    static func reload(_ configuration: GatewayConfiguration) throws(Mistakes) -> LoadedFiles {
        let changed = try GatewayConfiguration(path: configuration.file)
        var current = configuration
        current.rosterFile = changed.rosterFile
        current.rulesFile = changed.rulesFile
        current.devicesFolders = changed.devicesFolders
        current.profileParameters = changed.profileParameters
        var files = try load(current)
        files.restartNeeded = changed.restartKeys(since: configuration)
        return files
    }
}
