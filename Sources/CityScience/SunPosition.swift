import Glibc
import Telemetry

/// Where the sun stands, seen from one place at one moment.
///
/// The low-precision formulas of the Astronomical Almanac as arranged by Michalsky: within 0.01 degrees from 1950 to
/// 2050. UT1 is taken for UTC (below 0.004 degrees) and parallax is left out (below 0.003 degrees).
///
/// Source: J. J. Michalsky, "The Astronomical Almanac's algorithm for approximate solar position (1950-2050)",
/// Solar Energy 40 (1988) 227-235.
public struct SunPosition: Equatable, Sendable {
    /// Degrees above the horizon, -90 to 90, of the centre of the disc, without refraction.
    public let elevation: Double
    /// Degrees from north, clockwise, 0 up to 360.
    public let azimuth: Double
    /// Degrees north of the equator.
    public let declination: Double
    /// Degrees since the sun stood highest, -180 up to 180.
    public let hourAngle: Double

    /// `latitude` and `longitude` in degrees, north and east positive.
    public init(latitude: Double, longitude: Double, at moment: Timestamp) {
        let days = Double(moment.milliseconds - 946_728_000_000) / 86_400_000  // since 2000-01-01T12:00:00Z
        let meanLongitude = 280.460 + 0.985_647_4 * days
        let anomaly = radians(357.528 + 0.985_600_3 * days)
        let ecliptic = radians(meanLongitude + 1.915 * sin(anomaly) + 0.020 * sin(2 * anomaly))
        let obliquity = radians(23.439 - 0.000_000_4 * days)
        let rightAscension = degrees(atan2(cos(obliquity) * sin(ecliptic), cos(ecliptic)))
        let declination = asin(sin(obliquity) * sin(ecliptic))
        let universalHours =
            Double(moment.milliseconds - moment.milliseconds.flooredDivision(by: 86_400_000) * 86_400_000) / 3_600_000
        let siderealHours = 6.697_375 + 0.065_709_824_2 * days + universalHours
        hourAngle = wrapped(siderealHours * 15 + longitude - rightAscension + 180) - 180
        let hour = radians(hourAngle)
        let place = radians(latitude)
        elevation = degrees(asin(sin(declination) * sin(place) + cos(declination) * cos(place) * cos(hour)))
        azimuth = wrapped(
            degrees(
                atan2(
                    -sin(hour) * cos(declination),
                    sin(declination) * cos(place) - cos(declination) * sin(place) * cos(hour))))
        self.declination = degrees(declination)
    }
}

/// The sun's appointments of one day at one place.
///
/// Where the sun does not cross a height on that day the moment is nil: in the far north, not in a city we know.
public struct SunDay: Equatable, Sendable {
    /// The sun stands highest.
    public let noon: Timestamp
    public let sunrise: Timestamp?
    public let sunset: Timestamp?
    public let civilDawn: Timestamp?
    public let civilDusk: Timestamp?

    /// Geometric height of the centre at sunrise: 34' of refraction and 16' of radius, as almanacs count.
    public static let sunriseElevation = -0.833
    public static let civilTwilightElevation = -6.0

    /// The day whose noon is nearest to `moment`. Within about 10 s of the position formulas; almanacs agree to a
    /// minute, since refraction at the horizon varies.
    public init(latitude: Double, longitude: Double, near moment: Timestamp) {
        // The hour angle grows by 360.9856 degrees a day; two steps reach the second.
        func step(_ moment: Timestamp, by degrees: Double) -> Timestamp {
            Timestamp(milliseconds: moment.milliseconds + Int64((degrees / 360.985_6 * 86_400_000).rounded()))
        }
        func position(_ moment: Timestamp) -> SunPosition {
            SunPosition(latitude: latitude, longitude: longitude, at: moment)
        }
        var noon = moment
        for _ in 0..<3 { noon = step(noon, by: -position(noon).hourAngle) }
        func crossing(_ elevation: Double, sign: Double) -> Timestamp? {
            var moment = noon
            for _ in 0..<4 {
                let sun = position(moment)
                let declination = radians(sun.declination)
                let place = radians(latitude)
                let cosine =
                    (sin(radians(elevation)) - sin(place) * sin(declination)) / (cos(place) * cos(declination))
                guard abs(cosine) <= 1 else { return nil }
                let wanted = sign * degrees(acos(cosine))
                moment = step(moment, by: wanted - sun.hourAngle)
            }
            return moment
        }
        self.noon = noon
        sunrise = crossing(Self.sunriseElevation, sign: -1)
        sunset = crossing(Self.sunriseElevation, sign: 1)
        civilDawn = crossing(Self.civilTwilightElevation, sign: -1)
        civilDusk = crossing(Self.civilTwilightElevation, sign: 1)
    }
}

/// Global irradiance on level ground under a clear sky, W/m2; zero with the sun below the horizon.
///
/// Source: B. Haurwitz, "Insolation in relation to cloudiness and cloud density", Journal of Meteorology 2 (1945).
public func clearSkyIrradiance(elevation: Double) -> Double {
    let height = sin(radians(elevation))
    return height > 0 ? 1098 * height * exp(-0.059 / height) : 0
}

/// The part of the clear-sky irradiance that passes clouds covering `cover` of the sky, 0 to 1.
///
/// Source: F. Kasten and G. Czeplak, "Solar and terrestrial radiation dependent on the amount and type of cloud",
/// Solar Energy 24 (1980) 177-189.
public func cloudTransmission(cover: Double) -> Double {
    1 - 0.75 * pow(min(max(cover, 0), 1), 3.4)
}

private func radians(_ degrees: Double) -> Double { degrees * .pi / 180 }
private func degrees(_ radians: Double) -> Double { radians * 180 / .pi }

/// The angle in 0 up to 360 degrees.
private func wrapped(_ degrees: Double) -> Double {
    let rest = fmod(degrees, 360)
    return rest < 0 ? rest + 360 : rest
}
