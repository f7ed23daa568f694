import Basics
import Contract
import Telemetry

/// What `missed` shows: a sentence, the span, a row for each thing that was wrong, and a line for each other room.
struct MissedPage {
    /// From so many of one rule on they are one row.
    private static let groupMin = 4
    /// More rows help nobody at night.
    private static let rowsMax = 20

    /// Of one incident, or of many of one rule.
    private struct Row {
        var severity: Severity
        var since: Timestamp
        /// nil where one of them is not over.
        var until: Timestamp?
        var seconds: Double?
        var id: String
        var what: String
        var taken: String
        var needsSomebody: Bool
    }

    private let answer: MissedAnswer
    private let output: Output
    private let showsAll: Bool

    init(_ answer: MissedAnswer, _ output: Output, showsAll: Bool) {
        self.answer = answer
        self.output = output
        self.showsAll = showsAll
    }

    // MARK: For programs

    static let columns: [TextTable.Column] = [
        .init("id", .right), .init("alert", .right), .init("severity"), .init("state"), .init("rule"), .init("subject"),
        .init("began"), .init("ended"), .init("duration_seconds", .right), .init("taken_by"), .init("taken_at"),
        .init("sentence"),
    ]

    static func cells(_ incident: IncidentAnswer) -> [String] {
        [
            "\(incident.id)", "\(incident.alert)", incident.severity.rawValue, incident.state.rawValue, incident.rule,
            incident.about, incident.began.description, incident.ended?.description ?? "",
            (incident.durationSeconds ?? incident.openSeconds).map { "\($0)" } ?? "", incident.taken?.by ?? "",
            incident.taken?.at.description ?? "", incident.beginning ?? "",
        ]
    }

    // MARK: For people

    func lines(width: Int = Paragraphs.terminalWidth()) -> [String] {
        var page = Paragraphs(width: width)
        page.add(sentence)
        page.add(span)
        var lines = page.lines
        let (shown, more) = rows
        if !shown.isEmpty {
            var table = TextTable([
                .init("SINCE"), .init("UNTIL"), .init("FOR", .right), .init("ALERT", .right), .init("WHAT"),
                .init("TAKEN"),
            ])
            let cells = shown.map { row in
                [
                    shortTime(row.since, now: answer.until), row.until.map { shortTime($0, now: answer.until) } ?? "-",
                    roughly(row.seconds), row.id, row.what, row.taken,
                ]
            }
            // What is wrong is cut, and nothing else: the rest has few signs.
            let rest = (0..<6).filter { $0 != 4 }.reduce(10) { sum, column in
                sum + (cells.map { displayWidth($0[column]) } + [5]).max()!
            }
            for cell in cells {
                var cell = cell
                cell[4] = shortened(cell[4], to: max(16, width - rest))
                table.append(cell)
            }
            lines += table.lines()
        }
        if more > 0 { lines.append("\(counted(more, "more row")): --all") }
        var others = Paragraphs(width: width)
        for (heading, texts) in rooms { others.add(heading, texts) }
        return lines + others.lines
    }

    /// The first thing that somebody wants to know.
    private var sentence: String {
        let fired = answer.incidents.count { $0.firedAt != nil }
        let untaken = answer.incidents.count { Self.needsSomebody($0) }
        let what =
            answer.incidents.isEmpty
            ? "Nothing fired"
            : "\(answer.hasMore ? "More than " : "")\(counted(fired, "thing")) fired"
                + (fired < answer.incidents.count
                    ? " and \(counted(answer.incidents.count - fired, "thing")) could not be judged any more" : "")
        let taken =
            answer.incidents.isEmpty
            ? ""
            : untaken == 0
                ? ", none waits for anybody"
                : untaken == 1 ? ", 1 waits for somebody" : ", \(untaken) wait for somebody"
        let lost = answer.lost.filter { $0.why != "age" }
        let own = answer.ofGateway.filter { $0.ended == nil }.count
        let gateway =
            answer.ofGateway.isEmpty
            ? ""
            : "; the gateway had \(counted(answer.ofGateway.count, "trouble"))" + (own > 0 ? ", \(own) not over" : "")
        let kept = lost.isEmpty ? "the store lost nothing" : "the store lost \(counted(lost.count, "thing"))"
        return "\(what)\(taken)\(gateway); \(kept)."
    }

    private var span: String { "\(output.time(answer.since)) to \(output.time(answer.until))" }

    private static func needsSomebody(_ incident: IncidentAnswer) -> Bool {
        incident.ended == nil && incident.taken == nil
    }

    /// Those that need somebody first, the gravest before, then the newest; and how many are left out.
    private var rows: (shown: [Row], more: Int) {
        var all = showsAll ? answer.incidents.map { row($0) } : grouped
        all.sort { left, right in
            if left.needsSomebody != right.needsSomebody { return left.needsSomebody }
            if left.severity != right.severity { return left.severity > right.severity }
            return left.since > right.since
        }
        guard !showsAll else { return (all, 0) }
        let shown = all.prefix(Self.rowsMax)
        return (Array(shown), all.count - shown.count)
    }

    private var grouped: [Row] {
        let byRule = Dictionary(grouping: answer.incidents) {
            [$0.rule, $0.taken?.by ?? "", $0.ended == nil ? "open" : ""]
        }
        return byRule.values.flatMap { like in like.count < Self.groupMin ? like.map { row($0) } : [row(ofMany: like)] }
    }

    /// Of one rule and one fate.
    private func row(ofMany like: [IncidentAnswer]) -> Row {
        var names: [String] = []
        for incident in like where !names.contains(incident.about) { names.append(incident.about) }
        var one = row(like[0])
        one.severity = like.map(\.severity).max() ?? one.severity
        one.since = like.map(\.began).min() ?? one.since
        one.until = like.contains { $0.ended == nil } ? nil : like.compactMap(\.ended).max()
        one.seconds = ((one.until ?? answer.until) - one.since).inSeconds
        one.id = "-"
        let some = names.prefix(3).map { output.text($0) }.joined(separator: ", ")
        one.what = "\(output.text(like[0].rule)), \(like.count) times: \(some)\(names.count > 3 ? " …" : "")"
        return one
    }

    private func row(_ incident: IncidentAnswer) -> Row {
        Row(
            severity: incident.severity, since: incident.began, until: incident.ended,
            seconds: incident.durationSeconds ?? incident.openSeconds, id: "\(incident.alert)",
            what: output.text(incident.beginning ?? "\(incident.rule) on \(incident.about)")
                + (incident.state == .unknown ? " (unknown now)" : ""),
            taken: incident.taken.map { "\(output.text($0.by)), \(roughly(($0.at - incident.began).inSeconds))" }
                ?? (incident.ended == nil ? "nobody" : "-"), needsSomebody: Self.needsSomebody(incident))
    }

    private var rooms: [(String, [String])] {
        [
            ("DEVICES", devices), ("GATEWAY", gateway), ("CHANNELS", channels), ("SILENCED", silences),
            ("REJECTS", rejects),
            ("LOST", lost),
        ]
    }

    /// Who was not told.
    private var channels: [String] {
        answer.channels.map { channel in
            var words = output.text(channel.channel)
            if channel.waiting > 0 {
                let since = channel.oldest.map { " since \(shortTime($0, now: answer.until))" } ?? ""
                words +=
                    ": \(counted(channel.waiting, "notice")) untold\(since), \(output.text(channel.error ?? "no attempt yet"))"
            }
            if channel.givenUp > 0 {
                words +=
                    "\(channel.waiting > 0 ? ";" : ":") \(counted(channel.givenUp, "notice")) never told, "
                    + output.text(channel.givenUpReason ?? "given up")
            }
            return words
        }
    }

    /// What nobody was to be told of.
    private var silences: [String] {
        answer.silences.map { silence in
            let end = silence.endedAt ?? silence.ends
            let until = shortTime(end, now: answer.until)
            return "\(output.text(SilencesCommand.what(silence))) by \(output.text(silence.by)), "
                + (silence.state == .inForce ? "until \(until)" : "ended \(until)")
                + (silence.holds > 0 ? ", holds \(counted(silence.holds, "alert"))" : "")
                + (silence.reason.isEmpty ? "" : ": \(output.text(silence.reason))")
        }
    }

    private var devices: [String] {
        let wrong = healthWords(answer.devices.filter { $0.key != Health.ok.rawValue && $0.value > 0 })
        let total = answer.devices.values.reduce(0, +)
        guard total > 0 else { return [] }
        return [
            wrong.isEmpty
                ? "all \(total) are well"
                : "\(wrong) of \(total) (baotu devices)"
        ]
    }

    private var gateway: [String] {
        var events: [(at: Timestamp, words: String)] = answer.ofGateway.map { incident in
            let lasted = incident.ended == nil ? "and still so" : "for \(roughly(incident.durationSeconds))"
            let what =
                "alert \(incident.alert), \(incident.severity.rawValue): \(output.text(incident.beginning)), \(lasted)"
            return (incident.began, what + (Self.needsSomebody(incident) ? ", taken by nobody" : ""))
        }
        for (place, run) in answer.runs.enumerated() where run.began >= answer.since {
            let before = place > 0 ? answer.runs[place - 1] : nil
            let away = before?.ended.map { ", away for \(roughly(max(0, (run.began - $0).inSeconds)))" } ?? ""
            let how = before.map { $0.isInOrder ? "restarted" : "broke off and came back" } ?? "started"
            events.append((run.began, "\(how)\(away) (\(output.text(run.version)))"))
        }
        guard !events.isEmpty else { return ["it had nothing"] }
        return events.sorted { $0.at < $1.at }.map { "\(shortTime($0.at, now: answer.until))  \($0.words)" }
    }

    private var rejects: [String] {
        answer.rejects.map { reject in
            "\(counted(Int(reject.count), "message")) \(reject.reason)"
                + (reject.device.map { " of \(output.text($0))" } ?? "")
        }
    }

    private var lost: [String] {
        answer.lost.map { lost in
            "\(shortTime(lost.at, now: answer.until))  \(lost.why): \(counted(Int(lost.rows), "row")) of "
                + "\(output.time(lost.first)) to \(output.time(lost.last))"
                + (lost.detail.isEmpty ? "" : ", \(output.text(lost.detail))")
        }
    }
}

// MARK: For browsers and mail

extension MissedPage {
    /// A page that needs nothing else: no script, no picture, no file.
    func html() -> String {
        let (shown, more) = rows
        let head = ["since", "until", "for", "alert", "what", "taken"].map { "<th scope=\"col\">\($0)</th>" }.joined()
        let body = shown.map { row in
            let cells = [
                shortTime(row.since, now: answer.until), row.until.map { shortTime($0, now: answer.until) } ?? "–",
                roughly(row.seconds), row.id, row.what, row.taken,
            ]
            return "<tr class=\"\(row.severity.rawValue)\(row.needsSomebody ? " open" : "")\">"
                + cells.map { "<td>\(Self.escaped($0))</td>" }.joined() + "</tr>"
        }
        let table =
            shown.isEmpty
            ? "" : "<table><thead><tr>\(head)</tr></thead><tbody>\n\(body.joined(separator: "\n"))\n</tbody></table>"
        let others = rooms.filter { !$0.1.isEmpty }.map { heading, texts in
            "<dt>\(heading)</dt>" + texts.map { "<dd>\(Self.escaped($0))</dd>" }.joined()
        }
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <title>Baotu: \(Self.escaped(span))</title>
            <style>
            body { font: 16px/1.45 system-ui, sans-serif; color: #1c2024; background: #fff; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
            h1 { font-size: 1.3rem; margin: 0 0 .2rem } p { margin: 0 0 1rem; color: #5a6169 }
            table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .3rem .7rem .3rem 0; vertical-align: top; border-bottom: 1px solid #e3e6e9 }
            td:nth-child(-n+4) { white-space: nowrap; font-variant-numeric: tabular-nums } th { color: #5a6169; font-weight: 500 }
            tr.open td:last-child { font-weight: 600 } tr.critical.open td:nth-child(5) { color: #b3261e; font-weight: 600 }
            dt { margin-top: 1rem; font-weight: 600 } dd { margin: 0 }
            @media (prefers-color-scheme: dark) { body { color: #e6e8ea; background: #15181b } th, td { border-color: #2c3136 } p, th { color: #9aa3ab } tr.critical.open td:nth-child(5) { color: #ff8a80 } }
            </style></head><body>
            <h1>\(Self.escaped(sentence))</h1>
            <p>\(Self.escaped(span))</p>
            \(table)
            \(more > 0 ? "<p>\(counted(more, "more row"))</p>" : "")
            <dl>\(others.joined(separator: "\n"))</dl>
            </body></html>
            """
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing(
            "\"", with: "&quot;")
    }
}

/// How many devices are how, in the order of `Health`: `2 ok, 1 firing`.
func healthWords(_ counts: [String: Int]) -> String {
    let known = Health.allCases.map(\.rawValue)
    let others = counts.keys.filter { !known.contains($0) }.sorted()
    return (known + others).compactMap { word in counts[word].map { "\($0) \(word)" } }.joined(separator: ", ")
}

/// The local wall clock, as short as it is clear beside `now`: `21:40` of the same day, `27 Nov 18:52` of the same year, else
/// `2025-11-27 18:52`.
func shortTime(_ moment: Timestamp, now: Timestamp, hasSeconds: Bool = false) -> String {
    func local(_ moment: Timestamp) -> String {
        Timestamp(milliseconds: moment.milliseconds + Int64(localOffsetSeconds(at: moment)) * 1000).description
    }
    let (shown, today) = (local(moment), local(now))
    let clock = shown.dropFirst(11).prefix(hasSeconds ? 8 : 5)
    if shown.prefix(10) == today.prefix(10) { return String(clock) }
    guard shown.prefix(4) == today.prefix(4), let month = Int(shown.dropFirst(5).prefix(2)),
        let day = Int(shown.dropFirst(8).prefix(2))
    else { return "\(shown.prefix(10)) \(clock)" }
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    return "\(day) \(months[month - 1]) \(clock)"
}

/// The beginning of a text in so many cells, with an ellipsis where it is longer.
func shortened(_ text: String, to width: Int) -> String {
    guard displayWidth(text) > width else { return text }
    var short = ""
    var used = 0
    for character in text {
        used += displayWidth(String(character))
        guard used < width else { break }
        short.append(character)
    }
    return short + "…"
}
