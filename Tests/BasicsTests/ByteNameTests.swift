import Basics
import Testing

@Suite("Names are bytes")
struct ByteNameTests {
    private static let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")

    @Test("two that look alike are two")
    func equality() {
        // What `String` holds of them.
        #expect(Self.composed == Self.decomposed)
        #expect(ByteName(Self.composed) != ByteName(Self.decomposed))
        #expect(!Self.composed.hasBytes(of: Self.decomposed) && Self.composed.hasBytes(of: Self.composed))
        #expect(Set([Self.composed, Self.decomposed].map { ByteName($0) }).count == 2)
        #expect([Self.composed: 1].keys.contains(Self.decomposed))
        #expect([ByteName(Self.composed): 1][ByteName(Self.decomposed)] == nil)
    }

    @Test("the order is that of the bytes, and no two are without one")
    func order() {
        let names = ["", "a", "ab", "b", Self.decomposed, Self.composed, "\u{E9}", "\u{1F6A6}"].map { ByteName($0) }
        let bytes = names.map { Array($0.text.utf8) }
        #expect(
            names.shuffled().sorted().map { Array($0.text.utf8) } == bytes.sorted { $0.lexicographicallyPrecedes($1) })
        for left in names {
            for right in names { #expect((left < right) != (right < left) || left == right) }
        }
    }

    @Test("a pattern and a name without wildcards match by bytes")
    func patterns() {
        #expect(!NamePattern(Self.composed).matches(Self.decomposed))
        #expect(NamePattern(Self.composed).matches(Self.composed))
        #expect(!NamePattern(Self.composed + "*").matches(Self.decomposed + "-1"))
    }
}
