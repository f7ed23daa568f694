import ArgumentParser
import Basics
import Contract
import Telemetry

extension AlertsCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "The alerts that are not over; --all for every one.")

        @Option(
            help: "Only this phase: \(AlertPhase.allCases.map(\.rawValue).joined(separator: ", ")).",
            completion: completion(AlertPhase.self), transform: word)
        var phase: AlertPhase?

        @Option(help: "Only of this device, or a pattern with * and ?.", completion: NameCompletion.devices)
        var device: String?

        @Option(help: "Only of this rule.", completion: NameCompletion.rules)
        var rule: String?

        @Flag(help: "Also the alerts that are over.")
        var all = false

        @OptionGroup var options: AskOptions

        func run() async throws {
            let output = options.output
            try await options.ask { source in
                var answers = try await source.answer(AlertsRequest(phase: phase, device: device, rule: rule))
                if phase == nil, !all { answers.removeAll { $0.phase == .resolved || $0.phase == .inactive } }
                try output.print(
                    answers,
                    columns: [
                        .init("id", .right), .init("phase"), .init("severity"), .init("began", .right, key: "since"),
                        .init("changed", .right, key: "at"), .init("rule"), .init("device"),
                        .init("taken by", key: "acknowledged_by"), .init("sentence"),
                    ],
                    rows: answers.map { alert in
                        [
                            "\(alert.id)", alert.phase.rawValue, alert.severity.rawValue,
                            output.ago(alert.sinceSecondsAgo, of: alert.since),
                            output.ago(alert.atSecondsAgo, of: alert.at), alert.rule, output.text(alert.about),
                            output.text(alert.acknowledgedBy), output.text(alert.sentence),
                        ]
                    }, empty: "no alerts")
            }
        }
    }
}
