import ArgumentParser
import Basics
import Contract
import FoundationEssentials

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
            ? "connected to \(live.broker) for \(roughly(live.brokerConnectedSeconds))"
            : "NOT connected to \(live.broker)"
        let sinceTurn = live.lastTurnSecondsAgo
        let turn = sinceTurn < 2 ? "\(Int64(sinceTurn * 1000)) ms" : roughly(sinceTurn)
        var rows = [
            ["gateway", "\(live.version), up \(roughly(live.upSeconds)), last turn \(turn) ago"],
            ["broker", broker],
        ]
        if live.receivedLastHour > 0 {
            rows.append(
                [
                    "last hour",
                    live.readingsLastHour > 0
                        ? "\(counted(live.receivedLastHour, "message")), \(counted(live.readingsLastHour, "new reading"))"
                        : "NONE of \(counted(live.receivedLastHour, "message")) gave a new reading: baotu doctor says why",
                ])
        }
        if live.droppedByBroker > 0 { rows.append(["dropped by broker", counted(live.droppedByBroker, "message")]) }
        if let refused = live.refusedReload {
            let mistakes = refused.reason.split(separator: "\n")
            let more = mistakes.count > 1 ? " and \(mistakes.count - 1) more" : ""
            rows.append(
                [
                    "reload",
                    "REFUSED \(roughly(refused.secondsAgo)) ago, the old files are in force: "
                        + output.text(mistakes.first.map(String.init)) + more,
                ])
        }
        if let keys = live.restartNeeded { rows.append(["restart needed by", keys.joined(separator: ", ")]) }
        if let room = live.room { rows += Self.room(room) }
        if let scrub = live.scrub { rows.append(["scrub", Self.scrub(scrub, output)]) }
        if let trouble = live.storeTrouble { rows.append(["store trouble", output.text(trouble)]) }
        return rows
    }

    /// Only what found no room: what fits is no news.
    private static func room(_ room: LiveStatusAnswer.Room) -> [[String]] {
        var rows: [[String]] = []
        if room.unwindowedSeries > 0 {
            rows.append(
                [
                    "no windows",
                    "\(counted(room.unwindowedSeries, "series", "series")) found no room beside \(room.windowedSeries): baotu doctor says what to do",
                ])
        }
        if room.refusedNames > 0 {
            let ago = room.refusedSecondsAgo.map { ", the last \(roughly($0)) ago" } ?? ""
            rows.append(
                [
                    "refused names",
                    "\(counted(room.refusedNames, "new name")) came too fast\(ago): baotu doctor names the topics",
                ])
        }
        return rows
    }

    private static func scrub(_ scrub: LiveStatusAnswer.Scrub, _ output: Output) -> String {
        let found =
            scrub.found.isEmpty
            ? "nothing is damaged" : "DAMAGE in \(counted(scrub.found.count, "place")): baotu doctor says where"
        let last = scrub.endedAt.map { "the last ended \(output.time($0))" } ?? "none has ended yet"
        let now = scrub.began.map {
            "; one is under way since \(output.time($0)), \(counted(scrub.files, "file")) read"
        }
        return (scrub.endedAt == nil && scrub.found.isEmpty ? last : "\(last), \(found)") + (now ?? "")
            + (scrub.isDue && scrub.began == nil ? "; the next is due" : "")
    }

    private static func counters(_ status: StatusAnswer, _ output: Output) -> [[String]] {
        let commit =
            status.lastCommitAt.map { moment in
                status.lastCommitSecondsAgo.map { "last commit \(roughly($0)) ago" }
                    ?? "last commit at \(output.time(moment))"
            } ?? "nothing committed yet"
        let damage =
            status.damagedRows > 0 ? [["damaged", "\(counted(status.damagedRows, "journal row")) left out"]] : []
        let unread =
            status.devicesUnread > 0
            ? [
                [
                    "not read",
                    "\(counted(status.devicesUnread, "device sends", "devices send")) messages that give no reading: "
                        + "baotu rejects names \(status.devicesUnread == 1 ? "it" : "them")",
                ]
            ]
            : []
        let lost =
            status.storyLostAt.map { [["story", "LOST at \(output.time($0)): baotu doctor says what"]] } ?? []
        let dropped =
            status.rejectsDropped > 0 ? ", of which \(status.rejectsDropped) are no longer kept" : ""
        return [
            ["received", counted(status.received, "message")], ["committed", counted(status.committed, "reading")],
            ["duplicates", counted(status.duplicates, "reading")],
            ["corrected", counted(status.corrected, "reading")],
            ["rejected", counted(status.rejected, "message or part", "messages or parts") + dropped],
            ["suspect", counted(status.suspect, "value")], ["late", counted(status.late, "reading")],
            ["ignored", counted(status.ignored, "message")], ["empty", counted(status.empty, "message")],
        ] + damage + [
            ["series", "\(status.series)"],
            ["devices", "\(status.devices), of which \(status.devicesExpected) on the roster"],
        ] + unread + lost + [
            [
                "alerts",
                "\(status.alertsFiring) firing, \(status.alertsPending) pending, \(status.alertsUnknown) unknown",
            ],
            ["outbox", "\(counted(status.outboxPending, "notice")) to deliver"],
            [
                "journal",
                "row \(status.journalID); \(counted(status.journalRows, "row")), \(size(status.journalBytes)) to seal",
            ],
            ["days", status.oldestDay.map { "\($0) to \(status.newestDay ?? $0)" } ?? "none sealed yet"],
            ["store", "\(size(status.storeBytes)), \(commit)"],
        ]
    }

    private static func size(_ bytes: Int64) -> String {
        if bytes < 10 * 1024 { return counted(bytes, "byte") }
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
            } else if let texts = try? container.decode([String].self) {
                self = .leaf(texts.joined(separator: " "))
            } else if let flag = try? container.decode(Bool.self) {
                self = .leaf("\(flag)")
            } else if let number = try? container.decode(Int64.self) {
                self = .leaf("\(number)")
            } else if let number = try? container.decode(Double.self) {
                self = .leaf("\(number)")
            } else {
                self = .leaf(try container.decode(String.self))
            }
        }
    }
}
