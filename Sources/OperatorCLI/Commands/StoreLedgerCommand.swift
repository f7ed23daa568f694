import ArgumentParser
import Basics
import Store
import Telemetry

struct StoreLedgerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger",
        abstract: "What the store no longer has: days given up, what a repair could not read, and what was taken out.")

    @OptionGroup var options: StoreFolderOptions

    func run() throws {
        let output = options.output
        let entries = try options.work("ledger") { _ in try Archive(folder: options.folder).givenUp() }
        try output.print(
            entries,
            columns: [
                .init("at"), .init("why"), .init("class"), .init("first"), .init("last"), .init("rows", .right),
                .init("file"), .init("detail"),
            ],
            rows: entries.map { entry in
                [
                    output.time(entry.at), entry.why.rawValue, entry.retentionClass, output.time(entry.first),
                    output.time(entry.last), "\(entry.rows)", output.text(entry.file), output.text(entry.detail),
                ]
            }, empty: "nothing was given up")
    }
}
