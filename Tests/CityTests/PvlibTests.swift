import Basics
import City
import Foundation
import Telemetry
import Testing
import TestSupport

/// What pvlib says about one place and moment; written by `Fixtures/pvlib_vectors.py`.
private struct PvlibRow: CustomStringConvertible {
    let fields: [Substring]

    var description: String { fields.joined(separator: ",") }
    var moment: Timestamp { Timestamp(iso8601: String(fields[0]))! }
    func number(_ index: Int) -> Double { Double(fields[index])! }

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
        for row in rows {
            let (latitude, longitude) = (row.number(1), row.number(2))
            let sun = SunPosition(latitude: latitude, longitude: longitude, at: row.moment)
            // Near the zenith a small distance is a large azimuth.
            let off = (sun.azimuth - row.number(4) + 540).truncatingRemainder(dividingBy: 360) - 180
            #expect(abs(sun.elevation - row.number(3)) < 0.005, "\(row)")
            #expect(abs(off * cos(row.number(3) * .pi / 180)) < 0.005, "\(row)")
        }
    }

    @Test("stands as recorded from pvlib")
    func recorded() throws {
        let rows = PvlibRow.read(try String(contentsOfFile: PvlibRow.folder + "sun_pvlib.csv", encoding: .utf8))
        #expect(rows.count == 200)
        compare(rows)
    }

    @Test("stands as pvlib says now", .enabled(if: PvlibRow.python != nil, "no Python with pvlib"))
    func fresh() throws {
        let seed = Int.random(in: 0..<1_000_000)
        let run = try Program(PvlibRow.python!, [PvlibRow.folder + "pvlib_vectors.py", "\(seed)", "100"], seconds: 120)
        try #require(run.code == 0, "\(run.errors)")
        let rows = PvlibRow.read(run.output)
        #expect(rows.count == 100, "seed \(seed)")
        compare(rows)
    }
}
