import ArgumentParser
import Basics
import Contract
import FoundationEssentials
import Store
import Telemetry

struct StoreForgetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget",
        abstract: "Takes readings out that should never have been stored: of a wrong clock, or of a bad import.",
        discussion: """
            Shows what it would take, beside the gateway too, and takes it with --yes only; for that the gateway must be \
            stopped. History, statistics, newest values and windows follow. What is taken is gone, but from backups; the \
            store's ledger keeps how many readings of whom, of which span, when and by whom. With the next start of the gateway \
            what was learnt of them begins anew, and alerts that stand on them are judged by what is left; what alerts told \
            stays.
            """)

    @Option(help: "The device, by its name.", completion: NameCompletion.devices)
    var device: String

    @Option(help: "Only this quantity, such as active_power.", completion: NameCompletion.quantities)
    var quantity: String?

    @Option(help: "Only this channel of the device, such as l1.")
    var channel: String?

    @Option(help: "From when: a time, a date, or how long ago, such as 24h.")
    var since: MomentArgument

    @Option(help: "Until when, not included.")
    var until: MomentArgument

    @Option(help: "Who takes them out, for the ledger; default: the login name.")
    var by: String?

    @Flag(help: "Take them out. Without it nothing is changed.")
    var yes = false

    @OptionGroup var options: StoreFolderOptions

    func validate() throws {
        guard by.map({ (1...AcknowledgeOrder.byBytesMax).contains($0.utf8.count) }) ?? true else {
            throw ValidationError("--by: expected a name of 1 to \(AcknowledgeOrder.byBytesMax) bytes")
        }
        guard by.map({ !$0.unicodeScalars.contains(where: \.isSteering) && $0.contains { !$0.isWhitespace } }) ?? true
        else {
            throw ValidationError("--by: expected a name without control characters")
        }
    }

    func run() async throws {
        let output = options.output
        let request = ForgetRequest(
            device: device, quantity: quantity, channel: channel, since: since.timestamp(now: output.now),
            until: until.timestamp(now: output.now))
        guard request.since < request.until else {
            throw failure("--since \(request.since) is not earlier than --until \(request.until)", 64)
        }
        do {
            if quantity != nil { _ = try checked(quantity) }
            let counts = try options.work("forget") { _ in try Archive(folder: options.folder).count(request) }
            try output.print(
                counts,
                columns: [
                    .init("device"), .init("quantity"), .init("channel"), .init("readings", .right), .init("first"),
                    .init("last"),
                ],
                rows: counts.map { count in
                    [
                        output.text(count.device), count.quantity, output.text(count.channel), "\(count.readings)",
                        output.time(count.first), output.time(count.last),
                    ]
                }, empty: "no readings of \(output.text(device)) in this span")
            let readings = counts.reduce(0) { $0 + $1.readings }
            guard readings > 0 else { return }
            guard yes else {
                return StandardStreams.complain(
                    "nothing was changed: --yes takes \(readings == 1 ? "this reading" : "these \(readings) readings") out, with the gateway stopped"
                )
            }
            try options.work("forget") { _ in try takeOut(request) }
            StandardStreams.complain(
                "\(counted(readings, "reading was", "readings were")) taken out; baotu store ledger tells so. With the next start of the gateway what "
                    + "detectors, peers, lamps, roads and the clock of \(output.text(device)) had learnt of them begins "
                    + "anew, and alerts that stand on them are judged by what is left")
        } catch let error as NoAnswer {
            throw failure(error.description, error.exitCode)
        }
    }

    private func takeOut(_ request: ForgetRequest) throws {
        let environment = ProcessInfo.processInfo.environment
        let login = ["SUDO_USER", "USER"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? loginName()
        let person = by.map { $0 == login ? login : "\($0) (\(login))" } ?? login
        let sink = try StoreSink(StoreOptions(folder: options.folder))
        do {
            _ = try sink.forget(request, by: person)
        } catch {
            try? sink.close()
            throw error
        }
        try sink.close()
    }
}
