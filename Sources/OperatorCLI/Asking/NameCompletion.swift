import ArgumentParser
import Basics
import Contract
import Telemetry

/// Names for the shell's completion, asked from the daemon, or from the files where the line says `--store`; none when
/// there is no answer.
enum NameCompletion {
    static let devices = CompletionKind.custom { words, _, prefix in
        await names(words) { try await $0.answer(DevicesRequest(device: prefix + "*")).map(\.device) }
    }
    static let areas = CompletionKind.custom { words, _, _ in
        await names(words) { try await $0.answer(DevicesRequest()).map(\.area) }
    }
    static let circuits = CompletionKind.custom { words, _, _ in
        await names(words) { try await $0.answer(DevicesRequest()).map(\.circuit) }
    }
    static let profiles = CompletionKind.custom { words, _, _ in
        await names(words) { try await $0.answer(DevicesRequest()).map(\.profile) }
    }
    static let quantities = CompletionKind.list(Quantity.all.map(\.name))
    static let alerts = CompletionKind.custom { words, _, _ in
        await names(words) { try await $0.answer(AlertsRequest()).map { "\($0.id)" } }
    }
    static let incidents = CompletionKind.custom { words, _, _ in
        await names(words) { try await $0.answer(IncidentsRequest()).incidents.map { "\($0.id)" } }
    }
    static let rules = CompletionKind.custom { words, _, _ in
        await names(words) { try await $0.answer(AlertsRequest()).map(\.rule) }
    }

    private static func names(
        _ words: [String], _ ask: (any AnswerSource) async throws -> [String]
    ) async -> [String] {
        let socket = value(of: "--socket", in: words)
        let store = value(of: "--store", in: words)
        guard let source = try? AskOptions.source(socket: socket, store: store, isForCompletion: true) else {
            return []
        }
        let names = (try? await ask(source)) ?? []
        try? await source.close()
        return Set(names.map { ByteName($0) }).sorted().map(\.text).filter { !$0.isEmpty }
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
