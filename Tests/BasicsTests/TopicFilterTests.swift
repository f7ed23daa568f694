import Testing

@testable import Basics

@Suite("Topic filters")
struct TopicFilterTests {
    @Test(
        "one covers another where every topic of that is its own",
        arguments: [
            ("#", "lights/#", true), ("#", "a", true), ("lights/#", "lights", true), ("lights/#", "lights/+/x", true),
            ("lights/+/x", "lights/#", false), ("a/+", "a/b", true), ("a/+", "a/b/c", false), ("a/+", "a/+", true),
            ("a/b", "a/+", false), ("+/b", "a/b", true), ("#", "$SYS/#", false), ("+/x", "$SYS/x", false),
            ("$SYS/#", "$SYS/broker/uptime", true), ("#", "$share/g/a", false), ("a/+/#", "a/b", true),
            ("a/+/#", "a", false),
            ("a/+/#", "a/b/c/d", true), ("#", "a/b", true), ("a/#", "a", true), ("a/#", "a/+/c", true),
            ("a/+", "a/#", false), ("a/+/c", "a/b/d", false), ("a/b/#", "a/#", false), ("a//b", "a/b", false),
            ("a/+/b", "a//b", true),
        ])
    func covers(outer: String, inner: String, expected: Bool) {
        #expect(TopicFilter.covers(outer, inner) == expected)
    }

    @Test(
        "two overlap where one topic is of both",
        arguments: [
            ("a/+/c", "a/b/+", true), ("a/#", "+/b", true), ("a/#", "a", true), ("a/b", "a/c", false),
            ("+", "#", true), ("+/x", "y/+", true), ("+", "a/b", false), ("#", "$SYS/#", false), ("a/+/#", "a", false),
        ])
    func overlap(left: String, right: String, expected: Bool) {
        #expect(TopicFilter.overlap(left, right) == expected)
        #expect(TopicFilter.overlap(right, left) == expected)
    }

    @Test("what another covers is left out, once of what is there twice")
    func reduced() {
        #expect(TopicFilter.withoutCovered(["lights/#", "air/+/up", "#"]) == ["#"])
        #expect(
            TopicFilter.withoutCovered(["#", "$SYS/#", "$share/g/#", "$SYS/broker/+"]) == ["#", "$SYS/#", "$share/g/#"])
        #expect(TopicFilter.withoutCovered(["a/+", "a/b", "a/+", "c"]) == ["a/+", "c"])
        #expect(TopicFilter.withoutCovered(["a/+/c", "a/b/+"]) == ["a/+/c", "a/b/+"])
        let pairs = TopicFilter.overlapping(["a/+/c", "a/b/+", "x/#", "x/y"])
        #expect(pairs.map { "\($0.0) \($0.1)" } == ["a/+/c a/b/+"])
    }
}
