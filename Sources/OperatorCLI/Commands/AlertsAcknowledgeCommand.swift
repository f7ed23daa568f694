import ArgumentParser
import Basics
import Contract
import FoundationEssentials
import Glibc
import Telemetry

extension AlertsCommand {
    struct Acknowledge: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ack", abstract: "Says that someone takes the alert on.")

        @Argument(help: "The alert's number.", completion: NameCompletion.alerts)
        var id: Int64

        @Option(help: "Who of those that share the login; the login itself is kept in any case.")
        var by: String?

        @Option(help: "What is being done.")
        var note = ""

        @OptionGroup var options: AskOptions

        func validate() throws {
            guard by.map({ (1...AcknowledgeOrder.byBytesMax).contains($0.utf8.count) }) ?? true else {
                throw ValidationError("--by: expected a name of 1 to 128 bytes")
            }
            guard note.utf8.count <= AcknowledgeOrder.noteBytesMax else {
                throw ValidationError("--note: expected at most 1024 bytes")
            }
        }

        func run() async throws {
            let output = options.output
            try await options.ask { source in
                let story = try await source.carryOut(AcknowledgeOrder(alert: id, by: by ?? "", note: note))
                if output.isForPeople { return try output.write(AlertsCommand.headline(story, output)) }
                try output.print(
                    story, columns: [.init("id"), .init("acknowledged_by"), .init("acknowledged_at"), .init("note")],
                    rows: [
                        [
                            "\(story.alert.id)", story.alert.acknowledgedBy ?? "",
                            story.alert.acknowledgedAt.map(output.time) ?? "", story.alert.note ?? "",
                        ]
                    ], empty: "")
            }
        }
    }
}

/// The name under which this process's user logs in; empty where the system knows none.
func loginName() -> String {
    getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? ""
}
