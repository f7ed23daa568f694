import CityScience
import Foundation
import TestSupport
import Telemetry
import Testing

/// What pvlib says about one place and moment; written by `Fixtures/pvlib_vectors.py`.
private struct PvlibRow: CustomStringConvertible {
    let fields: [Substring]

    var description: String { fields.joined(separator: ",") }
    var moment: Timestamp { Timestamp(iso8601: String(fields[0]))! }
    func number(_ index: Int) -> Double { Double(fields[index])! }
    func time(_ index: Int) -> Timestamp? { Timestamp(iso8601: String(fields[index])) }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent().path(percentEncoded: false) + "Fixtures/"

    static func read(_ text: String) -> [PvlibRow] {
        text.split(separator: "\n").filter { !$0.hasPrefix("#") }.dropFirst().map {
            PvlibRow(fields: $0.split(separator: ",", omittingEmptySubsequences: false))
        }
    }

    /// A Python that has pvlib: what `.ci/python` made, or the system's.
    static let python: String? = [folder + "../../../.build/python/bin/python3", "/usr/bin/python3"]
        .first { (try? Program($0, ["-c", "import pvlib"]))?.code == 0 }
}

@Suite("The sun against pvlib")
struct PvlibTests {
    private func compare(_ rows: [PvlibRow]) {
        var (risen, lit) = (0, 0)
        for row in rows {
            let (latitude, longitude) = (row.number(1), row.number(2))
            let sun = SunPosition(latitude: latitude, longitude: longitude, at: row.moment)
            // Near the zenith a small distance is a large azimuth.
            let off = (sun.azimuth - row.number(6) + 540).truncatingRemainder(dividingBy: 360) - 180
            #expect(abs(sun.elevation - row.number(5)) < 0.005, "\(row)")
            #expect(abs(off * cos(row.number(5) * .pi / 180)) < 0.005, "\(row)")

            let sky = ClearSky(sun, altitude: row.number(3), linkeTurbidity: row.number(4))
            for (ours, theirs) in [(sky.global, 7), (sky.direct, 8), (sky.diffuse, 9)] {
                // The two refract a low sun a little differently.
                #expect(abs(ours - row.number(theirs)) < 1 + 0.01 * row.number(theirs), "\(row): \(ours)")
            }
            if row.number(7) > 1 { lit += 1 }

            guard let rise = row.time(10), let set = row.time(11) else { continue }
            risen += 1
            let middle = Timestamp(milliseconds: (rise.milliseconds + set.milliseconds) / 2)
            let day = SunDay(latitude: latitude, longitude: longitude, near: middle)
            // A second of error in height is many of time where the sun comes up flat.
            let allowance: Int64 = abs(latitude) > 60 ? 120_000 : 15_000
            #expect(abs((day.sunrise ?? .init(milliseconds: 0)).milliseconds - rise.milliseconds) < allowance, "\(row)")
            #expect(abs((day.sunset ?? .init(milliseconds: 0)).milliseconds - set.milliseconds) < allowance, "\(row)")
        }
        #expect(risen * 2 > rows.count && lit * 4 > rows.count)
    }

    @Test("stands, rises and shines as recorded from pvlib")
    func recorded() throws {
        let rows = PvlibRow.read(try String(contentsOfFile: PvlibRow.folder + "sun_pvlib.csv", encoding: .utf8))
        #expect(rows.count == 200)
        compare(rows)
    }

    @Test("stands, rises and shines as pvlib says now", .enabled(if: PvlibRow.python != nil, "no Python with pvlib"))
    func fresh() throws {
        let seed = Int.random(in: 0..<1_000_000)
        let run = try Program(PvlibRow.python!, [PvlibRow.folder + "pvlib_vectors.py", "\(seed)", "100"], seconds: 120)
        try #require(run.code == 0, "\(run.errors)")
        let rows = PvlibRow.read(run.output)
        #expect(rows.count == 100, "seed \(seed)")
        compare(rows)
    }
}
