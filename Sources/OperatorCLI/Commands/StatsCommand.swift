import ArgumentParser
import Basics
import Contract
import Settings

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
        let output = options.output
        try await options.ask { source in
            let answers = try await source.answer(
                StatisticsRequest(device: device, quantity: try checked(quantity), window: window?.duration))
            var columns = output.isForPeople ? Self.columns : Self.columns + Self.moreColumns
            var rows = answers.map { Self.row($0, output) }
            // A screen has no room for what none of the series has.
            let unused =
                (answers.contains { $0.increase != nil } ? [] : ["increase"])
                + (answers.contains { $0.total != nil } ? [] : ["total"])
                + (answers.contains { $0.timeWeightedMean != nil } ? [] : ["time_weighted_mean"])
            for place in columns.indices.reversed() where output.isForPeople && unused.contains(columns[place].key) {
                columns.remove(at: place)
                for row in rows.indices { rows[row].remove(at: place) }
            }
            try output.print(answers, columns: columns, rows: rows, empty: "no readings in these windows")
        }
    }

    private static func row(_ answer: StatisticsAnswer, _ output: Output) -> [String] {
        func value(_ value: Double?) -> String { output.number(value, of: answer.quantity) }
        func quantile(_ value: Double?) -> String {
            // For people with a mark when it is an estimate.
            (output.isForPeople && answer.quantilesAreExact == false ? "~" : "")
                + output.number(value, of: answer.quantity)
        }
        let row = [
            output.text(answer.device), answer.quantity, output.text(answer.channel),
            output.isForPeople ? span(seconds: answer.windowSeconds) : output.number(answer.windowSeconds),
            count(answer, output), value(answer.mean), value(answer.min), value(answer.max),
            output.number(answer.standardDeviation), quantile(answer.median), quantile(answer.p95), value(answer.last),
            output.number(answer.ratePerHour), value(answer.increase), output.number(answer.total),
            output.number(answer.timeWeightedMean), output.unit(answer.unit),
        ]
        guard !output.isForPeople else { return row }
        return row + [
            answer.expectedCount.map { "\($0)" } ?? "", output.number(answer.coverage),
            answer.quantilesAreExact.map { "\($0)" } ?? "", "\(answer.revision)",
            output.number(answer.clockSkewSeconds),
        ]
    }

    private static let columns: [TextTable.Column] = [
        .init("device"), .init("quantity"), .init("channel"), .init("window", .right, key: "window_seconds"),
        .init("count", .right), .init("mean", .right), .init("min", .right), .init("max", .right),
        .init("deviation", .right, key: "standard_deviation"), .init("median", .right), .init("p95", .right),
        .init("last", .right), .init("rate/h", .right, key: "rate_per_hour"), .init("increase", .right),
        .init("total", .right),
        .init("held", .right, key: "time_weighted_mean"), .init("unit"),
    ]

    /// What a table on a screen has no room for, or says in another way.
    private static let moreColumns: [TextTable.Column] = [
        .init("expected_count", .right), .init("coverage", .right), .init("quantiles_exact"), .init("revision", .right),
        .init("clock_skew_seconds", .right),
    ]

    /// For people with what was expected: `3/5`.
    private static func count(_ answer: StatisticsAnswer, _ output: Output) -> String {
        guard output.isForPeople, let expected = answer.expectedCount else { return "\(answer.count)" }
        return "\(answer.count)/\(expected)"
    }

    private static func span(seconds: Double) -> String { Duration.milliseconds(Int64(seconds * 1000)).shortForm }
}
