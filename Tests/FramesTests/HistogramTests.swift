import Foundation
import Testing
import TestSupport

@testable import Frames

@Suite("Histograms")
struct HistogramTests {
    private func bytes(_ histogram: Histogram) -> [UInt8] {
        var writer = ByteWriter(capacity: 16)
        histogram.encode(into: &writer)
        return writer.withBytes { Array($0) }
    }

    private func decode(_ bytes: [UInt8]) throws -> Histogram {
        try bytes.withUnsafeBytes { try Histogram.decode($0) }
    }

    @Test("a quantile is off by at most 1/32", arguments: 0..<20 as Range<UInt64>)
    func quantiles(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let shapes: [() -> Double] = [
            { .random(in: -10...50, using: &random) }, { [0, 1].randomElement(using: &random)! },
            { CodecSamples.gauss(&random) * 1e-5 }, { exp(CodecSamples.gauss(&random) * 5) },
            { Double(Int.random(in: -3...3, using: &random)) },
            { [.greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1].randomElement(using: &random)! },
        ]
        for shape in shapes {
            let values = (0..<Int.random(in: 1...1440, using: &random)).map { _ in shape() }
            var (histogram, left, right) = (Histogram(), Histogram(), Histogram())
            for (place, value) in values.enumerated() {
                histogram.add(value)
                if place % 3 == 0 { left.add(value) } else { right.add(value) }
            }
            left.merge(right)
            #expect(left == histogram)
            #expect(histogram.count == values.count)
            #expect(try decode(bytes(histogram)) == histogram)
            let sorted = values.sorted()
            for percent in 0...100 {
                let q = Double(percent) / 100
                let exact = sorted[Int((q * Double(values.count - 1)).rounded())]
                let read = histogram.quantile(q, min: sorted[0], max: sorted.last!)!
                // Divided first: the greatest doubles are among them.
                #expect(abs(read / 4 - exact / 4) <= abs(exact / 4) / 32, "quantile \(q), seed \(seed)")
            }
        }
    }

    @Test("histograms at their limits")
    func histogramLimits() throws {
        #expect(Histogram().quantile(0.5, min: 0, max: 0) == nil)
        #expect(try decode(bytes(Histogram())) == Histogram())
        var zero = Histogram()
        zero.add(-0.0)
        #expect(zero.quantile(0.5, min: 0, max: 0) == 0)
        // More buckets than are kept: the least magnitudes share one.
        var wide = Histogram()
        var value = 1e-100
        while value < 1e100 {
            wide.add(value)
            wide.add(-value)
            value *= 1.04
        }
        let read = try decode(bytes(wide))
        #expect(read.count == wide.count)
        let high = read.quantile(0.99, min: -1e100, max: 1e100)!
        #expect(abs(high - wide.quantile(0.99, min: -1e100, max: 1e100)!) <= high / 16)
    }

    @Test("a day of a quantity takes at most 110 bytes, and 60 on average")
    func size() {
        var size = 0
        for seed in 0..<4 as Range<UInt64> {
            let rows = CodecSamples.device(seed: seed, days: 1)
            for column in 0..<rows.stride {
                var histogram = Histogram()
                for row in 0..<rows.count { histogram.add(rows[row, column]) }
                #expect(bytes(histogram).count <= 110)
                size += bytes(histogram).count
            }
        }
        #expect(size <= 4 * 5 * 60)
    }

    @Test("hostile bytes are refused or read")
    func hostile() {
        var random = SeededGenerator(seed: 5)
        var histogram = Histogram()
        for _ in 0..<300 { histogram.add(.random(in: -5...40, using: &random)) }
        var whole = bytes(histogram)
        for count in 0..<whole.count {
            #expect(throws: Malformed.self) { try decode(Array(whole[..<count])) }
        }
        #expect(throws: Malformed.self) { try decode(whole + [0]) }
        for bit in 0..<whole.count * 8 {
            whole[bit / 8] ^= 1 << UInt8(bit % 8)
            check(whole)
            whole[bit / 8] ^= 1 << UInt8(bit % 8)
        }
        for _ in 0..<50_000 {
            check((0..<Int.random(in: 0...60, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) })
        }
    }

    private func check(_ bytes: [UInt8]) {
        guard let read = try? decode(bytes), read.count > 0 else { return }
        #expect(read.quantile(0.5, min: -1, max: 1)!.isFinite)
    }
}
