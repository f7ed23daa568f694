import Basics
import Telemetry
import Testing
import TestSupport

@testable import Windows

private let energy = quantity("active_energy_import")

private struct Meter: ~Copyable {
    var table = WindowTable(plan: .standard)
    var now = start

    init() { table.open(energy, cadence: nil) }

    mutating func say(_ value: Double, at seconds: Int64) {
        let moment = start + .seconds(seconds)
        now = max(now, moment)
        table.add(Reading(series: series, observed: moment, value: value), at: now)
    }

    /// Begins anew from its own state, as after a restart.
    mutating func restart() {
        let state = table.state()
        table = WindowTable(state: state) { _ in SeriesTraits(quantity: energy, cadence: nil) }!
    }

    /// By window, five minutes to a day.
    borrowing func increases(at seconds: Int64? = nil) -> [Double?] {
        WindowPlan.standard.windows.map { window in
            table.summary(of: series, over: window.length, at: seconds.map { start + .seconds($0) } ?? now).map {
                CounterWalk.rounded($0.increase!, most: $0.max)
            }
        }
    }
}

@Suite("The increase of windows")
struct CounterTests {
    @Test("a zero after a reboot is no consumption, in whichever pane it lies", arguments: [1, 20, 60, 200, 700])
    func zero(step: Int64) {
        var meter = Meter()
        for (place, value) in [12345.1, 12345.2, 0, 12345.3, 12345.4].enumerated() {
            meter.say(value, at: Int64(place) * step)
        }
        #expect(meter.increases().last! == 0.3)
        // The windows go on until the spike is their first sample, and beyond.
        for place in 5..<40 {
            meter.say(12345.4 + Double(place - 4) / 10, at: Int64(place) * step)
            for increase in meter.increases() { #expect(increase! < 5) }
            if place % 7 == 0 { meter.restart() }
        }
        #expect(meter.increases().last! == 3.8)
    }

    @Test("a spike upwards is none either, once the count goes on at the old level")
    func upwards() {
        var meter = Meter()
        for (place, value) in [99.0, 100, 5000, 101, 102].enumerated() { meter.say(value, at: Int64(place) * 50) }
        #expect(meter.increases() == [3, 3, 3, 3])
        #expect(meter.table.summaries(of: series, at: meter.now).allSatisfy { $0.max == 5000 && $0.first == 99 })
    }

    @Test("a spike that comes late is none", arguments: [0.0, 5000, 12.5], [0, 1, 2, 3, 4])
    func late(spike: Double, place: Int) {
        var meter = Meter()
        for other in 0..<5 { meter.say(100 + Double(other), at: Int64(other) * 45) }
        meter.say(spike, at: Int64(place) * 45 + 20)
        if place == 4, spike > 100 {
            // The newest of all: it may be true.
            #expect(meter.increases().last! == 4900)
            meter.say(105, at: 225)
            #expect(meter.increases().last! == 5)
        } else {
            #expect(meter.increases().last! == 4)
        }
    }

    @Test("zeros for hours are a spike when the old level comes back, and a beginning when the count goes on from them")
    func hours() {
        for isBeginning in [false, true] {
            var meter = Meter()
            meter.say(500, at: 0)
            meter.say(500.5, at: 60)
            for minute in 2..<300 {
                meter.say(0, at: Int64(minute) * 60)
                #expect(meter.increases().last! == 0.5)
                if minute % 50 == 0 { meter.restart() }
            }
            meter.say(isBeginning ? 0.25 : 500.75, at: 18_000)
            #expect(meter.increases().last! == 0.75)
            // The last hour knows nothing but zeros before the last reading.
            #expect(meter.increases()[1]! == (isBeginning ? 0.25 : 0))
        }
    }

    @Test("a fall counts when the count goes on from it; until then the newest sample is shown and not counted")
    func beginning() {
        var meter = Meter()
        for (place, value) in [98.0, 100, 3].enumerated() { meter.say(value, at: Int64(place) * 10) }
        #expect(meter.increases() == [2, 2, 2, 2])
        #expect(meter.table.summaries(of: series, at: meter.now).allSatisfy { $0.last == 3 && $0.min == 3 })
        meter.say(4, at: 30)
        #expect(meter.increases() == [6, 6, 6, 6])
    }

    @Test("whatever comes in whatever order, windows and the plain law agree, also over restarts", arguments: 1...40)
    func random(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var meter = Meter()
        var plain = PlainWindows(energy, cadence: nil, .standard)
        var (level, moment) = (Double(Int.random(in: 1...100_000, using: &random)) / 10, Int64(0))
        for step in 0..<400 {
            moment += Int64.random(in: 1...90, using: &random)
            level += Double(Int.random(in: 0...9, using: &random)) / 10
            var values = [level]
            switch Int.random(in: 0..<25, using: &random) {
            case 0: values = Array(repeating: 0, count: Int.random(in: 1...5, using: &random))
            case 1: values = [level * 4]
            case 2: level = Double(Int.random(in: 0...5, using: &random))
            case 3: values = [level * 0.5]
            default: break
            }
            for value in values {
                moment += 1
                // As late as the neighbours are still kept.
                let late = Int.random(in: 0..<5, using: &random) == 0 ? Int64.random(in: 0...200, using: &random) : 0
                meter.say(value, at: moment - late)
                _ = plain.add(at: (start + .seconds(moment - late)).milliseconds, value)
                meter.now = start + .seconds(moment)
            }
            if step % 20 == 0 { meter.restart() }
            for (place, window) in WindowPlan.standard.windows.enumerated() {
                let right = plain.summary(window, at: meter.now.milliseconds)?.increase
                let found = meter.increases()[place]
                #expect(
                    abs((found ?? -1) - (right ?? -1)) < 1e-6,
                    "seed \(seed), step \(step), \(window.length): \(found ?? -1), not \(right ?? -1)")
                if abs((found ?? -1) - (right ?? -1)) >= 1e-6 { return }
            }
        }
    }
}
