public import ArgumentParser
import Basics
import City
import Contract
import Telemetry

extension AirStandardFamily: ExpressibleByArgument {}

struct AirCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "air", abstract: "The air-quality index of each station or area, now or over a span of time.",
        discussion: """
            Of the last whole clock hour; with --since of every hour, or with --step 1d of every whole day of the site:
              baotu air --area Lixia --standard us
              baotu air 'air-*' --since 30d --step 1d --by area
            cn is HJ 633-2012 or, from March 2026 on, HJ 633-2026; us is US EPA 2024 with NowCast; eu is the European \
            index of 2025; who compares with the WHO guidelines of 2021. Hours are means of readings, each with \
            readings for 45 of its minutes where the roster's cadence tells how many to expect. An area has the index \
            of its worst station, and beside it the median of all.
            """)

    enum Group: String, CaseIterable, ExpressibleByArgument {
        case station, area
    }

    @Argument(
        help: "Stations, or patterns with * and ?; default: all that measure air.", completion: NameCompletion.devices)
    var stations: [String] = []

    @Option(help: "Only devices of this area.", completion: NameCompletion.areas)
    var area: String?

    @Option(help: "Only devices of this profile.", completion: NameCompletion.profiles)
    var profile: String?

    @Option(help: "Whose index: cn, us, eu or who.")
    var standard: AirStandardFamily = .china

    @Option(
        help: "From when: a time, a date, or how long ago, such as 24h or 30d; default: the last hour or day alone.")
    var since: MomentArgument?

    @Option(help: "Until when, not included; default: now.")
    var until: MomentArgument?

    @Option(help: "A report of every hour (1h) or of every day (1d).")
    var step: SpanArgument = SpanArgument(argument: "1h")!

    @Option(name: .customLong("by"), help: "A line for each station or for each area.")
    var group: Group = .station

    @OptionGroup var options: AskOptions

    /// A report of every hour for a month and 270 stations.
    static let reportsMax = 200_000

    private static let hourMilliseconds: Int64 = 3_600_000

    private var isDaily: Bool { step.duration == .seconds(86_400) }

    func validate() throws {
        guard isDaily || step.duration == .seconds(3600) else {
            throw ValidationError("--step: indices are made of hours (1h) or of days (1d)")
        }
        guard !isDaily || AirReporter(standard).hasDays else {
            throw ValidationError("--step 1d: the European index is of hours")
        }
    }

    func run() async throws {
        let output = options.output
        let end = Self.hour(until?.timestamp(now: output.now) ?? output.now)
        let start = since.map { Self.hour($0.timestamp(now: output.now)) }
        if let start, start >= end { throw failure("--since \(start) is not a whole hour before --until \(end)", 64) }
        try await options.ask { source in
            let (reports, damaged) =
                isDaily
                ? try await days(source, from: start, to: end) : try await hours(source, from: start, to: end)
            switch group {
            case .station: try print(reports.map(\.answer), output)
            case .area: try print(areas(reports), output)
            }
            try tell(leftOut: damaged)
        }
    }

    private static func hour(_ moment: Timestamp) -> Timestamp {
        Timestamp(milliseconds: moment.milliseconds.flooredDivision(by: hourMilliseconds) * hourMilliseconds)
    }

    // MARK: Reports

    private typealias Reports = [(air: AirIndex, answer: AirAnswer)]

    private func asked(
        _ source: any AnswerSource, from start: Timestamp, to end: Timestamp, reports: Int
    ) async throws -> AirStations {
        let found = try await AirStations(source, stations, area: area, profile: profile, since: start, until: end)
        guard found.stations.count * reports <= Self.reportsMax else {
            throw NoAnswer.wrongQuestion(
                "\(found.stations.count) stations and \(reports) steps are more than \(Self.reportsMax) reports; ask for a shorter span or for fewer stations"
            )
        }
        return found
    }

    private func hours(
        _ source: any AnswerSource, from start: Timestamp?, to end: Timestamp
    ) async throws -> (Reports, [String]) {
        var reporter = AirReporter(standard)
        let before = reporter.hoursBefore(.realTime)
        let start = start ?? end - .seconds(3600)
        let count = Int((end - start).milliseconds / Self.hourMilliseconds)
        let found = try await asked(source, from: start - .seconds(before * 3600), to: end, reports: count)
        var reports: Reports = []
        for step in 0..<count {
            for station in found.stations {
                let air = reporter.hour(before + step, of: station.history)
                reports.append(report(air, at: start + .seconds(step * 3600), station))
            }
        }
        return (reports, found.damaged)
    }

    /// Whole days of the site that are over; without a start the last one.
    private func days(
        _ source: any AnswerSource, from start: Timestamp?, to end: Timestamp
    ) async throws -> (Reports, [String]) {
        let reporter = AirReporter(standard)
        let day: Int64 = 24 * Self.hourMilliseconds
        let earliest = start ?? end - .seconds(2 * 86_400)
        guard
            let midnight = try await AirStations.midnightHour(
                source, stations, area: area, profile: profile, since: earliest, until: end)
        else { return ([], []) }
        let origin = Int64(midnight) * Self.hourMilliseconds
        let last = (end.milliseconds - origin).flooredDivision(by: day)
        let first = start.map { -(origin - $0.milliseconds).flooredDivision(by: day) } ?? last - 1
        guard first < last else {
            throw NoAnswer.wrongQuestion("there is no whole day of the site between --since and --until")
        }
        let from = Timestamp(milliseconds: first * day + origin)
        let before = reporter.hoursBefore(.daily)
        let found = try await asked(
            source, from: from - .seconds(before * 3600),
            to: Timestamp(milliseconds: last * day + origin) + .seconds(AirReporter.hoursBehindDay * 3600),
            reports: Int(last - first))
        var reports: Reports = []
        for step in 0..<Int(last - first) {
            for station in found.stations {
                guard let air = reporter.day(from: before + step * 24, of: station.history) else { continue }
                reports.append(report(air, at: from + .seconds(step * 86_400), station))
            }
        }
        return (reports, found.damaged)
    }

    private func report(
        _ air: AirIndex, at time: Timestamp, _ station: AirStations.Station
    ) -> (air: AirIndex, answer: AirAnswer) {
        (air, AirAnswer(air, at: time, station: station.name, area: station.area))
    }

    private func areas(_ reports: Reports) -> [AirAreaAnswer] {
        var places: [ByteName: Int] = [:]
        var areas: [Reports] = []
        for report in reports {
            let key = ByteName("\(report.answer.time.milliseconds) \(report.answer.area ?? "")")
            if let place = places[key] {
                areas[place].append(report)
            } else {
                places[key] = areas.count
                areas.append([report])
            }
        }
        return areas.map(AirAreaAnswer.init).sorted { ($0.time, $0.area) < ($1.time, $1.area) }
    }

    // MARK: Printing

    private static let nothing = "no station measures air here, or none did in this span"

    /// What all lines have of an index.
    private func columns(_ output: Output) -> [TextTable.Column] {
        [.init("standard"), .init("index", .right)]
            + (standard == .who ? [.init("x guideline", .right, key: "times_guideline")] : [])
            + [.init("category")] + (output.isForPeople ? [] : [.init("colour")]) + [.init("primary")]
    }

    private func cells(_ answer: AirAnswer, _ output: Output) -> [String] {
        [answer.standard.rawValue, answer.index.map { "\($0)" } ?? output.number(nil)]
            + (standard == .who ? [output.number(answer.timesGuideline)] : [])
            + [answer.category ?? ""] + (output.isForPeople ? [] : [answer.colour ?? ""])
            + [answer.primary.joined(separator: " ")]
    }

    private func print(_ answers: [AirAnswer], _ output: Output) throws {
        try output.print(
            answers,
            columns: [.init("time"), .init("station"), .init("area")] + columns(output)
                + [.init("missing"), .init("reason")],
            rows: answers.map { answer in
                [output.time(answer.time), output.text(answer.station), output.text(answer.area)]
                    + cells(answer, output)
                    + [answer.missing.joined(separator: output.isForPeople ? ", " : ";"), answer.reason ?? ""]
            }, empty: Self.nothing)
    }

    private func print(_ answers: [AirAreaAnswer], _ output: Output) throws {
        try output.print(
            answers,
            columns: [.init("time"), .init("area"), .init("stations", .right), .init("indexed", .right)]
                + columns(output) + [.init("worst station", key: "station"), .init("median", .right), .init("reason")],
            rows: answers.map { answer in
                [output.time(answer.time), output.text(answer.area), "\(answer.stations)", "\(answer.indexed)"]
                    + cells(answer.worst, output)
                    + [
                        output.text(answer.worst.station), output.number(answer.median), answer.worst.reason ?? "",
                    ]
            }, empty: Self.nothing)
    }
}
