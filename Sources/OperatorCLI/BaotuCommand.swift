public import ArgumentParser
import Basics
import FoundationEssentials
import Contract
import Telemetry

/// `baotu`: what city operations ask.
public struct BaotuCommand: AsyncParsableCommand {
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

    func validate() throws {
        guard socket == nil || store == nil else {
            throw ValidationError("give --socket to ask the daemon, or --store to ask the files, not both")
        }
    }

    func source() throws -> any AnswerSource { try Self.source(socket: socket, store: store) }

    static func source(socket: String?, store: String?) throws -> any AnswerSource {
        if let store { return try StoreSource(folder: store) }
        return DaemonSource(socketPath: socketPath(socket))
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

/// Names for the shell's completion, asked from the daemon, or from the files where the line says `--store`; none when
/// there is no answer.
enum NameCompletion {
    static let devices = CompletionKind.custom { words, _, prefix in
        await names(words) { try await $0.answer(DevicesRequest(device: prefix + "*")).map(\.device) }
    }
    static let areas = CompletionKind.custom { words, _, _ in
        await names(words) { try await $0.answer(DevicesRequest()).map(\.area) }
    }
    static let profiles = CompletionKind.custom { words, _, _ in
        await names(words) { try await $0.answer(DevicesRequest()).map(\.profile) }
    }
    static let quantities = CompletionKind.list(Quantity.all.map(\.name))
    static let alerts = CompletionKind.custom { words, _, _ in
        await names(words) { try await $0.answer(AlertsRequest()).map { "\($0.id)" } }
    }
    static let rules = CompletionKind.custom { words, _, _ in
        await names(words) { try await $0.answer(AlertsRequest()).map(\.rule) }
    }

    private static func names(
        _ words: [String], _ ask: (any AnswerSource) async throws -> [String]
    ) async -> [String] {
        let socket = value(of: "--socket", in: words)
        guard let source = try? AskOptions.source(socket: socket, store: value(of: "--store", in: words)) else {
            return []
        }
        let names = (try? await ask(source)) ?? []
        try? await source.close()
        return Set(names).filter { !$0.isEmpty }.sorted()
    }

    /// The option's value as the line has it so far: `--store DIR` or `--store=DIR`.
    static func value(of option: String, in words: [String]) -> String? {
        for (index, word) in words.enumerated() {
            if word == option, index + 1 < words.count { return words[index + 1] }
            if word.hasPrefix(option + "=") { return String(word.dropFirst(option.count + 1)) }
        }
        return nil
    }
}
