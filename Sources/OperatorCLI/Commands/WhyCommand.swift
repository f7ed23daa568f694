import ArgumentParser
import Basics
import Contract
import Telemetry

struct WhyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why",
        abstract: "Why an alert is as it is: what was measured, what is alike, the rule, who was told, what changed.")

    @Argument(help: "The alert's number.", completion: NameCompletion.alerts)
    var id: Int64

    @OptionGroup var options: AskOptions

    func validate() throws {
        if options.format == .csv {
            throw ValidationError("--format csv: a reason has no rows; table and json have it")
        }
    }

    func run() async throws {
        let output = options.output
        try await options.ask { source in
            let answer = try await source.answer(WhyRequest(id))
            try output.write(
                output.isForPeople
                    ? WhyPage(answer, output).lines().joined(separator: "\n") : try Output.encoded(answer))
        }
    }
}

/// The page for people: a sentence, how it stands, then a paragraph for each kind of reason.
struct WhyPage {
    private static let toldMax = 12
    private static let childrenMax = 8
    private let answer: WhyAnswer
    private let output: Output
    private var alert: AlertAnswer { answer.story.alert }

    init(_ answer: WhyAnswer, _ output: Output) {
        self.answer = answer
        self.output = output
    }

    func lines(width: Int = Paragraphs.terminalWidth()) -> [String] {
        var page = Paragraphs(width: width)
        page.add(output.text(answer.incident?.beginning ?? alert.sentence))
        page.add(standing)
        page.add("NOW", now)
        page.add("MEASURED", measured(page.width))
        page.add("ALIKE", alike)
        page.add("RULE", rule)
        page.add("TOLD", told)
        page.add("HELD", held)
        page.add("DONE", deeds)
        page.add("CHANGED", answer.changes.map { "\(time($0.at))  \(output.text($0.sentence))" })
        page.add("DO", todo)
        return page.lines
    }

    private var standing: String {
        var parts = ["alert \(alert.id)", alert.severity.rawValue]
        if let incident = answer.incident {
            parts.append(
                incident.ended == nil
                    ? "\(alert.phase.rawValue) for \(roughly(incident.openSeconds))"
                    : "over since \(incident.ended.map(time) ?? "?"), lasted \(roughly(incident.durationSeconds))"
            )
        } else {
            parts.append(alert.phase.rawValue)
        }
        let places = [answer.incident?.area, answer.incident?.circuit].compactMap { $0.map { output.text($0) } }
        if !places.isEmpty { parts.append(places.joined(separator: ", ")) }
        parts.append(
            alert.acknowledgedBy.map { "taken by \(output.text($0))" }
                ?? (answer.incident?.taken.map { "taken by \(output.text($0.by))" } ?? "taken by nobody"))
        parts.append("times \(zoneName(at: output.now))")
        return parts.joined(separator: " · ")
    }

    /// What it is by now, where that is not how it began.
    private var now: [String] {
        guard let beginning = answer.incident?.beginning, beginning != alert.sentence else { return [] }
        return ["\(time(alert.at))  \(output.text(alert.sentence))"]
    }

    private func measured(_ width: Int) -> [String] {
        var lines: [String] = []
        if let incident = answer.incident, incident.peak != nil, let at = incident.peakAt {
            lines.append("worst \(IncidentsCommand.peak(incident, output)) at \(time(at))")
        }
        guard let measured = answer.measured, let series = measured.series.first,
            let step = measured.stepSeconds, let low = series.buckets.map(\.min).min(),
            let high = series.buckets.map(\.max).max()
        else { return lines }
        let length = Int64(step * 1000)
        // Before it was known there is nothing to see.
        let since = max(measured.since, series.buckets[0].start)
        let span = (measured.until - since).milliseconds
        // Fewer where the terminal is narrow, or readings are: a sign has one at least, unless they failed to come.
        let cells = max(1, min(Int((span + length - 1) / length), width - 12, series.buckets.count))
        var sums = [(sum: Double, count: Int)](repeating: (0, 0), count: cells)
        for bucket in series.buckets {
            let place = Int(Double((bucket.start - since).milliseconds) / Double(max(1, span)) * Double(cells))
            let cell = min(max(place, 0), cells - 1)
            sums[cell].sum += bucket.mean * Double(bucket.count)
            sums[cell].count += bucket.count
        }
        let unit = output.unit(series.unit)
        lines.append(
            "\(title(series.quantity)) from \(time(since)) to \(time(measured.until)), "
                + "\(output.number(low)) to \(output.number(high))\(unit.isEmpty ? "" : " \(unit)")")
        guard cells > 1 else { return lines }
        let means = sums.map { $0.count == 0 ? nil : $0.sum / Double($0.count) }
        return lines + [Sparkline(isUTF8: output.isUTF8).text(means)]
    }

    /// Short, by the zone that the second line names.
    private func time(_ moment: Timestamp) -> String { shortTime(moment, now: output.now, hasSeconds: true) }

    private func title(_ quantity: String) -> String { Quantity(named: quantity)?.definition.title ?? quantity }

    private var alike: [String] {
        guard let alike = answer.alike else { return [] }
        var line =
            "\(alike.kind) \(output.text(alike.name)): \(counted(alike.devices, "other")), \(healthWords(alike.health))"
        if let values = alike.values {
            let unit = output.unit(values.unit)
            line +=
                "; theirs \(output.number(values.min)) to \(output.number(values.max)), middle \(output.number(values.median))"
                + (unit.isEmpty ? "" : " \(unit)")
        }
        return [line]
    }

    private var rule: [String] {
        guard let rule = answer.rule else { return ["\(output.text(alert.rule)); what it said then is not kept"] }
        var lines = ["\(output.text(alert.rule)) as of \(time(rule.since))"]
        lines += rule.text.split(separator: "\n").map { output.text(String($0)) }
        if let changed = rule.changedAt {
            lines.append("it says something else, or is gone, since \(time(changed))")
        }
        return lines
    }

    /// Of the newest incident, whose first step has its number.
    private var steps: [AlertStoryAnswer.Transition] {
        answer.story.transitions.filter { $0.id >= answer.incident?.id ?? 0 }
    }

    private var told: [String] {
        var lines: [String] = []
        for step in steps {
            for notice in step.notifications where notice.channel != "log" {
                let how =
                    notice.deliveredAt.map { "\(time($0))  \(notice.channel): \(step.to.rawValue)" }
                    ?? "\(time(step.at))  \(notice.channel): \(step.to.rawValue), not delivered yet"
                let failed = notice.attempts > 0 ? ", after \(counted(notice.attempts, "failure"))" : ""
                lines.append(how + failed + (notice.error.map { ": \(output.text($0))" } ?? ""))
            }
        }
        let more = lines.count - Self.toldMax
        guard more > 0 else { return lines.isEmpty ? ["nobody"] : lines }
        return ["\(counted(more, "earlier notice")): baotu alerts show \(alert.id)"] + lines.suffix(Self.toldMax)
    }

    private var held: [String] {
        var lines: [String] = []
        if let cause = answer.cause { lines.append("it is kept under \(output.text(cause)), which is told") }
        if answer.childrenInAll > 0 {
            let shown = answer.children.prefix(Self.childrenMax).map { "\($0.id) \(output.text($0.about))" }
            let more = answer.childrenInAll - shown.count
            lines.append(
                "\(counted(answer.childrenInAll, "alert")) under it: \(shown.joined(separator: ", "))"
                    + (more > 0 ? " and \(more) more" : ""))
        }
        var last: [String: (at: Timestamp, words: String)] = [:]
        for step in steps {
            for decision in step.decisions {
                last[decision.recipient] = (decision.at, decision.verdict == "told" ? "" : decision.words)
            }
        }
        for (recipient, hold) in last.sorted(by: { $0.key < $1.key }) where !hold.words.isEmpty {
            lines.append("\(time(hold.at))  \(recipient): \(output.text(hold.words))")
        }
        return lines
    }

    private var deeds: [String] {
        answer.story.deeds.filter { deed in answer.incident.map { deed.incident == $0.id } ?? true }.map { deed in
            "\(time(deed.at))  \(StoryTable.sentence(deed, output))"
        }
    }

    private var todo: [String] {
        var lines: [String] = []
        if answer.incident?.ended == nil, alert.phase != .resolved, alert.phase != .inactive,
            alert.acknowledgedBy == nil
        {
            lines.append("baotu alerts ack \(alert.id) --note \"…\"")
        }
        return lines
    }
}
