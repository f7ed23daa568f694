import Basics
import Telemetry
import Testing

@Suite("Timestamp")
struct TimestampTests {
    @Test(
        "reads the forms of ISO 8601 met in the field",
        arguments: [
            ("2026-03-05T18:15:02Z", "2026-03-05T18:15:02Z"),
            ("2026-03-05T18:00:07.250+00:00", "2026-03-05T18:00:07.250Z"),
            ("2026-03-05T19:15:02+01:00", "2026-03-05T18:15:02Z"),
            ("2026-03-05T10:17:15.775023242+00:00", "2026-03-05T10:17:15.775Z"),
            ("2026-03-05 18:15:02-0330", "2026-03-05T21:45:02Z"),
            ("2024-02-29T23:59Z", "2024-02-29T23:59:00Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
            ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
        ])
    func reads(text: String, expected: String) {
        #expect(Timestamp(iso8601: text)?.description == expected)
    }

    @Test(
        "refuses what is not a moment",
        arguments: [
            "", "2026", "2026-03-05", "2026-13-05T00:00:00Z", "2026-02-29T00:00:00Z", "2026-03-05T24:00:00Z",
            "2026-03-05T18:15:02", "2026-03-05T18:15:02Zx", "2026-03-05T18:15:02+1", "2026-03-05T18:15:02.Z",
        ])
    func refuses(text: String) { #expect(Timestamp(iso8601: text) == nil) }

    @Test("takes the assumed zone only where none is written")
    func assumedZone() {
        let beijing = 8 * 3600
        #expect(
            Timestamp(iso8601: "2026-03-05 18:15:02", assumedOffsetSeconds: beijing)?.description
                == "2026-03-05T10:15:02Z")
        #expect(
            Timestamp(iso8601: "2026-03-05 18:15:02Z", assumedOffsetSeconds: beijing)?.description
                == "2026-03-05T18:15:02Z")
    }

    @Test("civil time and back is the same moment, over four hundred years")
    func roundTrip() {
        for day in stride(from: -80_000, through: 80_000, by: 13) {
            let moment = Timestamp(milliseconds: Int64(day) * 86_400_000 + 12_345_678)
            let civil = CivilTime(moment)
            #expect(civil.isValid && civil.timestamp() == moment)
        }
    }
}
