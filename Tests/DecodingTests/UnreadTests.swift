import Telemetry
import Testing

@testable import Decoding
@testable import Profiles

@Suite("A message that gives no reading")
struct UnreadTests {
    private static let profile = """
        profile: p
        rules:
        - topic: "t/{d}/state"
          device: "{d}"
          read: {active_power: /p}
        - topic: "t/{d}/link"
          format: text
          device: "{d}"
          status: {up: online, down: offline}
        - topic: "t/{d}/table"
          device: "{d}"
          table: {key: /k, value: /v, rows: {power: {active_power: {unit: W}}}}
        - topic: "t/{d}/list"
          each: /items/*
          device: "{d}"
          read: {active_power: /p}
        - topic: "t/{d}/timed"
          device: "{d}"
          time: [{at: /ts, as: s}]
          read: {active_power: /p}
        - topic: "t/{d}/noise"
          ignore: true
        - topic: "t/{d}/named-noise"
          device: "{d}"
          ignore: true
        - topic: "t/{d}/birth"
          hold: {key: "{d}", keep: {size: /size}}
        - topic: "gw/list"
          each: /*
          device: "{/d}"
          read: {active_power: /p}
        """

    private func notes(_ bench: borrowing Bench) -> [String] {
        bench.batch.unread.map { unread in
            let device = unread.device.map { bench.registry.devices[$0.index].name } ?? "-"
            let topic = String(decoding: bench.batch.unreadTopics[unread.topic], as: UTF8.self)
            return "\(device) \(unread.cause.rawValue) \(topic)"
        }
    }

    @Test(
        "is noted once, with its device and why",
        arguments: [
            ("t/d/state", "{}", "d nothing-read"), ("t/d/state", #"{"p":null}"#, "d nothing-read"),
            ("t/d/state", #"{"p":""}"#, "d nothing-read"), ("t/d/state", #"{"p":"n/a!"}"#, "d unexpected-value"),
            ("t/d/state", #"{"p":[1]}"#, "d unexpected-value"), ("t/d/state", #"{"p":1e9}"#, "d implausible"),
            ("t/d/state", "{", "d malformed"), ("t/d/state", "", "d cleared"),
            ("t/d/link", "up", "d status-only"), ("t/d/link", "sideways", "d unexpected-value"),
            ("t/d/table", #"{"k":"other","v":1}"#, "d no-row"), ("t/d/table", #"{"k":"power"}"#, "d nothing-read"),
            ("t/d/list", #"{"items":[]}"#, "d empty-list"),
            ("t/d/list", #"{"items":[{},{"p":null}]}"#, "d nothing-read"),
            ("t/d/list", "{}", "d no-rule"),
            ("t/d/timed", #"{"ts":1,"p":5}"#, "d unusable-time"), ("t/d/noise", "x", "- ignored"),
            ("t/d/named-noise", "x", "d ignored"), ("t/d/birth", #"{"size":3}"#, "- held"),
            ("nobody/knows", "x", "- unknown-topic"),
        ])
    func isNoted(topic: String, payload: String, expected: String) throws {
        var bench = try Bench(profile: Self.profile)
        bench.decode("t/d/state", #"{"p":1}"#)
        #expect(notes(bench) == [] && bench.lines.count == 1)
        bench.decode(topic, payload)
        #expect(notes(bench) == ["\(expected) \(topic)"])
        #expect(bench.lines.count == 1)
    }

    @Test("about several devices is noted for those that it gives no reading of")
    func ofSeveral() throws {
        var bench = try Bench(profile: Self.profile)
        bench.decode("gw/list", #"[{"d":"a","p":1},{"d":"b"},{"d":"a"},{"d":"c","p":"x"},{"d":"b"},{"p":1}]"#)
        #expect(notes(bench) == ["b nothing-read gw/list", "c unexpected-value gw/list"])
        bench.decode("gw/list", #"[{"p":1}]"#)
        #expect(notes(bench).dropFirst(2) == ["- no-device gw/list"])
    }

    /// The buffers are used again from turn to turn, and nothing is carried over.
    @Test("leaves the next turn alone")
    func nextTurn() throws {
        var bench = try Bench(profile: Self.profile)
        for _ in 0..<3 {
            bench.batch.removeAll()
            bench.decode("t/d/state", "{}")
            #expect(notes(bench) == ["d nothing-read t/d/state"])
        }
    }

    @Test("every cause has a name of its own, by which it is found again")
    func names() {
        let causes = Unread.Cause.allCases
        #expect(Set(causes.map(\.rawValue)).count == causes.count)
        #expect(causes.allSatisfy { Unread.Cause(rawValue: $0.rawValue) == $0 })
        #expect(Unread.Cause(rawValue: "never-heard-of") == nil)
    }
}
