import Basics
import Decoding
import Profiles
import Telemetry
import Testing

@Suite("Onboarding")
struct OnboardingTests {
    private static let profile = """
        profile: test
        rules:
        - topic: "{area}/{d}/data"
          device: "{d}"
          read: {voltage: /u, current: /i}
        """

    private func catalog() throws -> DeviceCatalog {
        try DeviceCatalog.compile([ProfileSource(path: "test.yaml", text: Self.profile)])
    }

    private func reasons(_ onboarding: Onboarding, _ topics: [String]) throws -> [String] {
        var decoder = MessageDecoder(catalog: try catalog(), onboarding: onboarding, expectedDevices: ["known"])
        var registry = SeriesRegistry()
        var batch = DecodedBatch()
        var messages = MessageBatch()
        for topic in topics {
            messages.append(topic: topic, payload: Array(#"{"u": 230}"#.utf8), receivedAt: Bench.received)
        }
        decoder.decode(messages, into: &batch, registry: &registry)
        #expect(registry.deviceCount + batch.rejects.count == topics.count)
        return batch.rejects.map { "\($0.topic) \($0.reason.rawValue) \($0.payload.count)" }
    }

    @Test("devices off the roster are taken in, kept for later, or refused, by topic")
    func policies() throws {
        let topics = ["north/known/data", "north/a/data", "south/b/data"]
        #expect(try reasons(Onboarding(), topics) == [])
        #expect(
            try reasons(Onboarding(unknown: .quarantine), topics) == [
                "north/a/data quarantined 10", "south/b/data quarantined 10",
            ])
        let mixed = Onboarding(unknown: .accept, exceptions: [.init(topics: "south/+/data", answer: .refuse)])
        #expect(try reasons(mixed, topics) == ["south/b/data refused 0"])
        let reverse = Onboarding(unknown: .refuse, exceptions: [.init(topics: "south/#", answer: .accept)])
        #expect(try reasons(reverse, topics) == ["north/a/data refused 0"])
    }

    @Test("a profile brings no more devices than its limit; those it has go on")
    func devicesPerProfile() throws {
        var limits = DecodingLimits()
        limits.devicesPerProfileMax = 2
        var bench = Bench(try catalog(), limits: limits)
        for name in ["a", "b", "c", "a"] { bench.decode("x/\(name)/data", #"{"u": 230}"#) }
        #expect(bench.batch.readings.count == 3)
        #expect(bench.batch.rejects.map(\.reason) == [.cardinality])
    }

    @Test("values that always came and come no more are told once, after twenty messages, and the new shape is learnt")
    func shapeChange() throws {
        var bench = Bench(try catalog())
        func send(_ count: Int, _ payload: String) { for _ in 0..<count { bench.decode("x/a/data", payload) } }
        send(150, #"{"u": 230, "i": 1}"#)
        // A value that fails now and then is no change.
        send(19, #"{"u": 230, "i": null}"#)
        send(5, #"{"u": 230, "i": 1}"#)
        #expect(bench.batch.rejects.isEmpty)
        send(60, #"{"u": 230, "current": 1}"#)
        #expect(bench.batch.rejects.map(\.reason) == [.shapeChanged])
        #expect(bench.batch.rejects.first?.detail.hasPrefix("current: ") == true)
        send(300, #"{"u": 230}"#)
        #expect(bench.batch.rejects.count == 1 && bench.batch.readings.count == 689)
        // One that never had the habit tells nothing.
        for index in 0..<300 { bench.decode("x/b/data", index % 2 == 0 ? #"{"u": 1}"# : #"{"i": 1}"#) }
        #expect(bench.batch.rejects.count == 1)
    }
}
