import Basics
import Foundation
import Telemetry
import Testing
import TestSupport

@testable import Detection

@Suite("DetectorTable")
struct TableTests {
    private static let full = DetectorSettings(
        tier: .full, rules: PlausibilityRules(range: -100...200, changePerHourMax: 500), interval: .seconds(300))

    /// Days of a sine with noise, spikes, a stuck stretch and a gap, seeded: something for every part.
    private static func readings(_ count: Int, series: UInt32 = 0, seed: UInt64 = 7) -> [Reading] {
        var random = SeededGenerator(seed: seed)
        var time: Int64 = 1_772_668_800_000
        return (0..<count).map { row in
            time += row % 1500 == 700 ? 9_000_000 : 300_000
            var value = 50 + 20 * sin(Double(time % 86_400_000) / 86_400_000 * 2 * .pi)
            value += Double.random(in: -2...2, using: &random)
            if row % 997 == 500 { value += 35 }
            if row % 1301 == 650 { value += 90 }
            if row % 1201 == 600 { value = 5000 }
            if (2000..<2060).contains(row) { value = 51.25 }
            return Reading(
                series: SeriesID(rawValue: series), observed: Timestamp(milliseconds: time), value: value)
        }
    }

    private static func watching(_ settings: DetectorSettings = full) -> DetectorTable {
        var table = DetectorTable()
        table.watch(Samples.series, settings)
        return table
    }

    @Test("the same readings give the same anomalies, also across restarts")
    func restart() throws {
        let readings = Self.readings(4000)
        var steady = Self.watching()
        var expected: [Anomaly?] = []
        for reading in readings { expected.append(steady.add(reading)) }
        var parts: [String: Int] = [:]
        for anomaly in expected.compactMap(\.self) { parts[anomaly.part, default: 0] += 1 }
        for part in ["physical_range", "spike", "flat_line", "gap", "rate_of_change"] {
            #expect(parts[part] != nil, "\(part)")
        }
        for stride in [1, 333] {
            var table = Self.watching()
            for (row, reading) in readings.enumerated() {
                if row % stride == 0, row > 3900 || stride > 1 {
                    guard let resumed = DetectorTable(state: table.state()) else {
                        Issue.record("row \(row): the state is refused")
                        return
                    }
                    table = resumed
                }
                let told = table.add(reading)
                #expect(told == expected[row], "row \(row)")
            }
            let (left, right) = (table.state(), steady.state())
            #expect(left == right)
        }
    }

    @Test("each series has its own state, whatever the order between series")
    func series() {
        let left = Self.readings(1500, series: 3)
        let right = Self.readings(1500, series: 900, seed: 8)
        func alone(_ readings: [Reading], _ tier: DetectorTier) -> [Anomaly] {
            var table = DetectorTable()
            table.watch(readings[0].series, DetectorSettings(tier: tier))
            var told: [Anomaly] = []
            for reading in readings { if let anomaly = table.add(reading) { told.append(anomaly) } }
            return told
        }
        var table = DetectorTable()
        table.watch(SeriesID(rawValue: 3), DetectorSettings(tier: .full))
        table.watch(SeriesID(rawValue: 900), DetectorSettings(tier: .light))
        var together: [Anomaly] = []
        for (one, other) in zip(left, right) {
            if let told = table.add(one) { together.append(told) }
            if let told = table.add(other) { together.append(told) }
        }
        #expect(together.filter { $0.series.rawValue == 3 } == alone(left, .full))
        #expect(together.filter { $0.series.rawValue == 900 } == alone(right, .light))
        #expect(together.contains { $0.series.rawValue == 3 })
        let count = table.seriesCount
        #expect(count == 2)
    }

    @Test("what is no reading of a watched series in its order changes nothing")
    func refused() {
        var table = Self.watching()
        let readings = Self.readings(300)
        for reading in readings { _ = table.add(reading) }
        let before = table.state()
        var late = readings[200]
        late.value = 1e6
        let told = table.add(late)
        #expect(told == nil)
        for value in [Double.nan, .infinity, -.infinity, 1e101] {
            var reading = readings[299]
            reading.observed = reading.observed + .seconds(300)
            reading.value = value
            let told = table.add(reading)
            #expect(told == nil)
        }
        let unwatched = table.add(Reading(series: SeriesID(rawValue: 5), observed: late.observed, value: 1))
        #expect(unwatched == nil)
        let after = table.state()
        #expect(after == before)
    }

    @Test("the greatest numbers and moments leave the state readable")
    func extremes() {
        var random = SeededGenerator(seed: 3)
        var table = Self.watching(DetectorSettings(tier: .full, rules: PlausibilityRules(), interval: .milliseconds(1)))
        let values = [1e100, -1e100, 0, .leastNonzeroMagnitude, -0.0, 1, 1e-300]
        for _ in 0..<3000 {
            let moment = Int64.random(in: 1 - (1 << 52)..<1 << 52, using: &random)
            let value = values[Int.random(in: 0..<values.count, using: &random)]
            _ = table.addInOrder(
                Reading(series: Samples.series, observed: Timestamp(milliseconds: moment), value: value))
        }
        let state = table.state()
        let again = DetectorTable(state: state)?.state()
        #expect(again == state)
    }

    @Test("times that would overflow, and series that nobody has, are no state")
    func impossible() {
        let interval = Duration.seconds(60)
        let rules = PlausibilityRules(changePerHourMax: 1)
        var table = Self.watching(DetectorSettings(tier: nil, rules: rules, interval: interval))
        let moment = Timestamp(milliseconds: 0x0123_4567_89AB)
        _ = table.add(Reading(series: Samples.series, observed: moment, value: 1))
        var writer = StateWriter()
        writer.append(moment.milliseconds)
        let state = table.state()
        let places = state.indices.dropLast(7).filter { Array(state[$0..<$0 + 8]) == writer.bytes }
        // Of the lane, of the rules, and the beginning of the run of like values.
        #expect(places.count == 3)
        for place in places {
            for time in [Int64.min + 1, 1 << 52, .max] {
                var damaged = state
                withUnsafeBytes(of: time.littleEndian) { damaged.replaceSubrange(place..<place + 8, with: $0) }
                let isTaken = DetectorTable(state: damaged) != nil
                #expect(!isTaken, "\(time) at byte \(place)")
            }
        }
        let isTaken = DetectorTable(state: state, seriesEnd: Samples.series.index + 1) != nil
        let isTakenBeyond = DetectorTable(state: state, seriesEnd: Samples.series.index) != nil
        #expect(isTaken && !isTakenBeyond)
    }

    @Test("hostile bytes give nil, or a table that goes on")
    func hostile() {
        var table = Self.watching()
        table.watch(SeriesID(rawValue: 1), DetectorSettings(tier: .light))
        let readings = Self.readings(600)
        for reading in readings[..<400] { _ = table.add(reading) }
        let state = table.state()
        func isTaken(_ state: [UInt8]) -> Bool {
            if DetectorTable(state: state) != nil { return true }
            return false
        }
        for length in Array(0..<300) + Array(stride(from: 300, to: state.count, by: 61)) {
            #expect(!isTaken(Array(state[..<length])), "\(length)")
        }
        #expect(!isTaken(state + [0]) && isTaken(state))
        var random = SeededGenerator(seed: 1)
        var (refused, taken) = (0, 0)
        for _ in 0..<800 {
            var damaged = state
            // Behind the series' number: as the greatest of those it would only make the table larger.
            for _ in 0..<3 {
                damaged[Int.random(in: 12..<state.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if var other = DetectorTable(state: damaged) {
                taken += 1
                for reading in readings[400..<450] { _ = other.add(reading) }
            } else {
                refused += 1
            }
        }
        #expect(refused > 20 && taken > 20)
    }

    @Test("watching anew keeps what was learnt while the tier is the same")
    func watchAnew() {
        let readings = Self.readings(1200)
        var steady = Self.watching(DetectorSettings(tier: .daily))
        var moved = Self.watching(DetectorSettings(tier: .daily))
        var changed = Self.watching(DetectorSettings(tier: .daily))
        for reading in readings[..<600] {
            _ = steady.add(reading)
            _ = moved.add(reading)
            _ = changed.add(reading)
        }
        moved.watch(Samples.series, DetectorSettings(tier: .daily, rules: PlausibilityRules()))
        moved.watch(Samples.series, DetectorSettings(tier: .daily))
        changed.watch(Samples.series, DetectorSettings(tier: .full))
        changed.watch(Samples.series, DetectorSettings(tier: .daily))
        let states = (steady.state(), moved.state(), changed.state())
        #expect(states.1 == states.0 && states.2 != states.0)
        let settings = (changed.settings(of: Samples.series), changed.settings(of: SeriesID(rawValue: 1)))
        #expect(settings.0?.tier == .daily && settings.1 == nil)
    }

    @Test("the profile of the day is that of the local clock")
    func localClock() {
        #expect(SeasonalResidual.slot(ofLocal: 0) == 0)
        #expect(SeasonalResidual.slot(ofLocal: 86_399_999) == 143 && SeasonalResidual.slot(ofLocal: 600_000) == 1)
        #expect(SeasonalResidual.slot(ofLocal: -1) == 143)
        // Shifting the clock and the offset against each other changes nothing but the times.
        let readings = Self.readings(1500)
        var utc = Self.watching(DetectorSettings(tier: .daily))
        var china = Self.watching(DetectorSettings(tier: .daily, localOffsetSeconds: 8 * 3600))
        for reading in readings {
            var eastern = reading
            eastern.observed = eastern.observed - .seconds(8 * 3600)
            let told = (utc.add(reading), china.add(eastern))
            #expect(told.0?.evidence == told.1?.evidence)
        }
    }

    @Test("after a gap the shape and the last residual begin anew")
    func gap() {
        var ring = ShapeNovelty()
        for n in 1...40 { _ = ring.score(Double(n % 5), n: n) }
        #expect(ring.filled == 18 && ring.centreCount > 0)
        ring.forgetRecent()
        let (centres, count) = (ring.centreCount, ring.likelihood.count)
        for n in 41...57 {
            let score = ring.score(1000, n: n)
            #expect(score == 0)
        }
        #expect(ring.centreCount == centres && ring.likelihood.count == count)
        _ = ring.score(1000, n: 58)
        #expect(ring.likelihood.count == count + 1 && ring.distance > 500)
        // Sixteen minutes are within five intervals of five minutes, half an hour is not.
        for (minutes, isGap) in [(16, false), (25, false), (30, true)] {
            var table = Self.watching()
            let start = Timestamp(milliseconds: 1_772_668_800_000)
            _ = table.add(Reading(series: Samples.series, observed: start, value: 1))
            let told = table.add(Reading(series: Samples.series, observed: start + .seconds(60 * minutes), value: 1))
            #expect(told?.part == (isGap ? "gap" : nil))
        }
    }
}
