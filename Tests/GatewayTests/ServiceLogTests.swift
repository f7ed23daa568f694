import Testing

@testable import Gateway

@Suite("Lines of the log")
struct ServiceLogTests {
    @Test(
        "a field is one field, whatever name a stranger chose",
        arguments: [
            ("lamp-1", "lamp-1"), ("", "\"\""), ("a b", "\"a b\""), ("济南", "济南"),
            ("x\" alert=9 device=\"y", "\"x\\\" alert=9 device=\\\"y\""), ("a\"b", "\"a\\\"b\""),
            ("a\\", "\"a\\\\\""), ("a\nb", "\"a | b\""), ("\u{1B}[31m", "\"\\u{1b}[31m\""),
        ])
    func field(text: String, expected: String) { #expect(ServiceLogHandler.field(text) == expected) }
}
