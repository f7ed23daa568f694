import City
import Testing

@Suite("Water vapour")
struct HumidityTests {
    /// Source: over water the steam tables (IAPWS-95); over ice Murphy and Koop, Q. J. R. Meteorol. Soc. 131 (2005).
    @Test(
        "is saturated at the tables' pressures, within half a percent",
        arguments: [(0.01, 6.1166), (10, 12.282), (20, 23.393), (30, 42.470), (40, 73.849)])
    func overWater(temperature: Double, pressure: Double) {
        #expect(abs(Humidity.saturationOverWater(temperature) / pressure - 1) < 0.005)
    }

    @Test("is saturated over ice at the tables' pressures", arguments: [(0.0, 6.1115), (-10, 2.5990), (-20, 1.0324)])
    func overIce(temperature: Double, pressure: Double) {
        #expect(abs(Humidity.saturationOverIce(temperature) / pressure - 1) < 0.005)
    }

    @Test("dew point and humidity go round, and meet the temperature in saturated air", arguments: -40...50)
    func roundTrip(temperature: Int) {
        let air = Double(temperature)
        #expect(abs(Humidity.dewPoint(temperature: air, relativeHumidity: 100) - air) < 1e-9)
        for humidity in [1.0, 20, 50, 80, 99] {
            let dew = Humidity.dewPoint(temperature: air, relativeHumidity: humidity)
            let back = 100 * Humidity.saturationOverWater(dew) / Humidity.saturationOverWater(air)
            #expect(abs(back - humidity) < 1e-9)
            let frost = Humidity.frostPoint(dewPoint: dew)
            #expect(dew >= 0 ? frost == dew : frost > dew && frost < 0)
        }
    }

    @Test("air of 20 Cel and 50 % has its dew point at 9.3 Cel; one of -10 Cel has its frost point at -8.9")
    func known() {
        #expect(abs(Humidity.dewPoint(temperature: 20, relativeHumidity: 50) - 9.3) < 0.05)
        #expect(abs(Humidity.frostPoint(dewPoint: -10) - -8.9) < 0.05)
    }
}

@Suite("Icing of a road")
struct RoadIcingTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let what: String
        let surface: RoadSurface
        let level: RoadIcing.Level?
        var cause: RoadIcing.Cause?
        var testDescription: String { what }
    }

    @Test(
        "has a level and a cause",
        arguments: [
            Case(what: "nothing known", surface: .init(), level: nil),
            Case(what: "only the air", surface: .init(airTemperature: -5, relativeHumidity: 90), level: nil),
            Case(what: "no such temperature", surface: .init(surfaceTemperature: -100), level: nil),
            Case(what: "warm", surface: .init(surfaceTemperature: 15), level: RoadIcing.Level.none),
            Case(
                what: "warm and wet", surface: .init(surfaceTemperature: 1.1, waterFilm: 1), level: RoadIcing.Level.none
            ),
            Case(
                what: "frozen, no more known", surface: .init(surfaceTemperature: -0.1), level: .possible,
                cause: .unknownMoisture),
            Case(
                what: "frozen and dry", surface: .init(surfaceTemperature: -8, waterFilm: 0, condition: 0),
                level: RoadIcing.Level.none),
            Case(
                what: "wet, at the margin", surface: .init(surfaceTemperature: 1, waterFilm: 0.05), level: .possible,
                cause: .freezing),
            Case(
                what: "wet, at 0", surface: .init(surfaceTemperature: 0, waterFilm: 0.05), level: .likely,
                cause: .freezing),
            Case(
                what: "less than a film", surface: .init(surfaceTemperature: -3, waterFilm: 0.04),
                level: RoadIcing.Level.none),
            Case(
                what: "moist by its code, in warm air",
                surface: .init(surfaceTemperature: -0.5, airTemperature: 3, condition: 1),
                level: .likely, cause: .freezing),
            Case(
                what: "rain on a frozen road", surface: .init(surfaceTemperature: -1, hasPrecipitation: true),
                level: .likely, cause: .freezing),
            Case(
                what: "salted, above its freezing point",
                surface: .init(surfaceTemperature: -3, waterFilm: 0.3, freezingTemperature: -6, condition: 4),
                level: RoadIcing.Level.none),
            Case(
                what: "salted, near its freezing point",
                surface: .init(surfaceTemperature: -5.5, waterFilm: 0.3, freezingTemperature: -6, condition: 4),
                level: .possible, cause: .freezing),
            Case(
                what: "salted, below its freezing point",
                surface: .init(surfaceTemperature: -6.5, waterFilm: 0.3, freezingTemperature: -6, condition: 4),
                level: .likely, cause: .freezing),
            Case(
                what: "salted, by how much not known", surface: .init(surfaceTemperature: -3, condition: 4),
                level: .possible, cause: .freezing),
            Case(
                what: "below the frost point", surface: .init(surfaceTemperature: -2, dewPoint: -2, waterFilm: 0),
                level: .likely, cause: .hoarFrost),
            // The dew point of -3 is a frost point of -2.65: between the two there is no dew, but frost.
            Case(
                what: "below the frost point, above the dew point",
                surface: .init(surfaceTemperature: -2.8, dewPoint: -3, waterFilm: 0), level: .likely, cause: .hoarFrost),
            Case(
                what: "near the frost point", surface: .init(surfaceTemperature: -2, dewPoint: -3.2, waterFilm: 0),
                level: .possible, cause: .hoarFrost),
            Case(
                what: "dry air", surface: .init(surfaceTemperature: -5, airTemperature: -3, relativeHumidity: 40),
                level: RoadIcing.Level.none),
            Case(
                what: "moist air on a cold road",
                surface: .init(surfaceTemperature: -1, airTemperature: 2, relativeHumidity: 90), level: .likely,
                cause: .hoarFrost),
            Case(
                what: "dew, no frost", surface: .init(surfaceTemperature: 4, dewPoint: 6), level: RoadIcing.Level.none),
            Case(
                what: "salted, below the frost point",
                surface: .init(surfaceTemperature: -2, dewPoint: -1, waterFilm: 0.2, freezingTemperature: -8),
                level: RoadIcing.Level.none),
            Case(
                what: "ice measured", surface: .init(surfaceTemperature: -1, iceThickness: 0.2), level: .present,
                cause: .seen),
            Case(what: "ice by its code alone", surface: .init(condition: 8), level: .present, cause: .seen),
            Case(what: "snow", surface: .init(surfaceTemperature: 0.5, condition: 6), level: .present, cause: .seen),
            Case(
                what: "ice on a hot road", surface: .init(surfaceTemperature: 30, condition: 8),
                level: RoadIcing.Level.none),
            Case(what: "dry by its code alone", surface: .init(condition: 0), level: RoadIcing.Level.none),
            Case(what: "no such code", surface: .init(condition: 77), level: nil),
            Case(
                what: "no numbers", surface: .init(surfaceTemperature: .nan, dewPoint: .infinity, iceThickness: .nan),
                level: nil
            ),
        ])
    func levels(row: Case) {
        let icing = RoadIcing(row.surface)
        #expect(icing?.level == row.level)
        #expect(icing?.cause == row.cause)
    }

    @Test("says why")
    func sentences() {
        func sentence(_ surface: RoadSurface) -> String? { RoadIcing(surface)?.sentence }
        #expect(
            sentence(.init(surfaceTemperature: -2.1, dewPoint: -1.6))
                == "Icing likely by hoar frost: surface at -2.1 Cel, frost point of the air -1.41 Cel")
        #expect(
            sentence(.init(surfaceTemperature: 0.4, waterFilm: 0.3))
                == "Icing possible by freezing of a wet surface: surface at 0.4 Cel, freezing at 0 Cel")
        #expect(
            sentence(.init(surfaceTemperature: -1, condition: 8))
                == "Slippery: the sensor reports ice, surface at -1 Cel")
        #expect(
            sentence(.init(surfaceTemperature: -4, condition: 0)) == "No icing: surface at -4 Cel and no water for ice")
    }

    /// A colder surface is never safer, and moister air neither.
    @Test("never falls with a falling surface temperature", arguments: [nil, 40.0, 80, 95, 100])
    func monotonic(humidity: Double?) {
        for film in [nil, 0.0, 0.5] {
            var before = RoadIcing.Level.none
            for tenth in (-200...100).reversed() {
                let icing = RoadIcing(
                    RoadSurface(
                        surfaceTemperature: Double(tenth) / 10, airTemperature: 1, relativeHumidity: humidity,
                        waterFilm: film))
                #expect((icing?.level ?? .none) >= before)
                before = icing?.level ?? .none
            }
        }
    }
}
