import ArgumentParser
import Foundation
import Store
import Telemetry

/// `baotu`: what city operations ask.
public struct BaotuCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "baotu", abstract: "Asks the city's telemetry gateway.",
        discussion: """
            Answers come from the daemon's socket, or with --store DIR from the files when it is down.
            Exit codes: 0 answered; 1 no such thing, or the store cannot be read; 2 something bad was found (doctor, \
            decode); 64 wrong command line; 69 the gateway does not answer.
            """,
        version: "0.1.0",
        subcommands: [
            StatusCommand.self, DevicesCommand.self, LatestCommand.self, HistoryCommand.self, StatsCommand.self,
            AlertsCommand.self, RejectsCommand.self, DecodeCommand.self, DoctorCommand.self,
        ])

    public init() {}
}

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

    static func socketPath(_ given: String?) -> String {
        given ?? ProcessInfo.processInfo.environment["BAOTU_SOCKET"] ?? defaultSocket
    }

    func source() throws -> any AnswerSource {
        if let store { return try StoreSource(folder: store) }
        return DaemonSource(socketPath: Self.socketPath(socket))
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
        } catch let error as StoreError {
            throw failure("\(error)", 1)
        } catch let error as NoAnswer {
            throw failure(error.description, error.exitCode)
        }
    }
}

/// Writes the sentence to standard error and gives the exit code to throw.
func failure(_ sentence: String, _ code: Int32) -> ExitCode {
    FileHandle.standardError.write(Data("baotu: \(sentence)\n".utf8))
    return ExitCode(code)
}

/// Names for the shell's completion, asked from the daemon; none when it does not answer.
enum NameCompletion {
    static let devices = CompletionKind.custom { _, _, _ in
        await names { try await $0.devices(DeviceFilter()).map(\.device) }
    }
    static let areas = CompletionKind.custom { _, _, _ in
        await names { Array(Set(try await $0.devices(DeviceFilter()).map(\.area))).filter { !$0.isEmpty }.sorted() }
    }
    static let profiles = CompletionKind.custom { _, _, _ in
        await names { Array(Set(try await $0.devices(DeviceFilter()).map(\.profile))).filter { !$0.isEmpty }.sorted() }
    }
    static let quantities = CompletionKind.list(Quantity.all.map(\.name))
    static let alerts = CompletionKind.custom { _, _, _ in
        await names { try await $0.alerts(AlertFilter()).map { "\($0.id)" } }
    }

    private static func names(_ ask: (DaemonSource) async throws -> [String]) async -> [String] {
        let source = DaemonSource(socketPath: AskOptions.socketPath(nil))
        let names = (try? await ask(source)) ?? []
        try? await source.close()
        return names
    }
}
