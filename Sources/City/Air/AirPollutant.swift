/// The pollutants of the air-quality indices, by the names of the quantities.
public enum AirPollutant: String, CaseIterable, Hashable, Comparable, Codable, Sendable {
    case pm2_5, pm10, o3, no2, so2, co

    /// In the tables of the standards.
    init?(tableName: String) { self.init(rawValue: tableName == "pm25" ? "pm2_5" : tableName) }

    /// In the order of the cases, in which reports name them.
    public static func < (left: AirPollutant, right: AirPollutant) -> Bool { left.order < right.order }

    private var order: Int { Self.allCases.firstIndex(of: self)! }

    /// Milligrams a mole; nil for particles. Source: IUPAC atomic weights, as in GB 3095 and US EPA tables.
    var molarMassMilligrams: Int? {
        switch self {
        case .pm2_5, .pm10: nil
        case .o3: 47_998
        case .no2: 46_006
        case .so2: 64_064
        case .co: 28_010
        }
    }
}

/// Over how long a concentration is a mean.
public enum AirAveraging: String, CaseIterable, Hashable, Codable, Sendable {
    case hour = "1h"
    case eightHours = "8h"
    case day = "24h"
    case year
    case peakSeason = "peak season"
    /// The weighted mean of US EPA, which stands for the 24 h mean of particles and the 8 h mean of ozone.
    case nowcast
}

/// A pollutant with the time over which it is a mean: what standards give limits for.
public struct AirIndicator: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// What is measured.
    public let pollutant: AirPollutant
    /// Over how long.
    public let averaging: AirAveraging

    package init(_ pollutant: AirPollutant, _ averaging: AirAveraging) {
        self.pollutant = pollutant
        self.averaging = averaging
    }

    /// `o3 8h`
    public var description: String { "\(pollutant.rawValue) \(averaging.rawValue)" }

    /// By pollutant, then by the text of the averaging, in which 24 h comes before 8 h.
    public static func < (left: AirIndicator, right: AirIndicator) -> Bool {
        left.pollutant != right.pollutant
            ? left.pollutant < right.pollutant : left.averaging.rawValue < right.averaging.rawValue
    }
}

/// Of a concentration: mass in a volume of air, or parts of the air.
public enum AirUnit: String, CaseIterable, Hashable, Codable, Sendable {
    case microgramsPerCubicMetre = "ug/m3"
    case milligramsPerCubicMetre = "mg/m3"
    case ppb
    case ppm

    fileprivate var isMass: Bool { self == .microgramsPerCubicMetre || self == .milligramsPerCubicMetre }
    /// A thousand of the smaller unit of its kind.
    fileprivate var isThousands: Bool { self == .milligramsPerCubicMetre || self == .ppm }
}

/// How much of a pollutant there is in the air.
public struct AirConcentration: Hashable, Sendable, CustomStringConvertible {
    /// In `unit`; may be negative, as sensors near zero report it.
    public let value: ExactDecimal
    /// What `value` counts.
    public let unit: AirUnit

    package init(_ value: ExactDecimal, _ unit: AirUnit) {
        self.value = value
        self.unit = unit
    }

    /// `35.5 ug/m3`
    public var description: String { "\(value) \(unit.rawValue)" }

    /// The same in another unit, at the reference state of the standard: exact between ug/m3 and mg/m3 and between ppb
    /// and ppm, else to 18 decimals. nil for particles as parts of the air.
    ///
    /// ug/m3 = ppb x M / V with the molar mass M in g/mol and the molar volume V in l/mol.
    public func converted(to wanted: AirUnit, of pollutant: AirPollutant, by standard: AirStandard) -> ExactDecimal? {
        if unit == wanted { return value }
        var value = unit.isThousands ? value.times(1000, over: 1) : value
        if unit.isMass != wanted.isMass {
            guard let mass = pollutant.molarMassMilligrams else { return nil }
            let volume = standard.molarVolumeMillilitres
            value = unit.isMass ? value.times(volume, over: mass) : value.times(mass, over: volume)
        }
        return wanted.isThousands ? value.times(1, over: 1000) : value
    }
}
