import ArgumentParser
import Store

/// Which gateway or store a command is about that prints no table.
struct PlaceOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The daemon's socket. Default: BAOTU_SOCKET, else \(AskOptions.defaultSocket).", valueName: "path"),
        completion: .file())
    var socket: String?

    @Option(
        help: ArgumentHelp("The files in this folder instead of the daemon.", valueName: "dir"),
        completion: .directory)
    var store: String?

    func validate() throws {
        guard socket == nil || store == nil else {
            throw ValidationError("give --socket for the daemon, or --store for the files, not both")
        }
    }

    var socketPath: String { AskOptions.socketPath(socket) }

    /// Turns what goes wrong into one sentence on standard error and an exit code.
    func answering<R>(_ body: () async throws -> R) async throws -> R {
        do {
            return try await body()
        } catch let error as StoreError {
            throw failure("\(error)", 1)
        } catch let error as NoAnswer {
            throw failure(error.description, error.exitCode)
        }
    }
}
