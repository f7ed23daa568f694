import ArgumentParser
import Basics
import Contract
import Telemetry

struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "How devices are, by area or otherwise, and with --since how much of the time they were heard.",
        discussion: """
            A device is counted once: in maintenance, silenced, firing, unknown or ok. Those that the roster has as planned or \
            retired are left out. Available is the share of the time in which a device was meant to run and was heard, hour by \
            hour. In the row of signs, one for each piece of the span, the worst that at least a hundredth of the devices' time \
            had shows: an alert fired, not heard, in maintenance.
            """)

    @Option(
        help: "Rows: \(HealthRequest.Group.allCases.map(\.rawValue).joined(separator: ", ")).",
        completion: completion(HealthRequest.Group.self), transform: word)
    var by = HealthRequest.Group.area

    @Option(
        help: "From when on it is told how much they were heard: a time, a date, or how long ago, such as 24h or 30d.")
    var since: MomentArgument?

    @Option(help: "Until when; default: now.")
    var until: MomentArgument?

    @Option(help: "Only this device, or a pattern with * and ?.", completion: NameCompletion.devices)
    var device: String?

    @Option(help: "Only devices of this profile.", completion: NameCompletion.profiles)
    var profile: String?

    @Option(help: "Only devices of this area.", completion: NameCompletion.areas)
    var area: String?

    @Option(help: "Only devices on this circuit.", completion: NameCompletion.circuits)
    var circuit: String?

    @Option(help: "Only so many rows, the worst.")
    var top: Int?

    @OptionGroup var options: AskOptions

    func validate() throws {
        if until != nil, since == nil { throw ValidationError("--until: expected --since with it") }
        if let top, top < 1 { throw ValidationError("--top \(top): expected a number from 1") }
    }

    func run() async throws {
        let output = options.output
        let (from, to) = (since?.timestamp(now: output.now), until?.timestamp(now: output.now))
        if let from, from >= to ?? output.now {
            throw failure("--since \(from) is not earlier than \(to.map { "--until \($0)" } ?? "now")", 64)
        }
        let width = output.isForPeople ? Paragraphs.terminalWidth() : 80
        try await options.ask { source in
            let answer = try await source.answer(
                HealthRequest(
                    filter: DeviceFilter(device: device, profile: profile, area: area), circuit: circuit, group: by,
                    since: from, until: to, cells: HealthPage.cells(width: width), top: top))
            let page = HealthPage(answer, by: by, output)
            if output.isForPeople { return try output.write(page.lines(width: width).joined(separator: "\n")) }
            try output.print(
                answer, columns: HealthPage.columns, rows: answer.rows.map { HealthPage.cells(of: $0) }, empty: "")
        }
    }
}

/// The page for people: a sentence, the span and how to read it, then a row for each group.
struct HealthPage {
    private let answer: HealthAnswer
    private let group: HealthRequest.Group
    private let output: Output

    init(_ answer: HealthAnswer, by group: HealthRequest.Group, _ output: Output) {
        self.answer = answer
        self.group = group
        self.output = output
    }

    /// A narrower terminal has no room for the row of signs.
    private static let stripMin = 76

    /// Signs that find room beside the numbers.
    static func cells(width: Int) -> Int { width >= 130 ? 48 : width >= 96 ? 24 : 12 }

    // MARK: For programs

    static let columns: [TextTable.Column] = [
        .init("name"), .init("devices", .right), .init("ok", .right), .init("firing", .right), .init("unknown", .right),
        .init("silenced", .right), .init("maintenance", .right), .init("available", .right), .init("strip"),
    ]

    static func cells(of row: HealthAnswer.Row) -> [String] {
        [
            row.name, "\(row.devices)", "\(row.ok)", "\(row.firing)", "\(row.unknown)", "\(row.silenced)",
            "\(row.maintenance)", row.available.map { "\($0)" } ?? "", row.strip ?? "",
        ]
    }

    // MARK: For people

    func lines(width: Int) -> [String] {
        var page = Paragraphs(width: width)
        page.add(sentence)
        page.add(understood(hasStrip: width >= Self.stripMin))
        guard !answer.rows.isEmpty else { return page.lines }
        let shown = shown(width)
        var table = TextTable(shown.map(\.column))
        for row in answer.rows { table.append(shown.map { $0.cell(row) }) }
        return page.lines + table.lines()
    }

    private var sentence: String {
        let all = answer.total
        guard all.devices > 0 else {
            return answer.planned + answer.retired > 0
                ? "None of these devices is meant to run now." : "There is no device yet."
        }
        let wrong = [
            (all.firing, "firing"), (all.unknown, "unknown"), (all.silenced, "silenced"),
            (all.maintenance, "in maintenance"),
        ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        let counts =
            wrong.isEmpty
            ? (all.devices == 1 ? "The one device is well" : "All \(all.devices) devices are well")
            : "Of \(all.devices == 1 ? "1 device" : "\(all.devices) devices"): " + wrong.joined(separator: ", ")
        guard let since = answer.since else { return counts + "." }
        let available = all.available.map { "\(percent($0)) % available since \(moment(since))" }
        return counts + "; " + (available ?? "nothing was meant to run since \(moment(since))") + "."
    }

    /// A whole hundred only where nothing is missing.
    private func percent(_ share: Double) -> String {
        let tenths = Int((share * 1000).rounded(.down))
        return share == 1 ? "100" : "\(tenths / 10).\(tenths % 10)"
    }

    private func moment(_ moment: Timestamp) -> String { shortTime(moment, now: output.now) }

    private func understood(hasStrip: Bool) -> String {
        var parts: [String] = []
        if let since = answer.since, let until = answer.until {
            parts.append("\(moment(since)) to \(moment(until)) (\(zoneName(at: output.now)))")
            parts.append("heard hour by hour, while meant to run")
            if hasStrip, let cell = answer.cellSeconds {
                parts.append("a sign is \(Duration.seconds(Int64(cell.rounded())).shortForm): \(legend)")
            }
        } else {
            parts.append("as of \(moment(answer.at)) (\(zoneName(at: output.now)))")
        }
        if answer.planned > 0 { parts.append("\(answer.planned) planned") }
        if answer.retired > 0 { parts.append("\(answer.retired) retired") }
        if let damaged = answer.damaged.first { parts.append("not all reads: \(output.text(damaged))") }
        return parts.joined(separator: output.isUTF8 ? " · " : "; ")
    }

    private var legend: String {
        var words = ["\(sign("-")) ok", "\(sign("#")) firing", "? not heard"]
        if answer.rows.contains(where: { $0.strip?.contains("m") ?? false }) { words.append("m maintenance") }
        return words.joined(separator: ", ")
    }

    private func sign(_ sign: Character) -> Character {
        guard output.isUTF8 else { return sign }
        switch sign {
        case "-": return "─"
        case "#": return "█"
        default: return sign
        }
    }

    private typealias Shown = (column: TextTable.Column, cell: (HealthAnswer.Row) -> String)

    /// What nobody has is left out, and on a narrow terminal the row of signs.
    private func shown(_ width: Int) -> [Shown] {
        func count(_ title: String, _ field: KeyPath<HealthAnswer.Row, Int>) -> Shown {
            (.init(title, .right), { "\($0[keyPath: field])" })
        }
        var shown: [Shown] = [
            (.init(group.rawValue), { $0.name.isEmpty ? (group == .city ? "all" : "-") : output.text($0.name) })
        ]
        if group != .device { shown.append(count("devices", \.devices)) }
        shown += [count("ok", \.ok), count("firing", \.firing), count("unknown", \.unknown)]
        if answer.total.silenced > 0 { shown.append(count("silenced", \.silenced)) }
        if answer.total.maintenance > 0 { shown.append(count("maint.", \.maintenance)) }
        guard let since = answer.since else { return shown }
        shown.append((.init("avail. %", .right), { $0.available.map(percent) ?? "-" }))
        if width >= Self.stripMin {
            shown.append((.init("since \(moment(since))"), { row in String((row.strip ?? "").map { sign($0) }) }))
        }
        return shown
    }
}
