import ArgumentParser
import Basics
import Store

struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Copies the store into a new folder, beside the running gateway.",
        discussion: """
            Everything acknowledged before the backup began is in it. The folder must be new or empty; it appears when \
            all of it is on disk. backup.list in it names every file and is read by sha256sum -c too.
            """)

    @OptionGroup var options: StoreFolderOptions

    @Argument(help: "Where the backup goes.", completion: .directory)
    var directory: String

    func run() throws {
        let summary = try options.work("backup") { progress in
            try StoreBackup.run(from: options.folder, to: directory, now: presentMoment(), progress: progress)
        }
        try printBackup(summary, options.output)
    }
}

func printBackup(_ summary: BackupSummary, _ output: Output) throws {
    try output.print(
        summary, columns: [.init("what"), .init("value")],
        rows: [
            ["folder", output.text(summary.folder)], ["made", output.time(summary.made)],
            ["files", "\(summary.files), \(summary.linked) of them linked"], ["bytes", "\(summary.bytes)"],
            ["journal row", "\(summary.journalID)"], ["schema version", "\(summary.schemaVersion)"],
        ], empty: "")
}
