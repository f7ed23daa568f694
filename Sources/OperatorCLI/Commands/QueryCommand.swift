public import ArgumentParser
import Basics
import Contract
import Telemetry

/// The figures that a query can print.
enum Figure: String, CaseIterable, ExpressibleByArgument, Sendable {
    case mean, min, max, sum, increase, count, last, stddev, p50, p95, p99, coverage, revised

    /// Under this name the JSON has it, and programs find it in CSV.
    var key: String {
        switch self {
        case .stddev: "standard_deviation"
        case .p50: "median"
        default: rawValue
        }
    }

    var isQuantile: Bool { self == .p50 || self == .p95 || self == .p99 }

    func cell(_ bucket: SeriesHistory.Bucket, of quantity: String, _ output: Output) -> String {
        func value(_ value: Double?) -> String { output.number(value, of: quantity) }
        return switch self {
        case .mean: value(bucket.mean)
        case .min: value(bucket.min)
        case .max: value(bucket.max)
        case .sum: output.number(bucket.sum)
        case .increase: value(bucket.increase)
        case .count: "\(bucket.count)"
        case .last: value(bucket.last)
        case .stddev: output.number(bucket.standardDeviation)
        case .p50: value(bucket.median)
        case .p95: value(bucket.p95)
        case .p99: value(bucket.p99)
        case .coverage: output.isForPeople ? bucket.coverage.map(Self.percent) ?? "" : output.number(bucket.coverage)
        case .revised: bucket.revised == true ? (output.isForPeople ? "revised" : "true") : ""
        }
    }

    private static func percent(_ share: Double) -> String { "\(Int((share * 100).rounded()))%" }
}

extension QueryRequest.Group: ExpressibleByArgument {}
extension QueryRequest.Statistic: ExpressibleByArgument {}

struct QueryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query", abstract: "Statistics of many series over a span of time, in steps, grouped and ranked.",
        discussion: """
            The worst air of the last week by area, the five lamps that drew most yesterday:
              baotu query '*' pm2_5 --since 7d --by area --stats mean,p95,coverage
              baotu query --profile 'streetlight*' '*' active_power --since 1d --top 5 --order max
            What the meters of each area counted, by the day:
              baotu query '*' active_energy_import --since 7d --step 1d --by area --stats increase
            Whole days are days of the site. Hours and days outlive raw readings; medians and the like of steps other \
            than whole days do not. p50, p95 and p99 are good to a thirty-second part of the value.
            """)

    @Argument(help: "A device, or a pattern with * and ?.", completion: NameCompletion.devices)
    var device: String?

    @Argument(help: "A quantity, such as active_power.", completion: NameCompletion.quantities)
    var quantity: String?

    @Option(help: "Only devices of this area.", completion: NameCompletion.areas)
    var area: String?

    @Option(help: "Only devices of this profile.", completion: NameCompletion.profiles)
    var profile: String?

    @Option(help: "From when: a time, a date, or how long ago, such as 10m, 24h or 7d.")
    var since: MomentArgument = MomentArgument(argument: "1d")!

    @Option(help: "Until when, not included; default: now.")
    var until: MomentArgument?

    @Option(help: "One row for so long, such as 10m, 1h or 1d; default: the whole span.")
    var step: SpanArgument?

    @Option(name: .customLong("by"), help: "What readings are put together: series, device, area, profile or all.")
    var group: QueryRequest.Group = .series

    @Option(
        name: .customLong("stats"),
        help:
            "Figures to print, such as mean,p95: \(Figure.allCases.map(\.rawValue).joined(separator: ", ")); default: \(Self.usual.defaultValueDescription), of a counter \(Self.usualOfCounters.defaultValueDescription). JSON has all."
    )
    var chosen: FigureList?

    @Option(help: "Only so many groups, the greatest over the whole span.")
    var top: Int?

    @Option(
        help:
            "What --top goes by: mean, min, max, sum, increase, count, last, stddev, p50, p95 or p99; default: mean, of a counter increase."
    )
    var order: QueryRequest.Statistic?

    @Flag(help: "The least instead of the greatest for --top.")
    var ascending = false

    @OptionGroup var options: AskOptions

    private static let usual = FigureList(argument: "mean,min,max,count")!
    private static let usualOfCounters = FigureList(argument: "increase,last,count")!

    private var isOfCounter: Bool { quantity.flatMap { Quantity(named: $0) }?.kind == .counter }
    private var figures: FigureList { chosen ?? (isOfCounter ? Self.usualOfCounters : Self.usual) }

    func validate() throws {
        if let top, top < 1 { throw ValidationError("--top \(top): expected 1 or more") }
    }

    func run() async throws {
        let output = options.output
        let from = since.timestamp(now: output.now)
        let to = until?.timestamp(now: output.now) ?? output.now + .milliseconds(1)
        guard from < to else { throw failure("--since \(from) is not earlier than --until \(to)", 64) }
        try await options.ask { source in
            try checkFigures()
            let answer = try await source.answer(
                QueryRequest(
                    filter: DeviceFilter(
                        device: device, profile: profile, area: area, quantity: try checked(quantity)),
                    since: from, until: to, step: step?.duration, group: group,
                    quantiles: figures.list.contains(where: \.isQuantile), top: top,
                    order: order ?? (isOfCounter ? .increase : .mean), ascending: ascending))
            try print(answer, output)
            if let next = answer.next, options.format != .json {
                StandardStreams.complain("there is more; ask again with --since \(next), or for fewer groups")
            }
            try tell(leftOut: answer.damaged)
        }
    }

    /// A column of nothing would not say why it is empty.
    private func checkFigures() throws {
        guard let quantity = try checked(quantity).flatMap({ Quantity(named: $0) }) else { return }
        for figure in figures.list {
            if let sentence = QueryRequest.Statistic(rawValue: figure.rawValue)?.refusal(of: quantity) {
                throw NoAnswer.wrongQuestion(sentence)
            }
        }
    }

    private func print(_ answer: QueryAnswer, _ output: Output) throws {
        let hasSteps = answer.stepSeconds != nil
        var columns: [TextTable.Column] = hasSteps ? [.init("start")] : []
        switch group {
        case .series: columns += [.init("device"), .init("channel")]
        case .device: columns.append(.init("device"))
        case .area: columns.append(.init("area"))
        case .profile: columns.append(.init("profile"))
        case .all: break
        }
        columns.append(.init("quantity"))
        if group != .series { columns.append(.init("series", .right)) }
        columns += figures.list.map { .init($0.rawValue, $0 == .revised ? .left : .right, key: $0.key) }
        columns.append(.init("unit"))
        var rows: [[String]] = []
        for entry in answer.groups {
            var names: [String] = []
            switch group {
            case .series: names = [output.text(entry.device), output.text(entry.channel)]
            case .device: names = [output.text(entry.device)]
            case .area: names = [output.text(entry.area)]
            case .profile: names = [output.text(entry.profile)]
            case .all: break
            }
            names.append(entry.quantity)
            if group != .series { names.append("\(entry.series)") }
            for bucket in hasSteps ? entry.buckets : entry.total.map({ [$0] }) ?? [] {
                let start = hasSteps ? [output.time(bucket.start)] : []
                rows.append(
                    start + names + figures.list.map { $0.cell(bucket, of: entry.quantity, output) } + [
                        output.unit(entry.unit)
                    ])
            }
        }
        try output.print(answer, columns: columns, rows: rows, empty: "no readings in this span")
    }
}

/// `mean,p95`
struct FigureList: ExpressibleByArgument, Sendable {
    let list: [Figure]

    init?(argument: String) {
        var list: [Figure] = []
        for word in argument.split(separator: ",") {
            guard let figure = Figure(rawValue: String(word)), !list.contains(figure) else { return nil }
            list.append(figure)
        }
        guard !list.isEmpty else { return nil }
        self.list = list
    }

    var defaultValueDescription: String { list.map(\.rawValue).joined(separator: ",") }
}
