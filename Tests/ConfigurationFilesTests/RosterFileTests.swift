import Basics
import ConfigurationFiles
import Settings
import Telemetry
import Testing

@Suite("RosterFile")
struct RosterFileTests {
    @Test("reads columns in any order, comments, quotes and blanks")
    func reads() throws {
        let entries = try RosterFile.parse(
            csv: """
                # lamps of one road
                cadence,device,area,latitude,longitude
                10m, lamp-1 ,"Lixia, ""old"" town",36.66,117.02

                30s,lamp-2,,,\r
                """, file: "roster.csv")
        #expect(
            entries == [
                RosterEntry(
                    device: "lamp-1", area: "Lixia, \"old\" town", latitude: 36.66, longitude: 117.02,
                    cadence: .seconds(600)),
                RosterEntry(device: "lamp-2", cadence: .seconds(30)),
            ])
    }

    @Test("reads constants of a device, and says what is wrong with them")
    func constants() throws {
        let text = "device,cadence,constants\nbin-1,1h,depth_mm=1500; full_mm = 100\nbin-2,1h,\n"
        let entries = try RosterFile.parse(csv: text, file: "roster.csv")
        #expect(entries.map(\.constants) == [["depth_mm": "1500", "full_mm": "100"], [:]])
        for wrong in ["depth", "=1", "a=1;a=2", "a="] {
            #expect(throws: Mistakes.self, "\(wrong)") {
                try RosterFile.parse(csv: "device,cadence,constants\nbin-1,1h,\(wrong)\n", file: "roster.csv")
            }
        }
    }

    @Test("reads when devices are meant to run, by the clock of the site")
    func service() throws {
        let text = """
            device,cadence,deployed,retired,maintenance
            a,10m,2026-10-15,2027-01-01,2026-11-27T14:10..2026-11-27T16:00; 2026-12-01
            b,10m,planned,,
            c,10m,,2026-11-30T08:00:30Z,2026-12-01..2026-12-02;2026-12-02..2026-12-03T06:00
            d,10m,,,
            """
        let lives = try RosterFile.parse(csv: text, file: "roster.csv", days: LocalDays(offsetSeconds: 28_800))
            .map(\.service)
        func at(_ text: String) -> Timestamp { Timestamp(iso8601: text)! }
        #expect(
            lives == [
                ServiceLife(
                    deployed: at("2026-10-15T00:00:00+08:00"), retired: at("2027-01-01T00:00:00+08:00"),
                    maintenance: [
                        at("2026-11-27T14:10:00+08:00")..<at("2026-11-27T16:00:00+08:00"),
                        at("2026-12-01T00:00:00+08:00")..<at("2026-12-02T00:00:00+08:00"),
                    ]),
                ServiceLife(isPlanned: true),
                ServiceLife(
                    retired: at("2026-11-30T08:00:30Z"),
                    maintenance: [at("2026-12-01T00:00:00+08:00")..<at("2026-12-03T06:00:00+08:00")]),
                ServiceLife(),
            ])
    }

    @Test(
        "says what is wrong with the days of a device",
        arguments: [
            ("deployed", "soon"), ("deployed", "2026-13-01"), ("deployed", "15.10.2026"), ("retired", "planned"),
            ("retired", "2026-10-15"), ("maintenance", "2026-11-27T14:10"), ("maintenance", "2026-11-27.."),
            ("maintenance", "2026-11-27..2026-11-26"), ("maintenance", "a..b"),
            ("maintenance", "2026-11-27..2026-11-28..x"),
        ])
    func wrongService(column: String, value: String) {
        let others = column == "retired" ? ",deployed" : ""
        let text = "device,cadence,\(column)\(others)\na,10m,\(value)\(others.isEmpty ? "" : ",2026-10-15")\n"
        do {
            _ = try RosterFile.parse(csv: text, file: "roster.csv")
            Issue.record("\(column) \(value) passed")
        } catch {
            #expect(error.list.count == 1)
            #expect(error.description.hasPrefix("roster.csv:2: \(column): '\(value)': expected "), "\(error)")
        }
    }

    @Test("reports every mistake with its line and column")
    func mistakes() {
        let text = """
            device,cadence,latitude,longitude
            lamp-1,600,0,1
            lamp-2,10m,91,1
            lamp-2,10m,,
            ,10m,,
            lamp-3,10m
            lamp-2,10m,1,1
            lamp-4,10m,36.6,
            lamp-5,10m,,117
            lamp-6,10m,0,0.0
            lamp-7,10m,0,-0.1
            lamp-8,10m,117,36.6
            lamp-9,10m,36.6,nan
            """
        do {
            _ = try RosterFile.parse(csv: text, file: "roster.csv")
            Issue.record("the mistakes passed")
        } catch {
            #expect(
                error.list.map(\.description) == [
                    "roster.csv:2: cadence: '600': expected a duration from 1s to 30d, such as 30s, 10m or 1h",
                    "roster.csv:3: latitude: '91': expected degrees from -90 to 90, or nothing",
                    "roster.csv:4: device: 'lamp-2': stands in line 3 already; each device once",
                    "roster.csv:5: device: '': expected a device name of 1 to 128 bytes without control characters",
                    "roster.csv:6: expected 4 fields as in the header, found 2",
                    "roster.csv:7: device: 'lamp-2': stands in line 3 already; each device once",
                    "roster.csv:8: longitude: '': expected degrees beside its latitude, or nothing in both",
                    "roster.csv:9: latitude: '': expected degrees beside its longitude, or nothing in both",
                    "roster.csv:10: latitude: '0': 0,0 lies in the sea off Africa; expected where the device is, or nothing in both",
                    "roster.csv:12: latitude: '117': expected degrees from -90 to 90, or nothing",
                    "roster.csv:13: longitude: 'nan': expected degrees from -180 to 180, or nothing",
                ])
        }
    }

    @Test("a place has both its columns")
    func halfPlace() {
        do {
            _ = try RosterFile.parse(csv: "device,cadence,latitude\nlamp-1,10m,36.6\n", file: "roster.csv")
            Issue.record("half a place passed")
        } catch {
            #expect(error.list.map(\.line) == [2] && error.list.map(\.key) == ["longitude"])
        }
    }

    @Test(
        "a rating is a number of watts",
        arguments: [("40", true), ("0.5", true), ("40W", false), ("-40", false), ("0", false), ("nan", false)])
    func rating(text: String, isGood: Bool) {
        let csv = "device,cadence,constants\nlamp-1,1h,a=b;rated_watts=\(text)\n"
        do throws(Mistakes) {
            let entries = try RosterFile.parse(csv: csv, file: "roster.csv")
            #expect(isGood && entries.map(\.constants) == [["a": "b", "rated_watts": text]])
        } catch {
            #expect(!isGood)
            #expect(
                error.list.map(\.description) == [
                    "roster.csv:2: constants: 'a=b;rated_watts=\(text)': expected rated_watts as a number of watts above 0, without a unit, such as 40"
                ])
        }
    }

    @Test("a header with an unknown or missing column is refused")
    func header() {
        #expect(throws: Mistakes.self) { try RosterFile.parse(csv: "device,cadance\nx,1m", file: "r") }
        #expect(throws: Mistakes.self) { try RosterFile.parse(csv: "device\nx", file: "r") }
        do throws(Mistakes) {
            _ = try RosterFile.parse(csv: "device,area,area,cadence\nx,a,b,1m", file: "r")
            Issue.record("a column twice passed")
        } catch {
            #expect(error.list.map(\.description) == ["r:1: area: stands twice in the header line; each column once"])
        }
    }
}
