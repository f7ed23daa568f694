import Basics
import CMeasuring
import Detection
import Foundation
import Measuring
import Telemetry

/// One way of watching, on a hundred series in turn: a day's swing with noise, now and then a spike.
struct DetectCase {
    var name: String
    var settings: DetectorSettings
    /// For a reading; nil where none was set.
    var nanosecondsMax: Double?

    static let all = [
        DetectCase(name: "light", settings: DetectorSettings(tier: .light), nanosecondsMax: 60),
        DetectCase(name: "daily", settings: DetectorSettings(tier: .daily), nanosecondsMax: nil),
        DetectCase(name: "full", settings: DetectorSettings(tier: .full), nanosecondsMax: 400),
        DetectCase(
            name: "rules", settings: DetectorSettings(tier: nil, rules: PlausibilityRules(range: -1e6...1e6)),
            nanosecondsMax: nil),
    ]

    private static let series = 100

    private static func readings(_ count: Int, from first: Int) -> [Reading] {
        var state = UInt64(first) &+ 0x5EED
        func noise() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 33) / Double(1 << 30) - 1
        }
        return (0..<count).map { place in
            let row = first + place / series
            let time = Int64(row) * 300_000
            let swing = 20 * sin(Double(time % 86_400_000) / 86_400_000 * 2 * .pi)
            let spike = (row + place) % 4001 == 0 ? 90.0 : 0
            return Reading(
                series: SeriesID(rawValue: UInt32(place % series)), observed: Timestamp(milliseconds: time),
                value: 50 + swing + 4 * noise() + spike)
        }
    }

    /// Medians of the rounds, after as many readings to learn from.
    func measure(rounds: Int, readings count: Int, _ figures: inout FigureTable) {
        var table = DetectorTable()
        for number in 0..<Self.series { table.watch(SeriesID(rawValue: UInt32(number)), settings) }
        var told = 0
        func feed(_ readings: [Reading]) {
            for reading in readings { if table.add(reading) != nil { told += 1 } }
        }
        var row = 0
        feed(Self.readings(count, from: row))
        var times = Times()
        var allocations: UInt64 = 0
        let counter = measuring_open_instructions()
        var instructions: UInt64 = 0
        for _ in 0..<rounds {
            row += count / Self.series
            let readings = Self.readings(count, from: row)
            let (allocated, executed) = (measuring_allocations(), measuring_read_instructions(counter))
            let begin = Clocks.thread
            feed(readings)
            let seconds = Clocks.thread - begin
            allocations += measuring_allocations() - allocated
            instructions += measuring_read_instructions(counter) - executed
            times.add(seconds / Double(count))
        }
        if counter >= 0 { close(counter) }
        let all = Double(rounds * count)
        figures.add(
            "\(name): a reading", times.median * 1e9, "ns", nanosecondsMax.map { .atMost($0) } ?? .none,
            (counter >= 0 ? "\(Int(Double(instructions) / all)) instructions, " : "")
                + "\(fixed(Double(told) * 1000 / (all + Double(count)), 2)) alerts per 1,000")
        figures.add("\(name): allocations a reading", Double(allocations) / all, "", .atMost(0))
        figures.add("\(name): state of a series, as it is saved", Double(table.state().count / Self.series), "bytes")
    }
}
