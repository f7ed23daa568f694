import Basics
import Foundation
import Telemetry

/// The Numenta Anomaly Benchmark: its labelled files, and its rules of scoring.
///
/// Source: the scoring rules of NAB v1.1 (Lavin and Ahmad, 2015).
struct NABFile {
    var name: String
    var times: [Timestamp]
    var values: [Double]
    /// Rows, both ends included.
    var windows: [ClosedRange<Int>]

    /// Rows that are never scored.
    var probation: Int { min(Int(0.15 * Double(values.count)), 750) }
}

struct NABScore {
    var missed: Double
    var falseAlert: Double

    static let standard = NABScore(missed: 1, falseAlert: 0.11)
    static let lowFalsePositive = NABScore(missed: 1, falseAlert: 0.22)
    static let lowFalseNegative = NABScore(missed: 2, falseAlert: 0.11)

    /// 100 for every window hit at its start and nothing else, 0 for no alert at all. `severities` by file and row; one
    /// threshold for all files, the best.
    func score(_ files: [NABFile], _ severities: [[Int: Double]]) -> Double {
        let windows = Double(files.reduce(0) { $0 + $1.windows.count })
        let thresholds = Set(severities.flatMap(\.values)).filter { $0 > 0 }
        let sums = thresholds.map { threshold in
            zip(files, severities).reduce(0.0) { sum, pair in
                sum + raw(pair.0, alerts: pair.1.filter { $0.value >= threshold }.keys.sorted())
            }
        }
        let best = sums.max() ?? -missed * windows
        return 100 * (best + missed * windows) / (windows + missed * windows)
    }

    private func raw(_ file: NABFile, alerts: [Int]) -> Double {
        var best = [Double?](repeating: nil, count: file.windows.count)
        var sum = 0.0
        for row in alerts where row >= file.probation {
            if let window = file.windows.firstIndex(where: { $0.contains(row) }) {
                let (left, right) = (file.windows[window].lowerBound, file.windows[window].upperBound)
                let gain = Self.sigma(-Double(right - row + 1) / Double(right - left + 1)) / Self.sigma(-1)
                best[window] = max(best[window] ?? -.infinity, gain)
            } else if let before = file.windows.last(where: { $0.upperBound < row }) {
                let y = Double(row - before.upperBound) / Double(before.count - 1)
                sum += falseAlert * (y <= 3 ? Self.sigma(y) : -1)
            } else {
                sum -= falseAlert
            }
        }
        return sum + best.reduce(0) { $0 + ($1 ?? -missed) }
    }

    private static func sigma(_ y: Double) -> Double { 2 / (1 + exp(5 * y)) - 1 }
}

extension NABFile {
    /// All files that the folder's windows name, in the order of their names.
    static func load(folder: String) throws -> [NABFile] {
        let text = try Data(contentsOf: URL(filePath: folder + "/labels/combined_windows.json"))
        let windows = try JSONDecoder().decode([String: [[String]]].self, from: text)
        return try windows.sorted { $0.key < $1.key }.map { name, spans in
            let lines = try String(contentsOfFile: "\(folder)/data/\(name)", encoding: .utf8)
                .split(whereSeparator: \.isNewline).dropFirst()
            var file = NABFile(name: name, times: [], values: [], windows: [])
            for line in lines {
                let fields = line.split(separator: ",")
                guard fields.count == 2, let time = Timestamp(iso8601: String(fields[0]), assumedOffsetSeconds: 0),
                    let value = Double(fields[1])
                else { throw CocoaError(.fileReadCorruptFile) }
                file.times.append(time)
                file.values.append(value)
            }
            for span in spans {
                let ends = span.compactMap { Timestamp(iso8601: $0, assumedOffsetSeconds: 0) }
                guard ends.count == 2, let left = file.times.firstIndex(where: { $0 >= ends[0] }),
                    let right = file.times.lastIndex(where: { $0 <= ends[1] })
                else { throw CocoaError(.fileReadCorruptFile) }
                file.windows.append(left...right)
            }
            return file
        }
    }
}
