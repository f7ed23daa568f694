import Basics
package import Telemetry

/// What a road weather station tells; nil where it does not. Temperatures in Cel.
public struct RoadSurface: Equatable, Sendable {
    /// Cel; counts from -60 to 90.
    public var surfaceTemperature: Double?
    /// Cel; counts only with `relativeHumidity`, for the dew point.
    public var airTemperature: Double?
    /// %.
    public var relativeHumidity: Double?
    /// Counts before that from `relativeHumidity`.
    public var dewPoint: Double?
    /// mm.
    public var waterFilm: Double?
    /// Of the film with the salt in it; 0 where not known.
    public var freezingTemperature: Double?
    /// mm.
    public var iceThickness: Double?
    /// The codes of the quantity `road_condition`: 0 dry, 1 moist, 2 and 3 wet, 4 wet with salt, 5 frost, 6 snow,
    /// 7 slush, 8 ice.
    public var condition: Int?
    /// It rains or snows, or has of late.
    public var hasPrecipitation: Bool?

    package init(
        surfaceTemperature: Double? = nil, airTemperature: Double? = nil, relativeHumidity: Double? = nil,
        dewPoint: Double? = nil, waterFilm: Double? = nil, freezingTemperature: Double? = nil,
        iceThickness: Double? = nil, condition: Int? = nil, hasPrecipitation: Bool? = nil
    ) {
        self.surfaceTemperature = surfaceTemperature
        self.airTemperature = airTemperature
        self.relativeHumidity = relativeHumidity
        self.dewPoint = dewPoint
        self.waterFilm = waterFilm
        self.freezingTemperature = freezingTemperature
        self.iceThickness = iceThickness
        self.condition = condition
        self.hasPrecipitation = hasPrecipitation
    }
}

/// Whether a road is icy, or about to be. One moment's answer: readings waver about the thresholds, and the caller
/// holds a level for as long as it sees fit.
///
/// Ice forms only on a surface at or below the freezing point, whatever the air (roads have been seen icy in air above
/// it), and not on one that stays dry: that takes a film of water, or air whose water sublimes on the surface. Within
/// `margin` above either threshold ice is possible, since a station sees one spot and bridges and shade are colder.
///
/// Sources: for the freezing point, "Investigating Road Ice Formation Mechanisms Using RWIS Observations", Climate 12
/// (2024) 63; for hoar frost below the dew point, Karlsson, Meteorological Applications 8 (2001) 95-105, and the rule
/// "slippery frosty" in Lufft's manual of the 8511.EAK. The margin and the least films are ours.
public struct RoadIcing: Equatable, Sendable {
    /// How sure it is that the road is slippery: from water that may freeze to ice that a sensor sees.
    public enum Level: Int, Comparable, CaseIterable, Sendable {
        case none, possible, likely, present

        /// `none` is the least, `present` the most.
        public static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    /// Why it is, or may become, icy.
    public enum Cause: String, Sendable {
        /// Ice, frost, snow or slush that a sensor sees.
        case seen
        /// A wet surface at its freezing point.
        case freezing
        /// The surface is at or below the frost point of the air.
        case hoarFrost = "hoar_frost"
        /// The surface is frozen, and nothing is known of water or of the air.
        case unknownMoisture = "unknown_moisture"
    }

    /// The worst that any of the causes gives.
    public let level: Level
    /// nil with `none`.
    public let cause: Cause?
    /// `Icing likely by hoar frost: surface at -2.1 Cel, frost point of the air -1.4 Cel`.
    public var sentence: String { meaning.words }
    /// The same before it is put into words.
    package let meaning: Sentence

    /// K.
    public static let margin = 1.0
    /// mm.
    public static let waterFilmMin = 0.05
    /// mm.
    public static let iceMin = 0.05
    /// A surface this warm melts what a sensor may call ice.
    public static let meltingAbove = 5.0

    // Long: the causes of ice in the order in which they are asked; each ends or adds one line.
    /// nil where neither the surface's temperature nor its ice is known.
    public init?(_ surface: RoadSurface) {
        func within(_ value: Double?, _ range: ClosedRange<Double>) -> Double? {
            value.flatMap { range.contains($0) ? $0 : nil }
        }
        let temperature = within(surface.surfaceTemperature, -60...90)
        let condition = surface.condition.flatMap { (0...8).contains($0) ? $0 : nil }
        let film = within(surface.waterFilm, 0...1000)
        let ice = within(surface.iceThickness, 0...1000)
        guard temperature != nil || ice != nil || condition != nil else { return nil }
        let surfaceValue = temperature.map { Self.degrees($0) }

        let seen: (name: Sentence.Name, value: Sentence.Value)? =
            switch condition {
            case 5?: (.condition, .word("frost"))
            case 6?: (.condition, .word("snow"))
            case 7?: (.condition, .word("slush"))
            case 8?: (.condition, .word("ice"))
            default: ice.flatMap { $0 >= Self.iceMin ? (.thickness, .number(Self.hundredths($0), unit: "mm")) : nil }
            }
        if let seen, (temperature ?? 0) <= Self.meltingAbove {
            (level, cause) = (.present, .seen)
            meaning = Sentence(.iceSeen, [seen.name: seen.value, .surface: surfaceValue])
            return
        }
        guard let temperature else {
            (level, cause, meaning) = (.none, nil, Sentence(.noIceSeen))
            return
        }

        var found: [(level: Level, cause: Cause, meaning: Sentence)] = []
        func find(_ level: Level, _ cause: Cause, _ key: Sentence.Key, _ values: [Sentence.Name: Sentence.Value]) {
            var all: [Sentence.Name: Sentence.Value?] = values
            (all[.level], all[.surface]) = (.word("\(level)"), surfaceValue)
            found.append((level, cause, Sentence(key, all)))
        }
        let isWet = Self.isWet(film: film, condition: condition, hasPrecipitation: surface.hasPrecipitation)
        let known = within(surface.freezingTemperature, -60...5)
        let freezing = min(known ?? 0, 0)
        if isWet == true, temperature <= freezing + Self.margin {
            // How much salt is in it is not known: it may still be wet well below 0.
            let isSalted = condition == 4 && known == nil
            let level: Level = temperature <= freezing && !isSalted ? .likely : .possible
            find(level, .freezing, .icingFreezing, [.freezing: Self.degrees(freezing)])
        }
        let frostPoint = Self.dewPoint(
            given: within(surface.dewPoint, -60...40), air: within(surface.airTemperature, -60...60),
            humidity: within(surface.relativeHumidity, 0.1...110)
        ).map { Humidity.frostPoint(dewPoint: $0) }
        // Salt in a film keeps frost off as well.
        let frozen = isWet == true ? freezing : 0
        if let frostPoint, temperature <= frozen + Self.margin, temperature <= frostPoint + Self.margin {
            let level: Level = temperature <= frozen && temperature <= frostPoint ? .likely : .possible
            find(level, .hoarFrost, .icingHoarFrost, [.frostPoint: Self.degrees(frostPoint)])
        }
        if isWet == nil, frostPoint == nil, temperature <= 0 {
            find(.possible, .unknownMoisture, .icingUnknownMoisture, [:])
        }
        // Of equals the first.
        guard let worst = found.max(by: { $0.level < $1.level }) else {
            (level, cause) = (.none, nil)
            meaning = Sentence(.noIcing, [.surface: surfaceValue])
            return
        }
        (level, cause, meaning) = (worst.level, worst.cause, worst.meaning)
    }

    /// nil where nothing tells.
    private static func isWet(film: Double?, condition: Int?, hasPrecipitation: Bool?) -> Bool? {
        if let film, film >= waterFilmMin { return true }
        if let condition, (1...4).contains(condition) { return true }
        if hasPrecipitation == true { return true }
        return film == nil && condition == nil && hasPrecipitation == nil ? nil : false
    }

    private static func dewPoint(given: Double?, air: Double?, humidity: Double?) -> Double? {
        if let given { return given }
        guard let air, let humidity else { return nil }
        return Humidity.dewPoint(temperature: air, relativeHumidity: min(humidity, 100))
    }

    private static func hundredths(_ value: Double) -> Double { (value * 100).rounded() / 100 }
    private static func degrees(_ value: Double) -> Sentence.Value { .number(hundredths(value), unit: "Cel") }
}
