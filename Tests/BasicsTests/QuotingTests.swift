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

    @Test(
        "a spreadsheet calculates nothing of a name, and the name comes back; numbers stay numbers",
        arguments: [
            ("=1+2", "'=1+2"), ("+5V", "'+5V"), ("-12V", "'-12V"), ("@sum", "'@sum"), ("\tx", "'\tx"), ("'=x", "''=x"),
            ("＝x", "'＝x"), ("'x", "'x"), ("-5.25", "-5.25"), ("+1e5", "+1e5"), ("-1+2", "'-1+2"), ("-", "'-"),
            ("'", "'"),
            ("=a,b", "\"'=a,b\""), ("lamp-1", "lamp-1"), ("", ""), ("-inf", "'-inf"),
        ])
    func formulas(field: String, line: String) {
        #expect(CSVText.line([field]) == line)
        #expect(CSVText.plain(field.contains(",") ? "'" + field : line) == field)
    }
}
