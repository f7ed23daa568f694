import Glibc

/// Water vapour over water and over ice, by the Magnus formula.
///
/// Temperatures in Cel, pressures in hPa. Over water from -45 to 60 Cel, over ice from -65 to 0 Cel. Relative humidity
/// is over water also below 0 Cel, as weather stations tell it.
///
/// Source: WMO-No. 8, Guide to Meteorological Instruments and Methods of Observation, annex 4.B.
public enum Humidity {
    /// hPa; also below 0 Cel, over water that is supercooled.
    public static func saturationOverWater(_ temperature: Double) -> Double { water.pressure(temperature) }

    /// hPa; below 0 Cel less than over water.
    public static func saturationOverIce(_ temperature: Double) -> Double { ice.pressure(temperature) }

    /// The temperature at which this air is saturated over water; `relativeHumidity` in %, above 0 up to 100.
    public static func dewPoint(temperature: Double, relativeHumidity: Double) -> Double {
        water.temperature(relativeHumidity / 100 * water.pressure(temperature))
    }

    /// The temperature at which it is saturated over ice: up to 0 Cel, and above the dew point.
    public static func frostPoint(dewPoint: Double) -> Double {
        dewPoint >= 0 ? dewPoint : ice.temperature(water.pressure(dewPoint))
    }

    private static let water = Magnus(slope: 17.62, offset: 243.12)
    private static let ice = Magnus(slope: 22.46, offset: 272.62)

    private struct Magnus {
        let slope: Double
        let offset: Double

        func pressure(_ temperature: Double) -> Double { 6.112 * exp(slope * temperature / (offset + temperature)) }

        func temperature(_ pressure: Double) -> Double {
            let logarithm = log(pressure / 6.112)
            return offset * logarithm / (slope - logarithm)
        }
    }
}
