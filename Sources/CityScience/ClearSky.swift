import Glibc
import Telemetry

/// Irradiance under a clear sky, W/m2.
///
/// Source: P. Ineichen and R. Perez, "A new airmass independent formulation for the Linke turbidity coefficient", Solar
/// Energy 73 (2002) 151-157; air mass by F. Kasten and A. T. Young, Applied Optics 28 (1989) 4735-4738; the solar
/// constant of 1366.1 W/m2 by ASTM E-490.
public struct ClearSky: Equatable, Sendable {
    /// On level ground.
    public let global: Double
    /// From the sun's disc on a surface that faces it.
    public let direct: Double
    /// From the rest of the sky on level ground.
    public let diffuse: Double

    public static let solarConstant = 1366.1

    /// `altitude` in metres above the sea. `linkeTurbidity` says how hazy the air is: 2 is very clear and cold, 3 clear
    /// and warm, 4 to 6 moist or a city, 7 and more polluted. All is zero with the sun below the horizon.
    public init(_ sun: SunPosition, altitude: Double = 0, linkeTurbidity: Double = 3) {
        let height = sun.apparentElevation
        guard height > 0 else {
            (global, direct, diffuse) = (0, 0, 0)
            return
        }
        let cosine = sin(radians(height))
        let pressure = pow(1 - 2.255_77e-5 * altitude, 5.255_88)
        let airMass = Self.airMass(apparentElevation: height) * pressure
        let extraterrestrial = Self.solarConstant / (sun.distance * sun.distance)
        let (low, high) = (exp(-altitude / 8000), exp(-altitude / 1250))
        let excess = linkeTurbidity - 1
        let global =
            (5.09e-5 * altitude + 0.868) * extraterrestrial * cosine
            * exp(-(3.92e-5 * altitude + 0.0387) * airMass * (low + high * excess))
        let beam = (0.664 + 0.163 / low) * extraterrestrial * exp(-0.09 * airMass * excess)
        let rest = global * (1 - (0.1 - 0.2 * exp(-linkeTurbidity)) / (0.1 + 0.882 / low)) / cosine
        direct = max(0, min(beam, rest))
        self.global = max(0, global)
        diffuse = max(0, self.global - direct * cosine)
    }

    /// Air that the light passes, 1 from the zenith at sea level; `apparentElevation` in degrees, above 0.
    public static func airMass(apparentElevation: Double) -> Double {
        1 / (sin(radians(apparentElevation)) + 0.505_72 * pow(apparentElevation + 6.079_95, -1.6364))
    }
}

/// Global irradiance on level ground under a clear sky, W/m2, of the sun's elevation alone; zero with the sun below the
/// horizon. Haurwitz's model: simpler than `ClearSky`, for an average air.
///
/// Source: B. Haurwitz, "Insolation in relation to cloudiness and cloud density", Journal of Meteorology 2 (1945).
public func haurwitzIrradiance(elevation: Double) -> Double {
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
