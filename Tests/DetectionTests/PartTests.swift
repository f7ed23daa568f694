import Basics
import Foundation
import Telemetry
import Testing
import TestSupport

@testable import Detection

@Suite("parts of the detector")
struct PartTests {
    /// Upper tails of the normal law, from its tables: Q(1) = 0.158655, Q(2) = 0.0227501, Q(3) = 1.349898e-3,
    /// Q(5) = 2.866516e-7, Q(9) = 1.128588e-19.
    @Test(
        "rarity is -log10 of twice the upper tail",
        arguments: [
            (0, 0), (-3, 0), (1, 0.158655), (2, 0.0227501), (3, 1.349898e-3), (5, 2.866516e-7), (9, 1.128588e-19),
        ])
    func rarity(z: Double, tail: Double) {
        let expected = tail == 0 ? 0 : -log10(2 * tail)
        #expect(abs(Likelihood.rarity(of: z) - expected) < 0.01)
        #expect(Likelihood.rarity(of: 100) == 40)
    }

    @Test("the first hundred teach only, then a number far off is scored before it is learnt")
    func likelihood() {
        var likelihood = Likelihood()
        for number in 0..<100 {
            let score = likelihood.score(number % 2 == 0 ? 9 : 11, floor: 0)
            #expect(score == 0)
        }
        #expect(abs(likelihood.mean - 10) < 0.1 && abs(likelihood.variance - 1) < 0.1)
        var other = likelihood
        let above = likelihood.score(15, floor: 0)
        #expect(above > 5 && likelihood.mean > 10)
        let (oneSided, twoSided) = (other.score(5, floor: 0), other.score(5, twoSided: true, floor: 0))
        #expect(oneSided == 0 && twoSided > 1)
    }

    @Test("the range tells of what lies a fiftieth of it beyond")
    func range() {
        var range = RecordRange()
        for n in 1...100 {
            let score = range.score(Double(n), n: n)
            #expect(score == 0)
        }
        let scores = [(101.0, 101), (111, 102), (-1000, 103), (-1000, 104)].map { range.score($0.0, n: $0.1) }
        #expect(scores[0] == 0 && abs(scores[1] - 4) < 1e-9 && scores[2] == 13 && scores[3] == 0)
    }

    @Test("the nearest centre is that of a plain search")
    func novelty() {
        var random = SeededGenerator(seed: 4)
        var novelty = ShapeNovelty()
        var values: [Double] = []
        for n in 1...3000 {
            // Ever greater, so that new centres are met until the oldest must go.
            let x = Double(n) * (Double.random(in: 0...10, using: &random) + (n % 100 < 20 ? 5 : 0))
            values.append(x)
            let before = novelty
            _ = novelty.score(x, n: n)
            guard n > 20 else { continue }
            let shape = (0..<6).map { j in (0..<3).reduce(0) { $0 + values[n - 1 - 3 * j - $1] } / 3 }
            let distances = (0..<before.centreCount).map { centre in
                (0..<6).reduce(0.0) { sum, j in
                    let apart = before.centres[6 * (centre / 8) + j][centre % 8] - shape[j]
                    return sum + apart * apart
                }.squareRoot() / 6.0.squareRoot()
            }
            #expect(abs(novelty.distance - (distances.min() ?? 0)) < 1e-9 * Double(n))
        }
        #expect(novelty.centreCount == ShapeNovelty.centresMax)
    }

    @Test("no alert follows another within forty readings, and each raises the bar")
    func discipline() {
        var discipline = AlertDiscipline()
        var rows: [Int] = []
        for row in 0..<200 where discipline.severity(of: row % 2 == 0 ? 50 : 1, threshold: 1) > 0 { rows.append(row) }
        #expect(rows.first == 0 && rows.count > 1)
        #expect(zip(rows, rows.dropFirst()).allSatisfy { $1 - $0 > 40 })
        var fresh = AlertDiscipline()
        // 10 against a bar of 4: 1 - 0.5 * 4 / 10.
        let severity = fresh.severity(of: 10, threshold: 4)
        #expect(abs(severity - 0.8) < 1e-9)
        #expect(fresh.peak == 10 && fresh.raised == 0.5)
    }

    @Test("tiers have the names that configuration gives them")
    func names() {
        #expect(DetectorTier.allCases.allSatisfy { DetectorTier(named: "\($0)") == $0 })
        #expect(DetectorTier(named: "huge") == nil && DetectorTier(named: "") == nil)
    }

    @Test("sizes that are stated")
    func sizes() {
        #expect(MemoryLayout<DetectorTable.Lane>.stride + MemoryLayout<DetectorSettings>.stride <= 144)
        #expect(MemoryLayout<DetectorCore>.stride <= 80)
        #expect(MemoryLayout<SeasonalResidual>.stride <= 1352)
        #expect(MemoryLayout<ShapeNovelty>.stride <= 3600)
        #expect(MemoryLayout<Plausibility>.stride <= 696)
    }
}

@Suite("rules of plausibility")
struct RuleTests {
    /// What is told of the values, five minutes apart, by row.
    private static func told(
        _ values: [Double], _ rules: PlausibilityRules = PlausibilityRules(), minutes: Int = 5
    ) -> [Int: Anomaly] {
        let times = values.indices.map { Timestamp(milliseconds: 1_772_668_800_000 + Int64($0 * minutes) * 60_000) }
        return Samples.anomalies(times, values, DetectorSettings(tier: nil, rules: rules))
    }

    private static func noise(_ count: Int, _ range: ClosedRange<Double> = 40...60) -> [Double] {
        var random = SeededGenerator(seed: 9)
        return (0..<count).map { _ in Double.random(in: range, using: &random) }
    }

    @Test("outside of the physical range: told at the first reading, and not learnt from")
    func physicalRange() {
        var values = Self.noise(200)
        values.replaceSubrange(100..<103, with: [900, 900, 900])
        values[150] = -900
        let told = Self.told(values, PlausibilityRules(range: 0...100))
        #expect(told.keys.sorted() == [100, 150])
        #expect(told[100]?.evidence == .physicalRange(min: 0, max: 100) && told[100]?.severity == 1)
    }

    @Test("rate of change, by the time between the readings")
    func rateOfChange() {
        let rules = PlausibilityRules(changePerHourMax: 24, toldOfStandStill: false, toldOfSpikes: false)
        // Two in five minutes are 24 an hour.
        #expect(Self.told([10, 12, 14], rules).isEmpty)
        let told = Self.told([10, 12.5, 12.5], rules)
        #expect(told.keys.sorted() == [1])
        guard case .rateOfChange(let perHour, 24) = told[1]?.evidence else { return #expect(Bool(false)) }
        #expect(abs(perHour - 30) < 1e-9)
        #expect(Self.told([10, 12.5, 12.5], rules, minutes: 10).isEmpty)
    }

    @Test("a stuck value is told once, soon where readings are fine and late where they are coarse")
    func flatLine() {
        var fine = Self.noise(500)
        fine.replaceSubrange(300..<400, with: repeatElement(fine[299], count: 100))
        let told = Self.told(fine)
        #expect(told.count == 1 && (304...307).contains(told.keys.first!))
        // Of two values, each repeats the one before half of the time: seven in a row are no news, a hundred are.
        var coarse = Self.noise(500).map { $0 < 50 ? 1.0 : $0 < 55 ? 2 : 3 }
        coarse.replaceSubrange(300..<307, with: repeatElement(2, count: 7))
        #expect(Self.told(coarse).isEmpty)
        coarse.replaceSubrange(300..<400, with: repeatElement(2, count: 100))
        #expect(Self.told(coarse).values.map(\.part) == ["flat_line"])
    }

    @Test("nights at nought are no stand-still, nor days at an inverter's limit; two more days of nought are")
    func rest() {
        // Ten days of 288 readings: half of each at nought, noon at the limit.
        var random = SeededGenerator(seed: 2)
        let day = { () -> [Double] in
            (0..<288).map { minute in
                let sun = sin((Double(minute) / 288 - 0.25) * 2 * .pi)
                return sun <= 0 ? 0 : min(80, 100 * sun * Double.random(in: 0.97...1, using: &random))
            }
        }
        let days = (0..<10).flatMap { _ in day() }
        let told = Self.told(days).filter { $0.value.part == "flat_line" }
        // The limit is told on the first day, when nothing is known of it.
        #expect(told.count <= 1 && told.keys.allSatisfy { $0 < 288 })
        let dead = days + [Double](repeating: 0, count: 3 * 288) + day()
        let more = Self.told(dead).filter { $0.value.part == "flat_line" && $0.key > 10 * 288 }
        #expect(more.count == 1 && more.keys.first! > 11 * 288)
    }

    @Test("a straight line is told, a counter that always steps alike is not")
    func straightLine() {
        var values = Self.noise(500)
        for row in 300..<360 { values[row] = 41 + 0.3 * Double(row - 300) }
        let told = Self.told(values)
        #expect(told.values.map(\.part) == ["straight_line"] && (305...308).contains(told.keys.first!))
        #expect(Self.told((0..<2000).map { Double($0) * 0.1 }).isEmpty)
    }

    @Test("a spike is told one reading later, of its own time and value; a step is none")
    func spike() {
        var values = Self.noise(300)
        values[200] = 95
        let told = Self.told(values)
        #expect(told.keys.sorted() == [201])
        #expect(told[201]?.value == 95 && told[201]?.part == "spike")
        let expected = Timestamp(milliseconds: 1_772_668_800_000 + 200 * 300_000)
        #expect(told[201]?.observed == expected)
        for row in 200..<300 { values[row] += 40 }
        #expect(Self.told(values).isEmpty)
    }

    @Test("who spikes by nature is told of six times, and then hardly")
    func manySpikes() {
        var values = Self.noise(3000, 49...51)
        for row in stride(from: 100, to: 3000, by: 50) { values[row] = 90 }
        #expect((1...7).contains(Self.told(values).count))
    }

    @Test("a shift of the daily level is told after six days, a trend and a bad week are not")
    func levelShift() {
        let rules = PlausibilityRules(toldOfStandStill: false, toldOfSpikes: false)
        // Days of 24 readings.
        func days(_ levels: [Double]) -> [Double] {
            var random = SeededGenerator(seed: 6)
            return levels.flatMap { level in
                (0..<24).map { level + 10 * sin(Double($0) / 12 * .pi) + Double.random(in: -3...3, using: &random) }
            }
        }
        let steady = (0..<40).map { 100 + Double($0 % 7) }
        #expect(Self.told(days(steady), rules, minutes: 60).isEmpty)
        let shifted = Self.told(days(steady + (0..<40).map { 60 + Double($0 % 7) }), rules, minutes: 60)
        #expect(shifted.keys.sorted() == [46 * 24] && shifted.values.first?.part == "level_shift")
        guard case .levelShift(let before, let after, let readings) = shifted.values.first?.evidence else {
            return #expect(Bool(false))
        }
        #expect(abs(before - 103) < 1 && abs(after - 63) < 1.5 && readings == 144)
        #expect(Self.told(days((0..<90).map { 100 + 0.5 * Double($0) }), rules, minutes: 60).isEmpty)
        #expect(Self.told(days(steady + [60, 60, 60, 60, 60] + steady), rules, minutes: 60).isEmpty)
    }
}

@Suite("peers")
struct PeerTests {
    private static func round(_ values: [Double]) -> [Reading] {
        values.enumerated().map {
            Reading(
                series: SeriesID(rawValue: UInt32($0)), observed: Timestamp(milliseconds: 1_772_668_800_000), value: $1)
        }
    }

    @Test("one apart from its neighbours is told in the third round, once, and again when it has been back")
    func apart() {
        var group = PeerGroup()
        let apart = Self.round([20, 21, 19, 20.5, 60, 20.2])
        let together = Self.round([20, 21, 19, 20.5, 20.1, 20.2])
        let told = [apart, apart, apart, apart, together, apart, apart, apart].map { group.compare($0) }
        #expect(told.map(\.count) == [0, 0, 1, 0, 0, 0, 0, 1])
        #expect(told[2].map(\.series.rawValue) == [4] && told[2].map(\.part) == ["peers"])
        #expect(told[2].allSatisfy { $0.severity > 0.5 && $0.severity < 1 })
    }

    @Test("a round in between, too few members, the floor and what is no number keep it quiet")
    func quiet() {
        func told(_ group: PeerGroup, _ rounds: [[Double]]) -> Int {
            var group = group
            return rounds.reduce(0) { $0 + group.compare(Self.round($1)).count }
        }
        let apart = [20, 21, 19, 20.5, 60]
        #expect(told(PeerGroup(rounds: 2), [apart, [20, 21, 19, 20.5, 20], apart]) == 0)
        #expect(told(PeerGroup(rounds: 2), [apart, apart]) == 1)
        #expect(told(PeerGroup(rounds: 1), [[20, 20, 20, 60]]) == 0)
        #expect(told(PeerGroup(rounds: 1), [[20, 20, 20, 60, .nan]]) == 0)
        #expect(told(PeerGroup(rounds: 1), [[20, 20, 20, 20, 20.5]]) == 1)
        #expect(told(PeerGroup(floor: 0.2, rounds: 1), [[20, 20, 20, 20, 20.5]]) == 0)
    }

    @Test("rounds are counted on across a restart; other bytes are refused")
    func restart() {
        var group = PeerGroup(rounds: 2)
        let apart = Self.round([20, 21, 19, 20.5, 60])
        let first = group.compare(apart)
        let state = group.state()
        var resumed = PeerGroup(rounds: 2)
        let isTaken = resumed.resume(state)
        let second = resumed.compare(apart)
        #expect(first.isEmpty && isTaken && second.count == 1)
        var other = PeerGroup()
        let damaged = (0..<state.count).filter { $0 != 4 }.map { Array(state[..<$0]) } + [state + state[4...]]
        for bytes in damaged {
            let isTaken = other.resume(bytes)
            #expect(!isTaken)
        }
        #expect(other.state() == PeerGroup().state())
    }
}
