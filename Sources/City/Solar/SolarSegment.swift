public import Basics
import Telemetry

/// The DC power that a segment's panels should give.
public struct SolarModel: Equatable, Sendable {
    /// At 1000 W/m2 and 25 Cel.
    public let ratedWatts: Double
    /// Part of the power for each kelvin above 25 Cel. Crystalline silicon: -0.003 to -0.005.
    public let temperatureCoefficient: Double
    /// What is left of it after mismatch, wiring, connections, nameplate and first ageing (0.93) and passing shade
    /// (0.97).
    ///
    /// Source: the loss categories of PVWatts version 5, NREL/TP-6A20-62641 (2014).
    public let systemFactor: Double

    /// W/m2, at which panels are rated.
    public static let referenceIrradiance = 1000.0

    /// A rating not above 0, a coefficient outside of -0.02 to 0 and a factor outside of 0 to 1.5 stop the program.
    public init(ratedWatts: Double, temperatureCoefficient: Double = -0.004, systemFactor: Double = 0.9) {
        precondition(
            ratedWatts > 0 && ratedWatts.isFinite && (-0.02...0).contains(temperatureCoefficient)
                && (0...1.5).contains(systemFactor),
            "solar: a rating above 0, a coefficient of -0.02 to 0 /K, and a factor of 0 to 1.5")
        self.ratedWatts = ratedWatts
        self.temperatureCoefficient = temperatureCoefficient
        self.systemFactor = systemFactor
    }

    /// Watts at an irradiance in the panels' plane in W/m2 and a panel temperature in Cel (25 where not known); 0 by
    /// night.
    public func expectedWatts(irradiance: Double, panelTemperature: Double?) -> Double {
        guard irradiance > 0, irradiance.isFinite else { return 0 }
        return systemFactor * ratedWatts * irradiance / Self.referenceIrradiance * temperatureFactor(panelTemperature)
    }

    /// Power at this panel temperature over that at 25 Cel, never below 0.
    public func temperatureFactor(_ panelTemperature: Double?) -> Double {
        guard let panelTemperature, panelTemperature.isFinite else { return 1 }
        return max(0, 1 + temperatureCoefficient * (panelTemperature - 25))
    }
}

/// A day of a segment: its energy, and what the sun offered in the panels' plane.
///
/// Sums run straight between readings, and not over gaps, in which neither counts.
///
/// Source: IEC 61724-1:2021, yields and performance ratios. With DC power they are those of the array.
public struct SolarDay: BitwiseCopyable, Sendable {
    /// W h.
    public private(set) var energy = 0.0
    /// W h/m2.
    public private(set) var irradiation = 0.0
    /// The same, each part times the power of its panel temperature over that at 25 Cel.
    public private(set) var correctedIrradiation = 0.0
    private var newest: Int64 = .min
    private var watts = 0.0
    private var irradiance = 0.0
    private var corrected = 0.0

    /// Readings further apart are not joined.
    public static let gapMax: Duration = .seconds(1900)
    /// With less light than half an hour of full sun a ratio says little: snow, fog, a day that was hardly heard.
    public static let irradiationMin = 500.0

    /// A day without a reading.
    public init() {}

    /// One message. Those not newer than the newest, and those that are no numbers, are left out; a newest that lies ahead of
    /// `wall`, the gateway's clock, hides none of the present. Negative values (a sensor's night offset) count as 0.
    public mutating func add(
        watts: Double, irradiance: Double, panelTemperature: Double?, at moment: Timestamp, wall: Timestamp? = nil,
        model: SolarModel
    ) {
        let now = moment.milliseconds
        guard abs(watts) <= 1e7, abs(irradiance) <= 2000, now != newest else { return }
        if now < newest {
            guard let wall, TimeFence.follows(now, newest: newest, at: wall.milliseconds) else { return }
            newest = .min
        }
        let light = max(irradiance, 0)
        let (power, factored) = (max(watts, 0), light * model.temperatureFactor(panelTemperature))
        let span = now.subtractingReportingOverflow(newest)
        if !span.overflow, span.partialValue <= Self.gapMax.milliseconds {
            let half = Double(span.partialValue) / 7_200_000
            energy += (self.watts + power) * half
            irradiation += (self.irradiance + light) * half
            correctedIrradiation += (corrected + factored) * half
        }
        (newest, self.watts, self.irradiance, corrected) = (now, power, light, factored)
    }

    /// Final yield over reference yield: (energy / rating) / (irradiation / 1000 W/m2). nil with too little light.
    public func performanceRatio(ratedWatts: Double) -> Double? { ratio(ratedWatts, irradiation) }

    /// The same as if the panels had been at 25 Cel all day: of summer and winter alike.
    public func correctedPerformanceRatio(ratedWatts: Double) -> Double? { ratio(ratedWatts, correctedIrradiation) }

    private func ratio(_ ratedWatts: Double, _ offered: Double) -> Double? {
        guard ratedWatts > 0, irradiation >= Self.irradiationMin, offered > 0 else { return nil }
        return energy / ratedWatts / (offered / SolarModel.referenceIrradiance)
    }

    // MARK: State to bytes and back

    /// 60 of them, version first.
    public var bytes: [UInt8] {
        var writer = StateWriter()
        writer.append(UInt32(1))
        writer.append(newest)
        for number in [energy, irradiation, correctedIrradiation, watts, irradiance, corrected] {
            writer.append(number.bitPattern)
        }
        return writer.bytes
    }

    /// nil for what `bytes` did not give.
    public init?(bytes: [UInt8]) {
        var reader = StateReader(bytes)
        guard reader.next(UInt32.self) == 1, let newest = reader.nextTime(none: .min) else { return nil }
        var numbers: [Double] = []
        for _ in 0..<6 {
            guard let bits = reader.next(UInt64.self) else { return nil }
            numbers.append(Double(bitPattern: bits))
        }
        guard reader.isAtEnd, numbers.allSatisfy({ (0...1e12).contains($0) }) else { return nil }
        self.newest = newest
        (energy, irradiation, correctedIrradiation) = (numbers[0], numbers[1], numbers[2])
        (watts, irradiance, corrected) = (numbers[3], numbers[4], numbers[5])
    }
}
