import Basics
import Foundation
import TestSupport

@testable import Frames

/// Noon of a day in the middle of a month.
let noon = Timestamp(iso8601: "2026-03-15T12:00:00Z")!

/// Series for the tests and figures of the codecs.
enum CodecSamples {
    /// A device of five quantities, a row a minute with 40 ms of jitter, as many days as asked for: PM2.5 as a random
    /// walk, panel temperature, irradiance, power and voltage of a lamp.
    static func device(seed: UInt64, days: Int) -> RowBlock {
        var random = SeededGenerator(seed: seed)
        var (pm25, temperature, voltage, cloud) = (350.0, 300.0, 2300.0, 0.0)
        var times: [Int64] = []
        var values: [Double] = []
        let start = noon.milliseconds - 43_200_000
        for minute in 0..<days * 1440 {
            let hour = Double(minute % 1440) / 60
            let sun = max(0, sin((hour - 6) / 12 * .pi))
            pm25 = max(10, pm25 + gauss(&random) * 15 - (pm25 - 350) * 0.01)
            cloud = 0.95 * cloud + gauss(&random) * 0.02
            temperature += 0.02 * (250 + 200 * sun - temperature) + gauss(&random) * 2.2
            voltage = 2300 + 0.95 * (voltage - 2300) + gauss(&random) * 4
            let isDark = hour < 6 || hour > 18
            times.append(start + Int64(minute) * 60_000 + Int64((gauss(&random) * 40 + 200).rounded()))
            values += [
                pm25.rounded() / 10, temperature.rounded() / 10, max(0, (900 * sun * (0.9 + cloud)).rounded()),
                isDark ? (120 + gauss(&random) * 2.5).rounded() : 0, voltage.rounded() / 10,
            ]
        }
        return RowBlock(times: times, values: values, stride: 5)
    }

    /// Source: Box and Muller (1958).
    static func gauss(_ random: inout SeededGenerator) -> Double {
        let uniform = Double.random(in: .leastNonzeroMagnitude..<1, using: &random)
        return (-2 * log(uniform)).squareRoot() * cos(2 * .pi * Double.random(in: 0..<1, using: &random))
    }

    /// The folder of public data sets beside the repository, if it is there.
    static let dataFolder: URL? = {
        var folder = URL(fileURLWithPath: #filePath)
        while folder.path != "/" {
            folder.deleteLastPathComponent()
            let data = folder.appendingPathComponent("shared/data")
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: data.path, isDirectory: &isFolder), isFolder.boolValue {
                return data
            }
        }
        return nil
    }()

    /// The numeric columns of a file of comma-separated values, NaN where a cell is no finite number. A column counts
    /// as numeric where most of its cells that are not empty are numbers.
    static func columns(_ file: URL) throws -> [[Double]] {
        let lines = try String(contentsOf: file, encoding: .utf8).split(whereSeparator: \.isNewline)
        let width = (lines.first ?? "").split(separator: ",", omittingEmptySubsequences: false).count
        var columns = [[Double]](repeating: [], count: width)
        var filled = [Int](repeating: 0, count: width)
        for line in lines.dropFirst() {
            let cells = line.split(separator: ",", omittingEmptySubsequences: false)
            for index in 0..<width {
                let cell = index < cells.count ? cells[index] : ""
                let value = Double(cell).flatMap { $0.isFinite ? $0 : nil }
                if !cell.isEmpty { filled[index] += 1 }
                columns[index].append(value ?? .nan)
            }
        }
        return columns.indices.compactMap { index in
            let numbers = columns[index].count { !$0.isNaN }
            return numbers > 0 && numbers * 2 > filled[index] ? columns[index] : nil
        }
    }

    /// The hourly air quality of one station of Beijing: 11 columns, 35,064 rows. Nil where the data is not there.
    static func beijing() throws -> RowBlock? {
        guard let folder = dataFolder else { return nil }
        let columns = try columns(folder.appendingPathComponent("air/beijing_aotizhongxin_hourly.csv"))
        let rows = columns[0].count
        var values: [Double] = []
        for row in 0..<rows { for column in columns { values.append(column[row]) } }
        let start = FrameKey.Layout.since2020.epoch
        return RowBlock(
            times: (0..<rows).map { start + Int64($0) * 3_600_000 }, values: values, stride: columns.count)
    }
}

extension RowBlock {
    /// The rows in pieces of `size`.
    func pieces(_ size: Int) -> [RowBlock] {
        stride(from: 0, to: count, by: size).map { slice($0..<Swift.min($0 + size, count)) }
    }

    private func stride(from: Int, to: Int, by: Int) -> StrideTo<Int> { Swift.stride(from: from, to: to, by: by) }

    var readings: Int { values.count { !$0.isNaN } }
}
