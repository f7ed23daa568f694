import Authoring
import Basics
import Decoding
import Profiles
import Telemetry
import Testing

@Suite("Replay of rejects")
struct ReplayTests {
    static let received = Timestamp(milliseconds: 1_772_705_700_000)

    func kept(_ id: Int64, _ topic: String, _ payload: String, bytes: Int? = nil) -> MessageReplay.Kept {
        MessageReplay.Kept(
            ids: [id], topic: topic, payload: Array(payload.utf8), payloadByteCount: bytes ?? payload.utf8.count,
            received: Self.received)
    }

    @Test("messages decode at their own times, and what cannot be is told")
    func outcomes() throws {
        let catalog = try DeviceCatalog.compile([
            ProfileSource(
                path: "p.yaml",
                text: """
                    profile: p
                    rules:
                    - topic: "p/{d}"
                      device: "{d}"
                      time: [{at: /t, as: s}]
                      read: {active_power: {from: /w, unit: kW}, voltage: {from: /u, unit: V, channel: l1}}
                    """)
        ])
        var decoder = MessageDecoder(catalog: catalog)
        let replay = MessageReplay(
            [
                kept(1, "p/a", #"{"w":1.5,"t":1772705600}"#), kept(2, "p/a", #"{"w":1.5"#, bytes: 5000),
                kept(3, "p/b", #"{"w":2,"u":99999}"#), kept(4, "q/b", "{}"), kept(5, "p/b", "{}"),
                kept(6, String(repeating: "p", count: 512), "{}"),
            ], &decoder)
        #expect(
            replay.outcomes.map(\.description) == [
                "1 reading", "left: the store kept only the beginning of it",
                "1 reading, and still implausible: voltage: 99999.0 V is outside 0.0 to 1000.0",
                "still unknown-topic: no profile has a rule for this topic",
                "no reading: a status, missing values, or ignored", "left: the store kept only the beginning of it",
            ])
        #expect(replay.readings.map(\.message) == [0, 2])
        let first = try #require(replay.readings.first?.reading)
        #expect(first.device == "a" && first.profile == "p" && first.value == 1500 && first.channel.isEmpty)
        #expect(first.observed == Timestamp(milliseconds: 1_772_705_600_000))
        #expect(replay.readings[1].reading.observed == Self.received)
    }
}
