public import Basics
public import Telemetry

/// A file of `timestamp,value` through the detector of one series, piece by piece: `timestamp,value,score,alert` comes
/// out, a row for each row.
///
/// The header says which columns are the two; where it names none `timestamp` and `value` they are the first two, and so
/// they are where there is no header. Rows are taken in the order of the file. Times are wall-clock times as they are
/// written: a zone is passed over. A row without a number has the score 0.
public struct DetectionRun: ~Copyable {
    /// A longer line is a mistake, so that a file without line breaks takes no more memory than this.
    public static let lineBytesMax = 1 << 16

    /// Rows ready to be written; the caller takes them away.
    public var output: [UInt8] = Array("timestamp,value,score,alert\n".utf8)
    /// Told since the caller last took them away: the line and what was found there. Kept only when asked for.
    public var anomalies: [(line: Int, anomaly: Anomaly)] = []
    /// Rows put out so far, those without a number included.
    public private(set) var rows = 0
    /// Rows with an alert so far.
    public private(set) var alerts = 0

    private let file: String
    private let keepsAnomalies: Bool
    private var table = DetectorTable()
    private var line = 0
    private var columns: (time: Int, value: Int)?
    /// The beginning of a line whose end has not come yet.
    private var pending: [UInt8] = []

    private static let series = SeriesID(rawValue: 0)
    private static let header = (time: "timestamp", value: "value")

    /// `file` is for what is said of mistakes.
    public init(file: String, settings: DetectorSettings, keepsAnomalies: Bool = false) {
        self.file = file
        self.keepsAnomalies = keepsAnomalies
        table.watch(Self.series, settings)
    }

    /// Takes the next bytes of the file, wherever they end.
    public mutating func take(_ bytes: UnsafeRawBufferPointer) throws(Mistake) {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            pending.append(contentsOf: rest[rest.startIndex..<end])
            rest = rest[(end + 1)...]
            try endLine()
        }
        pending.append(contentsOf: rest)
        try checkLength()
    }

    /// Nothing comes any more: what stands behind the last line break is a line too.
    public mutating func finish() throws(Mistake) {
        if !pending.isEmpty { try endLine() }
    }

    private func checkLength() throws(Mistake) {
        guard pending.count <= Self.lineBytesMax else {
            throw Mistake(
                file: file, line: line + 1, key: "", value: nil,
                expected: "the line is longer than \(Self.lineBytesMax) bytes; expected timestamp,value")
        }
    }

    private mutating func endLine() throws(Mistake) {
        try checkLength()
        line += 1
        defer { pending.removeAll(keepingCapacity: true) }
        if line == 1, pending.starts(with: [0xEF, 0xBB, 0xBF]) { pending.removeFirst(3) }
        let text = Self.trimmed(pending[...])
        guard !text.isEmpty else { return }
        let fields = text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map(Self.trimmed)
        if columns == nil {
            if fields.count >= 2, WallClock.read(fields[0]) != nil {
                columns = (0, 1)
            } else {
                return try readHeader(fields)
            }
        }
        guard let columns, fields.count > max(columns.time, columns.value) else {
            throw mistake("", text, "expected timestamp,value")
        }
        try row(fields[columns.time], fields[columns.value])
    }

    private mutating func readHeader(_ fields: [ArraySlice<UInt8>]) throws(Mistake) {
        let names = fields.map { String(decoding: $0, as: UTF8.self).lowercased() }
        // A first line that begins with a digit was meant to be data.
        guard fields.count >= 2, fields[0].first.map({ !(0x30...0x39).contains($0) }) ?? true else {
            throw mistake(
                "timestamp", fields.first ?? [],
                "expected the header timestamp,value or a row of a time and a number")
        }
        let time = names.firstIndex(of: Self.header.time) ?? 0
        columns = (time, names.firstIndex(of: Self.header.value) ?? (time == 1 ? 0 : 1))
    }

    private mutating func row(_ time: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) throws(Mistake) {
        guard let moment = WallClock.read(time) else {
            throw mistake("timestamp", time, "expected YYYY-MM-DD HH:MM:SS or an RFC 3339 time")
        }
        let number = Self.isMissing(value) ? .nan : value.withUnsafeBytes { DecimalNumber.parse($0) }
        guard let number else { throw mistake("value", value, "expected a number, or nothing where there is none") }
        let found = table.addInOrder(Reading(series: Self.series, observed: moment, value: number))
        rows += 1
        output.append(contentsOf: time)
        output.append(UInt8(ascii: ","))
        output.append(contentsOf: value)
        if let found {
            alerts += 1
            output.append(contentsOf: ",\(Self.text(score: found.severity)),1\n".utf8)
            if keepsAnomalies { anomalies.append((line, found)) }
        } else {
            output.append(contentsOf: ",0,0\n".utf8)
        }
    }

    /// Six decimals at the most.
    private static func text(score: Double) -> String {
        let rounded = (score * 1e6).rounded() / 1e6
        return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
    }

    private static func isMissing(_ value: ArraySlice<UInt8>) -> Bool {
        guard value.count <= 9 else { return false }
        let word = String(decoding: value, as: UTF8.self).lowercased().drop { $0 == "-" || $0 == "+" }
        return ["", "nan", "na", "null", "none", "inf", "infinity"].contains(word)
    }

    private func mistake(_ key: String, _ value: ArraySlice<UInt8>, _ expected: String) -> Mistake {
        Mistake(
            file: file, line: line, key: key, value: String(decoding: value.prefix(80), as: UTF8.self),
            expected: expected)
    }

    /// Without blanks and the quotes of CSV around it.
    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = bytes
        while let first = rest.first, first == 0x20 || first == 0x09 { rest.removeFirst() }
        while let last = rest.last, last == 0x20 || last == 0x09 || last == 0x0D { rest.removeLast() }
        if rest.count >= 2, rest.first == UInt8(ascii: "\""), rest.last == UInt8(ascii: "\""),
            !rest.dropFirst().dropLast().contains(UInt8(ascii: "\""))
        {
            return rest.dropFirst().dropLast()
        }
        return rest
    }
}

/// Times as files have them, by the clock they were written by.
enum WallClock {
    /// ISO 8601 with or without zone, a date alone, or month/day/year with or without hours and minutes, as American
    /// loggers write it. The moment is that of UTC with the same wall clock.
    static func read(_ text: ArraySlice<UInt8>) -> Timestamp? {
        let wall = withoutZone(text)
        if let moment = wall.withUnsafeBytes({ Timestamp(iso8601: $0, assumedOffsetSeconds: 0) }) { return moment }
        let midnight = Array(wall) + Array("T00:00".utf8)
        if let moment = midnight.withUnsafeBytes({ Timestamp(iso8601: $0, assumedOffsetSeconds: 0) }) { return moment }
        return american(wall)
    }

    private static func withoutZone(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        if let last = text.last, last | 0x20 == UInt8(ascii: "z") { return text.dropLast() }
        // A sign behind date and minutes is one of a zone.
        let head = text.prefix(16)
        guard head.count == 16,
            let sign = text[head.endIndex...].firstIndex(where: { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") })
        else { return text }
        return text[..<sign]
    }

    private static func american(_ text: ArraySlice<UInt8>) -> Timestamp? {
        guard text.count <= 19, text.contains(UInt8(ascii: "/")) else { return nil }
        let marks = text.split(whereSeparator: { $0 == UInt8(ascii: "/") || $0 == 0x20 || $0 == UInt8(ascii: ":") })
        let numbers = marks.compactMap { Int(String(decoding: $0, as: UTF8.self)) }
        guard numbers.count == marks.count, [3, 5, 6].contains(numbers.count), numbers.allSatisfy({ $0 >= 0 }) else {
            return nil
        }
        let civil = CivilTime(
            year: numbers[2], month: numbers[0], day: numbers[1], hour: numbers.count > 3 ? numbers[3] : 0,
            minute: numbers.count > 3 ? numbers[4] : 0, second: numbers.count > 5 ? numbers[5] : 0)
        return civil.isValid ? civil.timestamp() : nil
    }
}
