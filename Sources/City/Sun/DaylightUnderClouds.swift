import Glibc

/// Global irradiance on level ground under a clear sky, W/m2, of the sun's elevation alone; zero with the sun below the
/// horizon. Haurwitz's model, for an average air.
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
