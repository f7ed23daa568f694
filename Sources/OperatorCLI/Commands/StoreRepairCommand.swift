import ArgumentParser
import Basics
import Store

struct StoreRepairCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair", abstract: "Takes damage out of the store and keeps what reads.",
        discussion: """
            The gateway must be stopped. Damaged files are kept in damaged/ in the store's folder; what is lost is \
            written into the store's ledger. Of a damaged write-ahead log (-wal) every commit that reads is taken over. \
            Exit code 0: the store is good; 1: damage remains.
            """)

    @OptionGroup var options: StoreFolderOptions

    func run() throws {
        let output = options.output
        let report = try options.work("repair") { progress in
            try StoreRepair.run(folder: options.folder, now: presentMoment(), progress: progress)
        }
        try printDamage(report.found, of: report, output)
        if output.isForPeople {
            for sentence in report.done { try output.write(output.text(sentence)) }
            for entry in report.gaveUp {
                let rows = entry.rows > 0 ? counted(entry.rows, "row") : "rows"
                try output.write(
                    "lost: \(rows) of \(output.text(entry.file)), \(output.time(entry.first)) to "
                        + "\(output.time(entry.last)): \(output.text(entry.detail))")
            }
            for damage in report.remaining { try output.write("still damaged: \(output.text(damage.sentence))") }
            try output.write(
                report.isGood
                    ? "the store is good" : counted(report.remaining.count, "damage remains", "damages remain"))
        }
        if !report.isGood { throw ExitCode(1) }
    }
}
