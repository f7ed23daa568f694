import ArgumentParser
import Basics
import Store

struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Puts a backup back where no store is.",
        discussion: "Every file is compared with backup.list before anything is written. The gateway must be stopped.")

    @OptionGroup var options: StoreFolderOptions

    @Argument(help: "The folder of the backup.", completion: .directory)
    var directory: String

    func run() throws {
        let summary = try options.work("restore") { progress in
            try StoreBackup.restore(from: directory, to: options.folder, now: presentMoment(), progress: progress)
        }
        try printBackup(summary, options.output)
    }
}
