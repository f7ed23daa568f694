import ArgumentParser
import Foundation
import Store
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
        try await options.ask { source in
            let status = try await source.status()
            let live = try await source.liveStatus()
            let now = presentMoment()
            var rows: [(String, String)] = []
            if let live {
                let broker =
                    live.brokerConnected
                    ? "connected to \(live.broker) for \(age(of: live.brokerConnectedSince, now: now))"
                    : "NOT connected to \(live.broker)"
                rows += [
                    (
                        "gateway",
                        "\(live.version), up \(age(of: live.startedAt, now: now)), last turn \((now - live.lastTurnAt).milliseconds) ms ago"
                    ),
                    ("broker", broker),
                ]
                if live.droppedByBroker > 0 { rows.append(("dropped by broker", "\(live.droppedByBroker)")) }
                if let trouble = live.storeTrouble { rows.append(("store trouble", trouble)) }
            } else {
                rows.append(("gateway", "not asked: these are the files"))
            }
            rows += [
                ("received", "\(status.received) messages"), ("committed", "\(status.committed) readings"),
                ("duplicates", "\(status.duplicates)"), ("corrected", "\(status.corrected)"),
                ("rejected", "\(status.rejected)"), ("suspect", "\(status.suspect)"), ("late", "\(status.late)"),
                ("ignored", "\(status.ignored) messages"), ("empty", "\(status.empty) messages"),
                ("series", "\(status.series)"),
                ("devices", "\(status.devices), of which \(status.devicesExpected) on the roster"),
                (
                    "alerts",
                    "\(status.alertsFiring) firing, \(status.alertsPending) pending, \(status.alertsUnknown) unknown"
                ),
                ("outbox", "\(status.outboxPending) notices to deliver"),
                (
                    "journal",
                    "row \(status.journalID), \(status.journalRows) rows or \(status.journalBytes) bytes to seal"
                ),
                ("days", status.oldestDay.map { "\($0) to \(status.newestDay ?? $0)" } ?? "none sealed yet"),
                ("store", "\(status.storeBytes / 1024) KiB, last commit \(age(of: status.lastCommitAt, now: now)) ago"),
            ]
            try options.output.print(
                Whole(status: status, live: live), columns: [.init("what"), .init("value")],
                rows: rows.map { [$0.0, $0.1] }, empty: "")
        }
    }
}

struct DevicesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "devices", abstract: "The devices, those that never spoke included.")

    @Argument(help: "A device, or a pattern with * and ?.", completion: NameCompletion.devices)
    var device: String?

    @Option(help: "Only devices of this area.", completion: NameCompletion.areas)
    var area: String?

    @Option(help: "Only devices of this profile.", completion: NameCompletion.profiles)
    var profile: String?

    @OptionGroup var options: AskOptions

    func run() async throws {
        try await options.ask { source in
            let answers = try await source.devices(DeviceFilter(device: device, profile: profile, area: area))
            let now = presentMoment()
            let isForPeople = options.format == .table
            try options.output.print(
                answers,
                columns: [
                    .init("device"), .init("profile"), .init("area"), .init("circuit"), .init("health"),
                    .init("heard", .right), .init("cadence", .right), .init("series", .right),
                    .init("firing", .right),
                ],
                rows: answers.map { answer in
                    [
                        printable(answer.device), answer.profile, printable(answer.area), printable(answer.circuit),
                        answer.health,
                        isForPeople ? age(of: answer.lastHeard, now: now) : answer.lastHeard?.description ?? "",
                        answer.cadenceSeconds.map { Duration.milliseconds(Int64($0 * 1000)).shortForm } ?? "",
                        "\(answer.series)", "\(answer.firingAlerts)",
                    ]
                }, empty: "no devices")
        }
    }
}

extension DeviceAnswer {
    /// Three-valued: `ok`, `firing`, `unknown`. A device that never spoke is unknown, not fine.
    fileprivate var health: String {
        if firingAlerts > 0 { return "firing" }
        return lastHeard == nil || lastStatus == "offline" ? "unknown" : "ok"
    }
}

struct RejectsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rejects", abstract: "Messages that gave no reading, newest first, with the reason.")

    @Option(help: "Only this reason: \(Reject.Reason.allCases.map(\.rawValue).joined(separator: ", ")).")
    var reason: Reject.Reason?

    @Option(help: "Only of this device.", completion: NameCompletion.devices)
    var device: String?

    @Option(help: "Rows at most.")
    var limit = 20

    @OptionGroup var options: AskOptions

    func validate() throws {
        guard (1...10_000).contains(limit) else { throw ValidationError("--limit: expected 1 to 10000") }
    }

    func run() async throws {
        try await options.ask { source in
            let answer = try await source.rejects(limit: limit, reason: reason, device: device)
            let isForPeople = options.format == .table
            if isForPeople, !answer.counts.isEmpty {
                var table = TextTable([.init("reason"), .init("count", .right), .init("last")])
                for count in answer.counts { table.append([count.reason, "\(count.count)", localTime(count.lastAt)]) }
                for line in table.lines() { options.output.write(line) }
                options.output.write("")
            }
            try options.output.print(
                answer,
                columns: [
                    .init("id", .right), .init("received"), .init("reason"), .init("device"), .init("topic"),
                    .init("detail"), .init("payload"),
                ],
                rows: answer.rejects.map { reject in
                    let payload = reject.payload ?? reject.payloadHex ?? ""
                    return [
                        "\(reject.id)", isForPeople ? localTime(reject.receivedAt) : reject.receivedAt.description,
                        reject.reason, printable(reject.device ?? ""), printable(reject.topic),
                        printable(reject.detail),
                        isForPeople ? printable(String(payload.prefix(48))) : payload,
                    ]
                }, empty: "no rejects")
        }
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

        @Option(help: "Only of this rule.")
        var rule: String?

        @Flag(help: "Also the alerts that are over.")
        var all = false

        @OptionGroup var options: AskOptions

        func run() async throws {
            try await options.ask { source in
                var answers = try await source.alerts(AlertFilter(phase: phase, device: device, rule: rule))
                if phase == nil, !all { answers.removeAll { $0.phase == .resolved || $0.phase == .inactive } }
                let now = presentMoment()
                let isForPeople = options.format == .table
                try options.output.print(
                    answers,
                    columns: [
                        .init("id", .right), .init("phase"), .init("severity"), .init("since"), .init("rule"),
                        .init("device"), .init("taken by"), .init("sentence"),
                    ],
                    rows: answers.map { alert in
                        [
                            "\(alert.id)", alert.phase.rawValue, alert.severity.rawValue,
                            isForPeople ? age(of: alert.since, now: now) : alert.since.description, alert.rule,
                            printable(alert.device), printable(alert.acknowledgedBy ?? ""), printable(alert.sentence),
                        ]
                    }, empty: "no alerts")
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "One alert with every step it took and whom it was told.")

        @Argument(help: "The alert's number.", completion: NameCompletion.alerts)
        var id: Int64

        @OptionGroup var options: AskOptions

        func run() async throws {
            try await options.ask { source in
                let story = try await source.alert(id)
                let isForPeople = options.format == .table
                if isForPeople {
                    let alert = story.alert
                    options.output.write(
                        "alert \(alert.id): \(alert.rule) on \(printable(alert.device)), \(alert.phase.rawValue), \(alert.severity.rawValue)"
                    )
                    options.output.write(printable(alert.sentence))
                    if let by = alert.acknowledgedBy, let at = alert.acknowledgedAt {
                        let note = alert.note.map { $0.isEmpty ? "" : ": \(printable($0))" } ?? ""
                        options.output.write("taken on by \(printable(by)) at \(localTime(at))\(note)")
                    }
                    options.output.write("")
                }
                try options.output.print(
                    story,
                    columns: [
                        .init("at"), .init("from"), .init("to"), .init("value", .right), .init("told"),
                        .init("sentence"),
                    ],
                    rows: story.transitions.map { step in
                        let told = step.notifications.map { notice in
                            notice.deliveredAt == nil
                                ? "\(notice.channel) (\(notice.error ?? "waiting"))" : notice.channel
                        }
                        return [
                            isForPeople ? localTime(step.at) : step.at.description, step.from.rawValue,
                            step.to.rawValue,
                            step.value.map { isForPeople ? shortNumber($0) : "\($0)" } ?? "",
                            told.joined(separator: ", "), printable(step.sentence),
                        ]
                    }, empty: "no steps")
            }
        }
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

        func run() async throws {
            try await options.ask { source in
                let who = by ?? ProcessInfo.processInfo.environment["USER"] ?? NSUserName()
                try await source.acknowledge(id, by: who, note: note)
                options.output.write("alert \(id) is taken on by \(who)")
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
        var isBad = false
        try await options.ask { source in
            let findings = try await source.findings()
            isBad = findings.contains { $0.level == .bad }
            try options.output.print(
                findings, columns: [.init("check"), .init("level"), .init("finding"), .init("mend")],
                rows: findings.map { [$0.check, $0.level.rawValue, $0.finding, $0.mend ?? ""] }, empty: "no findings")
        }
        if isBad { throw ExitCode(2) }
    }
}
