package import Basics
import City
import Glibc
import Telemetry

/// Sky, air and streets of the simulated city at one moment: what all its devices have in common.
///
/// Plausible, not measured: a continental climate like Jinan's (mean 14.5 °C, yearly swing 13.5 °C, daily 5 °C).
package struct CityWeather: Sendable {
    /// Degrees north, of Jinan.
    package static let latitude = 36.65
    /// Degrees east, of Jinan.
    package static let longitude = 117.12
    /// China Standard Time, without summer time.
    package static let zoneSeconds = 8 * 3600

    /// Degrees above the horizon.
    package let sunElevation: Double
    /// Part of the sky, 0 to 1.
    package let cloudCover: Double
    /// W/m2 on level ground.
    package let irradiance: Double
    /// °C.
    package let airTemperature: Double
    /// %.
    package let humidity: Double
    /// hPa.
    package let pressure: Double
    /// Vehicles under way against the busiest hour, 0 to 1.
    package let traffic: Double
    /// How badly the air is mixed, about 0.4 (wind) to 1.8 (inversion).
    package let stagnation: Double
    /// Hours of the local day, 0 up to 24.
    package let hour: Double

    /// The same moment and noise give the same weather.
    package init(at moment: Timestamp, noise: Noise) {
        let sun = SunPosition(latitude: Self.latitude, longitude: Self.longitude, at: moment)
        let local = moment + .seconds(Self.zoneSeconds)
        let day = local.milliseconds.flooredDivision(by: 86_400_000)
        hour = Double(local.milliseconds - day * 86_400_000) / 3_600_000
        sunElevation = sun.elevation
        cloudCover = min(
            max(
                0.4 + 0.45 * noise.forked(1).wander(moment, period: .seconds(21_600))
                    + 0.25 * noise.forked(2).wander(moment, period: .seconds(600)), 0), 1)
        irradiance = haurwitzIrradiance(elevation: sun.elevation) * cloudTransmission(cover: cloudCover)
        // Day 110 of the year is 20 April, when the yearly mean is passed upward.
        let season = sin(2 * .pi * (Double(day) + 0.5 - 110) / 365.2425)
        // Warmest at three in the afternoon, and flatter under clouds.
        let daily = 5 * (1 - 0.6 * cloudCover) * cos(2 * .pi * (hour - 15) / 24)
        let wander = 3.5 * noise.forked(3).wander(moment, period: .seconds(172_800))
        airTemperature = 14.5 + 13.5 * season + daily + wander
        humidity = min(
            max(55 + 12 * season - 2.4 * daily + 15 * noise.forked(4).wander(moment, period: .seconds(43_200)), 12), 98)
        pressure = 1016 - 10 * season + 7 * noise.forked(5).wander(moment, period: .seconds(259_200))
        traffic = Self.traffic(hour: hour, isWeekend: [0, 6].contains((day + 4) % 7))
        stagnation =
            1.1 + 0.6 * noise.forked(6).wander(moment, period: .seconds(100_000)) - 0.1 * (sun.elevation > 20 ? 1 : 0)
    }

    /// Two rush hours on working days, one broad hump at weekends.
    static func traffic(hour: Double, isWeekend: Bool) -> Double {
        func hump(_ centre: Double, _ width: Double) -> Double {
            let distance = (hour - centre) / width
            return exp(-distance * distance / 2)
        }
        let shape =
            isWeekend
            ? 0.6 * hump(15, 4.5) : 0.85 * hump(8, 1.1) + 0.95 * hump(18, 1.4) + 0.5 * hump(13, 3)
        return min(0.06 + shape, 1)
    }
}
