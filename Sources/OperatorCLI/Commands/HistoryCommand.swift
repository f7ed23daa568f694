import ArgumentParser
import Basics
import Contract
import Settings

struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Readings of a device over a span of time, raw or in steps.")

    @Argument(help: "The device.", completion: NameCompletion.devices)
    var device: String

    @Argument(help: "A quantity, such as active_power; left out: all.", completion: NameCompletion.quantities)
    var quantity: String?

    @Option(help: "A channel of the device, such as l1.")
    var channel: String?

    @Option(help: "From when: a time, a date, or how long ago, such as 10m, 24h or 7d.")
    var since: MomentArgument = MomentArgument(argument: "1h")!

    @Option(help: "Until when, not included; default: now.")
    var until: MomentArgument?

    @Option(
        help: "One row for so long: count, mean, min, max and last, of counters the increase. Such as 1m, 1h or 1d.")
    var step: SpanArgument?

    @Flag(help: "Draw a chart in the terminal; of more readings than --limit, their means.")
    var plot = false

    @Option(help: "Rows a series at most.")
    var limit = 10_000

    @OptionGroup var options: AskOptions

    func validate() throws {
        guard (1...HistoryAnswer.pointsMax).contains(limit) else {
            throw ValidationError("--limit \(limit): expected 1 to \(HistoryAnswer.pointsMax)")
        }
        guard !plot || options.format == .table else {
            throw ValidationError("--plot draws for people; leave --format out")
        }
    }

    func run() async throws {
        let output = options.output
        let from = since.timestamp(now: output.now)
        // The reading of this very millisecond counts.
        let to = until?.timestamp(now: output.now) ?? output.now + .milliseconds(1)
        guard from < to else {
            throw failure("--since \(from) is not earlier than --until \(to)", 64)
        }
        try await options.ask { source in
            var request = HistoryRequest(
                device: device, quantity: try checked(quantity), channel: channel, since: from, until: to,
                step: step?.duration, limit: limit)
            var answer = try await source.answer(request)
            if plot, step == nil, answer.series.contains(where: { $0.next != nil }) {
                // A chart of the first page would pass for the whole span.
                let dots = TerminalPlot().width * 2
                request.step = .milliseconds(max(1, (to - from).milliseconds / Int64(dots)))
                // Steps lie on multiples since 1970, so one more than fits begins before the span or ends after it.
                request.limit = dots + 2
                answer = try await source.answer(request)
            }
            if plot {
                try draw(answer, step: request.step, output)
            } else if step != nil {
                try printBuckets(answer, output)
            } else {
                try printPoints(answer, output)
            }
            // On standard error in CSV: programs must not take the first page for all there is.
            for series in answer.series where options.format != .json {
                guard let next = series.next else { continue }
                let channel = series.channel.map { " (\(printable($0)))" } ?? ""
                StandardStreams.complain(
                    "\(series.quantity)\(channel): there is more; ask again with --since \(next) or a larger --limit")
            }
            try tell(leftOut: answer.damaged)
        }
    }

    private func printPoints(_ answer: HistoryAnswer, _ output: Output) throws {
        try output.print(
            answer,
            columns: [.init("observed"), .init("quantity"), .init("channel"), .init("value", .right), .init("unit")],
            rows: answer.series.flatMap { series in
                series.points.map { point in
                    [
                        output.time(point.observed), series.quantity, output.text(series.channel),
                        output.number(point.value, of: series.quantity), output.unit(series.unit),
                    ]
                }
            }, empty: "no readings in this span")
    }

    private func printBuckets(_ answer: HistoryAnswer, _ output: Output) throws {
        // A screen has no room for what none of the series has.
        let hasIncrease = !output.isForPeople || answer.series.contains { $0.buckets.contains { $0.increase != nil } }
        try output.print(
            answer,
            columns: [
                .init("start"), .init("quantity"), .init("channel"), .init("count", .right), .init("mean", .right),
                .init("min", .right), .init("max", .right), .init("last", .right),
                .init("deviation", .right, key: "standard_deviation"),
            ] + (hasIncrease ? [.init("increase", .right)] : []) + [.init("unit")],
            rows: answer.series.flatMap { series in
                func value(_ value: Double?) -> String { output.number(value, of: series.quantity) }
                return series.buckets.map { bucket in
                    [
                        output.time(bucket.start), series.quantity, output.text(series.channel), "\(bucket.count)",
                        value(bucket.mean), value(bucket.min), value(bucket.max), value(bucket.last),
                        output.number(bucket.standardDeviation),
                    ] + (hasIncrease ? [value(bucket.increase)] : []) + [output.unit(series.unit)]
                }
            }, empty: "no readings in this span")
    }

    /// A chart for each series that has readings; low ones where there are several, on the same axes of time.
    private func draw(_ answer: HistoryAnswer, step: Duration?, _ output: Output) throws {
        var plot = TerminalPlot()
        plot.isASCII = !output.isUTF8
        let charts = answer.series.map { series in
            (
                series,
                series.points.map { TerminalPlot.Point(at: $0.observed, value: $0.value) }
                    + series.buckets.map { TerminalPlot.Point(at: $0.start, value: $0.mean) }
            )
        }.filter { !$1.isEmpty }
        guard !charts.isEmpty else { return try output.write("no readings in this span") }
        if charts.count > 1 {
            (plot.intervals, plot.rowsPerInterval) = (2, 2)
            plot.labelWidthMin = charts.flatMap { plot.labels($1) }.map(displayWidth).max() ?? 0
        }
        for (index, (series, points)) in charts.enumerated() {
            plot.gap = (step ?? typicalStep(points)).map { $0 * 3 }
            if index > 0 { try output.write("") }
            try output.write(title(series, points, step: step, device: answer.device, output))
            let lines = plot.lines(points, since: answer.since, until: answer.until)
            try output.write(lines.joined(separator: "\n"))
        }
    }

    private func title(
        _ series: SeriesHistory, _ points: [TerminalPlot.Point], step: Duration?, device: String, _ output: Output
    ) -> String {
        let unit = output.unit(series.unit)
        func shown(_ value: Double) -> String {
            output.number(value, of: series.quantity) + (unit.isEmpty ? "" : " \(unit)")
        }
        let values = points.map(\.value)
        let count =
            step.map { "means of \(spoken($0))" } ?? counted(points.count, "reading")
        let channel = series.channel.map { " (\(output.text($0)))" } ?? ""
        return "\(output.text(device)): \(series.quantity)\(channel), \(count), "
            + "\(shown(values.min() ?? 0)) to \(shown(values.max() ?? 0)), last \(shown(values.last ?? 0))"
    }

    /// A step that nobody chose, in whole seconds where it has them: `4m12s` would say no more.
    private func spoken(_ step: Duration) -> String {
        step < .seconds(2)
            ? step.shortForm : Duration.seconds((step.milliseconds + 500) / 1000).shortForm
    }

    /// The median distance between neighbours; a gap in the chart is three of them.
    private func typicalStep(_ points: [TerminalPlot.Point]) -> Duration? {
        guard points.count > 2 else { return nil }
        let steps = zip(points.dropFirst(), points).map { $0.at - $1.at }.sorted()
        return steps[steps.count / 2]
    }
}
