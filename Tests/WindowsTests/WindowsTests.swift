import Basics
import Telemetry
import Testing
import TestSupport

@testable import Windows

let start = Timestamp(milliseconds: 1_772_705_640_000)
let series = SeriesID(rawValue: 0)

func quantity(_ name: String) -> Quantity { Quantity(named: name)! }

/// Two windows share a ring, one has panes of its own.
let plan = WindowPlan([
    .init(length: .seconds(60), paneCount: 20), .init(length: .seconds(600), paneCount: 10),
    .init(length: .seconds(1800), paneCount: 30), .init(length: .seconds(7200), paneCount: 24),
])

private let quantities = ["pm2_5", "vehicle_count", "active_energy_import", "lamp_on", "wind_direction"].map(quantity)
private let cadences: [Duration?] = [nil, .seconds(10), .seconds(60), nil, .seconds(900)]

/// One table and the plain version of each of its series, a kind each.
private struct Pair: ~Copyable {
    var table = WindowTable(plan: plan)
    var plain: [PlainWindows] = []
    var random: SeededGenerator
    var now = start
    private var levels: [Double]

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        now = start + .milliseconds(Int64.random(in: 0..<100_000, using: &random))
        levels = quantities.map { $0.kind == .counter ? 65_000 : 20 }
        for (quantity, cadence) in zip(quantities, cadences) {
            table.open(quantity, cadence: cadence)
            plain.append(PlainWindows(quantity, cadence: cadence, plan))
        }
    }

    static func traits(_ number: Int) -> SeriesTraits {
        SeriesTraits(quantity: quantities[number], cadence: cadences[number])
    }

    /// A plausible next value: levels with noise, counters that reset and roll over at 65,536, switches, directions.
    private mutating func value(_ place: Int) -> Double {
        let noise = Double(Int.random(in: -999...999, using: &random)) / 10
        if quantities[place].isDirection { return Double(Int.random(in: 0..<360, using: &random)) }
        switch quantities[place].kind {
        case .gauge: return 50 + noise / 4
        case .delta: return Double(Int.random(in: 0...9, using: &random))
        case .state: return Double(Int.random(in: 0...1, using: &random))
        case .counter:
            levels[place] += noise.magnitude
            if levels[place] >= 65_536 { levels[place] -= 65_536 }
            switch Int.random(in: 0..<40, using: &random) {
            case 0: levels[place] = noise.magnitude
            // Spikes.
            case 1, 2: return 0
            case 3: return levels[place] * 5
            case 4: return noise.magnitude
            default: break
            }
            return levels[place]
        }
    }

    /// Time goes on and a reading comes, one in four late; a tenth of those twice. Samples of counters and states are so
    /// late only that their neighbours are still kept.
    mutating func step(latenessMax: Int64) {
        now = now + .milliseconds(Int64.random(in: 0...8000, using: &random))
        if Int.random(in: 0..<200, using: &random) == 0 { now = now + .seconds(3000) }
        let place = Int.random(in: 0..<quantities.count, using: &random)
        let isExactOnlyNearby = [.counter, .state].contains(quantities[place].kind)
        let most = isExactOnlyNearby ? min(latenessMax, 60_000) : latenessMax
        let lateness = Int.random(in: 0..<4, using: &random) == 0 ? Int64.random(in: -5000...most, using: &random) : 0
        let reading = Reading(
            series: SeriesID(rawValue: UInt32(place)), observed: now - .milliseconds(lateness), value: value(place))
        let outcome = table.add(reading, at: now)
        let isTaken = plain[place].add(at: reading.observed.milliseconds, reading.value)
        #expect((outcome == .taken || outcome == .revised) == isTaken)
    }

    borrowing func check(_ comment: String) {
        for place in quantities.indices {
            for window in plan.windows.indices { check(place, window, comment) }
        }
    }

    private borrowing func check(_ place: Int, _ number: Int, _ comment: String) {
        let its = plain[place].windows[number]
        let about = "\(comment), \(quantities[place]), \(its.length)"
        let summary = table.summary(of: SeriesID(rawValue: UInt32(place)), window: number, at: now)
        guard let summary, let right = plain[place].summary(its, at: now.milliseconds) else {
            #expect(summary == nil && plain[place].values(in: its, at: now.milliseconds).isEmpty, "\(about)")
            return
        }
        func isNear(_ left: Double?, _ right: Double?, _ tolerance: Double = 1e-9) -> Bool {
            guard let left, let right else { return left == nil && right == nil }
            return abs(left - right) <= tolerance * max(1, abs(left), abs(right))
        }
        #expect(summary.count == right.count && summary.end == right.end, "\(about)")
        #expect(summary.min == right.min && summary.max == right.max, "\(about)")
        #expect(summary.firstAt == right.firstAt && summary.lastAt == right.lastAt, "\(about)")
        #expect(summary.first == right.first && summary.last == right.last, "\(about)")
        #expect(summary.expectedCount == right.expectedCount && summary.coverage == right.coverage, "\(about)")
        if quantities[place].isDirection {
            // Where directions nearly cancel out, rounding decides.
            if let deviation = right.standardDeviation, deviation < 200 {
                let apart = abs((summary.mean ?? -1) - (right.mean ?? 0))
                #expect(min(apart, 360 - apart) < 1e-6, "\(about)")
                #expect(isNear(summary.standardDeviation, deviation, 1e-6), "\(about)")
            }
        } else {
            #expect(isNear(summary.mean, right.mean), "\(about)")
            #expect(isNear(summary.standardDeviation, right.standardDeviation, 1e-5), "\(about)")
        }
        #expect(
            isNear(summary.increase, right.increase, 1e-8),
            "\(about): \(summary.increase ?? 0) \(right.increase ?? 0)")
        #expect(isNear(summary.total, right.total, 1e-8), "\(about): \(summary.total ?? 0) \(right.total ?? 0)")
        #expect(isNear(summary.timeWeightedMean, right.timeWeightedMean, 1e-9), "\(about)")
        #expect(isNear(summary.ratePerHour, right.ratePerHour, 1e-8), "\(about)")
        checkQuantiles(summary, place, its, about)
    }

    private borrowing func checkQuantiles(
        _ summary: WindowSummary, _ place: Int, _ window: WindowPlan.Window, _ about: String
    ) {
        let sorted = plain[place].values(in: window, at: now.milliseconds).map(\.value).sorted()
        if quantities[place].isDirection {
            #expect(summary.median == nil && summary.p95 == nil, "\(about)")
        } else if summary.hasExactQuantiles {
            sorted.withUnsafeBufferPointer { sorted in
                #expect(summary.median == quantile(0.5, of: sorted), "\(about)")
                #expect(summary.p95 == quantile(0.95, of: sorted), "\(about)")
            }
        } else if [.gauge, .delta].contains(quantities[place].kind) {
            #expect(summary.median != nil && summary.p95 != nil, "\(about)")
        } else {
            #expect(summary.median == nil && sorted.count > 7, "\(about)")
        }
    }
}

@Suite("WindowTable")
struct WindowTableTests {
    @Test("equals the plain version over random streams of all kinds", arguments: 1...30 as ClosedRange<UInt64>)
    func equalsPlain(seed: UInt64) {
        var pair = Pair(seed: seed)
        for step in 0..<1200 {
            pair.step(latenessMax: 9_000_000)
            if step % 20 == 19 { pair.check("seed \(seed), step \(step)") }
        }
    }

    @Test("a restart at every point changes nothing")
    func restart() throws {
        for point in 0..<120 {
            var whole = Pair(seed: 7)
            var halves = Pair(seed: 7)
            for step in 0..<120 {
                whole.step(latenessMax: 900_000)
                if step == point {
                    halves.table = try #require(Box(halves.table.state(), plan, Pair.traits)).take()
                }
                halves.step(latenessMax: 900_000)
            }
            #expect(whole.table.state() == halves.table.state(), "restart at \(point)")
            halves.check("restart at \(point)")
        }
    }

    @Test("replay from nothing equals a snapshot and the rest")
    func replay() throws {
        var random = SeededGenerator(seed: 11)
        var turns: [(now: Timestamp, readings: [Reading])] = []
        var now = start
        for _ in 0..<300 {
            now = now + .milliseconds(Int64.random(in: 0...30_000, using: &random))
            turns.append(
                (
                    now,
                    (0..<3).map { _ in
                        Reading(
                            series: SeriesID(rawValue: UInt32.random(in: 0..<5, using: &random)),
                            observed: now - .milliseconds(Int64.random(in: 0...3_000_000, using: &random)),
                            value: Double(Int.random(in: 0...1, using: &random)))
                    }
                ))
        }
        func fill(_ table: inout WindowTable, _ turns: ArraySlice<(now: Timestamp, readings: [Reading])>) {
            for turn in turns {
                for reading in turn.readings { table.add(reading, at: turn.now) }
            }
        }
        var whole = WindowTable(plan: plan)
        for number in 0..<5 { whole.open(Pair.traits(number).quantity, cadence: Pair.traits(number).cadence) }
        fill(&whole, turns[...])
        for cut in stride(from: 0, through: 300, by: 50) {
            var first = WindowTable(plan: plan)
            for number in 0..<5 { first.open(Pair.traits(number).quantity, cadence: Pair.traits(number).cadence) }
            fill(&first, turns[..<cut])
            var resumed = try #require(Box(first.state(), plan, Pair.traits)).take()
            fill(&resumed, turns[cut...])
            #expect(resumed.state() == whole.state(), "cut at \(cut)")
        }
    }

    @Test("one wild sample leaves no trace once its pane has gone")
    func spike() {
        var table = WindowTable(plan: plan)
        table.open(quantity("pm2_5"), cadence: nil)
        var now = start
        table.add(Reading(series: series, observed: now, value: 1e9), at: now)
        for step in 0..<120 {
            now = now + .seconds(1)
            table.add(Reading(series: series, observed: now, value: step % 2 == 0 ? 20 : 21), at: now)
        }
        let summary = table.summary(of: series, window: 0, at: now)!
        #expect(abs(summary.standardDeviation! - 0.5) < 1e-3 && summary.max == 21)
        #expect((20...21).contains(summary.median!) && !summary.hasExactQuantiles)
    }

    @Test("bytes that are no state are refused or make a table, whatever they are")
    func damagedState() {
        var pair = Pair(seed: 3)
        for _ in 0..<300 { pair.step(latenessMax: 900_000) }
        let state = pair.table.state()
        for length in stride(from: 0, to: state.count, by: 13) {
            #expect(Box(Array(state.prefix(length)), plan, Pair.traits) == nil)
        }
        #expect(Box(state + [0], plan, Pair.traits) == nil)
        #expect(Box(state, plan, { $0 < 4 ? Pair.traits($0) : nil }) == nil)
        var random = SeededGenerator(seed: 5)
        for _ in 0..<1500 {
            var damaged = state
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                damaged[Int.random(in: 0..<damaged.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            // A changed value is still a state; going on with it must not crash either.
            guard let box = Box(damaged, plan, Pair.traits) else { continue }
            var table = box.take()
            for number in 0..<5 {
                for late in [0, 30_000, 600_000] as [Int64] {
                    table.add(
                        Reading(
                            series: SeriesID(rawValue: UInt32(number)), observed: pair.now - .milliseconds(late),
                            value: 1), at: pair.now)
                }
                _ = table.summaries(of: SeriesID(rawValue: UInt32(number)), at: pair.now)
            }
        }
    }
}

/// Holds a table for `#require`, which cannot carry a value that is not copyable.
final class Box {
    private var table: WindowTable

    init(_ plan: WindowPlan, _ budget: WindowBudget) { table = WindowTable(plan: plan, budget: budget) }

    init?(
        _ state: [UInt8], _ plan: WindowPlan?, _ traits: (Int) -> SeriesTraits?, _ budget: WindowBudget = WindowBudget()
    ) {
        guard let table = WindowTable(state: state, plan: plan, budget: budget, traits: traits) else { return nil }
        self.table = table
    }

    func with<Result>(_ body: (inout WindowTable) -> Result) -> Result { body(&table) }

    func take() -> WindowTable {
        var taken = WindowTable(plan: plan)
        swap(&taken, &table)
        return taken
    }
}
