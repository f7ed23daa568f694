import Testing

@testable import City

@Suite("Exact decimals")
struct ExactDecimalTests {
    @Test(
        "text is read to 18 decimals and written back",
        arguments: [
            ("35.4", "35.4"), ("0", "0"), ("-0.05", "-0.05"), ("1e-05", "0.00001"), ("1.5E2", "150"), (".5", "0.5"),
            ("5.", "5"), ("+7", "7"), ("0.1234567890123456789", "0.123456789012345678"), ("1e-19", "0"),
            ("999999999.9", "999999999.9"), ("0000000000001", "1"), ("0e999", "0"), ("-0", "0"),
            ("0.000000000000000001", "0.000000000000000001"), ("12345e-4", "1.2345"),
        ])
    func reads(text: String, written: String) throws {
        #expect(try #require(ExactDecimal(text)).description == written)
    }

    @Test(
        "what is no number below a thousand million is refused",
        arguments: [
            "", "-", ".", "1.2.3", "1e", "1e+", "e5", "1 ", " 1", "0x10", "nan", "inf", "1000000000", "1e9", "1e1001",
            "1e99999999999999999999", "٣", String(repeating: "1", count: 600),
        ])
    func refuses(text: String) { #expect(ExactDecimal(text) == nil) }

    @Test("a Double is the decimal that its shortest text says")
    func doubles() throws {
        #expect(ExactDecimal(9.05) == ExactDecimal("9.05"))
        #expect(ExactDecimal(0.1 + 0.2) == ExactDecimal("0.30000000000000004"))
        #expect(ExactDecimal(calculated: 0.1 + 0.2) == ExactDecimal("0.3"))
        #expect(ExactDecimal(1e-7) == ExactDecimal("0.0000001"))
        for bad in [Double.nan, .infinity, -.infinity, 1e9, -1e300] {
            #expect(ExactDecimal(bad) == nil)
            #expect(ExactDecimal(calculated: bad) == nil)
        }
        #expect(try #require(ExactDecimal("37.5")).double == 37.5)
    }

    @Test("rounding: toward zero, and half to even as GB/T 8170 has it")
    func rounding() throws {
        func decimal(_ text: String) throws -> ExactDecimal { try #require(ExactDecimal(text)) }
        #expect(try decimal("9.09999").truncated(decimals: 1) == decimal("9"))
        #expect(try decimal("-0.05").truncated(decimals: 1) == .zero)
        for (given, rounded) in [
            ("35.5", "36"), ("36.5", "36"), ("59.5", "60"), ("60.5", "60"), ("60.500000000000000001", "61"),
            ("-0.5", "0"), ("-1.5", "-2"),
        ] {
            #expect(try decimal(given).roundedHalfToEven(decimals: 0) == decimal(rounded), "\(given)")
        }
        #expect(try decimal("2.05").roundedHalfToEven(decimals: 1) == decimal("2"))
        #expect(try decimal("2.15").roundedHalfToEven(decimals: 1) == decimal("2.2"))
    }
}

@Suite("Fact tables")
struct FactTableTests {
    private func table(_ text: String) throws -> FactTable { try FactTable(Array(text.utf8), "facts.csv") }

    @Test("comments, header, rows, quoted fields")
    func reads() throws {
        let table = try table("# source\na,b\n1,\"x, \"\"y\"\"\"\n\n2.5,\n")
        #expect(table.rows.map { $0["b"] } == ["x, \"y\"", ""])
        #expect(table.rows[1].decimal("a") == ExactDecimal("2.5"))
        #expect(table.rows[1].decimalIfAny("b") == nil)
    }

    @Test(
        "a malformed table says its line",
        arguments: [
            ("a,b\n1\n", "facts.csv, line 2: 1 fields for 2 columns"),
            ("a,a\n1,2\n", "facts.csv, line 1: two columns have the same name"),
            ("a,b\n1,\"2\n", "facts.csv, line 2: a quotation mark that does not close, or with text around it"),
            ("a,b\n1,\"2\"3\n", "facts.csv, line 2: a quotation mark that does not close, or with text around it"),
            ("a,b\n1,2\"\n", "facts.csv, line 2: a quotation mark that does not close, or with text around it"),
            ("# nothing\n", "facts.csv: no header, or no rows"), ("a,b\n", "facts.csv: no header, or no rows"),
        ])
    func malformed(text: String, sentence: String) {
        let error = #expect(throws: FactTable.Malformed.self) { try table(text) }
        #expect(error?.description == sentence)
    }

    @Test("bytes that are no text are refused")
    func notText() {
        #expect(throws: FactTable.Malformed.self) { try FactTable([0x61, 0xFF, 0x0A], "facts.csv") }
    }
}
