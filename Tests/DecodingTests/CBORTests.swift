import Basics
import Decoding
import Profiles
import Telemetry
import Testing

/// Formats cbor and senml.
@Suite("Formats cbor and senml")
struct CBORTests {
    /// Bytes written as hexadecimal digits, with blanks between them where that helps the eye.
    static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.filter { !$0.isWhitespace }.map { UInt8($0.hexDigitValue!) }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    private func decode(
        _ rule: String, _ payload: [UInt8], limits: DecodingLimits = .init()
    ) throws -> (lines: [String], rejects: [String]) {
        let catalog = try DeviceCatalog.compile([ProfileSource(path: "p", text: "profile: p\nrules:\n" + rule)])
        var bench = Bench(catalog, limits: limits)
        bench.decode("t/x", payload)
        return (bench.lines, bench.rejectLines)
    }

    /// Examples of RFC 8949, appendix A, and what they are as text.
    @Test(
        "values become what they are in JSON",
        arguments: [
            ("00", "0"), ("17", "23"), ("1818", "24"), ("1903e8", "1000"), ("1a000f4240", "1000000"),
            ("1bffffffffffffffff", "18446744073709551615"), ("3bffffffffffffffff", "-18446744073709551616"),
            ("20", "-1"), ("29", "-10"), ("3903e7", "-1000"), ("f4", "false"), ("f5", "true"), ("6161", "a"),
            ("62c3bc", "ü"), ("64f0908591", "𐅑"), ("4401020304", "01020304"), ("5f42010243030405ff", "0102030405"),
            ("7f657374726561646d696e67ff", "streaming"),
            ("c074323031332d30332d32315432303a30343a30305a", "2013-03-21T20:04:00Z"),
            ("d818456449455446", "6449455446"), ("f90001", nil), ("f93c00", "1"), ("f97bff", "65504"), ("f9c400", "-4"),
            ("fa47c35000", "100000"), ("fbc010666666666666", nil), ("f97e00", nil), ("f97c00", nil), ("f6", nil),
            ("f7", nil), ("f0", nil), ("f8ff", nil),
        ] as [(String, String?)])
    func values(hex: String, expected: String?) throws {
        let rule = """
            - {topic: "t/{d}", format: cbor, device: "{/v}", read: {active_power: /one}}
            - {topic: "t/{d}", format: cbor, device: none, read: {active_power: /one}}
            """
        let found = try decode(rule, Self.bytes("a2 6176 \(hex) 636f6e65 01"))
        let none = "none active_power 1.0 @2026-03-05T10:15:00Z"
        if let expected {
            #expect(found.lines == ["\(expected) active_power 1.0 @2026-03-05T10:15:00Z", none])
        } else {
            #expect(found.lines == [none])
        }
    }

    @Test(
        "floats of all widths are numbers, those that are none are missing",
        arguments: [
            ("f93e00", "1.5"), ("f90001", "5.960464477539063e-08"), ("f90400", "6.103515625e-05"), ("f9c400", "-4.0"),
            ("fb3ff199999999999a", "1.1"), ("fbc010666666666666", "-4.1"), ("f97e00", nil), ("f97c00", nil),
            ("f9fc00", nil), ("fa7f800000", nil), ("fb7ff8000000000000", nil), ("f6", nil),
        ] as [(String, String?)])
    func floats(hex: String, expected: String?) throws {
        let rule = "- {topic: 't/{d}', format: cbor, device: x, read: {active_power: {from: /0}}}"
        let found = try decode(rule, Self.bytes("9f \(hex) ff"))
        #expect(found.lines == (expected.map { ["x active_power \($0) @2026-03-05T10:15:00Z"] } ?? []))
        #expect(found.rejects == [])
    }

    @Test("containers nest, keys may be integers, and the bytes can be unwrapped")
    func containers() throws {
        let rule = """
            - topic: "t/{d}"
              format: cbor
              device: "{^/1/-2}"
              unwrap: {from: /1/0102, as: hex, layout: [{p: u16be}]}
              read: {active_power: /p, voltage: ^/list/1}
            """
        // {1: {-2: "lamp", h'0102': h'0102'}, "list": [_ [], 230]}
        let payload = Self.bytes("a2 01 bf 21 646c616d70 420102 420102 ff 646c697374 9f 80 18e6 ff")
        let found = try decode(rule, payload)
        #expect(found.rejects == [])
        #expect(
            found.lines == [
                "lamp active_power 258.0 @2026-03-05T10:15:00Z", "lamp voltage 230.0 @2026-03-05T10:15:00Z",
            ])
    }

    @Test(
        "what is not well formed is rejected with the place",
        arguments: [
            ("a1", "more items than bytes at byte 0"), ("8201", "more items than bytes at byte 0"),
            ("820118", "the end of the payload inside a CBOR item at byte 2"),
            ("1c", "a reserved first byte of a CBOR item at byte 0"),
            ("1f", "a reserved first byte of a CBOR item at byte 0"),
            ("ff", "a break outside of what it could end at byte 0"),
            ("62c328", "text that is not UTF-8 at byte 0"), ("6361", "3 bytes of text wanted, 1 there, at byte 0"),
            ("5f6161ff", "a string of another kind inside a string at byte 1"),
            ("7f61c361bcff", "text that is not UTF-8 at byte 1"),
            ("a1f501", "a map key that is neither text nor integer at byte 1"),
            ("bf6161ff", "a break outside of what it could end at byte 3"),
            ("0000", "bytes left over behind the CBOR item at byte 1"),
            ("f810", "a simple value in two bytes that needs one at byte 0"),
            ("9bffffffffffffffff", "more items than bytes at byte 0"),
        ])
    func malformed(hex: String, expected: String) throws {
        let rule = "- {topic: 't/{d}', format: cbor, device: x, read: {active_power: /p}}"
        #expect(try decode(rule, Self.bytes(hex)).rejects == ["malformed: \(expected)"])
    }

    @Test("depth, values and text are bounded")
    func limits() throws {
        let rule = "- {topic: 't/{d}', format: cbor, device: x, read: {active_power: /p}}"
        let deep = [UInt8](repeating: 0x81, count: 100_000)
        #expect(try decode(rule, deep).rejects == ["too-large: nested deeper than 64 levels"])
        let tags = [UInt8](repeating: 0xC1, count: 100_000)
        #expect(
            try decode(rule, tags).rejects == ["malformed: the end of the payload inside a CBOR item at byte 100000"])
        var limits = DecodingLimits()
        limits.nodesMax = 100
        let wide: [UInt8] = [0x9F] + [UInt8](repeating: 1, count: 100) + [0xFF]
        #expect(try decode(rule, wide, limits: limits).rejects == ["too-large: more than 100 values"])
    }

    private static let senmlRule = """
        - topic: "t/{d}"
          format: senml
          each: /*
          capture: {/bn: "{base}:"}
          device: "{base}"
          channel: "{/n}"
          time: [{at: /t, as: s}]
          table:
            key: /name
            value: [/v, /vb]
            rows: {p: {active_power: {}}, d: {lamp_fault: {}}, e: {active_energy_import: {from: /s, unit: J}}}
        """

    @Test("base fields hold for all later records until replaced, and times may be relative")
    func senml() throws {
        let pack = """
            [{"bn":"urn:a:","bt":1772705700,"bver":10},{"n":"p","v":1.10},{"\\u006e":"p","t":-5.5,"v":2},
             {"bv":20,"n":"p","t":-1,"v":1.5},{"n":"d","vb":true},{"n":"x","vs":"text"},{"n":"y","vd":"AQI"},
             {"bn":"urn:b:","bt":-10,"bv":0,"n":"p","v":3},{"n":"e","s":3.6e6,"t":20},
             {"bs":100,"n":"e","s":1,"bt":0},{"n":"e","vb":false}]
            """
        let found = try decode(Self.senmlRule, Array(pack.utf8))
        #expect(found.rejects == [])
        #expect(
            found.lines.sorted() == [
                "urn:a active_power[urn:a:p] 1.1 @2026-03-05T10:15:00Z",
                "urn:a active_power[urn:a:p] 2.0 @2026-03-05T10:14:54.500Z",
                "urn:a active_power[urn:a:p] 21.5 @2026-03-05T10:14:59Z",
                "urn:a lamp_fault[urn:a:d] 1.0 @2026-03-05T10:15:00Z",
                "urn:b active_energy_import[urn:b:e] 1.0 @2026-03-05T10:15:10Z",
                "urn:b active_energy_import[urn:b:e] 2.777777777777778e-05 @2026-03-05T10:15:00Z",
                "urn:b active_energy_import[urn:b:e] 2.8055555555555557e-05 @2026-03-05T10:15:00Z",
                "urn:b active_power[urn:b:p] 3.0 @2026-03-05T10:14:50Z",
            ])
    }

    @Test("a pack in CBOR is told by its first byte and means the same")
    func senmlCBOR() throws {
        // The first records of the example in section 6 of RFC 8428, with another name and time.
        let pack = Self.bytes(
            """
            84 a6 21 66 75726e3a613a 22 1a 69a957a4 23 6141 20 05 00 6170 02 fb 405e066666666666
            a3 00 6170 06 24 02 fb 3ff3333333333333
            a3 00 6170 06 f9 b800 02 f93e00
            a2 00 6179 08 43 fbff01
            """)
        let found = try decode(Self.senmlRule, pack)
        #expect(found.rejects == [])
        #expect(
            found.lines == [
                "urn:a active_power[urn:a:p] 120.1 @2026-03-05T10:15:00Z",
                "urn:a active_power[urn:a:p] 1.2 @2026-03-05T10:14:55Z",
                "urn:a active_power[urn:a:p] 1.5 @2026-03-05T10:14:59.500Z",
            ])
        let unwrapped = """
            - topic: "t/{d}"
              format: senml
              unwrap: {from: /3/vd, as: base64, layout: [{skip: 1}, {p: u16be}]}
              device: "{^/3/u}"
              read: {active_power: /p}
            """
        #expect(try decode(unwrapped, pack).lines == ["A active_power 65281.0 @2026-03-05T10:15:00Z"])
    }

    @Test(
        "what is no pack is rejected",
        arguments: [
            ("{}", "malformed: a SenML pack is an array of records"),
            ("[1]", "malformed: record 0 of the SenML pack is no map"),
            ("[{\"v\":1}]", "malformed: record 0 of the SenML pack has no name"),
            ("[{\"n\":\"a\",\"v\":\"1\"}]", "malformed: 'v' of record 0 of the SenML pack is not a number"),
            ("[{\"bn\":1}]", "malformed: 'bn' of record 0 of the SenML pack is not a text"),
            ("[{\"n\":\"a\",\"vb\":1}]", "malformed: 'vb' of record 0 of the SenML pack is not true or false"),
            ("[{\"bver\":11,\"n\":\"a\",\"v\":1}]", "unexpected-value: the SenML pack is of version 11.0; 10 is read"),
            (
                "[{\"n\":\"a\",\"v\":1,\"x_\":1}]",
                "unexpected-value: record 0 of the SenML pack has a field that must be understood"
            ), ("[{]", "malformed: not JSON from byte 2 on"),
        ])
    func brokenSenML(payload: String, expected: String) throws {
        #expect(try decode(Self.senmlRule, Array(payload.utf8)).rejects == [expected])
    }

    @Test("a base name that is repeated in every record cannot fill the memory")
    func senmlGrowth() throws {
        let name = String(repeating: "n", count: 100_000)
        let records = String(repeating: ",{\"v\":1}", count: 1000)
        let found = try decode(Self.senmlRule, Array("[{\"bn\":\"\(name)\",\"v\":1}\(records)]".utf8))
        #expect(
            found.rejects == ["too-large: the texts of the message unfold to more than \((100_017 + 8000) * 16) bytes"])
    }

    @Test("truncated and damaged payloads end in something, and nothing crashes")
    func hostile() throws {
        let pack = "[{\"bn\":\"urn:a:\",\"bt\":1772705700,\"bu\":\"W\",\"bv\":1},{\"n\":\"\\u0070\",\"t\":-5,\"v\":2}]"
        let binary = Self.bytes(
            "82 a6 21 66 75726e3a613a 22 1a 69a957a4 23 6141 20 05 00 6170 02 fb 405e066666666666 a3 00 6170 06 24 02 f93e00"
        )
        try FormatTests.torture(
            "profile: p\nrules:\n" + Self.senmlRule, topic: "t/x", [Array(pack.utf8), binary])
        let cbor = Self.bytes(
            "a2 01 bf 21 646c616d70 420102 5f420102ff ff 646c697374 9f 80 18e6 c1fb405e066666666666 7f616161ffff")
        try FormatTests.torture(
            "profile: p\nrules:\n- {topic: 't/{d}', format: cbor, device: '{/1/-2}', read: {voltage: /list/*}}",
            topic: "t/x",
            [cbor, binary])
    }
}
