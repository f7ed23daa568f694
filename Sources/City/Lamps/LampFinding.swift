public import Basics
public import Telemetry

/// What one message of a lamp tells; nil where it does not.
public struct LampReport: Equatable, Sendable {
    /// That the lamp burns, or is told to where its controller knows no better.
    public var isOn: Bool?
    /// %, 0 dark: the commanded level where both are known, else the actual one.
    public var level: Double?
    /// Active power. Of a meter that is wired backwards the size counts.
    public var watts: Double?
    /// Counts only where there is no power.
    public var amperes: Double?
    /// The controller's own flag.
    public var reportsFault: Bool?

    package init(
        isOn: Bool? = nil, level: Double? = nil, watts: Double? = nil, amperes: Double? = nil,
        reportsFault: Bool? = nil
    ) {
        self.isOn = isOn
        self.level = level
        self.watts = watts
        self.amperes = amperes
        self.reportsFault = reportsFault
    }
}

/// What is wrong with a lamp, with the numbers of the last report that showed it.
public struct LampFinding: Equatable, Sendable {
    /// What is wrong; power in W, level in %, nil where no report told it.
    public enum Kind: Equatable, Sendable {
        /// It burns where the sun is up, or in hours of night in which it should be off; elevation in degrees.
        case dayBurner(watts: Double?, sunElevation: Double?)
        /// It should burn and takes no power, or reports that it does not burn. Known by night, it stands by day.
        case lampOut(watts: Double?, level: Double?, reportsFault: Bool)
        /// It has gone on and off by itself so many times.
        case flicker(switches: Int)
        /// Its power is far from what it takes at this level. Known while it burns, it stands while it does not.
        case powerOffLevel(watts: Double, expectedWatts: Double, level: Double)
    }

    /// As of the last report that showed it.
    public let kind: Kind
    /// The first report that showed it.
    public let since: Timestamp
    /// The newest report.
    public let observed: Timestamp

    /// What rules and alerts call it.
    public var findingKind: Finding.Kind {
        switch kind {
        case .dayBurner: .dayBurner
        case .lampOut: .lampOut
        case .flicker: .flicker
        case .powerOffLevel: .lampPower
        }
    }

    /// The power that it takes, in W, where it is known; of one that flickers how often it switched.
    public var value: Double? {
        switch kind {
        case .dayBurner(let watts, _), .lampOut(let watts, _, _): watts
        case .flicker(let switches): Double(switches)
        case .powerOffLevel(let watts, _, _): watts
        }
    }

    /// What a duty engineer is told: `Burns with 58.2 W while the sun stands 31 degrees high, for 12 min`.
    public var meaning: Sentence {
        let lasting = Sentence.Value.span(observed - since)
        func power(_ watts: Double?) -> Sentence.Value? { watts.map { .number($0, unit: "W") } }
        switch kind {
        case .dayBurner(let watts, let elevation):
            return Sentence(
                .dayBurner,
                [
                    .power: power(watts), .elevation: elevation.map { .number($0, unit: "deg") }, .span: lasting,
                ])
        case .lampOut(let watts, let level, let reportsFault):
            return Sentence(
                .lampOut,
                [
                    .power: power(watts), .level: level.map { .number($0, unit: "%") },
                    .reportsFault: reportsFault ? .word("yes") : nil, .span: lasting,
                ])
        case .flicker(let switches): return Sentence(.flicker, [.switches: .count(switches), .span: lasting])
        case .powerOffLevel(let watts, let expected, let level):
            return Sentence(
                .lampPower,
                [
                    .power: power(watts), .level: .number(level, unit: "%"), .expected: power(expected),
                    .share: .number((100 * watts / expected).rounded(), unit: "%"), .span: lasting,
                ])
        }
    }

    /// What is told, in English.
    public var sentence: String { meaning.words }
}
