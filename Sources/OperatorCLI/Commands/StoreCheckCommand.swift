import ArgumentParser
import Basics
import Store

struct StoreCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Reads all of the store and tells what is damaged.",
        discussion: "Changes nothing, and may run beside the gateway. Exit code 0: no damage; 1: damage was found.")

    @OptionGroup var options: StoreFolderOptions

    func run() throws {
        let output = options.output
        let report = try options.work("check") { progress in
            try StoreCheck.run(folder: options.folder, progress: progress)
        }
        try printDamage(report.damage, of: report, output)
        if output.isForPeople {
            for note in report.notes { try output.write("note: \(output.text(note))") }
            try output.write(
                "\(counted(report.files, "file")), \(counted(report.bytes, "byte")), "
                    + "\(counted(report.frames, "frame")) with \(counted(report.rows, "row")), "
                    + "\(counted(report.journalRows, "journal row")), \(counted(report.pages, "page")) with check values: "
                    + (report.isGood ? "no damage" : "\(report.damage.count) damaged"))
        }
        if !report.isGood { throw ExitCode(1) }
    }
}

/// Each damage as a row; JSON has the whole report.
func printDamage(_ damage: [StoreDamage], of report: some Encodable, _ output: Output) throws {
    try output.print(
        report,
        columns: [.init("kind"), .init("devices"), .init("since"), .init("until"), .init("sentence")],
        rows: damage.map { entry in
            let devices = entry.devices.prefix(5).joined(separator: ", ") + (entry.devices.count > 5 ? ", …" : "")
            return [
                entry.kind.rawValue, output.text(devices), entry.since.map(output.time) ?? "",
                entry.until.map(output.time) ?? "", output.text(entry.sentence),
            ]
        }, empty: "nothing is damaged")
}
