import ArgumentParser
import Basics
import Contract
import Telemetry

extension RejectsCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Messages that gave no reading, newest first, with the reason.")

        @Option(
            help: "Only this reason: \(Unread.Cause.allCases.map(\.rawValue).joined(separator: ", ")).",
            completion: completion(Unread.Cause.self), transform: word)
        var reason: Unread.Cause?

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
                if output.isForPeople { try Self.tellUnread(answer.unread, output) }
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
                    }, empty: answer.unread.isEmpty ? "no rejects" : "no rejects beside these")
            }
        }

        /// Whose messages come without readings, since when, how many, why and what next; of what comes beside readings the
        /// sums.
        private static func tellUnread(_ unread: [RejectsAnswer.Unread], _ output: Output) throws {
            let standing = unread.filter { $0.isStanding || $0.about != .device }
            if !standing.isEmpty {
                var table = TextTable(
                    [
                        .init("of"), .init("messages", .right), .init("since"), .init("last"),
                        .init("no reading because"),
                    ])
                for one in standing {
                    let of =
                        switch one.about {
                        case .device: output.text(one.device)
                        case .nobody: "(no device)"
                        case .others: "(all others)"
                        }
                    table.append([
                        of, "\(one.messagesSinceReading)", localTime(one.sinceReading ?? one.since),
                        localTime(one.lastAt), one.why,
                    ])
                    table.append(["", "", "", "", "next: \(output.text(one.mend))"])
                }
                try output.write(table.lines().joined(separator: "\n") + "\n")
            }
            let beside = unread.filter { !$0.isStanding && $0.about == .device }
            guard !beside.isEmpty else { return }
            let sums = Dictionary(grouping: beside, by: \.cause).map { (cause: $0, of: $1) }.sorted {
                $0.cause < $1.cause
            }
            let parts = sums.map { sum in
                "\(sum.of.reduce(0) { $0 + $1.messages }) \(sum.cause) of \(counted(sum.of.count, "device"))"
            }
            try output.write("without a reading, of devices that give some: \(parts.joined(separator: "; "))\n")
        }

        /// Characters of a payload in the table; JSON and CSV have all that was kept.
        private static let payloadShownMax = 48
    }
}
