import ArgumentParser
import Basics
import Contract
import Settings
import Telemetry

extension DevicesCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "The devices, those that never spoke included.")

        @Argument(help: "A device, or a pattern with * and ?.", completion: NameCompletion.devices)
        var device: String?

        @Option(help: "Only devices of this area.", completion: NameCompletion.areas)
        var area: String?

        @Option(help: "Only devices of this profile.", completion: NameCompletion.profiles)
        var profile: String?

        @OptionGroup var options: AskOptions

        func run() async throws {
            let output = options.output
            try await options.ask { source in
                let answers = try await source.answer(DevicesRequest(device: device, profile: profile, area: area))
                try output.print(
                    answers,
                    columns: [
                        .init("device"), .init("profile"), .init("area"), .init("circuit"), .init("health"),
                        .init("heard", .right, key: "last_heard"), .init("cadence", .right, key: "cadence_seconds"),
                        .init("series", .right), .init("firing", .right, key: "firing_alerts"),
                    ],
                    rows: answers.map { answer in
                        let cadence = answer.cadenceSeconds.map { Duration.milliseconds(Int64($0 * 1000)) }
                        return [
                            output.text(answer.device), output.text(answer.profile), output.text(answer.area),
                            output.text(answer.circuit), answer.health.rawValue,
                            output.ago(answer.lastHeardSecondsAgo, of: answer.lastHeard),
                            cadence.map { output.isForPeople ? $0.shortForm : "\($0.milliseconds / 1000)" } ?? "",
                            "\(answer.series)", "\(answer.firingAlerts)",
                        ]
                    }, empty: "no devices")
            }
        }
    }
}
