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
        /// When that was received.
        var receivedAt: Int64 = 0
        var heardAt = Int64.min
        /// Least delays of the last groups, in milliseconds; a ring.
        var leasts = SIMD8<Int32>(repeating: .max)
        var leastCount: UInt8 = 0
        var nextLeast: UInt8 = 0
        /// The median of `leasts`; 0 without any.
        var skew: Int32 = 0
        /// The group that is filling.
        var least = Int32.max
        var inGroup: UInt8 = 0
    }

    private static let groupSize: UInt8 = 8
    private static let groupsMax: UInt8 = 5

    private var clocks: [Clock] = []

    /// Every clock is taken to be right.
    public init() {}

    /// Takes note of one turn: who was heard when, and the readings that came. What was imported says nothing about a clock.
    public mutating func absorb(_ turn: Turn, registry: SeriesRegistry) {
        switch turn.origin {
        case .imported: return
        case .live: break
        }
        for hearing in turn.heard {
            let place = hearing.device.index
            while clocks.count <= place { clocks.append(Clock()) }
            clocks[place].heardAt = max(clocks[place].heardAt, hearing.at.milliseconds)
        }
        // The readings of a message stand together.
        var last: Reading?
        for reading in turn.fresh {
            if let last, last.observed == reading.observed, last.series.rawValue &+ 1 == reading.series.rawValue,
                registry.series[last.series.index].device == registry.series[reading.series.index].device
            {
                // Seen with the reading before.
            } else {
                note(registry.series[reading.series.index].device, reading.observed.milliseconds)
            }
            last = reading
        }
    }

    private mutating func note(_ device: DeviceIndex, _ observed: Int64) {
        guard device.index < clocks.count else { return }
        var clock = clocks[device.index]
        let received = clock.heardAt
        guard received != .min, observed > clock.watermark else { return }
        let before = clock
        clock.watermark = observed
        clock.receivedAt = received
        if before.watermark != .min, received > before.receivedAt,
            observed - before.watermark <= 2 * (received - before.receivedAt)
        {
            clock.least = min(before.least, Int32(clamping: received - observed))
            clock.inGroup += 1
            if clock.inGroup == Self.groupSize { clock.endGroup(Int(Self.groupsMax)) }
        }
        clocks[device.index] = clock
    }

    /// How far the device's clock is behind ours, the usual way of its messages included; negative where it is ahead. nil
    /// before the first nine deliveries.
    public func skew(of device: DeviceIndex) -> Duration? {
        guard device.index < clocks.count, clocks[device.index].leastCount > 0 else { return nil }
        return .milliseconds(Int64(clocks[device.index].skew))
    }

    /// The newest observed time of the device; nil before its first reading.
    public func watermark(of device: DeviceIndex) -> Timestamp? {
        guard device.index < clocks.count, clocks[device.index].watermark != .min else { return nil }
        return Timestamp(milliseconds: clocks[device.index].watermark)
    }

    /// How old the newest reading of the device was when it came, by our clock: what its skew explains does not count.
    /// Large while a backlog comes in. Zero before the first reading.
    public func backlog(of device: DeviceIndex) -> Duration {
        guard device.index < clocks.count, clocks[device.index].watermark != .min else { return .zero }
        let delay = Duration.milliseconds(clocks[device.index].receivedAt - clocks[device.index].watermark)
        return max(.zero, delay - max(.zero, skew(of: device) ?? .zero))
    }

    // MARK: State to bytes and back

    /// Little endian, version first.
    public func state() -> [UInt8] {
        var writer = StateWriter()
        writer.append(UInt32(1))
        writer.append(UInt32(clocks.count))
        for clock in clocks {
            writer.append(clock.watermark)
            writer.append(clock.receivedAt)
            writer.append(clock.heardAt)
            writer.append(clock.least)
            writer.append(clock.inGroup)
            writer.append(clock.nextLeast)
            writer.append(clock.leastCount)
            for index in 0..<Int(clock.leastCount) { writer.append(clock.leasts[index]) }
        }
        return writer.bytes
    }

    /// nil when the bytes are not a state of this version.
    public init?(state: [UInt8]) {
        var reader = StateReader(state)
        guard reader.next(UInt32.self) == 1, let count = reader.next(UInt32.self) else { return nil }
        for _ in 0..<count {
            var clock = Clock()
            guard let watermark = reader.next(Int64.self), let receivedAt = reader.next(Int64.self),
                let heardAt = reader.next(Int64.self), let least = reader.next(Int32.self),
                let inGroup = reader.next(UInt8.self), let nextLeast = reader.next(UInt8.self),
                let leastCount = reader.next(UInt8.self), inGroup < Self.groupSize, leastCount <= Self.groupsMax,
                nextLeast == leastCount % Self.groupsMax || leastCount == Self.groupsMax && nextLeast < leastCount,
                [watermark, receivedAt, heardAt].allSatisfy({ $0 == .min || $0.magnitude < 1 << 52 })
            else { return nil }
            (clock.watermark, clock.receivedAt, clock.heardAt) = (watermark, receivedAt, heardAt)
            (clock.least, clock.inGroup) = (least, inGroup)
            (clock.nextLeast, clock.leastCount) = (nextLeast, leastCount)
            for index in 0..<Int(leastCount) {
                guard let least = reader.next(Int32.self) else { return nil }
                clock.leasts[index] = least
            }
            clock.findSkew()
            clocks.append(clock)
        }
        guard reader.isAtEnd else { return nil }
    }
}

extension DeviceClocks.Clock {
    mutating func endGroup(_ groupsMax: Int) {
        leasts[Int(nextLeast)] = least
        leastCount = UInt8(min(groupsMax, Int(leastCount) + 1))
        nextLeast = UInt8((Int(nextLeast) + 1) % groupsMax)
        least = .max
        inGroup = 0
        findSkew()
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
