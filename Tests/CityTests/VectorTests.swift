import Basics
import Telemetry
import Testing

@testable import City

@Suite("Air-quality vectors")
struct VectorTests {
    @Test("every sub-index of the vectors, exactly")
    func subIndices() throws {
        let table = try fixture("aqi_test_vectors.csv")
        #expect(table.rows.count == 183)
        for row in table.rows {
            let standard = try #require(AirStandard(rawValue: row["standard"]))
            let pollutant = try #require(AirPollutant(tableName: row["pollutant"]))
            let averaging = try #require(AirAveraging(rawValue: row["averaging"]))
            let unit = try #require(AirUnit(rawValue: row["unit"]))
            // As text, and as a sensor says it.
            let sensed = try #require(Double(row["concentration"]))
            for value in [row.decimal("concentration"), try #require(ExactDecimal(sensed))] {
                let sub = standard.subIndex(of: AirIndicator(pollutant, averaging), AirConcentration(value, unit))
                #expect(
                    sub.index == row.integer("expected_index"),
                    "\(standard) \(sub.indicator) \(row["concentration"]): \(sub)")
                #expect(sub.category != nil)
            }
        }
    }

    @Test("every PM NowCast of the vectors")
    func particles() throws {
        let rows = try fixture("nowcast_test_vectors.csv").rows.filter { $0["kind_of_nowcast"] == "pm" }
        #expect(rows.count == 7)
        for row in rows {
            let hours = row["hours_newest_first"].split(separator: " ").map { Double($0) }
            let value = NowCast.particles(hours)
            guard let expected = Double(row["nowcast_exact"]) else {
                #expect(value == nil)
                continue
            }
            let nowcast = try #require(value)
            #expect(abs(nowcast - expected) < 1e-12)
            let decimal = try #require(ExactDecimal(calculated: nowcast))
            let sub = AirStandard.usEPA2024.subIndex(
                of: AirIndicator(.pm2_5, .nowcast), AirConcentration(decimal, .microgramsPerCubicMetre))
            #expect(sub.concentration.value == row.decimal("nowcast_truncated"))
            #expect(sub.index == row.integer("aqi_2024"))
        }
    }

    static func ozoneExample() throws -> [Double?] {
        try fixture("o3_nowcast_example.csv").rows.map { Double($0["o3_ppb"]) }
    }

    @Test("the ozone NowCast of EPA's example, to the digits that R and ordinary least squares share")
    func ozone() throws {
        let hours = try Self.ozoneExample()
        #expect(hours.count == 336)
        var nowcast = OzoneNowCast()
        let value = nowcast.value(hours)
        let first = try #require(value)
        #expect(first.method == .leastSquares)
        #expect(abs(first.ppb - 19.5844909141564) < 1e-11, "\(first.ppb)")
        // Nothing is left of one call in the next.
        _ = nowcast.value(hours.map { $0.map { $0 * 2 } })
        let again = nowcast.value(hours)
        #expect(again?.ppb == first.ppb)
        let decimal = try #require(ExactDecimal(calculated: first.ppb))
        let sub = AirStandard.usEPA2024.subIndex(of: AirIndicator(.o3, .nowcast), AirConcentration(decimal, .ppb))
        #expect(sub.concentration.description == "0.019 ppm")
        #expect(sub.index == 18)
    }
}
