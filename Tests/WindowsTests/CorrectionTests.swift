import Basics
import Telemetry
import Testing
import TestSupport

@testable import Windows

@Suite("What was wrong, in the windows")
struct CorrectionTests {
    private func measure(_ kind: SeriesKind) -> Quantity {
        switch kind {
        case .gauge, .delta: quantity("active_power")
        case .counter: quantity("active_energy_import")
        case .state: quantity("lamp_on")
        case .direction: quantity("wind_direction")
        }
    }

    private func table(_ kind: SeriesKind = .gauge) -> WindowTable {
        var table = WindowTable(plan: .standard)
        table.open(measure(kind), cadence: .seconds(60))
        return table
    }

    private func told(_ table: borrowing WindowTable, _ now: Timestamp) -> [String] {
        table.summaries(of: series, at: now).map {
            "\($0.window) \($0.count) \(rounded($0.mean)) \(rounded($0.standardDeviation)) \($0.min) \($0.max) \($0.first) \($0.last) "
                + "\(rounded($0.timeWeightedMean)) \($0.median.map { "\($0)" } ?? "-")"
        }
    }

    private func rounded(_ value: Double?) -> String { value.map { "\(($0 * 1e6).rounded() / 1e6)" } ?? "-" }

    @Test(
        "while its samples are kept a window is as if the wrong value had never come",
        arguments: [SeriesKind.gauge, .state, .counter, .direction], 1...6 as ClosedRange<UInt64>)
    func exact(kind: SeriesKind, seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var corrected = table(kind)
        var right = table(kind)
        var level = 100.0
        var now = start
        for minute in 0..<20 {
            now = start + .seconds(minute * 60)
            level += Double(Int.random(in: 0...5, using: &random))
            let value = kind == .state ? Double(minute % 3) : kind == .direction ? Double(minute * 11 % 360) : level
            if Int.random(in: 0..<4, using: &random) == 0 {
                let wrong = kind == .counter ? value - 0.5 : value + 1
                corrected.add(Reading(series: series, observed: now, value: wrong), at: now)
                corrected.correct(Reading(series: series, observed: now, value: value))
            } else {
                corrected.add(Reading(series: series, observed: now, value: value), at: now)
            }
            right.add(Reading(series: series, observed: now, value: value), at: now)
        }
        #expect(told(corrected, now) == told(right, now), "seed \(seed)")
        #expect(corrected.newest(of: series)?.value == right.newest(of: series)?.value)
    }

    @Test(
        "a series that is forgotten is as if it had never spoken, and goes on so",
        arguments: [SeriesKind.gauge, .delta, .state, .counter, .direction])
    func forgets(kind: SeriesKind) {
        var forgotten = table(kind)
        var fresh = table(kind)
        for minute in 0..<100 {
            let now = start + .seconds(minute * 60)
            forgotten.add(Reading(series: series, observed: now, value: Double(minute % 7)), at: now)
        }
        forgotten.forget(series)
        #expect(forgotten.newest(of: series)?.value == nil)
        #expect(forgotten.state() == fresh.state())
        for minute in 50..<130 {
            let now = start + .seconds(minute * 60)
            let reading = Reading(series: series, observed: now, value: Double(minute % 5))
            forgotten.add(reading, at: now)
            fresh.add(reading, at: now)
        }
        let now = start + .seconds(129 * 60)
        #expect(told(forgotten, now) == told(fresh, now))
    }

    @Test("a correction of a sample that is long gone changes nothing here")
    func longGone() {
        var corrected = table()
        var right = table()
        for minute in 0..<100 {
            let now = start + .seconds(minute * 60)
            for value in [Double(minute)] {
                corrected.add(Reading(series: series, observed: now, value: value), at: now)
                right.add(Reading(series: series, observed: now, value: value), at: now)
            }
        }
        corrected.correct(Reading(series: series, observed: start, value: 1e9))
        corrected.correct(Reading(series: series, observed: start + .seconds(7), value: 1e9))
        let now = start + .seconds(99 * 60)
        #expect(told(corrected, now) == told(right, now))
    }

    @Test(
        "readings of a clock that was wrong give way to the present, and what was there before stays",
        arguments: [SeriesKind.gauge, .state, .counter], [3600, 30 * 86_400] as [Int64])
    func retreats(kind: SeriesKind, ahead: Int64) {
        var haunted = table(kind)
        var right = table(kind)
        var now = start
        for minute in 0..<30 as Range<Int64> {
            now = start + .seconds(minute * 60)
            for value in [Double(minute)] {
                haunted.add(Reading(series: series, observed: now, value: value), at: now)
                right.add(Reading(series: series, observed: now, value: value), at: now)
            }
        }
        for second in 0..<5 as Range<Int64> {
            let wrong = now + .seconds(ahead + second)
            haunted.add(Reading(series: series, observed: wrong, value: 7), at: wrong)
        }
        #expect(haunted.newest(of: series)?.value == 7)
        for minute in 31..<40 as Range<Int64> {
            now = start + .seconds(minute * 60)
            for value in [Double(minute)] {
                haunted.add(Reading(series: series, observed: now, value: value), at: now)
                right.add(Reading(series: series, observed: now, value: value), at: now)
            }
            #expect(haunted.newest(of: series)?.observed == now)
        }
        let short = haunted.summaries(of: series, at: now).first
        #expect(short?.last == 39 && short?.count == right.summaries(of: series, at: now).first?.count)
        // Its state can be read back: the pane that fills is that of the newest reading.
        let resumed = WindowTable(state: haunted.state(), plan: .standard) { _ in
            SeriesTraits(quantity: measure(kind), cadence: .seconds(60))
        }
        if let resumed {
            #expect(resumed.newest(of: series)?.observed == now)
        } else {
            Issue.record("the state does not read")
        }
    }
}
