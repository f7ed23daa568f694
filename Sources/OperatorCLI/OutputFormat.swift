import ArgumentParser
import Foundation
import Telemetry

/// How an answer is printed: a table for people, JSON and CSV for programs.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
    case table, json, csv
}

/// Prints one answer in the asked format.
struct Output {
    let format: OutputFormat

    /// `json` is encoded whole; `table` is drawn from the columns and rows, which CSV prints too.
    func print(_ json: some Encodable, columns: [TextTable.Column], rows: [[String]], empty: String) throws {
        switch format {
        case .json: write(try Self.encoded(json))
        case .csv:
            write(Self.csvLine(columns.map(\.title)))
            for row in rows { write(Self.csvLine(row)) }
        case .table:
            guard !rows.isEmpty else {
                write(empty)
                return
            }
            var table = TextTable(columns)
            for row in rows { table.append(row) }
            for line in table.lines() { write(line) }
        }
    }

    static func encoded(_ answer: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(answer), as: UTF8.self)
    }

    /// RFC 4180: quotes where a field needs them.
    static func csvLine(_ fields: [String]) -> String {
        fields.map { field in
            let needsQuotes = field.contains { $0 == "," || $0 == "\"" || $0.isNewline }
            return needsQuotes ? "\"\(field.replacing("\"", with: "\"\""))\"" : field
        }.joined(separator: ",")
    }

    func write(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }
}

/// What a terminal shows of text that came from a device: control characters become `·`, so that a payload cannot
/// move the cursor or change colours.
func printable(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "·" : $0 }))
}
