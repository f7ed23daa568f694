import ArgumentParser
import Basics
import Detection
import Settings
import Telemetry

/// The tiers by the names they have on the command line.
enum TierArgument: String, CaseIterable, ExpressibleByArgument {
    case light, daily, full

    var tier: DetectorTier {
        switch self {
        case .light: .light
        case .daily: .daily
        case .full: .full
        }
    }
}

struct DetectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "detect", abstract: "Anomalies in a file of timestamp,value.",
        discussion: """
            Writes timestamp,value,score,alert, a row for each row: the score is 0 where nothing is told, else 0.5 to 1; \
            alert is 0 or 1. The columns are those that the header names timestamp and value, else the first two. Times \
            are YYYY-MM-DD HH:MM:SS or RFC 3339 and count as the local time that they are written in. A row \
            without a number has the score 0.
            Beside the detector the rules of plausibility speak that need no configuration: standing still, straight \
            lines, spikes (told one row later), shifts of the daily level (told after six days). They have the score 0.5; \
            the detector's own alerts are above it.
            """)

    @Argument(help: "The file, or - for standard input.", completion: .file())
    var file: String

    @Option(
        help: """
            How much of the detector: light (range and mean), daily (and the profile of the day) or full (and the \
            novelty of the shape).
            """)
    var tier: TierArgument = .full

    @Flag(inversion: .prefixedNo, help: "The rules of plausibility.")
    var rules = true

    @Option(
        help: "What is measured, such as pm2_5: its range is a rule too, and --explain names it.",
        completion: NameCompletion.quantities)
    var quantity: String?

    @Option(help: "How far apart rows are due, such as 5m: five times that is a gap. Default: gaps are not looked for.")
    var interval: SpanArgument?

    @Flag(help: "Say on standard error what each alert is about.")
    var explain = false

    func validate() throws {
        if let interval, !(1...400 * 86_400_000).contains(interval.duration.milliseconds) {
            throw ValidationError("--interval: expected 1 s to 400 d")
        }
    }

    func run() async throws {
        do {
            let quantity = try checked(quantity).flatMap { Quantity(named: $0) }
            let settings = DetectorSettings(
                tier: tier.tier, rules: rules ? PlausibilityRules(range: quantity?.range) : nil,
                interval: interval?.duration)
            var run = DetectionRun(
                file: file == "-" ? "standard input" : file, settings: settings, keepsAnomalies: explain)
            let input = try ImportInput(file)
            while !input.isAtEnd {
                var mistake: Mistake?
                try input.next { bytes in
                    do throws(Mistake) {
                        if let bytes { try run.take(bytes) } else { try run.finish() }
                    } catch { mistake = error }
                }
                // Also what came before a mistake: the reader sees how far it went.
                try write(&run, quantity)
                if let mistake { throw NoAnswer.failed(printable("\(mistake)")) }
            }
        } catch let error as NoAnswer {
            throw failure(error.description, error.exitCode)
        }
    }

    private func write(_ run: inout DetectionRun, _ quantity: Quantity?) throws {
        for (line, anomaly) in run.anomalies {
            let sentence = anomaly.sentence(
                title: quantity?.definition.title ?? "the value",
                unit: quantity.map { Output(format: .table).unit($0.unit) } ?? "")
            StandardStreams.complain("\(printable(file)):\(line): \(anomaly.part): \(sentence)")
        }
        run.anomalies.removeAll(keepingCapacity: true)
        try StandardStreams.write(String(decoding: run.output, as: UTF8.self))
        run.output.removeAll(keepingCapacity: true)
    }
}
