import Basics
import Telemetry

/// A format in which readings leave Baotu and come in.
public enum InterchangeFormat: String, CaseIterable, Sendable {
    /// A header line, then one reading a line.
    case csv
    /// One JSON object a line.
    case jsonl
    /// InfluxDB line protocol. Only read.
    case influx

    /// By the ending of a file's name; nil where it says nothing.
    public init?(fileName: String) {
        let name = fileName.lowercased()
        guard let dot = name.lastIndex(of: ".") else { return nil }
        switch name[name.index(after: dot)...] {
        case "csv": self = .csv
        case "jsonl", "ndjson", "json": self = .jsonl
        case "lp", "line", "influx": self = .influx
        default: return nil
        }
    }

    /// By the first bytes of the text: an object, a header that names `observed`, or neither.
    public init(firstBytes bytes: UnsafeRawBufferPointer) {
        let line = bytes.prefix { $0 != UInt8(ascii: "\n") }
        let first = line.first { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
        if first == UInt8(ascii: "{") {
            self = .jsonl
        } else if String(decoding: line.prefix(4096), as: UTF8.self).contains("observed") {
            self = .csv
        } else {
            self = .influx
        }
    }
}

/// The keys of a reading, as CSV columns and in JSON lines.
enum ReadingKey: String, CaseIterable {
    case observed, device, quantity, channel, unit, value
}
