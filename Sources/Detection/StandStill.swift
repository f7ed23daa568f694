#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// How often the steps of a series repeat, and how long a run of repetitions must be to be no chance.
///
/// Resolution is learnt that way: a counter of cars repeats its value often, a thermometer of four decimals never.
struct Repetition: BitwiseCopyable {
    /// The part of the steps that repeat the one before.
    var share = 0.0
    var steps = 0
    /// The same of those that follow two repetitions or more: a value that changes slowly rests in the middle of a step of
    /// its resolution longer than the whole of its steps lets expect.
    var stay = 0.0
    var stays = 0

    /// Longer runs teach nothing: a sensor that is stuck must not become usual.
    private static let runTaughtMax = 12
    private static let rateMin = 0.002
    private static let stayRateMin = 0.01
    private static let stayTaughtMax = 1000
    private static let readingsMin = 6
    private static let stepsMin = 24

    /// `before` is how many readings were alike before this one.
    mutating func learn(isRepeated: Bool, before: Int) {
        guard before < Self.runTaughtMax else { return }
        steps += 1
        share += max(Self.rateMin, 1 / Double(steps)) * ((isRepeated ? 1 : 0) - share)
    }

    var knowsStays: Bool { stays >= Self.stepsMin }

    /// A run of so many readings came to its end, and was none that was told.
    mutating func learnStay(_ readings: Int) {
        guard readings > 2 else { return }
        for step in 3...min(readings, Self.stayTaughtMax) {
            stays += 1
            stay += max(Self.stayRateMin, 1 / Double(stays)) * ((step < readings ? 1 : 0) - stay)
        }
    }

    /// A run of so many readings is expected once in 160,000 series of `n` readings, and is six at least.
    ///
    /// A series that was never seen to do anything else, such as a counter of hours, is told of nothing.
    func readingsUsual(n: Int) -> Int {
        guard steps >= Self.stepsMin else { return .max }
        let chance = min(max(share, knowsStays ? stay : 0, 0.05), 0.999)
        return max(Self.readingsMin, Int(((log(Double(n)) + 12) / -log(chance)).rounded(.up)))
    }
}

/// Equal readings in a row, where the series does not rest.
///
/// A series rests at the bottom of its range (a solar panel at night), and on a value that it has stood on before (an
/// inverter at its limit). There only a stay of more than two days is told that is twice as long as any of three before.
struct FlatLine: BitwiseCopyable {
    struct Rest: BitwiseCopyable {
        var value = 0.0
        var runs = 0
        var longest = 0
    }

    var n = 0
    var last = 0.0
    var min = Double.infinity
    var max = -Double.infinity
    /// Readings alike so far, this one included, and when the first of them was.
    var run = 0
    var since: Int64 = 0
    var isTold = false
    var repetition = Repetition()
    /// At the bottom of the range, whatever the value.
    var bottom = Rest()
    /// The newest is written over the one that was stood on least often.
    var rests = InlineArray<4, Rest>(repeating: Rest())

    private static let warmUp = 48
    private static let restReadings = 6
    private static let stayMilliseconds: Int64 = 2 * 86_400_000

    /// The readings in a row and how many are usual, once a run.
    mutating func judge(_ x: Double, at observed: Int64) -> (readings: Int, usual: Int)? {
        n += 1
        let isRepeated = n > 1 && x == last
        let before = run
        if isRepeated {
            run += 1
        } else {
            if run >= Self.restReadings { remember() }
            if n > 1, !isTold, !isAtBottom(last) { repetition.learnStay(run) }
            (run, since, isTold) = (1, observed, false)
        }
        last = x
        min = Swift.min(min, x)
        max = Swift.max(max, x)
        let isAtBottom = isAtBottom(x)
        if n > 1, !isAtBottom { repetition.learn(isRepeated: isRepeated, before: before) }
        guard isRepeated, !isTold, n > Self.warmUp, max > min else { return nil }
        let rest = isAtBottom ? bottom : rest(at: x)
        if isAtBottom || rest.runs > 0 {
            let usual = 2 * rest.longest
            guard rest.runs >= 3, run > usual, observed - since > Self.stayMilliseconds else { return nil }
            isTold = true
            return (run, usual)
        }
        // Until it is known how long values rest that repeat now and then, twice as many.
        let usual = repetition.readingsUsual(n: n)
        guard run >= usual, repetition.share < 0.05 || repetition.knowsStays || run / 2 >= usual else { return nil }
        isTold = true
        return (run, usual - 1)
    }

    private func isAtBottom(_ x: Double) -> Bool { x <= min + 0.01 * (max - min) }

    private func rest(at x: Double) -> Rest {
        for place in 0..<rests.count where rests[place].runs > 0 && rests[place].value == x { return rests[place] }
        return Rest()
    }

    private mutating func remember() {
        if isAtBottom(last) {
            bottom.runs += 1
            bottom.longest = Swift.max(bottom.longest, run)
            return
        }
        var place = 0
        for other in 0..<rests.count {
            if rests[other].runs > 0, rests[other].value == last {
                rests[other].runs += 1
                rests[other].longest = Swift.max(rests[other].longest, run)
                return
            }
            if rests[other].runs < rests[place].runs { place = other }
        }
        rests[place] = Rest(value: last, runs: 1, longest: run)
    }
}

/// Readings on one straight line that is not level: values that somebody filled in, not measured.
struct StraightLine: BitwiseCopyable {
    var n = 0
    var last = 0.0
    var step = 0.0
    /// Equal steps so far, this one included.
    var run = 0
    var isTold = false
    var repetition = Repetition()
    /// The least step that was not zero, and how often it was taken. Where that is often it is the resolution.
    var stepMin = Double.infinity
    var stepMinCount = 0

    private static let warmUp = 48
    private static let resolutionCount = 8

    /// After a gap: its ends are no neighbours.
    mutating func forgetRecent() { (n, run, step) = (Swift.min(n, 1), 0, .infinity) }

    /// The readings on the line and the step, once a line.
    mutating func judge(_ x: Double) -> (readings: Int, step: Double)? {
        n += 1
        defer { last = x }
        guard n > 1 else { return nil }
        let next = x - last
        // Decimal fractions are rounded to doubles, and differences of them are not quite alike.
        let isRepeated = run > 0 && next != 0 && abs(next - step) <= 1e-6 * abs(next) + 1e-15 * abs(x)
        let before = run
        if isRepeated {
            run += 1
        } else {
            learnResolution(abs(next))
            (run, step, isTold) = (1, next, false)
        }
        repetition.learn(isRepeated: isRepeated, before: before)
        // By steps of the resolution, rounding draws lines of its own.
        let isOfResolution = stepMinCount >= Self.resolutionCount && abs(next) < 1.5 * stepMin
        guard isRepeated, !isTold, n > Self.warmUp, !isOfResolution, run >= repetition.readingsUsual(n: n)
        else { return nil }
        isTold = true
        return (run + 1, step)
    }

    private mutating func learnResolution(_ size: Double) {
        if size > 0, size < 0.99 * stepMin {
            (stepMin, stepMinCount) = (size, 1)
        } else if size < 1.01 * stepMin, size > 0 {
            stepMinCount = Swift.min(stepMinCount + 1, Self.resolutionCount)
        }
    }
}
