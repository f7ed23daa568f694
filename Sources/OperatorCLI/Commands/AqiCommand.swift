public import ArgumentParser
import Basics
public import City
import Telemetry

struct AqiCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aqi", abstract: "The air-quality index of concentrations on the command line.",
        discussion: """
            One calculation, without a gateway:
              baotu aqi --standard cn --at 2026-03-01T00:00 pm2_5=65 o3=0.071ppm co=1.2mg/m3
              baotu aqi --standard us --average nowcast pm2_5=17.4
            Pollutants: \(AirPollutant.allCases.map(\.rawValue).joined(separator: ", ")). Units: ug/m3, mg/m3, ppb, ppm; \
            left out, that of the standard's table. Concentrations are means over the time that --average says, or \
            that stands behind the pollutant (o3/8h=120); left out, that of the standard's daily report.
            """)

    @Option(
        help: "cn, us, eu or who, of the time that --at says; or one version: \(Self.versions).",
        completion: .list(AirStandardFamily.allCases.map(\.rawValue) + AirStandard.allCases.map(\.rawValue)))
    var standard: String = AirStandardFamily.china.rawValue

    @Option(help: "When the air was measured: a time, a date, or how long ago; default: now.")
    var at: MomentArgument?

    @Option(help: "Over what concentrations are means.")
    var average: AirAveraging?

    @Argument(help: ArgumentHelp("Pollutants with their concentrations.", valueName: "pollutant=value"))
    var values: [String] = []

    @Option(help: "table, json or csv.")
    var format: OutputFormat = .table

    private static let versions = AirStandard.allCases.map(\.rawValue).joined(separator: ", ")

    func validate() throws {
        guard !values.isEmpty else { throw ValidationError("give at least one concentration, such as pm2_5=65") }
        _ = try asked(now: Timestamp(milliseconds: 0))
    }

    func run() throws {
        let output = Output(format: format)
        let (standard, report, values) = try asked(now: output.now)
        let air = standard.index(of: values, report)
        try print(AirAnswer(air, at: at?.timestamp(now: output.now) ?? output.now), output)
    }

    /// The command line understood; its mistakes are thrown as `ValidationError`.
    private func asked(now: Timestamp) throws -> (AirStandard, AirReport, [AirValue]) {
        let moment = at?.timestamp(now: now) ?? now
        guard
            let standard = AirStandardFamily(rawValue: standard)?.standard(at: moment)
                ?? AirStandard(rawValue: standard)
        else {
            throw ValidationError("--standard \(standard): expected cn, us, eu or who, or one of \(Self.versions)")
        }
        let report: AirReport =
            average == .hour || average == .nowcast || standard.indicators(.daily).isEmpty ? .realTime : .daily
        var values: [AirValue] = []
        for text in self.values {
            let value = try Self.value(text, average, standard, report)
            guard !values.contains(where: { $0.indicator == value.indicator }) else {
                throw ValidationError("\(text): \(value.indicator) is given twice")
            }
            values.append(value)
        }
        return (standard, report, values)
    }

    /// `o3/8h=0.071ppm`
    private static func value(
        _ text: String, _ average: AirAveraging?, _ standard: AirStandard, _ report: AirReport
    ) throws -> AirValue {
        let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard sides.count == 2 else { throw ValidationError("\(text): expected pollutant=value, such as pm2_5=65") }
        let names = sides[0].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let pollutant = AirPollutant(rawValue: String(names[0])) else {
            let all = AirPollutant.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("\(text): '\(names[0])' is not a pollutant; expected one of \(all)")
        }
        var averaging = average
        if names.count == 2 {
            averaging = AirAveraging(argument: String(names[1]))
            guard averaging != nil else {
                throw ValidationError(
                    "\(text): no mean over '\(names[1])'; expected one of \(AirAveraging.allValueStrings.joined(separator: ", "))"
                )
            }
        }
        let indicator =
            averaging.map { AirIndicator(pollutant, $0) }
            ?? standard.indicators(report).first { $0.pollutant == pollutant } ?? AirIndicator(pollutant, .hour)
        guard let tableUnit = standard.unit(of: indicator) else {
            throw ValidationError("\(text): \(standard.version) has no limits for \(indicator)")
        }
        let number = sides[1].prefix { "+-.0123456789eE".contains($0) }
        let unitText = sides[1].dropFirst(number.count)
        guard let concentration = ExactDecimal(number) else {
            throw ValidationError("\(text): '\(number)' is not a number below a thousand million")
        }
        let unit = unitText.isEmpty ? tableUnit : unit(unitText)
        guard let unit else {
            let all = AirUnit.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("\(text): '\(unitText)' is not a unit; expected one of \(all)")
        }
        let given = AirConcentration(concentration, unit)
        switch standard.subIndex(of: indicator, given).undefined {
        case .noTable, .noSuchUnit, .negative:
            let reason = standard.subIndex(of: indicator, given).undefined!
            throw ValidationError("\(text): \(reason)")
        default: return AirValue(indicator, given)
        }
    }

    /// As people write it: `µg/m³` too.
    private static func unit(_ text: some StringProtocol) -> AirUnit? {
        let plain = text.lowercased().replacing("µ", with: "u").replacing("μ", with: "u").replacing("³", with: "3")
        return AirUnit(rawValue: plain)
    }

    private func print(_ answer: AirAnswer, _ output: Output) throws {
        let rows = answer.subIndices.map { sub in
            let reason = sub.reason ?? (sub.beyondTable == true ? "above the last row of the table" : "")
            return [
                sub.pollutant.rawValue, sub.averaging.rawValue, output.number(sub.concentration),
                output.unit(sub.unit.rawValue), sub.index.map { "\($0)" } ?? output.number(nil),
            ] + (answer.standard == .who2021 ? [output.number(sub.timesGuideline)] : []) + [sub.category ?? "", reason]
        }
        let missing = answer.missing.isEmpty ? "" : "missing: \(answer.missing.joined(separator: ", "))"
        let reason = [answer.reason ?? "", missing].filter { !$0.isEmpty }.joined(separator: "; ")
        let whole =
            ["all", "", "", "", answer.index.map { "\($0)" } ?? output.number(nil)]
            + (answer.standard == .who2021 ? [output.number(answer.timesGuideline)] : [])
            + [answer.category ?? "", reason]
        try output.print(
            answer,
            columns: [
                .init("pollutant"), .init("mean of", key: "averaging"), .init("concentration", .right), .init("unit"),
                .init("index", .right),
            ] + (answer.standard == .who2021 ? [.init("x guideline", .right, key: "times_guideline")] : [])
                + [.init("category"), .init("note", key: "reason")],
            rows: rows + [whole], empty: "")
        if output.isForPeople { try output.write("by \(answer.version)") }
    }
}

extension AirAveraging: ExpressibleByArgument {
    /// As the command line has them, without blanks.
    public static var allValueStrings: [String] { allCases.map { $0.rawValue.replacing(" ", with: "-") } }

    /// One of `allValueStrings`; nil for anything else.
    public init?(argument: String) { self.init(rawValue: argument.replacing("-", with: " ")) }
}
