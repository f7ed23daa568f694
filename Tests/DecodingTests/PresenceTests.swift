import Basics
import Decoding
import Telemetry
import Testing

/// What is absent, empty or around the item may choose the rule too.
@Suite("Presence")
struct PresenceTests {
    @Test(
        "absent is a condition: no such key, or null",
        arguments: [
            ("{\"p\":1}", ["d active_power 1.0"]), ("{\"p\":1,\"k\":null}", ["d active_power 1.0"]),
            ("{\"p\":1,\"k\":0}", ["d-0 active_power 1.0"]), ("{\"p\":1,\"k\":\"\"}", []),
        ])
    func absent(payload: String, expected: [String]) throws {
        var bench = try Bench(
            profile: """
                profile: p
                rules:
                - {topic: "t/{d}", when: {/k: absent}, device: "{d}", read: {active_power: /p}}
                - {topic: "t/{d}", when: {/k: [0, 1]}, device: "{d}-{/k}", read: {active_power: /p}}
                - {topic: "t/{d}", when: {/k: "absent"}, device: word, read: {active_power: /p}}
                """)
        bench.decode("t/d", payload)
        #expect(bench.lines == expected.map { $0 + " @2026-03-05T10:15:00Z" })
    }

    @Test(
        "the empty payload has a rule of its own, and other rules of JSON do not see it", arguments: ["json", "text"])
    func emptyPayload(format: String) throws {
        var bench = try Bench(
            profile: """
                profile: p
                rules:
                - {topic: "t/{d}", format: \(format), when: {.: absent}, device: "{d}", status: offline}
                - {topic: "t/{d}", device: "{d}", read: {active_power: .}, status: online}
                - {topic: "u/{d}", device: "{d}", read: {active_power: .}}
                """)
        bench.decode("t/d", "7")
        #expect(bench.lines == ["d active_power 7.0 @2026-03-05T10:15:00Z"])
        bench.decode("t/d", "")
        bench.decode("u/d", "")
        #expect(bench.batch.statuses.map(\.isOnline) == [true, false])
        #expect(bench.batch.rejects.isEmpty && bench.batch.emptyMessages == 1 && bench.lines.count == 1)
    }

    @Test("inside two iterations, the key of the outer one is @outer")
    func outerKey() throws {
        var bench = try Bench(
            profile: """
                profile: p
                rules:
                - topic: t
                  each: /*/*
                  device: "{@outer}"
                  read: {active_power: /p, voltage: {from: /u/*, channel: "{@outer}-{@index}"}}
                """)
        bench.decode("t", #"{"a\u002e1":[{"p":1},{"p":2}],"b":{"x":{"u":[5]}},"c":[]}"#)
        let time = " @2026-03-05T10:15:00Z"
        // Without a time of its own each item is a reading; the store tells their times apart.
        #expect(
            bench.lines.sorted() == [
                "a.1 active_power 1.0\(time)", "a.1 active_power 2.0\(time)", "b voltage[x-0] 5.0\(time)",
            ])
        #expect(bench.batch.stamped.count == 3)
        bench.decode("t", #"[[{"p":3}]]"#)
        #expect(bench.batch.rejects.map(\.reason) == [.noDevice])
    }

    @Test("a reading whose own time is not usable has the time of its rule")
    func timeOfTheRule() throws {
        var bench = try Bench(
            profile: """
                profile: p
                rules:
                - topic: "t/{d}"
                  device: "{d}"
                  time: [{at: /ts, as: s}]
                  read:
                    active_power: {from: /p, time: [{at: /pt, as: "yyyy/MM/ddTHH:mm:ssz", zone: utc}]}
                """)
        bench.decode("t/a", #"{"p":1,"ts":1772705640,"pt":"2026/03/05T10:12:00z"}"#)
        bench.decode("t/b", #"{"p":1,"ts":1772705640,"pt":"2026/03/05T10:12:00"}"#)
        bench.decode("t/c", #"{"p":1}"#)
        #expect(
            bench.lines.map { $0.suffix(21) } == [
                "@2026-03-05T10:12:00Z", "@2026-03-05T10:14:00Z", "@2026-03-05T10:15:00Z",
            ])
    }
}
