import ArgumentParser
import Basics
import Contract

struct LatestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "latest", abstract: "The newest reading of each series.")

    @Argument(help: "A device, or a pattern with * and ?.", completion: NameCompletion.devices)
    var device: String?

    @Argument(help: "A quantity, such as active_power.", completion: NameCompletion.quantities)
    var quantity: String?

    @Option(help: "Only devices of this area.", completion: NameCompletion.areas)
    var area: String?

    @Option(help: "Only devices of this profile.", completion: NameCompletion.profiles)
    var profile: String?

    @OptionGroup var options: AskOptions

    func run() async throws {
        let output = options.output
        try await options.ask { source in
            let answers = try await source.answer(
                LatestRequest(
                    DeviceFilter(device: device, profile: profile, area: area, quantity: checked(quantity))))
            var empty = "no readings"
            if answers.isEmpty {
                let unread = try await source.answer(RejectsRequest(limit: 1, device: device)).unread
                let messages = unread.reduce(0) { $0 + $1.messages }
                if messages > 0 {
                    empty += "; \(counted(messages, "message")) came and gave none: baotu rejects says why"
                }
            }
            try output.print(
                answers,
                columns: [
                    .init("device"), .init("quantity"), .init("channel"), .init("value", .right), .init("unit"),
                    .init("observed"),
                ] + (output.isForPeople ? [.init("age", .right)] : []),
                rows: answers.map { answer in
                    [
                        output.text(answer.device), answer.quantity, output.text(answer.channel),
                        output.number(answer.value, of: answer.quantity), output.unit(answer.unit),
                        output.time(answer.observed),
                    ] + (output.isForPeople ? [output.age(answer.observed)] : [])
                }, empty: empty)
        }
    }
}
