import Basics
import Foundation
import Telemetry
import Testing
import TestSupport

@testable import Frames

@Suite("Summaries and hours")
struct HourRowTests {
    private let day = FrameKey.day(of: noon.milliseconds)

    private func bytes(_ row: HourRow) -> [UInt8] {
        var writer = ByteWriter(capacity: 16)
        row.encode(into: &writer)
        return writer.withBytes { Array($0) }
    }

    private func decode(_ bytes: [UInt8]) throws -> HourRow { try bytes.withUnsafeBytes { try HourRow.decode($0) } }

    private func same(_ left: Summary, _ right: Summary) -> Bool {
        left.count == right.count
            && zip(
                [left.min, left.max, left.sum, left.deviation, left.last],
                [right.min, right.max, right.sum, right.deviation, right.last]
            ).allSatisfy { $0.bitPattern == $1.bitPattern }
    }

    @discardableResult
    private func roundTrip(_ row: HourRow, _ comment: String = "") throws -> Int {
        let encoded = bytes(row)
        let read = try decode(encoded)
        #expect(read.revised == row.revised)
        #expect(zip(read.hours, row.hours).allSatisfy { same($0, $1) }, "\(comment)")
        return encoded.count
    }

    // MARK: Summaries

    @Test("decimals are summed exactly, in any order")
    func exactSums() {
        #expect(Summary([0.1, 0.2, 0.3]).sum == 0.6)
        #expect(Summary([0.1, 0.2, 0.3]).mean == 0.6 / 3)
        #expect(Summary([2, 4, 4, 4, 5, 5, 7, 9]).standardDeviation == 2)
        #expect(Summary([2, 4, 4, 4, 5, 5, 7, 9]).deviation == 32)
        #expect(Summary([2, 4, 4]).sumOfSquares == 36)
        #expect(Summary([]) == Summary() && Summary().mean.isNaN)
        #expect(Summary([1e9, 1, -1e9]).sum == 1)
        #expect(Summary([1e100, 1, -1e100]).sum == 1)
        var random = SeededGenerator(seed: 1)
        for _ in 0..<200 {
            let tenths = (0..<Int.random(in: 1...100, using: &random)).map { _ in
                Int.random(in: -999...999, using: &random)
            }
            let values = tenths.map { Double($0) / 10 }
            let summary = Summary(values)
            #expect(summary.sum == Double(tenths.reduce(0, +)) / 10)
            var shuffled = Summary(values.shuffled(using: &random))
            shuffled.last = summary.last
            #expect(same(summary, shuffled))
            let mean = values.reduce(0, +) / Double(values.count)
            let deviation = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            #expect(abs(summary.deviation - deviation) <= 1e-9 * max(1, deviation))
        }
    }

    @Test("merged parts equal the whole")
    func merging() {
        var random = SeededGenerator(seed: 2)
        for _ in 0..<200 {
            let values = (0..<Int.random(in: 1...60, using: &random)).map { _ in
                Double.random(in: -50...50, using: &random)
            }
            let cut = Int.random(in: 0...values.count, using: &random)
            var merged = Summary(Array(values[..<cut]))
            merged.merge(Summary(Array(values[cut...])))
            let whole = Summary(values)
            #expect(
                (merged.count, merged.min, merged.max, merged.last) == (whole.count, whole.min, whole.max, whole.last))
            #expect(abs(merged.sum - whole.sum) < 1e-9 && abs(merged.deviation - whole.deviation) < 1e-6)
        }
    }

    // MARK: Hours

    @Test("hours of any values come back bit for bit", arguments: 0..<60 as Range<UInt64>)
    func hours(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let shapes: [(String, () -> Double)] = [
            ("tenths", { Double(Int.random(in: -300...300, using: &random)) / 10 }),
            ("whole", { Double(Int.random(in: 0...5, using: &random)) }),
            ("flat", { 230.1 }), ("zero", { 0 }), ("minus zero", { -0.0 }),
            ("any", { .random(in: -1...1, using: &random) }),
            ("wide", { Double(Int.random(in: -1_000_000_000...1_000_000_000, using: &random)) }),
            ("edge", { [0x1p53, -0x1p53, 0x1p53 - 1].randomElement(using: &random)! }),
            ("extreme", { [.greatestFiniteMagnitude, .leastNonzeroMagnitude].randomElement(using: &random)! }),
            ("many digits", { Double(Int.random(in: 0...99_999, using: &random)) / 1e9 }),
        ]
        for (name, value) in shapes {
            for presence in [1, 0.5, 0.01] {
                var times: [Int64] = []
                var values: [Double] = []
                for minute in 0..<1440 where Double.random(in: 0..<1, using: &random) < presence {
                    times.append(day * 86_400_000 + Int64(minute) * 60_000)
                    values.append(Int.random(in: 0..<10, using: &random) == 0 ? .nan : value())
                }
                let summaries = HourRow.hours(day: day, times: times, values: values)
                #expect(summaries.reduce(0) { $0 + $1.count } == values.count { !$0.isNaN })
                var row = HourRow(hours: summaries, revised: UInt32(truncatingIfNeeded: random.next()))
                try roundTrip(row, "\(name), presence \(presence), seed \(seed)")
                // Hours that were merged, and ones that add up to nothing.
                row.hours[3].merge(row.hours[4])
                row.hours[5] = Summary(count: 3, min: 2, max: 1, sum: .infinity, deviation: -1, last: 7)
                row.hours[6] = Summary(count: 1 << 40, min: 0, max: 1, sum: 1, deviation: 0.25, last: 0)
                row.revised = 0
                try roundTrip(row, "\(name), merged, seed \(seed)")
            }
        }
        try roundTrip(HourRow(hours: [Summary](repeating: Summary(), count: 24)))
    }

    @Test("an hour of the fleet takes at most 5.2 bytes")
    func hourSize() throws {
        var (size, hours) = (0, 0)
        for seed in 0..<4 as Range<UInt64> {
            for row in CodecSamples.hourRows(CodecSamples.device(seed: seed, days: 1)) {
                size += try roundTrip(row)
                hours += 24
            }
        }
        #expect(Double(size) / Double(hours) <= 5.2)
    }

    @Test("hours of hostile bytes are refused or read")
    func hostileHours() {
        var random = SeededGenerator(seed: 3)
        for row in CodecSamples.hourRows(CodecSamples.device(seed: 3, days: 1)) {
            var whole = bytes(row)
            for count in 0..<whole.count {
                #expect(throws: Malformed.self) { try decode(Array(whole[..<count])) }
            }
            #expect(throws: Malformed.self) { try decode(whole + [0]) }
            for bit in 0..<whole.count * 8 {
                whole[bit / 8] ^= 1 << UInt8(bit % 8)
                _ = try? decode(whole)
                whole[bit / 8] ^= 1 << UInt8(bit % 8)
            }
        }
        for _ in 0..<50_000 {
            let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            if let row = try? decode(bytes) { #expect(row.hours.count == 24) }
        }
    }
}

extension HourRow {
    static func hours(day: Int64, times: [Int64], values: [Double]) -> [Summary] {
        times.withUnsafeBufferPointer { times in
            values.withUnsafeBufferPointer { hours(day: day, times: times, values: $0) }
        }
    }
}

extension CodecSamples {
    /// A row for each column of a block of one day.
    static func hourRows(_ block: RowBlock) -> [HourRow] {
        (0..<block.stride).map { column in
            let values = (0..<block.count).map { block[$0, column] }
            return HourRow(
                hours: HourRow.hours(day: FrameKey.day(of: block.times[0]), times: block.times, values: values))
        }
    }
}
