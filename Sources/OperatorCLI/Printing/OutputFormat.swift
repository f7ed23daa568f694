import ArgumentParser
import Basics
import FoundationEssentials
import Glibc
import Telemetry

/// How an answer is printed: a table for people, JSON and CSV for programs.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
    case table, json, csv
}

/// Prints one answer in the asked format, and says how its cells are written in it.
struct Output {
    let format: OutputFormat
    /// What ages are reckoned from.
    let now: Timestamp
    /// Whether the terminal shows more than ASCII.
    var isUTF8 = StandardStreams.isUTF8()

    init(format: OutputFormat, now: Timestamp = presentMoment()) {
        self.format = format
        self.now = now
    }

    var isForPeople: Bool { format == .table }

    /// `json` is encoded whole; `table` is drawn from the columns and rows, which CSV prints too, under the keys of the
    /// JSON.
    func print(
        _ json: some Encodable, columns: [TextTable.Column], rows: @autoclosure () -> [[String]], empty: String
    ) throws {
        switch format {
        case .json: try write(try Self.encoded(json))
        case .csv:
            try write(([columns.map(\.key)] + rows()).map(CSVText.line).joined(separator: "\n"))
        case .table:
            var table = TextTable(columns)
            for row in rows() { table.append(row) }
            // What is piped on has a line for each row.
            let width = isatty(STDOUT_FILENO) != 0 ? Paragraphs.terminalWidth() : nil
            try write(table.rows.isEmpty ? empty : table.lines(width: width).joined(separator: "\n"))
        }
    }

    /// A line, or several. What programs get whole is made harmless where a terminal stands in for the program.
    func write(_ text: String) throws {
        let isSeen = !isForPeople && isatty(STDOUT_FILENO) != 0
        let shown =
            isSeen
            ? text.split(separator: "\n", omittingEmptySubsequences: false).map { printable(String($0)) }
                .joined(separator: "\n") : text
        try StandardStreams.write(shown + "\n")
    }

    // MARK: Cells

    /// Text that came from a device or a person.
    func text(_ text: String?) -> String {
        guard let text else { return "" }
        return isForPeople ? printable(text) : text
    }

    func number(_ value: Double?) -> String {
        guard let value else { return isForPeople ? "-" : "" }
        return isForPeople ? shortNumber(value) : "\(value)"
    }

    /// A value of a quantity: a counter's with the digits in which it grows.
    func number(_ value: Double?, of quantity: String) -> String {
        guard isForPeople, let value, Quantity(named: quantity)?.kind == .counter else { return number(value) }
        return counterNumber(value)
    }

    func time(_ moment: Timestamp) -> String { isForPeople ? localTime(moment) : moment.description }

    /// How long ago a device's own time was; the moment itself for programs.
    func age(_ moment: Timestamp) -> String {
        isForPeople ? OperatorCLI.age(of: moment, now: now) : moment.description
    }

    /// How long ago a moment of the gateway was, as its answer tells: the wall clock may have been set since. `-` for never;
    /// the moment itself for programs.
    func ago(_ seconds: Double?, of moment: Timestamp?) -> String {
        guard let moment else { return isForPeople ? "-" : "" }
        return isForPeople ? roughly(seconds) : moment.description
    }

    /// The UCUM code; for people as they write it.
    func unit(_ code: String) -> String {
        guard isForPeople else { return code }
        return Self.plainUnits[code] ?? (isUTF8 ? Self.signUnits[code] : nil) ?? code
    }

    private static let plainUnits = [
        "1": "", "W.h": "Wh", "kW.h": "kWh", "V.A": "VA", "V.A{reactive}": "var", "kV.A.h{reactive}": "kvarh",
        "[ppb]": "ppb", "[ppm]": "ppm",
    ]
    private static let signUnits = [
        "Cel": "°C", "ug/m3": "µg/m³", "um/m": "µm/m", "um": "µm", "W/m2": "W/m²", "m3": "m³", "m3/h": "m³/h",
        "m/s2": "m/s²", "deg": "°",
    ]

    // MARK: Formats

    static func encoded(_ answer: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(answer), as: UTF8.self)
    }
}

/// What a terminal shows of text that came from a device: characters that steer a terminal instead of being seen become
/// `·`, so that a payload cannot move the cursor, change colours or turn the line around.
func printable(_ text: String) -> String {
    if text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return text }
    var shown = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
        shown.append(scalar.isSteering ? "·" : scalar)
    }
    return String(shown)
}
