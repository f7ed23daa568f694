/// A unit of measure, read from a UCUM code or one of the spellings met in payloads.
public struct Unit: Hashable, Sendable, CustomStringConvertible {
    /// The UCUM case-sensitive code.
    public let code: String
    /// Units of one dimension convert into each other. The dimension is named by its coherent reference unit.
    let dimension: String
    /// `reference = value * numerator / denominator + offset`; kept as a fraction so that 100512.34 Pa becomes
    /// 1005.1234 hPa by one rounding, not two.
    let numerator: Double
    let denominator: Double
    let offset: Double

    /// The UCUM code.
    public var description: String { code }

    /// Reads a UCUM code or a known spelling (`µg/m³`, `°C`, `kWh`, `dB(A)`, UN/CEFACT `GQ`); nil for anything else.
    public init?(_ spelling: String) {
        guard let unit = Self.bySpelling[spelling] else { return nil }
        self = unit
    }

    /// Every spelling that `init` knows, for suggestions.
    public static var spellings: some Sequence<String> { bySpelling.keys }

    /// The conversion from this unit into `other`; nil where the dimensions differ.
    public func conversion(to other: Unit) -> UnitConversion? {
        guard dimension == other.dimension else { return nil }
        if offset == other.offset {
            return UnitConversion(
                numerator: numerator * other.denominator, denominator: denominator * other.numerator, offset: 0)
        }
        // reference = v * n/d + o;  other = (reference - o') * d'/n'
        return UnitConversion(
            numerator: numerator * other.denominator, denominator: denominator * other.numerator,
            offset: (offset - other.offset) * other.denominator / other.numerator)
    }

    private init(_ code: String, _ dimension: String, _ numerator: Double, _ denominator: Double, _ offset: Double) {
        self.code = code
        self.dimension = dimension
        self.numerator = numerator
        self.denominator = denominator
        self.offset = offset
    }

    private static let bySpelling: [String: Unit] = {
        var units: [String: Unit] = [:]
        func define(
            _ code: String, in dimension: String, _ numerator: Double = 1, per denominator: Double = 1,
            plus offset: Double = 0, also spellings: [String] = []
        ) {
            let unit = Unit(code, dimension, numerator, denominator, offset)
            for spelling in [code] + spellings { units[spelling] = unit }
        }
        // Temperature: reference Cel.
        define("Cel", in: "Cel", also: ["°C", "ºC", "℃", "C", "CEL", "degC", "celsius"])
        define("K", in: "Cel", plus: -273.15, also: ["KEL", "kelvin"])
        define("[degF]", in: "Cel", 5, per: 9, plus: -160.0 / 9, also: ["°F", "ºF", "℉", "F", "FAH", "degF"])
        // Ratios: reference 1. `%` of a dimensionless quantity is a hundredth.
        define("1", in: "1", also: ["", "C62", "count", "none"])
        define("%", in: "1", 1, per: 100, also: ["P1", "%RH", "/100", "percent", "%EL"])
        define("[ppm]", in: "ppb", 1000, also: ["ppm", "59"])
        define("[ppb]", in: "ppb", also: ["ppb", "61"])
        define("um/m", in: "um/m", also: ["µm/m", "μm/m", "microstrain", "ustrain", "µε", "με"])
        // Concentration: reference ug/m3.
        define("ug/m3", in: "ug/m3", also: ["µg/m³", "μg/m³", "ug/m³", "µg/m3", "μg/m3", "μg/m^3", "ug/m^3", "GQ"])
        define("mg/m3", in: "ug/m3", 1000, also: ["mg/m³", "mg/m^3", "GP"])
        define("ng/m3", in: "ug/m3", 1, per: 1000, also: ["ng/m³", "ng/m^3"])
        define("g/m3", in: "ug/m3", 1_000_000, also: ["g/m³", "A93"])
        // Pressure: reference Pa.
        define("Pa", in: "Pa", also: ["PAL", "pascal"])
        define("hPa", in: "Pa", 100, also: ["A97", "hpa"])
        define("mbar", in: "Pa", 100, also: ["MBR"])
        define("kPa", in: "Pa", 1000, also: ["KPA"])
        define("MPa", in: "Pa", 1_000_000, also: ["MPA"])
        define("bar", in: "Pa", 100_000, also: ["BAR"])
        define("[in_i'Hg]", in: "Pa", 3386.389, also: ["inHg"])
        define("mm[Hg]", in: "Pa", 133.322387415, also: ["mmHg"])
        // Speed: reference m/s.
        define("m/s", in: "m/s", also: ["MTS", "m/sec"])
        define("km/h", in: "m/s", 1, per: 3.6, also: ["KMH", "kph", "kmh"])
        define("[mi_i]/h", in: "m/s", 0.44704, also: ["mph", "HM"])
        define("[kn_i]", in: "m/s", 1852, per: 3600, also: ["kn", "knot", "kt", "KNT"])
        // Length: reference mm.
        define("mm", in: "mm", also: ["MMT", "millimeter"])
        define("cm", in: "mm", 10, also: ["CMT"])
        define("m", in: "mm", 1000, also: ["MTR", "meter"])
        define("km", in: "mm", 1_000_000, also: ["KMT"])
        define("um", in: "mm", 1, per: 1000, also: ["µm", "μm", "4H"])
        define("[in_i]", in: "mm", 25.4, also: ["in", "inch", "INH"])
        define("[ft_i]", in: "mm", 304.8, also: ["ft", "FOT"])
        define("L/m2", in: "mm", also: ["l/m²", "L/m²", "l/m2"])
        define("mm/h", in: "mm/h", also: ["H67", "mm/hr"])
        define("[in_i]/h", in: "mm/h", 25.4, also: ["in/h", "in/hr"])
        // Angle: reference deg.
        define("deg", in: "deg", also: ["°", "DD", "degree"])
        define("rad", in: "deg", 180, per: Double.pi, also: ["C81", "radian"])
        // Time: reference s.
        define("s", in: "s", also: ["SEC", "sec", "second"])
        define("ms", in: "s", 1, per: 1000, also: ["C26"])
        define("min", in: "s", 60, also: ["MIN", "minute"])
        define("h", in: "s", 3600, also: ["HUR", "hour", "hr"])
        define("d", in: "s", 86_400, also: ["DAY", "day"])
        // Electricity and energy.
        define("V", in: "V", also: ["VLT", "volt"])
        define("mV", in: "V", 1, per: 1000, also: ["2Z"])
        define("kV", in: "V", 1000, also: ["KVT"])
        define("A", in: "A", also: ["AMP", "ampere"])
        define("mA", in: "A", 1, per: 1000, also: ["4K"])
        define("W", in: "W", also: ["WTT", "watt"])
        define("mW", in: "W", 1, per: 1000, also: ["C31"])
        define("kW", in: "W", 1000, also: ["KWT"])
        define("MW", in: "W", 1_000_000, also: ["MAW"])
        define("V.A", in: "V.A", also: ["VA", "D46"])
        define("kV.A", in: "V.A", 1000, also: ["kVA", "KVA"])
        define("V.A{reactive}", in: "V.A{reactive}", also: ["var", "VAr", "VAR", "D44"])
        define("kV.A{reactive}", in: "V.A{reactive}", 1000, also: ["kvar", "kVAr", "KVR"])
        define("W.h", in: "W.h", also: ["Wh", "WHR"])
        define("kW.h", in: "W.h", 1000, also: ["kWh", "KWH", "kwh"])
        define("MW.h", in: "W.h", 1_000_000, also: ["MWh", "MWH"])
        define("W.min", in: "W.h", 1, per: 60, also: ["Wmin"])
        define("J", in: "W.h", 1, per: 3600, also: ["JOU", "W.s", "Ws"])
        define("V.A.h{reactive}", in: "V.A.h{reactive}", also: ["varh"])
        define("kV.A.h{reactive}", in: "V.A.h{reactive}", 1000, also: ["kvarh", "kVArh", "K3"])
        define("Hz", in: "Hz", also: ["HTZ"])
        define("mHz", in: "Hz", 1, per: 1000)
        // Light, radiation, sound.
        define("lx", in: "lx", also: ["LUX", "lux"])
        define("klx", in: "lx", 1000, also: ["KLX"])
        define("lm", in: "lm", also: ["LUM"])
        define("W/m2", in: "W/m2", also: ["W/m²", "W⋅m⁻²", "W/m^2", "D54"])
        define("dB", in: "dB", also: ["dB(A)", "dBA", "2N"])
        // Flow, volume, mass, motion.
        define("m3", in: "m3", also: ["m³", "MTQ"])
        define("L", in: "m3", 1, per: 1000, also: ["l", "LTR", "liter"])
        define("m3/h", in: "m3/h", also: ["m³/h", "MQH"])
        define("L/h", in: "m3/h", 1, per: 1000, also: ["l/h"])
        define("L/min", in: "m3/h", 60, per: 1000, also: ["l/min", "L2"])
        define("kg", in: "kg", also: ["KGM"])
        define("g", in: "kg", 1, per: 1000, also: ["GRM"])
        define("t", in: "kg", 1000, also: ["TNE"])
        define("g/s", in: "g/s")
        define("kg/min", in: "g/s", 1000, per: 60)
        define("m/s2", in: "m/s2", also: ["m/s²", "MSK"])
        define("[g]", in: "m/s2", 9.80665, also: ["gn"])
        define("/h", in: "/h", also: ["1/h", "vehicles/h", "veh/h"])
        define("/min", in: "/h", 60, also: ["1/min"])
        return units
    }()
}

/// Takes a value of one unit into another of the same dimension.
public struct UnitConversion: Hashable, Sendable {
    /// A factor on the value; see `callAsFunction`.
    public let numerator: Double
    /// Divides after `numerator` has multiplied.
    public let denominator: Double
    /// Added last, in the target unit; 0 but for temperatures.
    public let offset: Double

    /// Leaves a value as it is.
    public static let identity = UnitConversion(numerator: 1, denominator: 1, offset: 0)

    package init(numerator: Double, denominator: Double, offset: Double) {
        self.numerator = numerator
        self.denominator = denominator
        self.offset = offset
    }

    /// Whether values may be used as they are.
    @inlinable public var isIdentity: Bool { numerator == denominator && offset == 0 }

    /// `value * numerator / denominator + offset`, in this order.
    @inlinable
    public func callAsFunction(_ value: Double) -> Double { value * numerator / denominator + offset }
}
