import Basics
import Decoding
import Telemetry
import Testing

@Suite("Topics")
struct TopicTests {
    /// A catalogue with one rule a topic; each calls its device after the topic that matched.
    private func bench(_ topics: [String]) throws -> Bench {
        let rules = topics.map { "- {topic: '\($0)', format: text, device: '\(label($0))', read: {voltage: .}}" }
        return try Bench(profile: "profile: p\nrules:\n" + rules.joined(separator: "\n"))
    }

    /// The topic with its holes as `<name>`, which a device name may hold.
    private func label(_ topic: String) -> String {
        topic.replacing("{", with: "<").replacing("}", with: ">").replacing("...", with: "~")
    }

    @Test(
        "the most specific topic is taken, level by level",
        arguments: [
            ("a/b/c", "a/b/c"), ("a/b/d", "a/b/{x}"), ("a/x/c", "a/{x}/c"), ("a/x/d", "a/{x}/{y}"),
            ("a/17/d", "a/{n:digits}/{y}"), ("a/17/c", "a/{n:digits}/{y}"), ("a/s-17/d", "a/s-{x}/{y}"),
            ("a/b/c/d", "a/{r...}"), ("a/b", "a/{r...}"), ("q/1", "{any...}"), ("a", "{any...}"),
        ])
    func mostSpecific(topic: String, expected: String) throws {
        var bench = try bench([
            "{any...}", "a/{r...}", "a/{x}/{y}", "a/{n:digits}/{y}", "a/s-{x}/{y}", "a/{x}/c", "a/b/{x}", "a/b/c",
        ])
        bench.decode(topic, "1")
        #expect(bench.registry.devices.map(\.name) == [label(expected)])
    }

    @Test("a dead end among the specific topics falls back to the others")
    func backtracking() throws {
        var bench = try bench(["a/b/c/d", "a/{x}/c/e"])
        bench.decode("a/b/c/e", "1")
        #expect(bench.registry.devices.map(\.name) == ["a/<x>/c/e"])
    }

    @Test("captures hold what stood in their holes")
    func captures() throws {
        var bench = try Bench(
            profile: """
                profile: p
                rules:
                - {topic: "s/{a}-{n:digits}.x/{b}/{r...}", format: text, device: "{a}|{n}|{b}|{r}", read: {voltage: .}}
                """)
        bench.decode("s/hall-12.x/y/p/q", "3")
        #expect(bench.lines == ["hall|12|y|p/q voltage 3.0 @2026-03-05T10:15:00Z"])
        for unknown in ["s/hall-.x/y/p", "s/hall-12.y/y/p", "s/hall12.x/y/p", "s/hall-12.x/y", "", "/", "s"] {
            bench.batch.removeAll()
            bench.decode(unknown, "3")
            #expect(bench.batch.rejects.map(\.reason) == [.unknownTopic], "\(unknown)")
        }
    }
}
