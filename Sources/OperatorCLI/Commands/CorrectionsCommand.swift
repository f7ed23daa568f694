import ArgumentParser
import Basics
import Contract
import Telemetry

struct CorrectionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "corrections",
        abstract: "Readings that another value took the place of, newest first, and who brought it.")

    @Option(help: "Only of this device, or a pattern with * and ?.", completion: NameCompletion.devices)
    var device: String?

    @Option(help: "Corrected since then: a time, a date, or how long ago, such as 10m, 24h or 7d.")
    var since: MomentArgument?

    @Flag(help: "Only what people brought, and nothing that devices said anew themselves.")
    var byPeople = false

    @Option(help: "Rows at most.")
    var limit = 20

    @Option(help: "Only those with a lower number, to go on where an answer ended.")
    var before: Int64?

    @OptionGroup var options: AskOptions

    func validate() throws {
        guard CorrectionsRequest.limits.contains(limit) else {
            throw ValidationError("--limit \(limit): expected 1 to \(CorrectionsRequest.limits.upperBound)")
        }
    }

    func run() async throws {
        let output = options.output
        try await options.ask { source in
            let answer = try await source.answer(
                CorrectionsRequest(
                    device: device, since: since?.timestamp(now: output.now), isByPeople: byPeople, before: before,
                    limit: limit))
            try output.print(
                answer,
                columns: [
                    .init("id", .right), .init("at"), .init("by"), .init("device"), .init("quantity"), .init("channel"),
                    .init("observed"), .init("was", .right), .init("became", .right), .init("unit"),
                ],
                rows: answer.corrections.map { one in
                    [
                        "\(one.id)", output.time(one.at),
                        one.by.map { output.text($0) } ?? (output.isForPeople ? "the device" : ""),
                        output.text(one.device), one.quantity, output.text(one.channel), output.time(one.observed),
                        output.number(one.was, of: one.quantity), output.number(one.became, of: one.quantity),
                        output.unit(one.unit),
                    ]
                },
                empty: answer.madeInAll == 0
                    ? "no reading was corrected" : "none of the corrections that are kept is so")
            if answer.keptInAll < answer.madeInAll, options.format != .json {
                StandardStreams.complain(
                    "of \(counted(Int(answer.madeInAll), "correction")) \(answer.keptInAll) are kept: the newest that each device made, "
                        + "and the newest of people")
            }
            if let next = answer.next, options.format != .json {
                StandardStreams.complain("there are older ones: --before \(next)")
            }
        }
    }
}
