import Basics
import City
import Telemetry
import Testing

@Suite("The sun")
struct SunTests {
    static func moment(_ text: String) -> Timestamp { Timestamp(iso8601: text)! }

    /// Source: I. Reda and A. Andreas, "Solar Position Algorithm for Solar Radiation Applications", NREL/TP-560-34302
    /// (2008), appendix A.5: topocentric elevation 39.872046 without refraction, azimuth 194.340241, geocentric
    /// declination -9.314340.
    @Test("stands where the worked example of the SPA report puts it")
    func agreesWithSPA() {
        let sun = SunPosition(latitude: 39.742476, longitude: -105.1786, at: Self.moment("2003-10-17T19:30:30Z"))
        #expect(abs(sun.elevation - 39.872046) < 0.005)
        #expect(abs(sun.azimuth - 194.340241) < 0.005)
        #expect(abs(sun.declination - -9.314340) < 0.005)
    }

    /// Source: J. Meeus, "Astronomical Algorithms", example 25.a: apparent declination -7.78507 on 1992-10-13.0 TD, which
    /// is 59 s before the same UT.
    @Test("has the declination of Meeus' example")
    func agreesWithMeeus() {
        let sun = SunPosition(latitude: 0, longitude: 0, at: Self.moment("1992-10-12T23:59:01Z"))
        #expect(abs(sun.declination - -7.78507) < 0.002)
    }

    /// At noon the sun's height is 90 - latitude + declination; the declination is 23.44 at the summer solstice.
    @Test("is highest at noon of the solstice: 90 - latitude + 23.44", arguments: [25.0, 36.65, 45, 60])
    func solsticeNoon(latitude: Double) {
        let elevations = (0..<1440).map { minute in
            SunPosition(
                latitude: latitude, longitude: 117.12,
                at: Self.moment("2026-06-20T16:00:00Z") + .seconds(60 * minute)
            ).elevation
        }
        #expect(abs(elevations.max()! - (90 - latitude + 23.44)) < 0.02)
    }

    /// The equinoxes and solstices of 2026, from the almanacs: 20 March 14:46, 21 June 08:24 UT.
    @Test("crosses the equator at the equinox")
    func equinox() {
        let sun = SunPosition(latitude: 0, longitude: 0, at: Self.moment("2026-03-20T14:46:00Z"))
        #expect(abs(sun.declination) < 0.01)
        let solstice = SunPosition(latitude: 0, longitude: 0, at: Self.moment("2026-06-21T08:24:00Z"))
        #expect(abs(solstice.declination - 23.436) < 0.01)
    }

    @Test("gives no light below the horizon, and less through clouds")
    func irradiance() {
        #expect(haurwitzIrradiance(elevation: -1) == 0)
        #expect(haurwitzIrradiance(elevation: 0) == 0)
        // Straight overhead: 1098 * exp(-0.059) by the formula.
        #expect(abs(haurwitzIrradiance(elevation: 90) - 1035.1) < 0.1)
        #expect(cloudTransmission(cover: 0) == 1)
        #expect(cloudTransmission(cover: 1) == 0.25)
        #expect(cloudTransmission(cover: 7) == 0.25)
    }
}
