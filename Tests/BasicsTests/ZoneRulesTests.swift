import Basics
import Settings
import Testing

@Suite("Zones")
struct ZoneRulesTests {
    /// A zone file of version 2 with one change to an hour ahead of UTC in 2015, and the rule of the European Union behind
    /// it.
    private static let file: [UInt8] = {
        func header(_ counts: [UInt8]) -> [UInt8] {
            Array("TZif2".utf8) + [UInt8](repeating: 0, count: 15) + counts.flatMap { [0, 0, 0, $0] }
        }
        // Counts of: UTC marks, standard marks, leap seconds, moments, types, letters.
        let moment = withUnsafeBytes(of: Int64(1_445_731_200).bigEndian) { Array($0) }
        let types: [UInt8] = [0, 0, 0x1c, 0x20, 1, 0, 0, 0, 0x0e, 0x10, 0, 0]
        return header([0, 0, 0, 0, 0, 0]) + header([0, 0, 0, 1, 2, 4]) + moment + [1] + types + Array("CET\0".utf8)
            + Array("\nCET-1CEST,M3.5.0,M10.5.0/3\n".utf8)
    }()

    @Test("tells the changes of a span, those of the file and those of its rule")
    func changes() throws {
        let zone = try #require(ZoneRules(name: "test", file: Self.file))
        func changes(_ since: String, _ until: String) throws -> [String] {
            let span = try #require(Timestamp(iso8601: since))..<#require(Timestamp(iso8601: until))
            return zone.changes(in: span).map { "\($0.at) \($0.offsetSeconds)" }
        }
        #expect(try changes("2015-01-01T00:00:00Z", "2015-10-25T00:00:01Z") == ["2015-10-25T00:00:00Z 3600"])
        // The rule goes on from where the file ends, whatever year that is.
        let before = ["2017-03-26T01:00:00Z 7200", "2017-10-29T01:00:00Z 3600"]
        #expect(try changes("2017-01-01T00:00:00Z", "2018-01-01T00:00:00Z") == before)
        #expect(try changes("1970-01-01T00:00:00Z", "2015-10-25T00:00:00Z").isEmpty)
        #expect(try changes("2100-01-01T00:00:00Z", "2110-01-01T00:00:00Z").count == 20)
        let year = ["2026-03-29T01:00:00Z 7200", "2026-10-25T01:00:00Z 3600"]
        #expect(try changes("2026-03-29T01:00:00Z", "2026-10-25T01:00:01Z") == year)
        #expect(try changes("2026-03-29T01:00:01Z", "2026-10-25T01:00:00Z").isEmpty)
        #expect(try changes("2020-01-01T00:00:00Z", "2090-01-01T00:00:00Z").count == 140)
    }
}
