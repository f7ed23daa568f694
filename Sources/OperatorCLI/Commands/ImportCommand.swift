public import ArgumentParser
import Basics
import Contract
import Glibc
import Interchange
import Settings
import Store
import Synchronization
import Telemetry

extension InterchangeFormat: ExpressibleByArgument {}
extension ImportOptions.Precision: ExpressibleByArgument {}

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Takes readings from CSV, JSON lines or InfluxDB line protocol.",
        discussion: """
            CSV and JSON lines are those of baotu export. In line protocol a field is a reading: its key is the quantity, \
            or the measurement where the key is 'value'; booleans are 0 and 1, texts are passed over.
            The gateway commits readings beside the live ones; what is there already counts once, and no alert is raised. \
            After an end of any kind the same command goes on where it stopped. Exit code 2 when something was refused.
            """)

    @Argument(help: "Files, or - for standard input.", completion: .file())
    var files: [String]

    @Option(help: "csv, jsonl or influx. Default: by the file's ending, else by its first line.")
    var format: InterchangeFormat?

    @Option(help: "The profile of devices that are new. Default: imported.")
    var profile: String?

    @Option(
        help: ArgumentHelp(
            """
            What a word of the file means: word=quantity, word=quantity:unit, or word=- to leave it out. In line \
            protocol the word is field or measurement.field. May be repeated.
            """, valueName: "word=quantity[:unit]"))
    var map: [String] = []

    @Option(help: "The tag that names the device. Default: the first of device, device_id, host, sensor.")
    var deviceTag: String?

    @Option(help: "The tag that names the channel.")
    var channelTag = "channel"

    @Option(help: "The unit of line protocol's timestamps: ns, us, ms or s.")
    var precision: ImportOptions.Precision = .ns

    @Flag(help: "Begin anew where an earlier import of the file was interrupted.")
    var restart = false

    @OptionGroup var place: PlaceOptions

    func validate() throws {
        guard !files.isEmpty else { throw ValidationError("give at least one file, or - for standard input") }
        if let profile, !(1...UsableName.bytesMax).contains(profile.utf8.count) {
            throw ValidationError("--profile: expected 1 to \(UsableName.bytesMax) bytes")
        }
        for text in map {
            do throws(QuantityMapping.Fault) {
                _ = try QuantityMapping(text)
            } catch {
                throw ValidationError("--map \(error)")
            }
        }
    }

    private var options: ImportOptions {
        var options = ImportOptions()
        options.precision = precision
        options.channelTag = channelTag
        if let deviceTag { options.deviceTags = [deviceTag] }
        options.mappings = map.compactMap { try? QuantityMapping($0) }
        return options
    }

    func run() async throws {
        StopSignal.listen()
        var refused = 0
        try await place.answering {
            let console = Console()
            let sink: any ImportSink
            if let store = place.store {
                sink = try StoreSink(StoreOptions(folder: store))
            } else {
                sink = DaemonSink(
                    source: DaemonSource(socketPath: place.socketPath), waits: { console.wait($0) },
                    isStopped: { StopSignal.isSet })
            }
            do {
                for file in files where !StopSignal.isSet { refused += try await take(file, into: sink, console) }
            } catch {
                // What is committed stays, and the files are left as a gateway leaves them.
                try? await sink.close()
                throw error
            }
            try await sink.close()
        }
        if StopSignal.isSet { throw ExitCode(130) }
        if refused > 0 { throw ExitCode(2) }
    }

    /// What the position in a file depends on.
    private func words(_ format: InterchangeFormat) -> String {
        let target = place.store.map { "store \($0)" } ?? "socket \(place.socketPath)"
        let names = [deviceTag ?? "", channelTag, precision.rawValue].joined(separator: " ")
        return ([target, format.rawValue, names] + map).joined(separator: "\n")
    }

    // Long: one batch is committed while the next is read; what the two share are the locals of this loop.
    /// Imports one file; the number of values that were refused.
    private func take(
        _ name: String, into sink: any ImportSink, _ console: Console
    ) async throws -> Int {
        let input = try ImportInput(name)
        if let (line, sentence) = input.otherEncoding { throw NoAnswer.failed("\(name):\(line): \(sentence)") }
        let format = self.format ?? InterchangeFormat(fileName: name) ?? input.formatOfHead
        var reader = ReadingReader(format, file: name, options: options)
        let positionFile = input.isFile ? ImportPositionFile(input: name) : nil
        let identity = input.identity(command: words(format))
        var position = ImportPosition(identity: identity, offset: 0, lines: 0, counts: ImportCounts())
        if let positionFile, !restart, let kept = positionFile.load() {
            if kept.identity == identity, kept.offset <= identity.bytes {
                position = kept
                console.say("\(name): goes on behind line \(grouped(kept.lines)), where the last import of it ended")
            } else {
                console.say(
                    "\(name): an earlier import of it was interrupted, but the file or the command is another now; it begins anew"
                )
            }
        }
        if position.offset > 0 {
            try told { () throws(Mistake) in
                try reader.resume(at: (position.offset, position.lines), header: input.firstLine)
            }
            try input.seek(to: position.offset)
        }
        var tally = Tally(name: name, before: position.counts, input.isFile ? identity.bytes : nil)

        var readings = NamedReadings()
        var batch: (readings: NamedReadings, end: (bytes: Int, lines: Int))?
        var isAtEnd = false
        while !isAtEnd || batch != nil {
            // While one batch is on its way to the disk the next one is read.
            let (underWay, end) = (batch?.readings, batch?.end)
            async let receipt = Self.commit(underWay, sink, profile)
            let wasStopped = StopSignal.isSet
            var fault: (any Error)?
            if !isAtEnd, !wasStopped {
                do {
                    isAtEnd = try Self.fill(&readings, &reader, input)
                } catch {
                    fault = error
                }
            }
            for refusal in reader.takeRefusals() { tally.complain(refusal.line, refusal.sentence, console) }
            if columnsAreNew(&tally, reader.columnsIgnored) {
                console.say("\(name): columns passed over: \(reader.columnsIgnored.joined(separator: ", "))")
            }
            let outcome: ImportReceipt?
            do {
                outcome = try await receipt
            } catch {
                if positionFile != nil, position.offset > 0 {
                    console.say(
                        "\(name): stopped behind line \(grouped(position.lines)); the same command goes on there")
                }
                throw error
            }
            if let receipt = outcome, let end {
                tally.add(receipt, console)
                position.counts = tally.counts(reader.report)
                (position.offset, position.lines) = end
                try positionFile?.save(position)
            }
            if let fault { throw fault }
            batch = readings.isEmpty || wasStopped ? nil : (readings, reader.position)
            readings = NamedReadings()
            let report = reader.report
            console.progress { tally.line(report, at: position.offset, seconds: $0) }
            if wasStopped { break }
        }
        let counts = tally.counts(reader.report)
        if StopSignal.isSet, !(isAtEnd && batch == nil) {
            console.say(
                "\(name): stopped behind line \(grouped(position.lines)); "
                    + (positionFile == nil
                        ? "standard input cannot be taken up again" : "the same command goes on there"))
        } else {
            positionFile?.remove()
        }
        if reader.endsWithinLine {
            console.say(
                "\(name): the last line has no line break: if the file was cut there, its last value may be too")
        }
        tellUnknown(reader.unknownWords, name, console)
        try console.answer(tally.summary(counts))
        return counts.refused
    }

    private static func commit(
        _ readings: NamedReadings?, _ sink: any ImportSink, _ profile: String?
    ) async throws -> ImportReceipt? {
        guard let readings else { return nil }
        return try await sink.commit(readings, profile: profile)
    }

    /// Readings of a commit: as many as live turns have at most; 70 KB of CSV.
    private static let batchReadings = 1000

    /// Reads the next batch; true at the end of the input.
    private static func fill(
        _ readings: inout NamedReadings, _ reader: inout ReadingReader, _ input: ImportInput
    ) throws -> Bool {
        while true {
            do {
                if try reader.read(into: &readings, readingsMax: batchReadings) { return false }
            } catch {
                throw NoAnswer.failed(printable(error.description))
            }
            if input.isAtEnd { return true }
            try input.next { piece in
                if let piece { reader.take(piece) } else { reader.takeEnd() }
            }
        }
    }

    private func told(_ body: () throws(Mistake) -> Void) throws {
        do throws(Mistake) { try body() } catch { throw NoAnswer.failed(printable(error.description)) }
    }

    private func columnsAreNew(_ tally: inout Tally, _ columns: [String]) -> Bool {
        defer { tally.hasToldColumns = tally.hasToldColumns || !columns.isEmpty }
        return !columns.isEmpty && !tally.hasToldColumns
    }

    private func tellUnknown(_ words: [ImportReport.UnknownWord], _ name: String, _ console: Console) {
        for word in words.prefix(ImportReport.refusalsMax) {
            let hint = word.nearest.map { "; did you mean '\($0)'?" } ?? ""
            console.say(
                "\(name): '\(word.word)' is not a quantity, \(grouped(word.count)) \(word.count == 1 ? "value" : "values") refused\(hint) "
                    + "Say what it is with --map '\(word.word)=QUANTITY[:UNIT]', or --map '\(word.word)=-' to leave it out"
            )
        }
        let rest = words.dropFirst(ImportReport.refusalsMax)
        if !rest.isEmpty {
            console.say(
                "\(name): \(rest.count == 1 ? "one further word is no quantity" : "\(grouped(rest.count)) further words are no quantities")"
            )
        }
    }
}

/// The counts of one file, and what of them was told.
private struct Tally {
    let name: String
    /// Of the imports before this one that were interrupted.
    let before: ImportCounts
    let bytes: Int?
    var hasToldColumns = false
    private var receipts = ImportCounts()
    private var told = 0

    init(name: String, before: ImportCounts, _ bytes: Int?) {
        self.name = name
        self.before = before
        self.bytes = bytes
    }

    mutating func add(_ receipt: ImportReceipt, _ console: Console) {
        receipts.fresh += receipt.fresh
        receipts.duplicates += receipt.duplicates
        receipts.corrected += receipt.corrected
        receipts.refused += receipt.refused
        for refusal in receipt.refusals { complain(refusal.line, refusal.sentence, console) }
    }

    mutating func complain(_ line: Int, _ sentence: String, _ console: Console) {
        guard told < ImportReport.refusalsMax else { return }
        told += 1
        console.say("\(name):\(line > 0 ? "\(line):" : "") \(sentence)")
    }

    func counts(_ report: ImportReport) -> ImportCounts {
        ImportCounts(
            fresh: before.fresh + receipts.fresh, duplicates: before.duplicates + receipts.duplicates,
            corrected: before.corrected + receipts.corrected,
            refused: before.refused + receipts.refused + report.refused, texts: before.texts + report.texts,
            leftOut: before.leftOut + report.leftOut)
    }

    func line(_ report: ImportReport, at offset: Int, seconds: Double) -> String {
        let counts = counts(report)
        var text = "\(name): "
        if let bytes, bytes > 0 {
            let width = 20
            let done = min(width, offset * width / bytes)
            text += "[\(String(repeating: "#", count: done))\(String(repeating: ".", count: width - done))] "
            text += "\(offset * 100 / bytes) % of \(size(bytes))"
        } else {
            text += size(offset)
        }
        let rate = Double(receipts.committed) / max(0.001, seconds)
        return text + ", \(grouped(Int(rate))) readings/s, \(grouped(counts.duplicates)) duplicates, "
            + "\(grouped(counts.refused)) refused"
    }

    func summary(_ counts: ImportCounts) -> String {
        var text =
            "\(name): \(grouped(counts.fresh)) fresh, \(grouped(counts.duplicates)) duplicates, "
            + "\(grouped(counts.corrected)) corrected, \(grouped(counts.refused)) refused"
        if counts.texts > 0 { text += ", \(grouped(counts.texts)) texts passed over" }
        if counts.leftOut > 0 { text += ", \(grouped(counts.leftOut)) left out" }
        return text
    }
}

/// Whether SIGINT or SIGTERM asked for an end: the batch under way is finished first.
private enum StopSignal {
    // An atomic store is safe in a signal handler; a lock or an allocation would not be.
    private static let isRaised = Atomic<Bool>(false)

    static var isSet: Bool { isRaised.load(ordering: .relaxed) }

    /// Lets both signals set the flag; a second one ends the program as usual.
    static func listen() {
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                StopSignal.isRaised.store(true, ordering: .relaxed)
                signal(number, SIG_DFL)
            }
        }
    }
}
