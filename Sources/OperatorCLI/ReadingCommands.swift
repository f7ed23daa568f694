import ArgumentParser
import Store
import Telemetry

struct LatestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "latest", abstract: "The newest reading of each series.")

    @Argument(help: "A device, or a pattern with * and ?.", completion: NameCompletion.devices)
    var device: String?

    @Argument(help: "A quantity, such as active_power.", completion: NameCompletion.quantities)
    var quantity: String?

    @Option(help: "Only devices of this area.", completion: NameCompletion.areas)
    var area: String?

    @Option(help: "Only devices of this profile.", completion: NameCompletion.profiles)
    var profile: String?

    @OptionGroup var options: AskOptions

    func run() async throws {
        try await options.ask { source in
            let answers = try await source.latest(
                DeviceFilter(device: device, profile: profile, area: area, quantity: checked(quantity)))
            let now = presentMoment()
            let isForPeople = options.format == .table
            try options.output.print(
                answers,
                columns: [
                    .init("device"), .init("quantity"), .init("channel"), .init("value", .right), .init("unit"),
                    .init("observed"),
                ] + (isForPeople ? [.init("age", .right)] : []),
                rows: answers.map { answer in
                    let row = [
                        printable(answer.device), answer.quantity, printable(answer.channel ?? ""),
                        isForPeople ? shortNumber(answer.value) : "\(answer.value)", answer.unit,
                        isForPeople ? localTime(answer.observed) : answer.observed.description,
                    ]
                    return isForPeople ? row + [age(of: answer.observed, now: now)] : row
                }, empty: "no readings")
        }
    }
}

struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Readings of a device over a span of time, raw or in steps.")

    @Argument(help: "The device.", completion: NameCompletion.devices)
    var device: String

    @Argument(help: "A quantity, such as active_power; left out: all.", completion: NameCompletion.quantities)
    var quantity: String?

    @Option(help: "A channel of the device, such as l1.")
    var channel: String?

    @Option(help: "From when: a time, or how long ago, such as 10m, 24h or 7d.")
    var since: MomentArgument = MomentArgument(argument: "1h")!

    @Option(help: "Until when, not included; default: now.")
    var until: MomentArgument?

    @Option(help: "One row for so long: count, mean, min, max and last. Such as 1m, 1h or 1d.")
    var step: SpanArgument?

    @Flag(help: "Draw a chart in the terminal.")
    var plot = false

    @Option(help: "Rows a series at most.")
    var limit = 10_000

    @OptionGroup var options: AskOptions

    func validate() throws {
        guard (1...1_000_000).contains(limit) else { throw ValidationError("--limit: expected 1 to 1000000") }
        guard !plot || options.format == .table else {
            throw ValidationError("--plot draws for people; leave --format out")
        }
    }

    func run() async throws {
        let now = presentMoment()
        let from = since.timestamp(now: now)
        // The reading of this very millisecond counts.
        let to = until?.timestamp(now: now) ?? now + .milliseconds(1)
        guard from < to else { throw failure("--since must be earlier than --until", 64) }
        try await options.ask { source in
            let answer = try await source.history(
                HistoryRequest(
                    device: device, quantity: checked(quantity), channel: channel, since: from, until: to,
                    step: step?.duration, limit: limit))
            for sentence in answer.damaged { _ = failure("left out: \(sentence)", 1) }
            if plot { draw(answer) } else if step != nil { try printBuckets(answer) } else { try printPoints(answer) }
            if options.format == .table {
                for series in answer.series {
                    guard let next = series.next else { continue }
                    options.output.write(
                        "\(series.quantity): there is more; ask again with --since \(next) or a larger --limit")
                }
            }
        }
    }

    private func printPoints(_ answer: HistoryAnswer) throws {
        let isForPeople = options.format == .table
        try options.output.print(
            answer,
            columns: [.init("observed"), .init("quantity"), .init("channel"), .init("value", .right), .init("unit")],
            rows: answer.series.flatMap { series in
                series.points.map { point in
                    [
                        isForPeople ? localTime(point.observed) : point.observed.description, series.quantity,
                        printable(series.channel ?? ""), isForPeople ? shortNumber(point.value) : "\(point.value)",
                        series.unit,
                    ]
                }
            }, empty: "no readings in this span")
    }

    private func printBuckets(_ answer: HistoryAnswer) throws {
        let isForPeople = options.format == .table
        func shown(_ value: Double) -> String { isForPeople ? shortNumber(value) : "\(value)" }
        try options.output.print(
            answer,
            columns: [
                .init("start"), .init("quantity"), .init("channel"), .init("count", .right), .init("mean", .right),
                .init("min", .right), .init("max", .right), .init("last", .right),
                .init("standard_deviation", .right), .init("unit"),
            ],
            rows: answer.series.flatMap { series in
                series.buckets.map { bucket in
                    [
                        isForPeople ? localTime(bucket.start) : bucket.start.description, series.quantity,
                        printable(series.channel ?? ""), "\(bucket.count)", shown(bucket.mean), shown(bucket.min),
                        shown(bucket.max), shown(bucket.last), shown(bucket.standardDeviation), series.unit,
                    ]
                }
            }, empty: "no readings in this span")
    }

    private func draw(_ answer: HistoryAnswer) {
        guard !answer.series.isEmpty else { return options.output.write("no readings in this span") }
        for series in answer.series {
            let points =
                series.points.map { TerminalPlot.Point(at: $0.observed, value: $0.value) }
                + series.buckets.map { TerminalPlot.Point(at: $0.start, value: $0.mean) }
            var plot = TerminalPlot()
            plot.gap = typicalStep(points).map { $0 * 3 }
            let channel = series.channel.map { " (\(printable($0)))" } ?? ""
            options.output.write(
                "\(printable(answer.device)): \(series.quantity)\(channel), \(points.count) \(step == nil ? "readings" : "steps")"
            )
            for line in plot.lines(points, since: answer.since, until: answer.until, unit: series.unit) {
                options.output.write(line)
            }
        }
    }

    /// The median distance between neighbours; a gap in the chart is three of them.
    private func typicalStep(_ points: [TerminalPlot.Point]) -> Duration? {
        guard points.count > 2 else { return nil }
        let steps = zip(points.dropFirst(), points).map { $0.at - $1.at }.sorted()
        return steps[steps.count / 2]
    }
}

struct StatsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Rolling statistics of each series: the windows that alerts are judged by.")

    @Argument(help: "A device, or a pattern with * and ?.", completion: NameCompletion.devices)
    var device: String?

    @Argument(help: "A quantity, such as active_power.", completion: NameCompletion.quantities)
    var quantity: String?

    @Option(help: "Only this window, such as 5m, 1h or 24h.")
    var window: SpanArgument?

    @OptionGroup var options: AskOptions

    func run() async throws {
        try await options.ask { source in
            let answers = try await source.statistics(
                device: device, quantity: checked(quantity), window: window?.duration)
            let isForPeople = options.format == .table
            func shown(_ value: Double?) -> String {
                value.map { isForPeople ? shortNumber($0) : "\($0)" } ?? (isForPeople ? "-" : "")
            }
            try options.output.print(
                answers,
                columns: [
                    .init("device"), .init("quantity"), .init("channel"), .init("window", .right),
                    .init("count", .right), .init("mean", .right), .init("min", .right), .init("max", .right),
                    .init("deviation", .right), .init("median", .right), .init("p95", .right), .init("last", .right),
                    .init("rate/h", .right), .init("unit"),
                ],
                rows: answers.map { answer in
                    [
                        printable(answer.device), answer.quantity, printable(answer.channel ?? ""),
                        Duration.milliseconds(Int64(answer.windowSeconds * 1000)).shortForm, "\(answer.count)",
                        shown(answer.mean), shown(answer.min), shown(answer.max), shown(answer.standardDeviation),
                        shown(answer.median), shown(answer.p95), shown(answer.last), shown(answer.ratePerHour),
                        answer.unit,
                    ]
                }, empty: "no statistics: no such series, or no readings in its windows")
        }
    }
}

/// The quantity, when it is one; a slip gets the nearest word.
func checked(_ quantity: String?) throws -> String? {
    guard let quantity, Quantity(named: quantity) == nil else { return quantity }
    let hint = nearest(to: quantity, in: Quantity.all.map(\.name)).map { "; did you mean '\($0)'?" } ?? ""
    throw NoAnswer(description: "'\(quantity)' is not a quantity\(hint)", exitCode: 64)
}
