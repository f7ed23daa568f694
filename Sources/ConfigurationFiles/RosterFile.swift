public import Basics
import City
import Settings
public import Telemetry

/// `Config/roster.csv`: the devices the city expects, one a line under a header of column names.
///
/// Columns `device` and `cadence` are required; `profile`, `area`, `circuit`, `latitude`, `longitude`,
/// `constants` (`depth_mm=1500;full_mm=100`), `labels` (`owner=east;road=Jingshi Lu`), `deployed` and `retired` (a date, a time;
/// the first also `planned`) and `maintenance` (`2026-11-27T14:10..2026-11-27T16:00;2026-12-01`) may be left out; a place has both
/// its degrees, or neither. Lines that begin with `#` and empty lines are passed over. Fields may stand in double quotes, where `""` is a quote.
public enum RosterFile {
    private enum Column: String, CaseIterable {
        case device, profile, area, circuit, latitude, longitude, cadence, constants, labels, deployed, retired,
            maintenance
    }

    // Long: a line of the roster column by column, every mistake gathered.
    /// Throws all mistakes together, each with line, column, value and what would be right.
    ///
    /// `days`: those of the site, by whose clock dates and times without a zone are read.
    public static func parse(
        csv text: String, file: String, days: LocalDays = LocalDays()
    ) throws(Mistakes) -> [RosterEntry] {
        var mistakes: [Mistake] = []
        var columns: [Column?] = []
        var entries: [RosterEntry] = []
        var lineOf: [ByteName: Int] = [:]
        var number = 0
        for line in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            if line.isEmpty || line.first == UInt8(ascii: "#") { continue }
            func note(_ column: Column?, _ value: String?, _ expected: String) {
                mistakes.append(
                    Mistake(file: file, line: number, key: column?.rawValue ?? "", value: value, expected: expected))
            }
            let fields = fields(of: line)
            if columns.isEmpty {
                columns = fields.map { Column(rawValue: $0) }
                for (field, column) in zip(fields, columns) where column == nil {
                    let known = Column.allCases.map(\.rawValue)
                    let hint = nearest(to: field, in: known).map { "did you mean '\($0)'?" }
                    note(nil, field, "unknown column; \(hint ?? "known: \(known.joined(separator: ", "))")")
                }
                for column in [Column.device, .cadence] where !columns.contains(column) {
                    note(column, nil, "missing column in the header line")
                }
                for column in Column.allCases where columns.count(where: { $0 == column }) > 1 {
                    note(column, nil, "stands twice in the header line; each column once")
                }
                if !mistakes.isEmpty { break }
                continue
            }
            guard fields.count == columns.count else {
                note(nil, nil, "expected \(columns.count) fields as in the header, found \(fields.count)")
                continue
            }
            var entry = RosterEntry(device: "", cadence: .zero)
            for (field, column) in zip(fields, columns) {
                switch column {
                case .device: entry.device = field
                case .profile: entry.profile = field
                case .area: entry.area = field
                case .circuit: entry.circuit = field
                case .latitude:
                    entry.latitude = degrees(field, within: 90) { note(.latitude, field, $0) }
                case .longitude:
                    entry.longitude = degrees(field, within: 180) { note(.longitude, field, $0) }
                case .cadence:
                    if let cadence = Duration(shortForm: field), cadence >= .seconds(1), cadence <= .seconds(2_592_000)
                    {
                        entry.cadence = cadence
                    } else {
                        note(.cadence, field, "expected a duration from 1s to 30d, such as 30s, 10m or 1h")
                    }
                case .constants:
                    entry.constants = constants(field) { note(.constants, field, $0) }
                case .labels: entry.labels = labels(field) { note(.labels, field, $0) }
                case .deployed:
                    entry.service.isPlanned = field == "planned"
                    if !field.isEmpty, field != "planned" {
                        entry.service.deployed = moment(field, days, " or planned") { note(.deployed, field, $0) }
                    }
                case .retired:
                    if !field.isEmpty { entry.service.retired = moment(field, days) { note(.retired, field, $0) } }
                case .maintenance:
                    entry.service.maintenance = maintenance(field, days) { note(.maintenance, field, $0) }
                case nil: break
                }
            }
            func text(of column: Column) -> String { columns.firstIndex(of: column).map { fields[$0] } ?? "" }
            checkPlace(text(of: .latitude), text(of: .longitude), entry, note)
            if let deployed = entry.service.deployed, let retired = entry.service.retired, retired <= deployed {
                note(.retired, text(of: .retired), "expected a moment after it was deployed, \(text(of: .deployed))")
            }
            if entry.device.isEmpty || !UsableName.admits(entry.device) {
                note(
                    .device, entry.device,
                    "expected a device name of 1 to \(UsableName.bytesMax) bytes without control characters")
            } else if let earlier = lineOf[ByteName(entry.device)] {
                note(.device, entry.device, "stands in line \(earlier) already; each device once")
            } else {
                lineOf[ByteName(entry.device)] = number
                entries.append(entry)
            }
        }
        if columns.isEmpty {
            mistakes.append(
                Mistake(
                    file: file, line: nil, key: "", value: nil,
                    expected: "expected a header line such as device,profile,area,cadence; there is none"))
        }
        guard mistakes.isEmpty else { throw Mistakes(mistakes) }
        return entries
    }

    /// A date, which begins at the site's midnight, or a time.
    private static func moment(
        _ field: String, _ days: LocalDays, _ others: String = "", _ note: (String) -> Void
    ) -> Timestamp? {
        if let moment = SiteMoment(field, days) { return moment.first }
        note("expected a date such as 2026-11-27, a time such as 2026-11-27T14:10\(others), or nothing")
        return nil
    }

    /// Spans between semicolons, each `FROM..TO` or a date: a date that ends a span is part of it.
    private static func maintenance(
        _ field: String, _ days: LocalDays, _ note: (String) -> Void
    ) -> [Range<Timestamp>] {
        var spans: [Range<Timestamp>] = []
        for part in field.split(separator: ";") {
            let ends = part.split(separator: "..", omittingEmptySubsequences: false).map {
                SiteMoment(trimmed(Array($0.utf8)), days)
            }
            guard (1...2).contains(ends.count), let from = ends[0], let to = ends[ends.count - 1],
                ends.count == 2 || from.isDate, from.first < to.end
            else {
                note(
                    "expected spans such as 2026-11-27T14:10..2026-11-27T16:00 or dates such as 2026-12-01, with ';' between "
                        + "them; '\(part)' is none")
                return []
            }
            spans.append(from.first..<to.end)
        }
        spans.sort { $0.lowerBound < $1.lowerBound }
        var merged: [Range<Timestamp>] = []
        for span in spans {
            if let last = merged.last, span.lowerBound <= last.upperBound {
                merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, span.upperBound)
            } else {
                merged.append(span)
            }
        }
        return merged
    }

    /// `name=value` pairs between semicolons.
    private static func pairs(_ field: String, such example: String, _ note: (String) -> Void) -> [String: String] {
        var pairs: [String: String] = [:]
        for pair in field.split(separator: ";") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                .map { trimmed(Array($0.utf8)) }
            guard sides.count == 2, !sides[0].isEmpty, !sides[1].isEmpty, pairs[sides[0]] == nil else {
                note("expected name=value pairs, each name once, such as \(example)")
                return [:]
            }
            pairs[sides[0]] = sides[1]
        }
        return pairs
    }

    private static func labels(_ field: String, _ note: (String) -> Void) -> [String: String] {
        let labels = pairs(field, such: "owner=east;road=Jingshi Lu", note)
        for name in labels.keys.sorted() where !UsableName.admitsLabel(name) {
            note("expected a label's name of at most 64 of the letters a-z, A-Z, 0-9, '-', '_' and '.', not '\(name)'")
        }
        return labels
    }

    private static func constants(_ field: String, _ note: (String) -> Void) -> [String: String] {
        let constants = pairs(field, such: "depth_mm=1500;full_mm=100", note)
        if let rating = constants[LampTable.ratingName] {
            guard let watts = Double(rating), watts.isFinite, watts > 0 else {
                note("expected \(LampTable.ratingName) as a number of watts above 0, without a unit, such as 40")
                return constants
            }
        }
        return constants
    }

    private static func degrees(_ field: String, within limit: Double, _ note: (String) -> Void) -> Double? {
        if field.isEmpty { return nil }
        guard let number = Double(field), number.isFinite, abs(number) <= limit else {
            note("expected degrees from -\(Int(limit)) to \(Int(limit)), or nothing")
            return nil
        }
        return number
    }

    /// Half a place, or the one that a form without an entry gives, would put the device under another sun.
    private static func checkPlace(
        _ latitude: String, _ longitude: String, _ entry: RosterEntry, _ note: (Column?, String?, String) -> Void
    ) {
        if latitude.isEmpty != longitude.isEmpty {
            let (missing, other) = latitude.isEmpty ? (Column.latitude, "longitude") : (.longitude, "latitude")
            note(missing, "", "expected degrees beside its \(other), or nothing in both")
        } else if entry.latitude == 0, entry.longitude == 0 {
            note(
                .latitude, latitude, "0,0 lies in the sea off Africa; expected where the device is, or nothing in both")
        }
    }

    private static func fields(of line: Substring.UTF8View) -> [String] {
        var fields: [String] = []
        var field: [UInt8] = []
        var isQuoted = false
        var afterQuote = false
        for byte in line {
            if isQuoted {
                if byte == UInt8(ascii: "\"") {
                    isQuoted = false
                    afterQuote = true
                } else {
                    field.append(byte)
                }
            } else if byte == UInt8(ascii: "\"") {
                if afterQuote { field.append(byte) }
                isQuoted = true
            } else if byte == UInt8(ascii: ",") {
                fields.append(CSVText.plain(trimmed(field)))
                field.removeAll(keepingCapacity: true)
                afterQuote = false
            } else {
                field.append(byte)
            }
        }
        fields.append(CSVText.plain(trimmed(field)))
        return fields
    }

    private static func trimmed(_ field: [UInt8]) -> String {
        let blank = UInt8(ascii: " ")
        let rest = field.drop { $0 == blank }
        return String(decoding: rest.reversed().drop { $0 == blank }.reversed(), as: UTF8.self)
    }
}
