import Basics
import Profiles
import Telemetry
import Testing
import TestSupport

@testable import Decoding

/// How fast names become known, by the time that the decoder is told.
@Suite("New names")
struct NewNamesTests {
    private static let profile = """
        profile: test
        rules:
        - topic: "one/{_}"
          device: "{/d}"
          read: {voltage: /u}
        - topic: "own/{d}"
          device: "{d}"
          read: {voltage: /u}
        - topic: "parts/{d}"
          device: "{d}"
          each: /*
          channel: "{@key}"
          read: {voltage: .}
        """

    /// A decoder with its registry, and the clock that it is told.
    private struct Town: ~Copyable {
        var decoder: MessageDecoder
        var registry = SeriesRegistry()
        var batch = DecodedBatch()
        var now = SteadyTime(milliseconds: 5_000_000)

        init(perTopic: (Int, Int), inAll: (Int, Int), expected: Set<ByteName> = []) throws {
            let catalog = try DeviceCatalog.compile([ProfileSource(path: "test.yaml", text: profile)])
            var limits = DecodingLimits()
            var rates = NameRates()
            rates.perTopic = NameRates.Bucket(burst: perTopic.0, perMinute: perTopic.1)
            rates.inAll = NameRates.Bucket(burst: inAll.0, perMinute: inAll.1)
            limits.newNames = rates
            decoder = MessageDecoder(catalog: catalog, limits: limits, expectedDevices: expected)
        }

        /// Returns the reasons of what was rejected.
        mutating func hear(_ messages: [(topic: String, payload: String)]) -> [Reject.Reason] {
            var all = MessageBatch()
            for message in messages {
                all.append(topic: message.topic, payload: Array(message.payload.utf8), receivedAt: Bench.received)
            }
            batch.removeAll()
            decoder.tell(now)
            decoder.decode(all, into: &batch, registry: &registry)
            return batch.rejects.map(\.reason)
        }
    }

    private func invented(_ range: Range<Int>, topic: String = "one/x") -> [(topic: String, payload: String)] {
        range.map { (topic, #"{"d":"made-up-\#($0)","u":230}"#) }
    }

    @Test("one topic that invents devices is stopped, keeps what it brought, and goes on as its bucket refills")
    func oneTopic() throws {
        var town = try Town(perTopic: (100, 60), inAll: (10_000, 60_000))
        // A device and its series are two names.
        let refused = town.hear(invented(0..<200))
        #expect(refused.count == 150 && refused.allSatisfy { $0 == .newNames })
        #expect(town.registry.deviceCount == 50 && town.batch.readings.count == 50)
        let reject = try #require(town.batch.rejects.first)
        #expect(reject.topic == "one/x" && !reject.payload.isEmpty)
        #expect(reject.detail.contains("100 at once and then 60 a minute"), "\(reject.detail)")
        #expect(town.decoder.refusedNames.count == 150)
        #expect(town.decoder.refusedNames.topics.map(\.topic) == ["one/x"])
        // Whoever is known is heard, and other topics bring theirs.
        #expect(town.hear(invented(0..<50)) == [])
        #expect(town.hear([("own/lamp", #"{"u":231}"#)]) == [])
        // A name that was refused comes in once there is room.
        #expect(town.hear(invented(199..<200)) == [.newNames])
        town.now = town.now + .seconds(2)
        #expect(town.hear(invented(199..<200)) == [])
        #expect(town.registry.device(named: "made-up-199") != nil)
    }

    @Test("many topics are held by the bucket of all, which lets a new city in within minutes")
    func manyTopics() throws {
        var town = try Town(perTopic: (500, 60), inAll: (1000, 6000))
        var left = (0..<3000).map { ("own/lamp-\($0)", #"{"u":230}"#) }
        var seconds = 0
        while !left.isEmpty, seconds < 120 {
            _ = town.hear(left)
            let registry = town.registry
            left.removeAll { message in registry.device(named: String(message.0.dropFirst(4))) != nil }
            town.now = town.now + .seconds(1)
            seconds += 1
        }
        // 6000 names, of which 1000 at once and then 100 a second.
        #expect(left.isEmpty && (45...60).contains(seconds), "\(left.count) left after \(seconds) s")
    }

    @Test("channels are names, and of a device of the roster only they are counted")
    func channels() throws {
        var town = try Town(perTopic: (10, 60), inAll: (10_000, 60_000), expected: ["meter", "lamp"])
        _ = town.registry.intern(device: "meter", profile: "test")
        _ = town.registry.intern(device: "lamp", profile: "test")
        let many = "{" + (0..<40).map { "\"c\($0)\":230" }.joined(separator: ",") + "}"
        #expect(town.hear([("parts/meter", many)]).contains(.newNames))
        // A channel and its series are two names.
        #expect(town.registry.seriesCount == 5 && town.batch.readings.count == 5)
        #expect(town.hear([("own/lamp", #"{"u":1}"#)]) == [])
        for _ in 0..<3 { _ = town.hear([("parts/meter", many)]) }
        #expect(town.registry.seriesCount == 6)
    }

    @Test("a new decoder goes on with the buckets of the one before")
    func follow() throws {
        var town = try Town(perTopic: (20, 1), inAll: (10_000, 60_000))
        _ = town.hear(invented(0..<20))
        var next = try Town(perTopic: (20, 1), inAll: (10_000, 60_000))
        next.decoder.follow(town.decoder)
        #expect(next.hear(invented(100..<101)) == [.newNames])
    }

    @Test("a batch is decoded in parts, each message once, and none is left")
    func parts() throws {
        for seed in 1...8 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            var whole = try Town(perTopic: (10_000, 1), inAll: (10_000, 1))
            var parted = try Town(perTopic: (10_000, 1), inAll: (10_000, 1))
            var messages = MessageBatch()
            for number in 0..<Int.random(in: 1...300, using: &random) {
                messages.append(
                    topic: "own/lamp-\(number % 7)", payload: Array(#"{"u":\#(number)}"#.utf8),
                    receivedAt: Bench.received)
            }
            whole.decoder.decode(messages, into: &whole.batch, registry: &whole.registry)
            var (next, turns) = (0, 0)
            while next < messages.count {
                let before = next
                var part = DecodedBatch()
                let isDue = Bool.random(using: &random)
                next = parted.decoder.decode(
                    messages, from: next, readingsMax: Int.random(in: 1...64, using: &random), into: &part,
                    registry: &parted.registry
                ) { isDue }
                #expect(next > before, "seed \(seed)")
                parted.batch.readings += part.readings
                turns += 1
            }
            #expect(parted.batch.readings == whole.batch.readings, "seed \(seed)")
            #expect(turns > 1 || messages.count <= 64, "seed \(seed)")
        }
    }
}
