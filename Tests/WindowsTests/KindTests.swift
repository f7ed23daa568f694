import Basics
import Telemetry
import Testing
import TestSupport

@testable import Windows

private func summaries(
    _ name: String, cadence: Duration? = nil, _ samples: [(seconds: Int64, value: Double)], at seconds: Int64
) -> [WindowSummary] {
    var table = WindowTable(plan: .standard)
    table.open(quantity(name), cadence: cadence)
    for sample in samples {
        let moment = start + .seconds(sample.seconds)
        table.add(Reading(series: series, observed: moment, value: sample.value), at: moment)
    }
    return table.summaries(of: series, at: start + .seconds(seconds))
}

@Suite("Kinds of series")
struct KindTests {
    @Test(
        "a counter grows, steps back, resets and rolls over",
        arguments: [
            (100, 103.5, 3.5), (100, 100, 0),
            // A step back of at most a tenth.
            (100, 99.5, -0.5), (100, 90, -10),
            // A reset: it began at 0 again.
            (100, 3, 3), (100, 0, 0), (40_000, 12, 12),
            // Over a limit: 2^16, 2^16 in tenths, 2^32, five digits.
            (65_530, 4, 10), (6_553.5, 0.5, 0.6), (4_294_967_290, 6, 12), (99_998, 3, 5),
            // Near a limit, but not down to zero: a reset.
            (65_530, 5000, 5000),
        ] as [(Double, Double, Double)])
    func growth(earlier: Double, later: Double, growth: Double) {
        #expect(abs(counterGrowth(from: earlier, to: later) - growth) < 1e-9)
    }

    @Test("a counter's increase counts resets within panes, between panes and out of order")
    func increase() {
        let all = summaries(
            "active_energy_import", [(0, 10), (10, 12), (40, 3), (41, 4), (60, 6), (50, 5), (200, 1), (210, 2)], at: 210
        )
        // 2, reset to 3, 1, 1, 1, reset to 1, 1.
        #expect(all.map(\.increase) == [10, 10, 10, 10] && all.allSatisfy { $0.total == nil })
        #expect(all.allSatisfy { abs($0.ratePerHour! - 10 * 3600 / 210) < 1e-9 })
    }

    @Test("amounts add up")
    func amounts() {
        let all = summaries("precipitation", [(0, 0.2), (60, 0.4), (1200, 1)], at: 1230)
        #expect(all.map(\.total) == [1, 1.6, 1.6, 1.6])
    }

    @Test("a state holds until the next sample, across panes, and the last one until now")
    func state() {
        // Off for 100 s, on for 200 s, off for 60 s.
        let all = summaries("lamp_on", [(0, 0), (100, 1), (300, 0)], at: 360)
        #expect(all.last!.timeWeightedMean == 200.0 / 360)
        #expect(abs(all.last!.mean! - 1.0 / 3) < 1e-12)
        #expect(summaries("lamp_on", [(0, 1)], at: 0).first!.timeWeightedMean == 1)
    }

    @Test("directions are averaged as vectors, and turn the shorter way")
    func direction() {
        let north = summaries("wind_direction", [(0, 350), (10, 10)], at: 20).first!
        #expect(abs(north.mean!) < 1e-9 || abs(north.mean! - 360) < 1e-9)
        #expect(north.ratePerHour == 7200.0)
        let east = summaries("wind_direction", [(0, 80), (40, 100), (400, 90)], at: 400)
        #expect(abs(east.last!.mean! - 90) < 1e-9)
        let opposed = summaries("wind_direction", [(0, 0), (10, 180)], at: 20).first!
        #expect(opposed.mean == nil && opposed.standardDeviation == nil && opposed.median == nil)
    }

    @Test("coverage is what came over what the cadence lets expect")
    func coverage() {
        let half = summaries("pm2_5", cadence: .seconds(60), (0..<60).map { ($0 * 120, 1) }, at: 7199)
        let hour = half.first { $0.window == .seconds(3600) }!
        #expect((55...60).contains(hour.expectedCount!) && (0.45...0.55).contains(hour.coverage!))
        #expect(summaries("pm2_5", [(0, 1)], at: 0).allSatisfy { $0.expectedCount == nil && $0.coverage == nil })
        let full = summaries("pm2_5", cadence: .seconds(60), (0..<120).map { ($0 * 30, 1) }, at: 3599)
        #expect(full.first!.coverage == 1)
    }
}

@Suite("Quantiles beyond the samples kept")
struct SketchTests {
    /// Streams that a sketch may find hard: even, of two levels, with a few wild values, rising, of heavy tail, constant.
    private static func stream(_ number: Int, _ count: Int, _ random: inout SeededGenerator) -> [Double] {
        (0..<count).map { index in
            let share = Double.random(in: 0..<1, using: &random)
            switch number {
            case 0: return share * 100 - 50
            case 1: return share < 0.6 ? 0 : 230 + share
            case 2: return share < 0.003 ? 1e9 : share
            case 3: return Double(index) + share
            case 4: return 5 / (share + 0.001)
            default: return 7
            }
        }
    }

    /// The bound that `Sketch.swift` states: by place within a sixteenth of the samples, and a bin of the pane in value.
    @Test("lie within a sixteenth in rank and a seventh of a pane's span in value", arguments: 0..<6, 1...4)
    func bound(number: Int, seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var table = WindowTable(plan: .standard)
        table.open(quantity("pm2_5"), cadence: nil)
        let values = Self.stream(number, 20_000, &random)
        var plain: [(at: Int64, value: Double)] = []
        for (index, value) in values.enumerated() {
            let moment = start + .milliseconds(Int64(index) * 1000)
            table.add(Reading(series: series, observed: moment, value: value), at: moment)
            plain.append((moment.milliseconds, value))
        }
        for window in WindowPlan.standard.windows {
            let now = start + .seconds(19_999)
            let summary = table.summary(of: series, over: window.length, at: now)!
            let inWindow = plain.suffix(summary.count)
            let panes = Dictionary(grouping: inWindow) { $0.at / window.paneMilliseconds }.values.map {
                $0.map(\.value)
            }
            // The histogram's bin, and half a step of the codes on either side.
            let widest = panes.map { $0.max()! - $0.min()! }.max()! * (1.0 / 7 + 1.0 / 255)
            let sorted = inWindow.map(\.value).sorted()
            #expect(!summary.hasExactQuantiles)
            for (share, found) in [(0.5, summary.median!), (0.95, summary.p95!)] {
                let count = Double(sorted.count)
                let low = max(0, Int(count * (share - 1.0 / 16)) - 1)
                let high = min(sorted.count - 1, Int(count * (share + 1.0 / 16)) + 1)
                #expect(
                    found >= sorted[low] - widest && found <= sorted[high] + widest,
                    "stream \(number), seed \(seed), \(window.length), \(share): \(found), not \(sorted[low])...\(sorted[high])"
                )
            }
        }
    }

    @Test("a histogram depends on the samples and not on their order")
    func order() {
        var random = SeededGenerator(seed: 9)
        let samples = [50.0] + (0..<500).map { _ in Double.random(in: -40...3000, using: &random) }
        func points(_ samples: [Double]) -> QuantilePoints {
            var head = SketchHead(epoch: 0)
            var bins = [UInt16](repeating: 0, count: SketchHead.bins)
            return bins.withUnsafeMutableBufferPointer { bins in
                for (index, sample) in samples.enumerated() {
                    head.add(sample, nth: UInt32(index + 1), bins.baseAddress!)
                }
                return head.points(samples.min()!, samples.max()!, bins.baseAddress!)
            }
        }
        for _ in 0..<20 {
            #expect(points(samples) == points([samples[0]] + samples.dropFirst().shuffled(using: &random)))
        }
    }

    @Test("a full bin halves all, and the shape stays")
    func thinning() {
        var head = SketchHead(epoch: 0)
        var bins = [UInt16](repeating: 0, count: SketchHead.bins)
        let points = bins.withUnsafeMutableBufferPointer { bins in
            for index in 0..<UInt32(1_000_000) { head.add(Double(index % 100), nth: index + 1, bins.baseAddress!) }
            return head.points(0, 99, bins.baseAddress!)
        }
        #expect(head.thinning > 0)
        for point in 0..<8 { #expect(abs(points.value(point, 0, 99) - (Double(point) + 0.5) * 12.5) < 8) }
    }
}
