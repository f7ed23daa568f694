import Basics
import Telemetry
import Testing

@Suite("Vocabulary")
struct VocabularyTests {
    @Test("every quantity's unit is known and converts into itself")
    func unitsAreKnown() throws {
        for quantity in Quantity.all {
            let unit = try #require(Unit(quantity.unit), "\(quantity) has the unknown unit \(quantity.unit)")
            #expect(unit.conversion(to: unit)?.isIdentity == true)
            #expect(Quantity(named: quantity.name) == quantity)
            #expect(quantity.range.lowerBound < quantity.range.upperBound)
        }
    }

    @Test(
        "converts the units of the field",
        arguments: [
            (100_512.34, "Pa", "hPa", 1005.1234), (234_567, "W.h", "kW.h", 234.567), (19_919_520, "s", "h", 5533.2),
            (0.93, "1", "%", 93), (93, "%", "1", 0.93), (68.9, "°F", "Cel", 20.5), (273.15, "K", "°C", 0),
            (18, "µg/m³", "mg/m3", 0.018), (1, "m/s", "km/h", 3.6), (0.4, "ppm", "[ppb]", 400),
            (60, "W.min", "kW.h", 0.001), (0.1, "mg/m³", "ug/m3", 100), (50, "degF", "K", 283.15),
        ])
    func converts(value: Double, from: String, to: String, expected: Double) throws {
        let conversion = try #require(Unit(from)?.conversion(to: Unit(to)!))
        #expect(abs(conversion(value) - expected) <= 1e-9 * max(1, abs(expected)))
    }

    @Test("refuses to convert between dimensions")
    func dimensions() {
        #expect(Unit("W")!.conversion(to: Unit("W.h")!) == nil)
        #expect(Unit("[ppb]")!.conversion(to: Unit("ug/m3")!) == nil)
        #expect(Unit("furlong") == nil)
    }
}
