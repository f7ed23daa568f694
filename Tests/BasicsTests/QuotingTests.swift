import Basics
import Testing

@Suite("Quoting")
struct QuotingTests {
    @Test(
        "text becomes a JSON literal",
        arguments: [
            ("", #""""#), ("lamp-1", #""lamp-1""#), (#"say "hi""#, #""say \"hi\"""#), (#"a\b"#, #""a\\b""#),
            ("a\nb\r\tc", #""a\nb\r\tc""#), ("\u{0}\u{1F}", #""\u0000\u001f""#), ("路灯 🚦", "\"路灯 🚦\""),
            ("\"\u{301}", "\"\\\"\u{301}\""), ("\u{7F}", "\"\u{7F}\""),
        ])
    func json(text: String, literal: String) {
        #expect(JSONText.quoted(text) == literal)
    }

    @Test(
        "a field of CSV has quotation marks where it needs them",
        arguments: [
            (["a", "", "b"], "a,,b"), (["a,b"], "\"a,b\""), (["a\"b"], "\"a\"\"b\""),
            (["a\nb", "c\rd"], "\"a\nb\",\"c\rd\""),
            (["\"\u{301}"], "\"\"\"\u{301}\""), ([" a "], " a "), ([], ""),
        ])
    func csv(fields: [String], line: String) {
        #expect(CSVText.line(fields) == line)
    }
}
