import ArgumentParser
import Basics
import FoundationEssentials
import Store

/// The folder of a store, for what works on the files themselves.
struct StoreFolderOptions: ParsableArguments {
    static let defaultFolder = "/var/lib/baotu"

    @Option(
        help: ArgumentHelp(
            "The store's folder. Default: BAOTU_STORE, else \(defaultFolder).", valueName: "dir"),
        completion: .directory)
    var store: String?

    @Option(help: "table, json or csv.")
    var format: OutputFormat = .table

    var output: Output { Output(format: format) }

    var folder: String {
        let variable = ProcessInfo.processInfo.environment["BAOTU_STORE"].flatMap { $0.isEmpty ? nil : $0 }
        return store ?? variable ?? Self.defaultFolder
    }

    /// Runs `body`, with progress on standard error where that is a terminal, and turns what went wrong into one
    /// sentence and exit code 1.
    func work<R>(_ what: String, _ body: ((StoreProgress) -> Void) throws -> R) throws -> R {
        let progress = ProgressLine(what)
        defer { progress.end() }
        do {
            return try body(progress.show)
        } catch let error as StoreError {
            progress.end()
            throw failure("\(error)", 1)
        }
    }
}
