public import Basics
public import Telemetry

/// What was refused because too many names came too fast.
public struct RefusedNames: Sendable {
    /// Since the gateway started.
    public var count: Int64 = 0
    /// When the newest was.
    public var lastAt: Timestamp?
    /// The first of the topics that brought them, with the number of each; beginnings of the topics.
    public var topics: [(topic: String, count: Int64)] = []

    /// Topics that are told by name.
    static let topicsMax = 64
}

/// The buckets that new names are taken from, by the time that the turn was told.
///
/// A name that finds its bucket empty is refused and may come again: the message is kept as a reject.
struct NewNames {
    /// Topics with a bucket of their own. Only those that brought names lately have one, for a full bucket need not be
    /// remembered; beyond so many the bucket of all must do.
    private static let topicsMax = 65_536

    private struct Level {
        var names: Double
        var at: SteadyTime

        mutating func refill(_ bucket: NameRates.Bucket, at now: SteadyTime) {
            let minutes = Double(max(0, (now - at).milliseconds)) / 60_000
            names = min(Double(bucket.burst), names + minutes * Double(bucket.perMinute))
            at = now
        }
    }

    /// nil: names may come as fast as they will.
    let rates: NameRates?
    var now = SteadyTime(milliseconds: 0)
    private var all: Level
    private var topics: [UInt64: Level] = [:]
    private(set) var refused = RefusedNames()
    /// By hash of the topic: where it stands in `refused.topics`.
    private var told: [UInt64: Int] = [:]

    init(_ rates: NameRates?) {
        self.rates = rates
        all = Level(names: Double(rates?.inAll.burst ?? 0), at: now)
    }

    enum Verdict { case taken, topicIsEmpty, allIsEmpty }

    /// Takes a name that `topic` brings. `isExpected`: the roster names whose it is, and no bucket counts it.
    mutating func take(_ topic: UnsafeRawBufferPointer, isExpected: Bool, at received: Timestamp) -> Verdict {
        guard let rates, !isExpected else { return .taken }
        all.refill(rates.inAll, at: now)
        let key = Self.hash(topic)
        guard all.names >= 1 else { return refuse(key, topic, received, .allIsEmpty) }
        var level = topics[key] ?? Level(names: Double(rates.perTopic.burst), at: now)
        level.refill(rates.perTopic, at: now)
        guard level.names >= 1 else { return refuse(key, topic, received, .topicIsEmpty) }
        level.names -= 1
        if topics[key] != nil || hasRoom(rates.perTopic) { topics[key] = level }
        all.names -= 1
        return .taken
    }

    /// Room for another topic, made by forgetting those whose buckets are full again.
    private mutating func hasRoom(_ bucket: NameRates.Bucket) -> Bool {
        guard topics.count >= Self.topicsMax else { return true }
        let now = now
        topics = topics.filter { _, level in
            var level = level
            level.refill(bucket, at: now)
            return level.names < Double(bucket.burst)
        }
        return topics.count < Self.topicsMax
    }

    private mutating func refuse(
        _ key: UInt64, _ topic: UnsafeRawBufferPointer, _ received: Timestamp, _ verdict: Verdict
    ) -> Verdict {
        refused.count += 1
        refused.lastAt = received
        if let place = told[key] {
            refused.topics[place].count += 1
        } else if told.count < RefusedNames.topicsMax {
            told[key] = refused.topics.count
            refused.topics.append((String(decoding: topic.prefix(Reject.topicBytesMax), as: UTF8.self), 1))
        }
        return verdict
    }

    /// Two topics of one hash share a bucket. Seeded by the process, so that nobody can aim at another's.
    private static func hash(_ topic: UnsafeRawBufferPointer) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(bytes: topic)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }
}

extension MessageDecoder {
    /// What was refused of new names so far.
    public var refusedNames: RefusedNames { newNames.refused }

    /// The time by which new names are counted; to be told before each batch.
    public mutating func tell(_ now: SteadyTime) { newNames.now = now }

    /// Goes on with the names that another decoder counted; the rates must be the same.
    public mutating func follow(_ other: borrowing MessageDecoder) { newNames = other.newNames }

    /// The device of a name that is not known yet; nil and a reject where it may not become known.
    @inline(never)
    mutating func newDevice(
        _ name: UnsafeRawBufferPointer, profile: String, _ batch: inout DecodedBatch, _ registry: inout SeriesRegistry
    ) -> DeviceIndex? {
        guard isUsableName(name) else {
            reject(.noDevice, "the device name is empty, too long, not UTF-8, or has control characters", &batch)
            return nil
        }
        guard registry.deviceCount < registry.limits.devicesMax else {
            reject(.cardinality, "the limit of \(registry.limits.devicesMax) devices is reached", &batch)
            return nil
        }
        guard mayBecomeKnown("a device", isExpected: false, device: nil, &batch) else { return nil }
        return registry.intern(device: name, profile: profile)
    }

    /// The series of the item in hand that is not known yet; nil and a reject where it may not become known.
    @inline(never)
    mutating func newSeries(
        _ quantity: Quantity, _ channel: ChannelIndex, _ batch: inout DecodedBatch, _ registry: inout SeriesRegistry
    ) -> SeriesID? {
        // What the vocabulary bounds is not invented; a channel can be.
        let isExpected = channel == .none && admission.expects(registry.devices[item.device.index].name)
        if registry.hasRoomForSeries,
            !mayBecomeKnown("a series", isExpected: isExpected, device: item.device, &batch)
        {
            return nil
        }
        if let fresh = registry.intern(device: item.device, quantity: quantity, channel: channel) { return fresh }
        reject(
            .cardinality, "the limit of \(registry.limits.seriesMax) series is reached", device: item.device, &batch)
        return nil
    }

    /// Whether a channel name may become known.
    @inline(never)
    mutating func newChannel(_ batch: inout DecodedBatch) -> Bool {
        mayBecomeKnown("a channel", isExpected: false, device: item.device, &batch)
    }

    private mutating func mayBecomeKnown(
        _ what: String, isExpected: Bool, device: DeviceIndex?, _ batch: inout DecodedBatch
    ) -> Bool {
        guard let rates = newNames.rates else { return true }
        let of: String
        switch newNames.take(message.topic, isExpected: isExpected, at: message.receivedAt) {
        case .taken: return true
        case .topicIsEmpty:
            of = "of one topic \(rates.perTopic.burst) at once and then \(rates.perTopic.perMinute) a minute"
        case .allIsEmpty: of = "of all topics \(rates.inAll.burst) at once and then \(rates.inAll.perMinute) a minute"
        }
        reject(.newNames, "\(what) is new, and names come too fast: \(of) become known", device: device, &batch)
        return false
    }
}
