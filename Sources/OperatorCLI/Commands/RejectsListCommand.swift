public import ArgumentParser
import Basics
import Contract
public import Telemetry

extension RejectsCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Messages that gave no reading, newest first, with the reason.")

        @Option(help: "Only this reason: \(Reject.Reason.allCases.map(\.rawValue).joined(separator: ", ")).")
        var reason: Reject.Reason?

        @Option(help: "Only of this device, or a pattern with * and ?.", completion: NameCompletion.devices)
        var device: String?

        @Option(help: "Rows at most.")
        var limit = 20

        @OptionGroup var options: AskOptions

        func validate() throws {
            guard RejectsRequest.limits.contains(limit) else {
                throw ValidationError("--limit \(limit): expected 1 to 10000")
            }
        }

        func run() async throws {
            let output = options.output
            try await options.ask { source in
                let answer = try await source.answer(
                    RejectsRequest(limit: limit, reason: reason, device: device))
                if output.isForPeople, !answer.counts.isEmpty {
                    var table = TextTable([.init("reason"), .init("count", .right), .init("last")])
                    for count in answer.counts {
                        table.append([count.reason, "\(count.count)", localTime(count.lastAt)])
                    }
                    try output.write(table.lines().joined(separator: "\n") + "\n")
                }
                try output.print(
                    answer,
                    columns: [
                        .init("id", .right), .init("received", key: "received_at"), .init("reason"), .init("device"),
                        .init("topic"), .init("detail"), .init("payload"),
                    ] + (output.isForPeople ? [] : [.init("payload_hex"), .init("payload_bytes")]),
                    rows: answer.rejects.map { reject in
                        let row = [
                            "\(reject.id)", output.time(reject.receivedAt), reject.reason, output.text(reject.device),
                            output.text(reject.topic), output.text(reject.detail),
                        ]
                        guard output.isForPeople else {
                            return row + [reject.payload ?? "", reject.payloadHex ?? "", "\(reject.payloadBytes)"]
                        }
                        let payload = reject.payload ?? reject.payloadHex.map { "hex \($0)" } ?? ""
                        let isWhole = payload.count <= Self.payloadShownMax
                        return row + [
                            output.text(String(payload.prefix(Self.payloadShownMax))) + (isWhole ? "" : "...")
                        ]
                    }, empty: "no rejects")
            }
        }

        /// Characters of a payload in the table; JSON and CSV have all that was kept.
        private static let payloadShownMax = 48
    }
}

extension Reject.Reason: ExpressibleByArgument {}
