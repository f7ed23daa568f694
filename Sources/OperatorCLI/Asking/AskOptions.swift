import ArgumentParser
import Contract
import FoundationEssentials

/// Whom to ask, and how to print.
struct AskOptions: ParsableArguments {
    static let defaultSocket = "/run/baotu/baotu.sock"

    @Option(
        help: ArgumentHelp(
            "The daemon's socket. Default: BAOTU_SOCKET, else \(defaultSocket).", valueName: "path"),
        completion: .file())
    var socket: String?

    @Option(
        help: ArgumentHelp("Ask the files in this folder instead of the daemon.", valueName: "dir"),
        completion: .directory)
    var store: String?

    @Option(help: "table, json or csv.")
    var format: OutputFormat = .table

    var output: Output { Output(format: format) }

    func validate() throws {
        guard socket == nil || store == nil else {
            throw ValidationError("give --socket to ask the daemon, or --store to ask the files, not both")
        }
    }

    func source() throws -> any AnswerSource { try Self.source(socket: socket, store: store) }

    static func source(socket: String?, store: String?, isForCompletion: Bool = false) throws -> any AnswerSource {
        if let store { return try StoreSource(folder: store) }
        let path = socketPath(socket)
        // Whoever presses a key does not wait for a minute, and has half a line before him.
        return isForCompletion
            ? DaemonSource(socketPath: path, patience: .forCompletion, tellOfWait: nil) : DaemonSource(socketPath: path)
    }

    /// The path that is given, else that of the environment, else the usual one.
    static func socketPath(_ given: String?) -> String {
        let variable = ProcessInfo.processInfo.environment["BAOTU_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
        return given ?? variable ?? defaultSocket
    }

    /// Asks, and turns what went wrong into one sentence on standard error and an exit code.
    func ask(_ body: (any AnswerSource) async throws -> Void) async throws {
        do {
            let source = try source()
            do {
                try await body(source)
            } catch {
                try await source.close()
                throw error
            }
            try await source.close()
        } catch let error as NoAnswer {
            throw failure(error.description, error.exitCode)
        }
    }
}
