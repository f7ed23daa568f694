import Basics
import Foundation
import Telemetry

/// Files of solar plants whose faults were put in by hand and labelled.
///
/// Source: pvlib/pvanalytics, pvanalytics/data, MIT (Alliance for Sustainable Energy, NTESS).
struct PVFile {
    var times: [Timestamp] = []
    /// NaN where the file has none.
    var values: [Double] = []
    /// Runs of labelled rows.
    var faults: [ClosedRange<Int>] = []

    /// The first column is the time, by the clock that it was written by; `value` and `label` are columns.
    static func load(_ path: String, value: Int = 1, label: Int? = nil) throws -> PVFile {
        var file = PVFile()
        for line in try String(contentsOfFile: path, encoding: .utf8).split(whereSeparator: \.isNewline).dropFirst() {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            guard fields.count > max(value, label ?? 0), let time = time(fields[0]) else {
                throw CocoaError(.fileReadCorruptFile)
            }
            if let label, ["TRUE", "True", "1"].contains(fields[label]) {
                let row = file.values.count
                if let last = file.faults.last, last.upperBound == row - 1 {
                    file.faults[file.faults.count - 1] = last.lowerBound...row
                } else {
                    file.faults.append(row...row)
                }
            }
            file.times.append(time)
            file.values.append(Double(fields[value]) ?? .nan)
        }
        return file
    }

    private static func time(_ text: Substring) -> Timestamp? {
        if let time = Timestamp(iso8601: String(text.prefix(19)), assumedOffsetSeconds: 0) { return time }
        let parts = text.split { $0 == "/" || $0 == " " || $0 == ":" }.compactMap { Int($0) }
        guard parts.count >= 3 else { return nil }
        return CivilTime(
            year: parts[2], month: parts[0], day: parts[1], hour: parts.count > 3 ? parts[3] : 0,
            minute: parts.count > 4 ? parts[4] : 0
        ).timestamp()
    }
}
