public import ArgumentParser
import Basics
import FoundationEssentials
import Glibc
import Settings
import Contract
import Telemetry

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "How much there is, and how it goes.")

    @OptionGroup var options: AskOptions

    /// The counters of the store, and beside them under `live` what only the daemon knows.
    private struct Whole: Encodable {
        let status: StatusAnswer
        let live: LiveStatusAnswer?

        enum CodingKeys: CodingKey { case live }

        func encode(to encoder: any Encoder) throws {
            try status.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encodeIfPresent(live, forKey: .live)
        }
    }

    func run() async throws {
        let output = options.output
        try await options.ask { source in
            let status = try await source.answer(StatusRequest())
            let whole = Whole(status: status, live: try await source.liveStatus())
            guard output.isForPeople else {
                let rows = try Self.flattened(whole)
                return try output.print(whole, columns: [.init("key"), .init("value")], rows: rows, empty: "")
            }
            try output.print(
                whole, columns: [.init("what"), .init("value")],
                rows: Self.live(whole.live, output) + Self.counters(status, output), empty: "")
        }
    }

    private static func live(_ live: LiveStatusAnswer?, _ output: Output) -> [[String]] {
        guard let live else { return [["gateway", "not asked: these are the files"]] }
        let broker =
            live.brokerConnected
            ? "connected to \(live.broker) for \(output.age(live.brokerConnectedSince))"
            : "NOT connected to \(live.broker)"
        let sinceTurn = max(0, (output.now - live.lastTurnAt).milliseconds)
        let turn = sinceTurn < 2000 ? "\(sinceTurn) ms" : output.age(live.lastTurnAt)
        var rows = [
            ["gateway", "\(live.version), up \(output.age(live.startedAt)), last turn \(turn) ago"],
            ["broker", broker],
        ]
        if live.droppedByBroker > 0 { rows.append(["dropped by broker", "\(live.droppedByBroker) messages"]) }
        if let trouble = live.storeTrouble { rows.append(["store trouble", output.text(trouble)]) }
        return rows
    }

    private static func counters(_ status: StatusAnswer, _ output: Output) -> [[String]] {
        let commit = status.lastCommitAt.map { "last commit \(output.age($0)) ago" } ?? "nothing committed yet"
        let damage = status.damagedRows > 0 ? [["damaged", "\(status.damagedRows) journal rows left out"]] : []
        return [
            ["received", "\(status.received) messages"], ["committed", "\(status.committed) readings"],
            ["duplicates", "\(status.duplicates) readings"], ["corrected", "\(status.corrected) readings"],
            ["rejected", "\(status.rejected) messages or parts"], ["suspect", "\(status.suspect) values"],
            ["late", "\(status.late) readings"], ["ignored", "\(status.ignored) messages"],
            ["empty", "\(status.empty) messages"],
        ] + damage + [
            ["series", "\(status.series)"],
            ["devices", "\(status.devices), of which \(status.devicesExpected) on the roster"],
            [
                "alerts",
                "\(status.alertsFiring) firing, \(status.alertsPending) pending, \(status.alertsUnknown) unknown",
            ],
            ["outbox", "\(status.outboxPending) notices to deliver"],
            [
                "journal",
                "row \(status.journalID); \(status.journalRows) rows, \(size(status.journalBytes)) to seal",
            ],
            ["days", status.oldestDay.map { "\($0) to \(status.newestDay ?? $0)" } ?? "none sealed yet"],
            ["store", "\(size(status.storeBytes)), \(commit)"],
        ]
    }

    private static func size(_ bytes: Int64) -> String {
        if bytes < 10 * 1024 { return "\(bytes) bytes" }
        return bytes < 10 * 1_048_576 ? "\(bytes / 1024) KiB" : "\(bytes / 1_048_576) MiB"
    }

    /// The JSON as rows of key and value, `live.turns` for what lies within.
    private static func flattened(_ whole: Whole) throws -> [[String]] {
        func rows(_ node: Node, _ path: String) -> [[String]] {
            switch node {
            case .leaf(let text): [[path, text]]
            case .branch(let children):
                children.sorted { $0.key < $1.key }.flatMap { rows($1, path.isEmpty ? $0 : "\(path).\($0)") }
            }
        }
        return rows(try JSONDecoder().decode(Node.self, from: try JSONEncoder().encode(whole)), "")
    }

    private enum Node: Decodable {
        case leaf(String)
        case branch([String: Node])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let children = try? container.decode([String: Node].self) {
                self = .branch(children)
            } else if let flag = try? container.decode(Bool.self) {
                self = .leaf("\(flag)")
            } else if let number = try? container.decode(Int64.self) {
                self = .leaf("\(number)")
            } else {
                self = .leaf(try container.decode(String.self))
            }
        }
    }
}

struct DevicesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "devices", abstract: "The devices; and tools for those who write their profiles.",
        subcommands: [List.self, Try.self, Test.self, Lint.self, New.self, Learn.self, Schema.self],
        defaultSubcommand: List.self)

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
                            output.age(answer.lastHeard),
                            cadence.map { output.isForPeople ? $0.shortForm : "\($0.milliseconds / 1000)" } ?? "",
                            "\(answer.series)", "\(answer.firingAlerts)",
                        ]
                    }, empty: "no devices")
            }
        }
    }
}

struct RejectsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rejects", abstract: "Messages that gave no reading: list them, or decode them again.",
        subcommands: [List.self, Replay.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Messages that gave no reading, newest first, with the reason.")

        @Option(help: "Only this reason: \(Reject.Reason.allCases.map(\.rawValue).joined(separator: ", ")).")
        var reason: Reject.Reason?

        @Option(help: "Only of this device.", completion: NameCompletion.devices)
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
extension AlertPhase: ExpressibleByArgument {}

struct AlertsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alerts", abstract: "Alerts: list them, show one, take one on.",
        subcommands: [List.self, Show.self, Acknowledge.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "The alerts that are not over; --all for every one.")

        @Option(help: "Only this phase: \(AlertPhase.allCases.map(\.rawValue).joined(separator: ", ")).")
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
                            "\(alert.id)", alert.phase.rawValue, alert.severity.rawValue, output.age(alert.since),
                            output.age(alert.at), alert.rule, output.text(alert.device),
                            output.text(alert.acknowledgedBy), output.text(alert.sentence),
                        ]
                    }, empty: "no alerts")
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "One alert with the steps it took and whom they were told.")

        @Argument(help: "The alert's number.", completion: NameCompletion.alerts)
        var id: Int64

        @OptionGroup var options: AskOptions

        func run() async throws {
            let output = options.output
            try await options.ask { source in
                let story = try await source.answer(AlertRequest(id))
                if output.isForPeople { try output.write(AlertsCommand.headline(story, output) + "\n") }
                try output.print(
                    story,
                    columns: [
                        .init("at"), .init("from"), .init("to"), .init("value", .right), .init("unit"),
                        .init("told", key: "notifications"), .init("sentence"),
                    ],
                    rows: story.transitions.map { step in
                        let told = step.notifications.map { notice in
                            notice.deliveredAt == nil
                                ? "\(notice.channel) (\(output.text(notice.error ?? "waiting")))" : notice.channel
                        }
                        return [
                            output.time(step.at), step.from.rawValue, step.to.rawValue,
                            step.value.map { output.number($0) } ?? "", output.unit(story.alert.unit ?? ""),
                            told.joined(separator: ", "), output.text(step.sentence),
                        ]
                    }, empty: "no steps")
            }
        }
    }

    /// What the alert is about, in which phase, who has taken it on, and whether its story begins later than it did.
    private static func headline(_ story: AlertStoryAnswer, _ output: Output) -> String {
        let alert = story.alert
        var lines = [
            "alert \(alert.id): \(alert.rule) on \(output.text(alert.device)), \(alert.severity.rawValue), "
                + "\(alert.phase.rawValue) since \(output.time(alert.at))",
            output.text(alert.sentence),
        ]
        if let by = alert.acknowledgedBy, let at = alert.acknowledgedAt {
            let note = alert.note.map { $0.isEmpty ? "" : ": \(output.text($0))" } ?? ""
            lines.append("taken on by \(output.text(by)) at \(output.time(at))\(note)")
        }
        if let steps = story.stepsGivenUp, let since = story.toldSince {
            let what = steps == 1 ? "1 older step is" : "\(steps) older steps are"
            lines.append("told since \(output.time(since)): \(what) no longer kept (store.retention.alerts)")
        }
        return lines.joined(separator: "\n")
    }

    struct Acknowledge: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ack", abstract: "Says that someone takes the alert on.")

        @Argument(help: "The alert's number.", completion: NameCompletion.alerts)
        var id: Int64

        @Option(help: "Who; default: the login name.")
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
                let who = by ?? ProcessInfo.processInfo.environment["USER"].flatMap { $0.isEmpty ? nil : $0 }
                let story = try await source.carryOut(
                    AcknowledgeOrder(alert: id, by: who ?? loginName(), note: note))
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

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "What can lose messages or mislead people although the process is up, each with the mend.")

    @OptionGroup var options: AskOptions

    func run() async throws {
        let output = options.output
        try await options.ask { source in
            let findings = try await source.answer(DoctorRequest())
            // A mend is a sentence too long for a column of its own: people get it below its finding.
            let columns: [TextTable.Column] = [.init("level"), .init("check"), .init("finding")]
            try output.print(
                findings, columns: columns + (output.isForPeople ? [] : [.init("mend")]),
                rows: findings.flatMap { finding in
                    let row = [finding.level.rawValue, finding.check, output.text(finding.finding)]
                    guard output.isForPeople else { return [row + [finding.mend ?? ""]] }
                    return [row] + (finding.mend.map { [["", "", "mend: \(output.text($0))"]] } ?? [])
                }, empty: "no findings")
            if findings.contains(where: { $0.level == .bad }) { throw ExitCode(2) }
        }
    }
}

/// The name under which this process's user logs in; empty where the system knows none.
private func loginName() -> String {
    getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? ""
}
