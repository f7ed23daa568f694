import Basics
import Telemetry

/// Lines of CSV by RFC 4180, each one reading; the header says which column is which.
///
/// Unlike there, a quoted field ends on its line: no name has a line break, and one lost quotation mark must not take the
/// rest of the file with it.
struct CSVLines {
    /// By column: the key, or -1 for a column that is not of a reading.
    private var keys: [Int] = []
    private(set) var ignored: [String] = []
    private var fields = [Field](repeating: Field(), count: ReadingKey.allCases.count)

    private static let quote = UInt8(ascii: "\"")
    private static let comma = UInt8(ascii: ",")

    var hasHeader: Bool { !keys.isEmpty }

    mutating func readHeader(_ columns: [String], line: Int, _ file: String) throws(Mistake) {
        var columns = columns
        // The mark that some programs put before UTF-8.
        if let first = columns.first, first.hasPrefix("\u{FEFF}") { columns[0] = String(first.dropFirst()) }
        let all = ReadingKey.allCases
        let keys = columns.map { name in all.firstIndex { $0.rawValue == name } ?? -1 }
        for (place, key) in all.enumerated() {
            let count = keys.count { $0 == place }
            let isNeeded = key != .channel && key != .unit
            guard count == 1 || (count == 0 && !isNeeded) else {
                let found = columns.joined(separator: ",").prefix(ImportReport.shownBytesMax * 2)
                throw Mistake(
                    file: file, line: line, key: "header", value: String(found),
                    expected: "expected the columns observed,device,quantity,channel,unit,value, of which channel and "
                        + "unit may be missing; '\(key.rawValue)' is there \(count == 0 ? "not" : "\(count) times")"
                        + Self.otherSign(columns))
            }
        }
        self.keys = keys
        ignored = columns.indices.filter { keys[$0] < 0 }.map { columns[$0] }
    }

    /// Of a header whose words are parted by another sign.
    private static func otherSign(_ columns: [String]) -> String {
        guard columns.count == 1 else { return "" }
        let sign = [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")].first { columns[0].contains($0.0) }
        return sign.map { "; the fields are parted by \($0.1): save them with commas, and numbers with points" } ?? ""
    }

    mutating func read(
        _ line: UnsafeMutableBufferPointer<UInt8>, _ number: Int, _ intake: inout Intake,
        into readings: inout NamedReadings
    ) {
        guard !line.isEmpty, let base = line.baseAddress else { return }
        var position = 0
        var column = 0
        let end = line.count
        while true {
            let start: Int
            let count: Int
            if position < end, base[position] == Self.quote {
                guard let (length, next) = Self.unquote(base, position, end) else {
                    intake.report.refuse(
                        number, "", UnsafeRawBufferPointer(line), "a quotation mark has no other at the field's end")
                    return
                }
                (start, count) = (position, length)
                position = next
            } else {
                start = position
                while position < end, base[position] != Self.comma { position &+= 1 }
                count = position &- start
            }
            if column < keys.count, keys[column] >= 0 { fields[keys[column]] = Field(start: start, count: count) }
            column &+= 1
            guard position < end else { break }
            position &+= 1
        }
        guard column == keys.count else {
            intake.report.refuse(
                number, "", UnsafeRawBufferPointer(line),
                "expected \(keys.count) fields as in the header, found \(column)")
            return
        }
        let (observed, device, quantity, channel, unit, value) = (
            fields[0].text(line), CSVText.plain(fields[1].text(line)), fields[2].text(line),
            CSVText.plain(fields[3].text(line)), fields[4].text(line), fields[5].text(line)
        )
        guard let meaning = intake.meaning(quantity, number), let moment = intake.moment(observed, number),
            let conversion = intake.conversion(meaning, from: unit, number),
            let amount = intake.number(value, "value", number), intake.checkDevice(device, number),
            intake.checkName("channel", channel, number)
        else { return }
        intake.put(
            device: device, channel: channel, meaning: meaning, conversion, value: amount, text: value,
            observed: moment, line: number, into: &readings)
    }

    /// Takes the quotes from the field that begins at `start`, in place; its length then, and the place behind it. nil
    /// where the closing one is missing or something stands behind it.
    private static func unquote(
        _ base: UnsafeMutablePointer<UInt8>, _ start: Int, _ end: Int
    ) -> (length: Int, next: Int)? {
        var from = start + 1
        var to = start
        while from < end {
            if base[from] == quote {
                guard from + 1 < end, base[from + 1] == quote else {
                    from += 1
                    return from == end || base[from] == comma ? (to - start, from) : nil
                }
                from += 1
            }
            base[to] = base[from]
            to += 1
            from += 1
        }
        return nil
    }

    /// The fields of a header.
    static func fields(of line: UnsafeBufferPointer<UInt8>) -> [String] {
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: line.count + 1)
        defer { copy.deallocate() }
        _ = copy.update(fromContentsOf: line)
        guard let base = copy.baseAddress else { return [] }
        var fields: [String] = []
        var position = 0
        while true {
            let start = position
            var count = 0
            if position < line.count, base[position] == quote, let (length, next) = unquote(base, position, line.count)
            {
                (count, position) = (length, next)
            } else {
                while position < line.count, base[position] != comma { position += 1 }
                count = position - start
            }
            fields.append(String(decoding: UnsafeBufferPointer(start: base + start, count: count), as: UTF8.self))
            guard position < line.count else { return fields }
            position += 1
        }
    }
}
