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
    public var sentence: String {
        let lasting = ", for \(spanText(observed - since))"
        func power(_ watts: Double?) -> String { watts.map { Anomaly.text($0) + " W" } ?? "" }
        switch kind {
        case .dayBurner(let watts, let elevation):
            let burns = watts == nil ? "Burns" : "Burns with \(power(watts))"
            guard let elevation, elevation > 0 else { return burns + " in hours in which it should be off" + lasting }
            return burns + " while the sun stands \(Anomaly.text(elevation.rounded())) degrees high" + lasting
        case .lampOut(let watts, let level, let reportsFault):
            var told = "though it is dark"
            if let level, level > 0 { told = "though told to burn at \(Anomaly.text(level)) %" }
            let takes = watts == nil ? "" : ", takes \(power(watts))"
            return "Lamp out: \(reportsFault ? "reports a lamp fault" : "does not burn")\(takes) \(told)\(lasting)"
        case .flicker(let switches):
            return "Flickers: has gone on and off \(switches) times\(lasting)"
        case .powerOffLevel(let watts, let expected, let level):
            return "Takes \(power(watts)) at \(Anomaly.text(level)) % where \(power(expected)) is usual, "
                + "\(Anomaly.text((100 * watts / expected).rounded())) % of it\(lasting)"
        }
    }
}

/// `40 s`, `12 min`, `5 h`, `3 d`: whole units, at least two of them.
func spanText(_ span: Duration) -> String {
    let seconds = max(0, span.milliseconds / 1000)
    for (unit, length) in [("d", Int64(86_400)), ("h", 3600), ("min", 60)] where seconds >= 2 * length {
        return "\(seconds / length) \(unit)"
    }
    return "\(seconds) s"
}
