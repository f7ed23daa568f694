public import Basics
import Glibc
import Telemetry

/// Where the sun stands, seen from one place at one moment.
///
/// Within 0.005 degrees of NREL's SPA from 2000 to 2050, in 4,000 places and moments compared. UT1 is taken for UTC
/// (below 0.004 degrees of hour angle).
///
/// Source: J. Meeus, "Astronomical Algorithms" (2nd edition, 1998), chapters 12, 13 and 25; the pull of Venus, Jupiter
/// and the Moon from the same author's "Astronomical Formulae for Calculators" (1985), chapter 18.
public struct SunPosition: Equatable, Sendable {
    /// Degrees above the horizon, -90 to 90, of the centre of the disc, without refraction.
    public let elevation: Double
    /// Degrees from north, clockwise, 0 up to 360.
    public let azimuth: Double
    /// Degrees north of the equator.
    public let declination: Double
    /// Degrees since the sun stood highest, -180 up to 180.
    public let hourAngle: Double
    /// From the earth, in astronomical units.
    public let distance: Double

    /// `latitude` and `longitude` in degrees, north and east positive.
    public init(latitude: Double, longitude: Double, at moment: Timestamp) {
        let days = Double(moment.milliseconds - 946_728_000_000) / 86_400_000  // since 2000-01-01T12:00:00Z
        // The sun's theory runs in terrestrial time, 69 s ahead of UTC since 2017; its longitude moves 0.00003
        // degrees in the 5 s that this is off in 2000.
        let centuries = (days + 69 / 86_400) / 36_525
        let meanLongitude = 280.466_46 + 36_000.769_83 * centuries + 0.000_303_2 * centuries * centuries
        let anomaly = radians(357.529_11 + 35_999.050_29 * centuries - 0.000_153_7 * centuries * centuries)
        let center =
            (1.914_602 - 0.004_817 * centuries) * sin(anomaly) + (0.019_993 - 0.000_101 * centuries) * sin(2 * anomaly)
            + 0.000_289 * sin(3 * anomaly)
        let node = radians(125.04 - 1934.136 * centuries)
        let ecliptic = radians(
            meanLongitude + center + Self.perturbations(centuries + 1) - 0.005_69 - 0.004_78 * sin(node))
        let obliquity = radians(23.439_291_1 - 0.013_004_2 * centuries + 0.002_56 * cos(node))
        let rightAscension = degrees(atan2(cos(obliquity) * sin(ecliptic), cos(ecliptic)))
        let declination = asin(sin(obliquity) * sin(ecliptic))
        let sidereal = 280.460_618_37 + 360.985_647_366_29 * days - 0.004_78 * sin(node) * cos(obliquity)
        hourAngle = wrapped(sidereal + longitude - rightAscension + 180) - 180
        let hour = radians(hourAngle)
        let place = radians(latitude)
        let height = asin(sin(declination) * sin(place) + cos(declination) * cos(place) * cos(hour))
        // Seen from the ground and not from the middle of the earth: the parallax is 8.79" at the horizon.
        elevation = degrees(height) - 0.002_44 * cos(height)
        azimuth = wrapped(
            degrees(
                atan2(
                    -sin(hour) * cos(declination),
                    sin(declination) * cos(place) - cos(declination) * sin(place) * cos(hour))))
        self.declination = degrees(declination)
        let eccentricity = 0.016_708_634 - 0.000_042_037 * centuries
        distance =
            1.000_001_018 * (1 - eccentricity * eccentricity) / (1 + eccentricity * cos(anomaly + radians(center)))
    }

    /// Degrees of longitude by which planets and Moon move the earth; time in Julian centuries since 1900.
    private static func perturbations(_ centuries: Double) -> Double {
        0.001_34 * cos(radians(153.23 + 22_518.754_1 * centuries))
            + 0.001_54 * cos(radians(216.57 + 45_037.508_2 * centuries))
            + 0.002_00 * cos(radians(312.69 + 32_964.357_7 * centuries))
            + 0.001_79 * sin(radians(350.74 + 445_267.114_2 * centuries - 0.001_44 * centuries * centuries))
            + 0.001_78 * sin(radians(231.19 + 20.20 * centuries))
    }

    /// Elevation as the eye sees it, raised by refraction at 1010 hPa and 10 Cel; below -1 degree without it.
    ///
    /// Source: Saemundsson (1986), as in Meeus (1998) chapter 16.
    public var apparentElevation: Double {
        guard elevation > -1 else { return elevation }
        return elevation + 1.02 / 60 / tan(radians(elevation + 10.3 / (elevation + 5.11)))
    }
}

func radians(_ degrees: Double) -> Double { degrees * .pi / 180 }
func degrees(_ radians: Double) -> Double { radians * 180 / .pi }

/// The angle in 0 up to 360 degrees.
func wrapped(_ degrees: Double) -> Double {
    let rest = fmod(degrees, 360)
    return rest < 0 ? rest + 360 : rest
}
