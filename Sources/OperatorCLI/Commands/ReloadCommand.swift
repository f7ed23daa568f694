import ArgumentParser
import Contract

struct ReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Has the gateway read profiles, rules and roster anew, and says what is wrong with them.",
        discussion: "As systemctl reload does, with the answer here. With a mistake the old ones stay in force.")

    @OptionGroup var options: AskOptions

    func run() async throws {
        let output = options.output
        try await options.ask { source in
            let answer = try await source.carryOut(ReloadOrder())
            try output.print(
                answer, columns: [.init("profiles", .right), .init("rules", .right), .init("devices", .right)],
                rows: [["\(answer.profiles)", "\(answer.rules)", "\(answer.devices)"]], empty: "")
        }
    }
}
