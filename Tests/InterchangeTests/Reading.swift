import Basics
import Interchange
import Telemetry

/// What a text gave: each reading as one line, and the refusals.
struct Outcome {
    var readings: [String] = []
    var bits: [UInt64] = []
    var refusals: [String] = []
    var report = ImportReport()
    var unknown: [ImportReport.UnknownWord] = []
    var fault: String?
}

/// Reads a text in pieces of so many bytes and batches of so many readings.
func read(
    _ bytes: [UInt8], _ format: InterchangeFormat, _ options: ImportOptions = ImportOptions(), piece: Int = 1 << 16,
    batch: Int = 1000
) -> Outcome {
    var outcome = Outcome()
    var reader = ReadingReader(format, file: "test", options: options)
    var readings = NamedReadings()
    func drain(_ reader: inout ReadingReader) throws(Mistake) {
        while true {
            let isFull = try reader.read(into: &readings, readingsMax: batch)
            for entry in readings.entries {
                let channel = readings.channel(of: entry).map { "/\($0)" } ?? ""
                outcome.readings.append(
                    "\(entry.line) \(readings.device(of: entry))\(channel) \(entry.quantity) \(entry.observed) \(entry.value)"
                )
                outcome.bits.append(entry.value.bitPattern)
            }
            readings.removeAll()
            if !isFull { return }
        }
    }
    do throws(Mistake) {
        var start = 0
        while start < bytes.count {
            let end = min(start + piece, bytes.count)
            bytes[start..<end].withUnsafeBytes { reader.take($0) }
            try drain(&reader)
            start = end
        }
        reader.takeEnd()
        try drain(&reader)
    } catch {
        outcome.fault = error.description
    }
    outcome.refusals = reader.takeRefusals().map(\.description)
    outcome.report = reader.report
    outcome.unknown = reader.unknownWords
    return outcome
}

func read(_ text: String, _ format: InterchangeFormat, _ options: ImportOptions = ImportOptions()) -> Outcome {
    read(Array(text.utf8), format, options)
}
