import Basics
import ArgumentParser
import FoundationEssentials
import Glibc
import Store
import Telemetry

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

/// One line on standard error that tells how far the work is; nothing where no terminal sees it.
private final class ProgressLine {
    private let what: String
    private let isSeen = isatty(STDERR_FILENO) != 0
    private var isShown = false
    private var last = ContinuousClock.now

    init(_ what: String) { self.what = what }

    func show(_ progress: StoreProgress) {
        // Small files go by faster than anybody reads.
        guard isSeen, !isShown || ContinuousClock.now - last > .milliseconds(100) else { return }
        last = .now
        isShown = true
        let line = "\(what): \(progress.done + 1) of \(progress.total), \(printable(progress.file))"
        put("\r\u{1B}[K" + line)
    }

    func end() {
        if isShown { put("\r\u{1B}[K") }
        isShown = false
    }

    private func put(_ text: String) {
        var text = text
        text.withUTF8 { _ = Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

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

struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Puts a backup back where no store is.",
        discussion: "Every file is compared with backup.list before anything is written. The gateway must be stopped.")

    @OptionGroup var options: StoreFolderOptions

    @Argument(help: "The folder of the backup.", completion: .directory)
    var directory: String

    func run() throws {
        let summary = try options.work("restore") { progress in
            try StoreBackup.restore(from: directory, to: options.folder, progress: progress)
        }
        try printBackup(summary, options.output)
    }
}

private func printBackup(_ summary: BackupSummary, _ output: Output) throws {
    try output.print(
        summary, columns: [.init("what"), .init("value")],
        rows: [
            ["folder", output.text(summary.folder)], ["made", output.time(summary.made)],
            ["files", "\(summary.files), \(summary.linked) of them linked"], ["bytes", "\(summary.bytes)"],
            ["journal row", "\(summary.journalID)"], ["schema version", "\(summary.schemaVersion)"],
        ], empty: "")
}

struct StoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Looks after the files of the store.",
        subcommands: [StoreCheckCommand.self, StoreLedgerCommand.self, StoreRepairCommand.self])
}

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
                "\(report.files) files, \(report.bytes) bytes, \(report.frames) frames with \(report.rows) rows, "
                    + "\(report.journalRows) journal rows, \(report.pages) pages with check values: "
                    + (report.isGood ? "no damage" : "\(report.damage.count) damaged"))
        }
        if !report.isGood { throw ExitCode(1) }
    }
}

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
                let rows = entry.rows > 0 ? "\(entry.rows) rows" : "rows"
                try output.write(
                    "lost: \(rows) of \(output.text(entry.file)), \(output.time(entry.first)) to "
                        + "\(output.time(entry.last)): \(output.text(entry.detail))")
            }
            for damage in report.remaining { try output.write("still damaged: \(output.text(damage.sentence))") }
            try output.write(report.isGood ? "the store is good" : "\(report.remaining.count) damages remain")
        }
        if !report.isGood { throw ExitCode(1) }
    }
}

struct StoreLedgerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger",
        abstract: "What the store no longer has: days given up, and what a repair could not read.")

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

/// Each damage as a row; JSON has the whole report.
private func printDamage(_ damage: [StoreDamage], of report: some Encodable, _ output: Output) throws {
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
