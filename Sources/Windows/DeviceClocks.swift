public import Basics
public import Telemetry

/// What each device's clock is worth: its newest observed time, and how far its clock is behind ours.
///
/// The skew is estimated from the delay of deliveries, received less observed, which is the clock's error and the way
/// taken together: the median of the last five groups of eight deliveries, of each group the least delay. The least,
/// because ways only add (as NTP's clock filter takes the delay that waited least, RFC 5905, section 10); the median,
/// because one wrong time must not count. A delivery counts only when the device's time went on at most twice as fast as
/// ours since the one before: a backlog that is caught up with has delays, but says nothing about the clock.
public struct DeviceClocks: Equatable, Sendable {
    fileprivate struct Clock: Equatable, Sendable {
        /// The newest observed time, its own watermark: a fast clock makes no other device late.
        var watermark = Int64.min
        /// When that was received, and when the device was heard last, by the steady clock.
        var receivedAt: Int64 = 0
        var heardAt = Int64.min
        /// How far the wall clock that the newest time goes with was ahead of the steady one.
        var wallAhead: Int64 = 0
        /// Least delays of the last groups, in milliseconds of the steady clock; a ring.
        var leasts = SIMD8<Int64>(repeating: .max)
        var leastCount: UInt8 = 0
        var nextLeast: UInt8 = 0
        /// The median of `leasts`; 0 without any.
        var skew: Int64 = 0
        /// The group that is filling.
        var least = Int64.max
        var inGroup: UInt8 = 0
    }

    private static let groupSize: UInt8 = 8
    private static let setMilliseconds: Int64 = 60_000
    private static let groupsMax: UInt8 = 5

    private var clocks: [Clock] = []
    /// How far the wall clock was ahead of the steady one in the newest turn: delays are counted by that one, so that a step of
    /// the wall clock makes no device early or late.
    private var wallAhead: Int64 = 0

    /// Every clock is taken to be right.
    public init() {}

    /// Takes note of one turn: who was heard when, and the readings that came. What was imported says nothing about a clock.
    public mutating func absorb(_ turn: Turn, registry: SeriesRegistry) {
        switch turn.origin {
        case .imported: return
        case .live: break
        }
        wallAhead = turn.moment.wallAhead.milliseconds
        for hearing in turn.heard where !hearing.isRetained {
            let place = hearing.device.index
            while clocks.count <= place { clocks.append(Clock()) }
            let passed = max(0, turn.now.milliseconds - hearing.at.milliseconds)
            clocks[place].heardAt = turn.moment.steady.milliseconds - passed
        }
        // The readings of a message stand together.
        var last: Reading?
        for reading in turn.fresh {
            if let last, last.observed == reading.observed, last.series.rawValue &+ 1 == reading.series.rawValue,
                registry.series[last.series.index].device == registry.series[reading.series.index].device
            {
                // Seen with the reading before.
            } else {
                take(registry.series[reading.series.index].device, reading.observed.milliseconds, turn.moment)
            }
            last = reading
        }
    }

    private mutating func take(_ device: DeviceIndex, _ observed: Int64, _ moment: Moment) {
        guard device.index < clocks.count else { return }
        var clock = clocks[device.index]
        let received = clock.heardAt
        guard received != .min, observed != clock.watermark,
            TimeFence.follows(observed, newest: clock.watermark, at: moment.wall.milliseconds)
        else { return }
        let before = clock
        clock.watermark = observed
        clock.receivedAt = received
        clock.wallAhead = before.wallAhead(of: observed, receivedAt: received, now: wallAhead)
        // A way only adds, so delays far below what is usual are of a clock that was set, and two of them no single slip.
        let isBelow = before.leastCount > 0 && received - observed < before.skew - Self.setMilliseconds
        if before.watermark != .min, observed < before.watermark {
            // Back from a time that lay ahead: the one or the other clock was set.
            clock.forgetDelays()
        } else if isBelow, before.inGroup > 0, before.least < before.skew - Self.setMilliseconds {
            clock.forgetDelays()
        } else if isBelow {
            (clock.least, clock.inGroup) = (received - observed, 1)
        } else if before.watermark != .min, received > before.receivedAt, observed > before.watermark,
            observed - before.watermark <= 2 * (received - before.receivedAt)
        {
            clock.least = min(before.least, received - observed)
            clock.inGroup += 1
            if clock.inGroup == Self.groupSize { clock.endGroup(Int(Self.groupsMax)) }
        }
        clocks[device.index] = clock
    }

    /// How far the device's clock is behind ours, the usual way of its messages included; negative where it is ahead. nil
    /// before the first nine deliveries.
    public func skew(of device: DeviceIndex) -> Duration? {
        guard device.index < clocks.count, clocks[device.index].leastCount > 0 else { return nil }
        return .milliseconds(clocks[device.index].skew + wallAhead)
    }

    /// The newest observed time of the device; nil before its first reading.
    public func watermark(of device: DeviceIndex) -> Timestamp? {
        guard device.index < clocks.count, clocks[device.index].watermark != .min else { return nil }
        return Timestamp(milliseconds: clocks[device.index].watermark)
    }

    /// How old the newest reading of the device was when it came: what its skew explains does not count. Large while a backlog
    /// comes in. Zero before the first reading.
    public func backlog(of device: DeviceIndex) -> Duration {
        guard device.index < clocks.count, clocks[device.index].watermark != .min else { return .zero }
        let clock = clocks[device.index]
        let delay = clock.receivedAt - clock.watermark
        // Before the skew is known the clocks are taken to be right, ours as it was then: a step since made nothing older.
        return .milliseconds(max(0, clock.leastCount > 0 ? delay - clock.skew : delay + clock.wallAhead))
    }

    /// How old a reading of the device is: the time that ran since its newest one came, how old that was then, and how much
    /// this one is older. Never negative; by the wall clock for a device that never gave a reading.
    public func age(of device: DeviceIndex, observed: Timestamp, at moment: Moment) -> Duration {
        guard device.index < clocks.count, clocks[device.index].watermark != .min else {
            return max(.zero, moment.wall - observed)
        }
        let clock = clocks[device.index]
        let since = moment.steady.milliseconds - clock.receivedAt
        return max(.zero, .milliseconds(since + clock.watermark - observed.milliseconds) + backlog(of: device))
    }

    /// What the present is called in the device's own times: as by the wall clock that its newest reading went with, which
    /// nobody set since, unless the two are known to be more than a minute apart. Then one of them is wrong, and a short window
    /// of the device would be empty by the other.
    public func present(of device: DeviceIndex, at moment: Moment) -> Timestamp {
        guard device.index < clocks.count, clocks[device.index].watermark != .min else { return moment.wall }
        let clock = clocks[device.index]
        let wall = Timestamp(milliseconds: moment.steady.milliseconds + clock.wallAhead)
        guard clock.leastCount > 0 else { return wall }
        let present = Timestamp(milliseconds: moment.steady.milliseconds - clock.skew)
        let apart = wall - present
        return apart > .seconds(60) || apart < .seconds(-60) ? present : wall
    }

    /// The devices whose clocks are further from ours than `limit`, by place, and by how much: negative where one is ahead, as
    /// its newest time tells, or its usual delay. `speaking` is of how many that could be told: one that was not heard for a
    /// day says nothing, nor can one that was heard too seldom be called behind.
    public func astray(
        by limit: Duration, at moment: Moment
    ) -> (found: [(device: DeviceIndex, skew: Duration)], speaking: Int) {
        var (found, speaking): ([(device: DeviceIndex, skew: Duration)], Int) = ([], 0)
        for (index, clock) in clocks.enumerated() where clock.watermark != .min {
            guard moment.steady.milliseconds - clock.heardAt < 86_400_000 else { continue }
            speaking += 1
            let device = DeviceIndex(rawValue: UInt32(index))
            let usual = skew(of: device)
            // One reading of a time that did not come yet is enough.
            let newest = Duration.milliseconds(clock.receivedAt - clock.watermark + wallAhead)
            if let usual, usual > limit || usual < .zero - limit {
                found.append((device, usual))
            } else if newest < .zero - limit {
                found.append((device, newest))
            }
        }
        return (found, speaking)
    }

    /// Takes a device's clock to be right again, as before its first reading; when it was heard stays.
    public mutating func forget(_ device: DeviceIndex) {
        guard device.index < clocks.count else { return }
        let heardAt = clocks[device.index].heardAt
        clocks[device.index] = Clock()
        clocks[device.index].heardAt = heardAt
    }

    // MARK: State to bytes and back

    /// Little endian, version first.
    public func state() -> [UInt8] {
        var writer = StateWriter()
        writer.append(UInt32(3))
        writer.append(wallAhead)
        writer.append(UInt32(clocks.count))
        for clock in clocks {
            writer.append(clock.watermark)
            writer.append(clock.receivedAt)
            writer.append(clock.heardAt)
            writer.append(clock.wallAhead)
            writer.append(clock.least)
            writer.append(clock.inGroup)
            writer.append(clock.nextLeast)
            writer.append(clock.leastCount)
            for index in 0..<Int(clock.leastCount) { writer.append(clock.leasts[index]) }
        }
        return writer.bytes
    }

    /// nil when the bytes are not a state of a version that is known. In the first there was the wall clock alone: the steady
    /// time began with its numbers. Up to the second all devices went with the wall clock of the newest turn.
    public init?(state: [UInt8]) {
        var reader = StateReader(state)
        guard let version = reader.next(UInt32.self), (1...3).contains(version) else { return nil }
        if version > 1 {
            guard let ahead = reader.next(Int64.self) else { return nil }
            wallAhead = ahead
        }
        guard let count = reader.next(UInt32.self) else { return nil }
        for _ in 0..<count {
            var clock = Clock()
            guard let watermark = reader.next(Int64.self), let receivedAt = reader.next(Int64.self),
                let heardAt = reader.next(Int64.self),
                let ahead = version < 3 ? wallAhead : reader.next(Int64.self),
                let least = reader.nextDelay(version),
                let inGroup = reader.next(UInt8.self), let nextLeast = reader.next(UInt8.self),
                let leastCount = reader.next(UInt8.self), inGroup < Self.groupSize, leastCount <= Self.groupsMax,
                nextLeast == leastCount % Self.groupsMax || leastCount == Self.groupsMax && nextLeast < leastCount,
                [watermark, receivedAt, heardAt].allSatisfy({ $0 == .min || $0.magnitude < 1 << 52 })
            else { return nil }
            (clock.watermark, clock.receivedAt, clock.heardAt) = (watermark, receivedAt, heardAt)
            clock.wallAhead = ahead
            (clock.least, clock.inGroup) = (least, inGroup)
            (clock.nextLeast, clock.leastCount) = (nextLeast, leastCount)
            for index in 0..<Int(leastCount) {
                guard let least = reader.nextDelay(version) else { return nil }
                clock.leasts[index] = least
            }
            clock.findSkew()
            clocks.append(clock)
        }
        guard reader.isAtEnd else { return nil }
    }
}

extension StateReader {
    /// Delays had 32 bits in the first version.
    fileprivate mutating func nextDelay(_ version: UInt32) -> Int64? {
        guard version == 1 else { return next(Int64.self) }
        return next(Int32.self).map { $0 == .max ? .max : Int64($0) }
    }
}

extension DeviceClocks.Clock {
    /// The wall clock that a device's next reading goes with, as far as it is ahead of the steady one: where that was set, a
    /// device that stamps by itself goes on with the one of before, and one that leaves it to us with the one of now.
    func wallAhead(of observed: Int64, receivedAt received: Int64, now: Int64) -> Int64 {
        guard watermark != .min, abs(now - wallAhead) >= ClockStep.least.milliseconds else { return now }
        return abs(received + wallAhead - observed) < abs(received + now - observed) ? wallAhead : now
    }

    mutating func endGroup(_ groupsMax: Int) {
        leasts[Int(nextLeast)] = least
        leastCount = UInt8(min(groupsMax, Int(leastCount) + 1))
        nextLeast = UInt8((Int(nextLeast) + 1) % groupsMax)
        least = .max
        inGroup = 0
        findSkew()
    }

    mutating func forgetDelays() {
        (leastCount, nextLeast, skew) = (0, 0, 0)
        (least, inGroup) = (.max, 0)
    }

    /// The median, which as many are below as above; of an even number the lower one.
    mutating func findSkew() {
        for index in 0..<Int(leastCount) {
            var rank = 0
            for other in 0..<Int(leastCount) {
                if leasts[other] < leasts[index] || (leasts[other] == leasts[index] && other < index) { rank += 1 }
            }
            if rank == (Int(leastCount) - 1) / 2 { skew = leasts[index] }
        }
    }
}
