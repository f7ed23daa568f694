import Basics
import City
import Glibc
import Telemetry

/// One value as a device sends it: its key, and its number with the sensor's resolution.
package struct SensorValue: Equatable, Sendable {
    /// As in the payload: `p`, `pm2_5`.
    package let key: String
    /// In the unit that the device's profile states for the key.
    package var value: Double
    /// Digits behind the point in the payload.
    package let decimals: Int

    init(_ key: String, _ value: Double, _ decimals: Int) {
        self.key = key
        self.value = value
        self.decimals = decimals
    }
}

/// A streetlight controller. It switches by its own photocell at the civil twilight and dims after ten in the evening.
struct Streetlight: Sendable {
    private let noise: Noise
    let ratedWatts: Double
    /// Photocells differ: degrees of sun elevation around -6.
    private let twilight: Double
    private var driverTemperature: Double?
    private var energyKilowattHours: Double
    private var sampledAt: Timestamp?

    init(noise: Noise) {
        self.noise = noise
        ratedWatts = [40, 60, 60, 90, 120][Int(noise.unit(-1) * 5)]
        twilight = SunHorizon.civilTwilight.elevation + (noise.unit(-2) - 0.5)
        energyKilowattHours = (noise.unit(-3) * 2000).rounded()
    }

    /// Dimming in percent that the lamp is told, 0 by day.
    func commandedDimming(_ weather: CityWeather) -> Int {
        guard weather.sunElevation < twilight else { return 0 }
        switch weather.hour {
        case 22...: return 70
        case ..<5: return 50
        case ..<12: return 70
        default: return 100
        }
    }

    mutating func sample(at moment: Timestamp, _ weather: CityWeather, isOut: Bool, burnsByDay: Bool) -> [SensorValue] {
        let now = moment.milliseconds
        let dimming = burnsByDay ? max(commandedDimming(weather), 100) : commandedDimming(weather)
        let isOn = dimming > 0
        let voltage =
            229 + 3 * noise.forked(1).wander(moment, period: .seconds(3600)) - 2.5 * weather.traffic
            + 0.4 * noise.forked(2).bell(now)
        // A driver takes 8 % of its rating whatever the light, and 0.4 W asleep. Out, it goes on drawing its standby.
        let power =
            isOn && !isOut
            ? ratedWatts * (0.08 + 0.92 * Double(dimming) / 100) * (1 + 0.004 * noise.forked(3).bell(now))
            : isOut ? 0 : 0.4
        let factor = isOn && !isOut ? 0.88 + 0.09 * Double(dimming) / 100 : 0.45
        let current = power / (voltage * factor)
        // 0.25 K a watt, reached in about twenty minutes.
        let target = weather.airTemperature + 0.25 * power
        let before = driverTemperature ?? target
        let elapsed = sampledAt.map { (moment - $0).inSeconds } ?? 0
        let temperature = before + (target - before) * (1 - exp(-elapsed / 1200))
        driverTemperature = temperature
        energyKilowattHours += power * elapsed / 3_600_000
        sampledAt = moment
        return [
            SensorValue("p", power, 1), SensorValue("u", voltage, 1), SensorValue("i", current, 3),
            SensorValue("pf", factor, 2), SensorValue("t", temperature + 0.1 * noise.forked(4).bell(now), 1),
            SensorValue("d", Double(dimming), 0), SensorValue("lamp", isOn ? 1 : 0, 0),
            SensorValue("fault", isOut ? 1 : 0, 0), SensorValue("e", energyKilowattHours, 3),
        ]
    }
}

/// An air and noise monitoring station at a street.
struct AirStation: Sendable {
    private let noise: Noise
    /// How near the traffic is, 0.6 to 1.4.
    private let exposure: Double

    init(noise: Noise) {
        self.noise = noise
        exposure = 0.6 + 0.8 * noise.unit(-1)
    }

    /// `episode` is the strength of a pollution episode, 0 to 1.
    func sample(at moment: Timestamp, _ weather: CityWeather, episode: Double) -> [SensorValue] {
        let now = moment.milliseconds
        func jitter(_ branch: UInt64) -> Double { noise.forked(branch).bell(now) }
        func local(_ branch: UInt64) -> Double { noise.forked(branch).wander(moment, period: .seconds(5400)) }
        let traffic = weather.traffic * exposure
        let light = weather.irradiance / 1000
        let fine =
            (12 + 16 * weather.stagnation + 22 * traffic * weather.stagnation) * (1 + 0.15 * local(1)) + 220 * episode
        let coarse = fine * 1.45 + 12 * traffic + 4 * (1 + local(2))
        // Sunlight turns nitrogen dioxide over into ozone: one falls where the other rises.
        let nitrogen = (10 + 55 * traffic) * weather.stagnation * (1 - 0.45 * min(light, 1)) + 40 * episode
        let ozone = 25 + 130 * min(light, 1) * weather.stagnation - 0.25 * nitrogen + 8 * local(3)
        let noiseLevel = 46 + 9 * log10(1 + 40 * traffic) + 1.2 * jitter(9)
        return [
            SensorValue("pm2_5", max(fine + 0.8 * jitter(1), 1), 1),
            SensorValue("pm10", max(coarse + 1.2 * jitter(2), 2), 1),
            SensorValue("no2", max(nitrogen + 0.8 * jitter(3), 1), 1), SensorValue("o3", max(ozone + jitter(4), 2), 0),
            SensorValue("so2", max(6 + 3 * weather.stagnation + 0.5 * jitter(5), 1), 0),
            SensorValue("co", max(350 + 450 * traffic * weather.stagnation + 900 * episode + 15 * jitter(6), 100), 0),
            SensorValue("temperature", weather.airTemperature + 0.8 * local(5) + 0.1 * jitter(7), 1),
            SensorValue("humidity", min(max(weather.humidity + 3 * local(6), 8), 100), 0),
            SensorValue("pressure", weather.pressure + 0.05 * jitter(8), 1), SensorValue("laeq", noiseLevel, 1),
        ]
    }
}

/// A stretch of solar road: panels under glass that carries traffic.
struct RoadSegment: Sendable {
    private let noise: Noise
    let ratedWatts: Double
    private var panelTemperature: Double?
    private var roadTemperature: Double?
    private var energyKilowattHours: Double
    private var sampledAt: Timestamp?

    init(noise: Noise) {
        self.noise = noise
        ratedWatts = 2500 + 1000 * noise.unit(-1)
        energyKilowattHours = (noise.unit(-3) * 9000).rounded()
    }

    /// `overheating` is the strength of the fault, 0 to 1; `currentFactor` is 1 in health.
    mutating func sample(at moment: Timestamp, _ weather: CityWeather, overheating: Double, currentFactor: Double)
        -> [SensorValue]
    {
        let now = moment.milliseconds
        let elapsed = sampledAt.map { (moment - $0).inSeconds } ?? 0
        // Vehicles shade the panel now and then.
        let irradiance = weather.irradiance * (1 - 0.25 * weather.traffic * noise.forked(1).unit(now))
        // Without air behind it a panel warms by 0.035 K for each W/m2, the road beside it by 0.02.
        func followed(_ before: Double?, _ target: Double, _ seconds: Double) -> Double {
            let before = before ?? target
            return before + (target - before) * (1 - exp(-elapsed / seconds))
        }
        panelTemperature = followed(panelTemperature, weather.airTemperature + 0.035 * weather.irradiance, 600)
        roadTemperature = followed(roadTemperature, weather.airTemperature + 0.02 * weather.irradiance, 2400)
        // Thermometers of a tenth of a degree tremble by as much.
        let panel = (panelTemperature ?? 0) + 45 * overheating + 0.1 * noise.forked(6).bell(now)
        let road = (roadTemperature ?? 0) + 12 * overheating + 0.1 * noise.forked(7).bell(now)
        // Crystalline silicon loses 0.4 % of its power and 0.3 % of its voltage a kelvin above 25 °C.
        let isAwake = irradiance >= 5
        let voltage = isAwake ? 380 * (1 - 0.003 * (panel - 25)) + 0.5 * noise.forked(2).bell(now) : 0
        let healthy = isAwake ? ratedWatts * irradiance / 1000 * 0.9 * (1 - 0.004 * (panel - 25)) : 0
        let current = isAwake ? healthy / voltage * currentFactor + (currentFactor > 1 ? 12 : 0) : 0
        let power = voltage * current
        energyKilowattHours += power * elapsed / 3_600_000
        sampledAt = moment
        let axle = noise.forked(3).unit(now) < weather.traffic ? 90 * noise.forked(4).unit(now) : 0
        return [
            SensorValue("dc_power", power, 1), SensorValue("dc_voltage", voltage, 1),
            SensorValue("dc_current", current, 2),
            SensorValue("irradiance", irradiance, 1), SensorValue("panel_temperature", panel, 1),
            SensorValue("road_surface_temperature", road, 1),
            SensorValue("strain", 40 + 8 * (road - 15) / 10 + axle + 1.5 * noise.forked(5).bell(now), 1),
            SensorValue("energy_total", energyKilowattHours, 3),
        ]
    }
}
