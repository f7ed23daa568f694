import Testing

@testable import Profiles

@Suite("Subscriptions")
struct SubscriptionTests {
    @Test(
        "a filter covers another one when it matches all of its topics",
        arguments: [
            ("#", "a/b", true), ("a/#", "a", true), ("a/#", "a/+/c", true), ("a/+", "a/b", true), ("a/+", "a/+", true),
            ("a/b", "a/+", false), ("a/+", "a/#", false), ("a/+/c", "a/b/d", false), ("a/+", "a/b/c", false),
            ("+/b", "a/b", true), ("a/b/#", "a/#", false),
        ])
    func covering(wide: String, narrow: String, expected: Bool) {
        #expect(covers(wide, narrow) == expected)
    }
}
