import Basics
import Telemetry
import Testing

@Suite("NamePattern")
struct NamePatternTests {
    @Test(
        "stars stand for any run and question marks for one character",
        arguments: [
            ("*", "", true), ("lamp-*", "lamp-12", true), ("lamp-*", "alamp-12", false), ("*-1*2", "a-1-1x2", true),
            ("a*b*c", "abcbc", true), ("a*b*c", "abcb", false), ("", "", true), ("", "x", false),
            ("l?mp", "lamp", true),
            ("l?mp", "lmp", false), ("灯-?", "灯-泉", true), ("lamp", "lamp", true), ("lamp", "lamp-1", false),
        ])
    func matches(pattern: String, text: String, expected: Bool) {
        #expect(NamePattern(pattern).matches(text) == expected)
    }
}
