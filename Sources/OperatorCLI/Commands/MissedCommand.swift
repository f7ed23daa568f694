import ArgumentParser
import Basics
import Contract
import Telemetry

struct MissedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "missed",
        abstract: "The night on one page: what fired, what nobody took, what was lost, what the gateway itself had.")

    @Option(help: "From when on: a time, a date, 22:00, yesterday, or how long ago, such as 8h or 7d.")
    var since = MomentArgument(argument: "12h")!

    @Option(help: "Until when; default: now.")
    var until: MomentArgument?

    @Flag(help: "A line for each, those that are over and were taken included.")
    var all = false

    @Flag(help: "A page for browsers and mail.")
    var html = false

    @OptionGroup var options: AskOptions

    func validate() throws {
        if html, options.format != .table { throw ValidationError("give --html or --format, not both") }
    }

    func run() async throws {
        let output = options.output
        let (from, to) = (since.timestamp(now: output.now), until?.timestamp(now: output.now))
        if from >= to ?? output.now {
            throw failure("--since \(from) is not earlier than \(to.map { "--until \($0)" } ?? "now")", 64)
        }
        try await options.ask { source in
            let answer = try await source.answer(MissedRequest(since: from, until: to))
            let page = MissedPage(answer, output, showsAll: all)
            if html { return try output.write(page.html()) }
            if output.isForPeople { return try output.write(page.lines().joined(separator: "\n")) }
            try output.print(
                answer, columns: MissedPage.columns,
                rows: (answer.incidents + answer.ofGateway).map { MissedPage.cells($0) }, empty: "")
        }
    }
}
