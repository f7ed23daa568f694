import ArgumentParser
import Basics
import Contract
import Telemetry

extension IncidentsCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "The incidents of a span, newest first; those that are open included.")

        @Option(help: "Not over before: a time, a date, or how long ago, such as 10m, 24h or 7d.")
        var since: MomentArgument?

        @Option(help: "Begun before; default: now.")
        var until: MomentArgument?

        @Option(help: "Only of this area, as it was when the incident began.", completion: NameCompletion.areas)
        var area: String?

        @Option(help: "Only of this circuit, as it was when the incident began.", completion: NameCompletion.circuits)
        var circuit: String?

        @Option(
            help: "Only of this severity: \(Severity.allCases.map(\.rawValue).joined(separator: ", ")).",
            completion: completion(Severity.self), transform: word)
        var severity: Severity?

        @Option(help: "Only of this rule.", completion: NameCompletion.rules)
        var rule: String?

        @Option(help: "Only of this device, or a pattern with * and ?.", completion: NameCompletion.devices)
        var device: String?

        @Option(
            help: "Only those that stand so: \(IncidentState.allCases.map(\.rawValue).joined(separator: ", ")).",
            completion: completion(IncidentState.self), transform: word)
        var state: IncidentState?

        @Option(help: "Only those before this incident: the next page.")
        var before: Int64?

        @Option(help: "Rows at most.")
        var limit = 20

        @OptionGroup var options: AskOptions

        func validate() throws {
            guard IncidentsRequest.limits.contains(limit) else {
                throw ValidationError("--limit \(limit): expected 1 to 10000")
            }
            guard before.map({ $0 > 0 }) ?? true else {
                throw ValidationError("--before: expected the number of an incident")
            }
        }

        func run() async throws {
            let output = options.output
            let (from, to) = (since?.timestamp(now: output.now), until?.timestamp(now: output.now))
            if let from, let to, from >= to { throw failure("--since \(from) is not earlier than --until \(to)", 64) }
            try await options.ask { source in
                let answer = try await source.answer(
                    IncidentsRequest(
                        since: from, until: to, area: area, circuit: circuit, severity: severity, rule: rule,
                        device: device, state: state, before: before, limit: limit))
                try output.print(
                    answer, columns: Self.columns(output), rows: answer.incidents.map { Self.row($0, output) },
                    empty: "no incidents")
                // On standard error in CSV: programs must not take the first page for all there is.
                if let next = answer.next, options.format != .json {
                    StandardStreams.complain("there are more; ask again with --before \(next) or a larger --limit")
                }
            }
        }

        private static func columns(_ output: Output) -> [TextTable.Column] {
            let taken: [TextTable.Column] =
                output.isForPeople
                ? [.init("taken by")] : [.init("taken_by"), .init("taken_at"), .init("peak_at"), .init("unit")]
            return [
                .init("id", .right), .init("severity"), .init("began"),
                .init("lasted", .right, key: "duration_seconds"), .init("state"), .init("rule"), .init("device"),
                .init("worst", .right, key: "peak"),
            ] + taken + (output.isForPeople ? [] : [.init("end_reason"), .init("ended"), .init("alert", .right)]) + [
                .init("sentence", key: "beginning")
            ]
        }

        private static func row(_ incident: IncidentAnswer, _ output: Output) -> [String] {
            let taken = incident.taken
            let more = incident.deeds.count - 1
            let standing = output.isForPeople ? IncidentsCommand.standing(incident, output) : incident.state.rawValue
            return [
                "\(incident.id)", incident.severity.rawValue, output.time(incident.began),
                IncidentsCommand.lasted(incident, output), standing, incident.rule, output.text(incident.about),
                IncidentsCommand.peak(incident, output),
            ]
                + (output.isForPeople
                    ? [taken.map { output.text($0.by) + (more > 0 ? " +\(more)" : "") } ?? "-"]
                    : [
                        taken?.by ?? "", taken?.at.description ?? "", incident.peakAt?.description ?? "",
                        incident.unit ?? "", incident.endReason?.rawValue ?? "", incident.ended?.description ?? "",
                        "\(incident.alert)",
                    ])
                + [output.text(incident.beginning)]
        }
    }
}
