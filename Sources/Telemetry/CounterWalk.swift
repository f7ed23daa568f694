/// What the readings of a counter come to, taken one after the other in order of time: the law of the increase.
///
/// 1. A rise counts as it is, and so does a step back by at most a tenth, as of an inverter that resumes from what it had
///    last saved: what is counted twice afterwards cancels out.
/// 2. A fall is not believed at once. When a reading comes back to the level from before, what lay lower was a spike and
///    counts for nothing, however often it was repeated: a meter that boots may send zeros for an hour. When a reading
///    goes on from the lower one, the counter began again (`counterGrowth`). Until then nothing is counted.
/// 3. A fall back to the level before a rise by more than a tenth, with nothing else between, says that this rise was a
///    spike. What repeats a reading is one with it. Zero is no level to come back to: a counter that falls to it may have
///    begun again.
///
/// What two readings alone cannot tell is read as an error of the meter: a counter of a day or a session that is heard
/// so rarely that it passes its former level between two readings looks as if it had never begun again.
package struct CounterWalk: Equatable, Sendable {
    /// A reading, and where it counts.
    package struct Mark: Equatable, Sendable {
        package var value: Double
        /// Below 0: beyond what is counted. A growth counts where it ends, if it begins at 0 or above.
        package var place: Int
    }

    /// What a reading says of itself and of those before it.
    package enum Verdict: Equatable, Sendable {
        /// It is believed.
        case believed
        /// It lies too low to be believed as yet.
        case held
        /// It is believed, and with it what lay lower.
        case began
        /// It is believed; the level before it was a spike.
        case dropped
    }

    /// What was believed last, since it was first there.
    package private(set) var level: Mark?
    /// Where the count stood before `level`, where that is a rise by more than a tenth.
    private var before: Mark?
    /// A lower reading that is not believed as yet, since it was first there.
    package private(set) var fallen: Mark?

    package init() {}

    /// With a reading known from elsewhere.
    package init(level: Double) { self.level = Mark(value: level, place: -1) }

    /// Whether the count that stood at `level` goes on with `value`: it rises, or steps back by at most a tenth.
    @inline(__always)
    package static func goesOn(_ value: Double, from level: Double) -> Bool {
        value >= level || value >= level * 0.9
    }

    /// Takes the next reading. `count` is told what grew, and at which place; less than zero where a spike is taken back.
    @discardableResult
    package mutating func take(_ value: Double, at place: Int, _ count: (Double, Int) -> Void) -> Verdict {
        guard let level else {
            level = Mark(value: value, place: place)
            return .believed
        }
        let next = Mark(value: value, place: place)
        func grow(_ from: Mark, _ to: Mark, _ amount: Double) {
            if from.place >= 0 { count(amount, to.place) }
        }
        if let fallen {
            if value == fallen.value {
                if fallen.place < 0 { self.fallen = next }
                return .held
            }
            if !Self.goesOn(value, from: level.value) {
                guard value > fallen.value else {
                    self.fallen = next
                    return .held
                }
                grow(level, fallen, counterGrowth(from: level.value, to: fallen.value))
                grow(fallen, next, value - fallen.value)
                before = Self.goesOn(fallen.value, from: value) ? nil : fallen
                (self.level, self.fallen) = (next, nil)
                return .began
            }
            self.fallen = nil
        }
        if value == level.value {
            if level.place < 0 { self.level = next }
            return .believed
        }
        if Self.goesOn(value, from: level.value) {
            grow(level, next, value - level.value)
            before = Self.goesOn(level.value, from: value) ? nil : level
            self.level = next
            return .believed
        }
        guard let former = before, former.value > 0, Self.goesOn(value, from: former.value) else {
            fallen = next
            return .held
        }
        grow(former, level, former.value - level.value)
        grow(former, next, value - former.value)
        before = Self.goesOn(former.value, from: value) ? nil : former
        self.level = next
        return .dropped
    }

    /// Takes readings of which only the least, the greatest and the last are known. False, with nothing taken, where these
    /// do not say what they come to: where one may be a fall, a spike or a beginning.
    ///
    /// Exact: of readings that all lie within a tenth of each other none falls, so the growth is that from end to end.
    package mutating func take(
        min: Double, max: Double, last: Double, at place: Int, _ count: (Double, Int) -> Void
    ) -> Bool {
        guard let level, level.place >= 0 else { return false }
        if min == max {
            take(last, at: place, count)
            return true
        }
        let (least, most) = (Swift.min(min, level.value), Swift.max(max, level.value))
        guard fallen == nil, least > 0, least >= most * 0.9 else { return false }
        count(last - level.value, place)
        self.level = Mark(value: last, place: place)
        before = nil
        return true
    }

    /// Takes readings of which no more is left than this. What they came to is a guess where they fell: a spike where most
    /// of them lie near the level from before, a beginning else.
    package mutating func guess(
        min: Double, max: Double, mean: Double, last: Double, at place: Int, _ count: (Double, Int) -> Void
    ) {
        defer {
            level = Mark(value: last, place: place)
            (before, fallen) = (nil, nil)
        }
        guard let level, level.place >= 0 else {
            // As if it rose evenly, so that its mean tells where it began.
            if last == max { count(last - Swift.max(min, Swift.min(last, 2 * mean - last)), place) }
            return
        }
        let hasFallen = !Self.goesOn(min, from: level.value)
        let isSpike = Self.goesOn(last, from: level.value) && mean >= min + (level.value - min) * 0.7
        if hasFallen, !isSpike {
            count(counterGrowth(from: level.value, to: min) + last - min, place)
        } else {
            count(last - level.value, place)
        }
    }

    /// An increase of readings up to `most` without the noise of their binary fractions: 12345.4 less 12345.1 is 0.3.
    package static func rounded(_ increase: Double, most: Double) -> Double {
        var (scale, size) = (1e14, Swift.max(most.magnitude, increase.magnitude))
        while size >= 1, scale > 1 {
            size /= 10
            scale /= 10
        }
        let scaled = increase * scale
        return scaled.magnitude < 0x1p53 ? scaled.rounded() / scale : increase
    }
}

/// What a counter grew by from one reading to the next, both believed.
///
/// 1. A rise counts as it is.
/// 2. A fall by at most a tenth is a step back: it counts as negative.
/// 3. A fall from the last hundredth below a roll-over limit to the first hundredth above zero is a roll-over: the way
///    over the limit. Limits are powers of ten from 1000 (displays) and 2^16, 2^24 and 2^32, each also in tenths,
///    hundredths and thousandths (registers with a scale). A reset that looks like one is wrong by a hundredth of the
///    limit at most.
/// 4. Any other fall is a reset: the counter began at 0 again and has come to the new value.
package func counterGrowth(from earlier: Double, to later: Double) -> Double {
    if CounterWalk.goesOn(later, from: earlier) { return later - earlier }
    for limit in rollOverLimits where earlier >= limit * 0.99 && earlier <= limit && later <= limit * 0.01 {
        return limit - earlier + later
    }
    return later
}

private let rollOverLimits: [Double] = {
    let registers = [65_536.0, 16_777_216, 4_294_967_296].flatMap { limit in
        [1, 10, 100, 1000].map { limit / $0 }
    }
    let displays = (3...12).map { power in (0..<power).reduce(1.0) { product, _ in product * 10 } }
    return registers + displays
}()
