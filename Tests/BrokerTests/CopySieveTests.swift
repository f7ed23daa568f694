import Testing
import TestSupport

@testable import Broker

@Suite("Copies by overlapping subscriptions")
struct CopySieveTests {
    private static func keeps(_ messages: [(String, String, [UInt32])]) -> [Bool] {
        var sieve = CopySieve()
        return messages.map { topic, payload, identifiers in
            Array(topic.utf8).withUnsafeBytes { topic in
                Array(payload.utf8).withUnsafeBytes { payload in
                    !sieve.isCopy(topic: topic, payload: payload, of: identifiers)
                }
            }
        }
    }

    @Test("the copy by another subscription is one, what came by the same one is news")
    func copies() {
        let found = Self.keeps([
            ("a", "1", [1]), ("a", "1", [2]), ("a", "1", [3]), ("a", "1", [1]), ("a", "1", [2]), ("a", "2", [1]),
            ("b", "2", [2]), ("b", "2", [1]),
        ])
        #expect(found == [true, false, false, true, false, true, true, false])
    }

    @Test("one copy for all subscriptions stands for itself")
    func single() {
        #expect(Self.keeps([("a", "1", [1, 2]), ("a", "1", [1, 2]), ("a", "1", [2, 1])]) == [true, true, true])
    }

    @Test("without identifiers, or with something between, nothing is a copy")
    func unknown() {
        #expect(Self.keeps([("a", "1", []), ("a", "1", [])]) == [true, true])
        #expect(Self.keeps([("a", "1", []), ("a", "1", [2])]) == [true, true])
        #expect(Self.keeps([("a", "1", [1]), ("a", "1", [])]) == [true, true])
        #expect(Self.keeps([("a", "1", [1]), ("b", "1", [1]), ("a", "1", [2])]) == [true, true, true])
        #expect(Self.keeps([("", "", [1]), ("", "", [2])]) == [true, false])
    }

    @Test("any mixture of messages and filters: each message once", arguments: 0..<20 as Range<UInt64>)
    func mixture(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var deliveries: [(String, String, [UInt32])] = []
        var expected: [Bool] = []
        for _ in 0..<500 {
            let topic = "t/\(random.next() % 2)"
            let payload = random.next() % 2 == 0 ? "1" : "2"
            // Each topic has filters of its own, and they do not change.
            let filters: [UInt32] = topic == "t/0" ? [1, 3, 4] : [2, 3]
            for (place, filter) in filters.enumerated() {
                deliveries.append((topic, payload, [filter]))
                expected.append(place == 0)
            }
        }
        #expect(Self.keeps(deliveries) == expected)
    }
}
