public import Basics
public import Telemetry

/// Writes readings as CSV or JSON lines, a run of one series at a time.
///
/// Times are RFC 3339 in UTC with milliseconds. A value is written with the fewest digits that give the same double
/// back. Lines end with a line feed, as all CSV of Baotu does.
public struct ReadingWriter: Sendable {
    private let isCSV: Bool
    private var before: [UInt8] = []
    private var between: [UInt8] = []
    private var day = Int64.min
    private var date: [UInt8] = []

    /// `.influx` is not written.
    public init(_ format: InterchangeFormat) {
        precondition(format != .influx, "interchange: line protocol is only read")
        isCSV = format == .csv
    }

    /// What stands before the first reading: the columns of CSV.
    public var header: String {
        isCSV ? ReadingKey.allCases.map(\.rawValue).joined(separator: ",") + "\n" : ""
    }

    /// Names the series of the readings that follow.
    public mutating func begin(device: String, quantity: String, channel: String?, unit: String) {
        between.removeAll(keepingCapacity: true)
        if isCSV {
            before = []
            for field in [device, quantity, channel ?? "", unit] {
                between.append(UInt8(ascii: ","))
                CSVText.append(field, to: &between)
            }
            between.append(UInt8(ascii: ","))
        } else {
            before = Array("{\"observed\":\"".utf8)
            between.append(UInt8(ascii: "\""))
            let pairs = [("device", device), ("quantity", quantity), ("channel", channel), ("unit", unit)]
            for case (let key, let text?) in pairs {
                between += Array(",\"\(key)\":".utf8)
                JSONText.appendQuoted(text, to: &between)
            }
            between += Array(",\"value\":".utf8)
        }
    }

    /// One reading of the series that `begin` named, with its line feed.
    public mutating func append(_ observed: Timestamp, _ value: Double, to output: inout [UInt8]) {
        output.append(contentsOf: before)
        appendTime(observed.milliseconds, to: &output)
        output.append(contentsOf: between)
        Self.append(value, to: &output)
        if !isCSV { output.append(UInt8(ascii: "}")) }
        output.append(UInt8(ascii: "\n"))
    }

    /// A whole run of one series.
    public mutating func append(_ run: ReadingRun, to output: inout [UInt8]) {
        begin(device: run.device, quantity: run.quantity, channel: run.channel, unit: run.unit)
        for point in run.points { append(point.observed, point.value, to: &output) }
    }

    private mutating func appendTime(_ milliseconds: Int64, to output: inout [UInt8]) {
        let day = milliseconds.flooredDivision(by: 86_400_000)
        if day != self.day {
            self.day = day
            date = Array(Timestamp(milliseconds: day * 86_400_000).description.utf8.prefix(10))
        }
        let inDay = Int(milliseconds - day * 86_400_000)
        output.append(contentsOf: date)
        func two(_ mark: UInt8, _ number: Int) {
            output.append(mark)
            output.append(UInt8(ascii: "0") + UInt8(number / 10))
            output.append(UInt8(ascii: "0") + UInt8(number % 10))
        }
        two(UInt8(ascii: "T"), inDay / 3_600_000)
        two(UInt8(ascii: ":"), inDay / 60_000 % 60)
        two(UInt8(ascii: ":"), inDay / 1000 % 60)
        two(UInt8(ascii: "."), inDay % 1000 / 10)
        output.append(UInt8(ascii: "0") + UInt8(inDay % 10))
        output.append(UInt8(ascii: "Z"))
    }

    /// `230`, `0.1`, `-0`, `1e+300`: Swift's shortest digits, without the `.0` of a whole number.
    static func append(_ value: Double, to output: inout [UInt8]) {
        let text = value.description.utf8
        let isWhole = text.suffix(2).elementsEqual([UInt8(ascii: "."), UInt8(ascii: "0")])
        output.append(contentsOf: isWhole ? text.dropLast(2) : text[...])
    }
}
