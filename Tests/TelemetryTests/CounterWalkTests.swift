import TestSupport
import Testing

@testable import Telemetry

/// By place, as the walk counts it.
private func walked(_ values: [Double], outside: Int = 0) -> [Double] {
    var walk = CounterWalk()
    var grown = [Double](repeating: 0, count: values.count)
    for (place, value) in values.enumerated() {
        walk.take(value, at: place < outside ? -1 : place) { grown[$1] += $0 }
    }
    return grown
}

/// The same, plainly: what grows between two neighbours believed, where both are counted.
private func plain(_ values: [Double], outside: Int = 0) -> [Double] {
    var grown = [Double](repeating: 0, count: values.count)
    var before: Int?
    for (place, isBelieved) in believedOfCounter(values).enumerated() where isBelieved {
        if let before, before >= outside { grown[place] += counterGrowth(from: values[before], to: values[place]) }
        before = place
    }
    return grown
}

/// Counts with everything that meters do.
func counterReadings(_ count: Int, _ random: inout SeededGenerator) -> [Double] {
    var values: [Double] = []
    var level = Double(Int.random(in: 0...200_000, using: &random)) / 10
    while values.count < count {
        if Int.random(in: 0..<3, using: &random) > 0 { level += Double(Int.random(in: 0...40, using: &random)) / 10 }
        switch Int.random(in: 0..<30, using: &random) {
        case 0: values += Array(repeating: 0, count: Int.random(in: 1...4, using: &random))
        case 1: values.append(level * 3 + 500)
        case 2: values += [level / 2, level / 3]
        case 3: level = Double(Int.random(in: 0...3, using: &random))
        case 4: level *= 0.95
        case 5: values.append(-1)
        case 6: level = level > 64_900 ? 4 : level
        default: values += Array(repeating: level, count: Int.random(in: 1...2, using: &random))
        }
    }
    return Array(values.prefix(count))
}

@Suite("The increase of a counter")
struct CounterWalkTests {
    @Test(
        "spikes count for nothing, beginnings and roll-overs count",
        arguments: [
            // A zero after a reboot, several, and one at either end.
            ([12345.1, 12345.2, 0, 12345.3, 12345.4], 0.3), ([12345.1, 12345.2, 0, 0, 0, 12345.3], 0.2),
            ([12345.1, 12345.2, 0], 0.1), ([12345.1, 12345.2, 3, 0, 12345.3], 0.2), ([12345.1, 0, 12345.1], 0),
            ([100, 3, 101, 3, 102], 2), ([100, 0, 101, 0, 102], 2),
            // Upwards, repeated, and one that steps back afterwards.
            ([100, 5000, 101], 1), ([99, 100, 5000, 5000, 101, 102], 3), ([100, 5000, 99, 101], 1),
            ([100, 5000, 100, 6000, 101], 1),
            // It is not known yet whether it is one.
            ([99, 100, 5000], 4901),
            // A beginning is believed when the next reading goes on from it.
            ([99, 100, 0], 1), ([99, 100, 0, 0], 1), ([99, 100, 0, 1, 2], 3), ([99, 100, 2, 3], 4),
            ([99, 100, 0, 0, 0, 1, 2], 3), ([0, 5, 0, 6], 6), ([0, 1, 2, 5, 0, 1, 2, 5], 10),
            // Steps back.
            ([100, 99.5, 100, 101], 1), ([100, 95, 90, 100], 0),
            // Roll-overs: 2^16, five digits.
            ([65_530, 4, 6], 12), ([99_998, 3, 3, 5], 7), ([65_530, 0, 65_531], 1),
            // Nothing, equal, below zero.
            ([], 0), ([7], 0), ([7, 7, 7], 0), ([0, 0, 0], 0), ([100, -1, 101], 1), ([-1, 0, 1], 2),
        ] as [([Double], Double)])
    func table(values: [Double], increase: Double) {
        #expect(abs(walked(values).reduce(0, +) - increase) < 1e-9)
        #expect(abs(plain(values).reduce(0, +) - increase) < 1e-9)
    }

    @Test("the walk counts as the plain law does, from wherever it is counted", arguments: 1...300)
    func random(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let values = counterReadings(120, &random)
        let outside = Int.random(in: 0...60, using: &random)
        let (walk, right) = (walked(values, outside: outside), plain(values, outside: outside))
        for place in values.indices {
            #expect(abs(walk[place] - right[place]) < 1e-6, "seed \(seed), place \(place), \(values.prefix(place + 2))")
        }
    }

    @Test("readings near each other need not be known one by one", arguments: 1...200)
    func summaries(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let values = counterReadings(200, &random)
        var (walk, short) = (CounterWalk(), CounterWalk())
        var (right, found) = (0.0, 0.0)
        var place = 0
        while place < values.count {
            let piece = values[place..<min(values.count, place + Int.random(in: 1...12, using: &random))]
            place = piece.endIndex
            for value in piece {
                walk.take(value, at: 0) {
                    right += $0; _ = $1
                }
            }
            let isTaken = short.take(min: piece.min()!, max: piece.max()!, last: piece.last!, at: 0) {
                found += $0
                _ = $1
            }
            if !isTaken {
                for value in piece {
                    short.take(value, at: 0) {
                        found += $0; _ = $1
                    }
                }
            }
            #expect(abs(right - found) < 1e-6, "seed \(seed), \(values.prefix(place))")
        }
    }

    @Test("what is left of readings is guessed: a spike among many, or a beginning")
    func guess() {
        func guessed(min: Double, max: Double, mean: Double, last: Double) -> Double {
            var walk = CounterWalk()
            walk.take(100, at: 0) { _, _ in }
            var grown = 0.0
            walk.guess(min: min, max: max, mean: mean, last: last, at: 0) { amount, _ in grown += amount }
            return grown
        }
        #expect(guessed(min: 0, max: 110, mean: 104, last: 110) == 10)
        #expect(guessed(min: 0, max: 110, mean: 55, last: 110) == 110)
        #expect(guessed(min: 0, max: 20, mean: 10, last: 20) == 20)
        #expect(guessed(min: 101, max: 150, mean: 120, last: 150) == 50)
    }

    @Test("an increase has no noise of binary fractions")
    func rounded() {
        #expect(CounterWalk.rounded(12345.4 - 12345.1, most: 12345.4) == 0.3)
        #expect(CounterWalk.rounded(0.1 + 0.2, most: 0.3) == 0.3)
        #expect(CounterWalk.rounded(1e12 / 3, most: 1e15) == (1e12 / 3).rounded())
        #expect(CounterWalk.rounded(0, most: 0) == 0)
    }
}
