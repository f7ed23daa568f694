import Telemetry
import TestSupport
import Testing

@testable import Windows

@Suite("SampleRing")
struct SampleRingTests {
    /// Every capacity and every fill, so each wrap-around position is visited.
    @Test("keeps the newest samples in order", arguments: 1...7, 0...22)
    func keepsNewest(capacity: Int, pushes: Int) {
        var ring = SampleRing(capacity: capacity)
        var model: [Sample] = []
        for number in 0..<pushes {
            let sample = Sample(observed: Timestamp(milliseconds: Int64(number)), value: Double(number))
            let evicted = ring.push(sample)
            model.append(sample)
            #expect(evicted == (model.count > capacity ? model.removeFirst() : nil))
        }
        let runs = ring.withRuns { older, newer in Array(older) + Array(newer) }
        let offsets = (0..<ring.count).map { ring[$0] }
        #expect(runs == model && offsets == model)
    }
}

@Suite("Moments")
struct MomentsTests {
    @Test("merged parts equal the whole, whatever the cut", arguments: 0...12)
    func merge(cut: Int) {
        let samples = [3, -1, 4, 1, -5, 9, 2, 6, -5, 3, 5, 8].map(Double.init)
        var whole = Moments()
        samples.forEach { whole.add($0) }
        var left = Moments()
        var right = Moments()
        samples[..<cut].forEach { left.add($0) }
        samples[cut...].forEach { right.add($0) }
        left.merge(right)
        #expect(left.count == 12 && abs(left.mean - whole.mean) < 1e-12)
        #expect(abs(left.variance - whole.variance) < 1e-12)
    }
}

/// The plain version: keeps every sample and looks at all of them. The oracle of the table.
private struct PlainWindows {
    let plan: WindowPlan
    private var samples: [SeriesID: [Sample]] = [:]

    init(plan: WindowPlan) { self.plan = plan }

    mutating func add(_ reading: Reading) -> Bool {
        let isTaken = plan.windows.contains { isInside(reading, $0) }
        samples[reading.series, default: []].append(Sample(observed: reading.observed, value: reading.value))
        return isTaken
    }

    private func isInside(_ reading: Reading, _ window: WindowPlan.Window) -> Bool {
        guard let newest = samples[reading.series]?.map(\.observed).max() else { return true }
        return epoch(reading.observed, window) > epoch(newest, window) - Int64(window.paneCount)
    }

    private func epoch(_ moment: Timestamp, _ window: WindowPlan.Window) -> Int64 {
        moment.milliseconds.flooredDivision(by: window.paneMilliseconds)
    }

    func values(of series: SeriesID, window: Int, at now: Timestamp) -> [Sample] {
        let all = samples[series] ?? []
        guard let newest = all.map(\.observed).max() else { return [] }
        let window = plan.windows[window]
        let last = epoch(max(now, newest), window)
        return all.filter {
            epoch($0.observed, window) > last - Int64(window.paneCount) && epoch($0.observed, window) <= last
        }
    }
}

@Suite("WindowTable")
struct WindowTableTests {
    private let plan = WindowPlan(
        [
            .init(length: .seconds(60), paneCount: 20), .init(length: .seconds(600), paneCount: 10),
            .init(length: .seconds(7200), paneCount: 24),
        ], samplesKept: 16)

    private func expect(_ table: borrowing WindowTable, equals plain: PlainWindows, at now: Timestamp, seed: UInt64) {
        for series in (0..<3).map({ SeriesID(rawValue: $0) }) {
            for window in plan.windows.indices {
                let values = plain.values(of: series, window: window, at: now)
                guard let summary = table.summary(of: series, window: window, at: now) else {
                    #expect(values.isEmpty, "seed \(seed)")
                    continue
                }
                let mean = values.reduce(0) { $0 + $1.value } / Double(values.count)
                let variance = values.reduce(0) { $0 + ($1.value - mean) * ($1.value - mean) } / Double(values.count)
                #expect(summary.count == values.count, "seed \(seed)")
                #expect(abs(summary.mean - mean) < 1e-9 && summary.min == values.map(\.value).min())
                #expect(abs(summary.standardDeviation - variance.squareRoot()) < 1e-6)
                #expect(summary.max == values.map(\.value).max())
                #expect(
                    summary.firstAt == values.map(\.observed).min() && summary.lastAt == values.map(\.observed).max())
                #expect(values.contains(Sample(observed: summary.lastAt, value: summary.last)))
                if let median = summary.median {
                    let sorted = values.map(\.value).sorted()
                    #expect(median == quantile(0.5, of: sorted) && summary.p95 == quantile(0.95, of: sorted))
                } else {
                    #expect(values.count > 3, "seed \(seed): quantiles are missing although the samples fit")
                }
            }
        }
    }

    @Test("equals the plain version over random streams with late readings", arguments: 1...40 as ClosedRange<UInt64>)
    func equalsPlain(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var table = WindowTable(plan: plan)
        var plain = PlainWindows(plan: plan)
        var now = Timestamp(milliseconds: 1_772_705_640_000 + Int64.random(in: 0..<100_000, using: &random))
        for step in 0..<400 {
            now = now + .milliseconds(Int64.random(in: 0...20_000, using: &random))
            if Int.random(in: 0..<50, using: &random) == 0 { now = now + .seconds(3000) }
            let lateness =
                Int.random(in: 0..<4, using: &random) == 0 ? Int64.random(in: -5000...9_000_000, using: &random) : 0
            let reading = Reading(
                series: SeriesID(rawValue: UInt32.random(in: 0..<3, using: &random)),
                observed: now - .milliseconds(lateness), value: Double(Int.random(in: -999...999, using: &random)) / 10)
            let isTaken = table.add(reading)
            #expect(isTaken == plain.add(reading), "seed \(seed), step \(step)")
            if step % 20 == 19 { expect(table, equals: plain, at: now, seed: seed) }
        }
    }

    @Test("a restart at any point changes no answer", arguments: [0, 1, 7, 63, 200])
    func restart(at point: Int) {
        var random = SeededGenerator(seed: UInt64(point))
        var whole = WindowTable(plan: plan)
        var halves = WindowTable(plan: plan)
        var now = Timestamp(milliseconds: 1_772_705_640_000)
        for step in 0..<300 {
            if step == point { halves = WindowTable(state: halves.state(), plan: plan)! }
            now = now + .milliseconds(Int64.random(in: 0...30_000, using: &random))
            let reading = Reading(
                series: SeriesID(rawValue: UInt32.random(in: 0..<300, using: &random)), observed: now,
                value: Double.random(in: -1...1, using: &random))
            whole.add(reading)
            halves.add(reading)
        }
        #expect(whole.state() == halves.state())
    }

    @Test("one wild sample leaves no trace once its pane has gone")
    func spike() {
        var table = WindowTable(plan: plan)
        let series = SeriesID(rawValue: 0)
        var now = Timestamp(milliseconds: 1_772_705_640_000)
        table.add(Reading(series: series, observed: now, value: 1e9))
        for step in 0..<120 {
            now = now + .seconds(1)
            table.add(Reading(series: series, observed: now, value: step % 2 == 0 ? 20 : 21))
        }
        let summary = table.summary(of: series, window: 0, at: now)!
        #expect(abs(summary.standardDeviation - 0.5) < 1e-3 && summary.max == 21)
    }

    @Test("bytes that are no state are refused, whatever they are")
    func damagedState() {
        var table = WindowTable(plan: plan)
        for number in 0..<50 {
            table.add(
                Reading(
                    series: SeriesID(rawValue: UInt32(number % 3)),
                    observed: Timestamp(milliseconds: 1_772_705_640_000 + Int64(number) * 1000), value: 1))
        }
        let state = table.state()
        for length in 0..<state.count { #expect(Box(Array(state.prefix(length)), plan) == nil) }
        var random = SeededGenerator(seed: 5)
        for _ in 0..<2000 {
            var damaged = state
            damaged[Int.random(in: 0..<damaged.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
            _ = Box(damaged, plan)  // must not crash; a flipped value byte is still a state
        }
    }

    @Test("a window of another length begins anew, the others go on")
    func changedPlan() throws {
        var table = WindowTable(plan: plan)
        let series = SeriesID(rawValue: 0)
        let now = Timestamp(milliseconds: 1_772_705_640_000)
        table.add(Reading(series: series, observed: now, value: 1))
        let other = WindowPlan([
            .init(length: .seconds(600), paneCount: 10), .init(length: .seconds(900), paneCount: 20),
        ])
        let restored = try #require(Box(table.state(), other))
        #expect(restored.table.summary(of: series, window: 0, at: now)?.count == 1)
        #expect(restored.table.summary(of: series, window: 1, at: now) == nil)
    }
}

/// Holds a table for `#require`, which cannot carry a value that is not copyable.
private final class Box {
    var table: WindowTable
    init?(_ state: [UInt8], _ plan: WindowPlan) {
        guard let table = WindowTable(state: state, plan: plan) else { return nil }
        self.table = table
    }
}
