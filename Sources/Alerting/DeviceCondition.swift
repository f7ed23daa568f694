import Basics
import Telemetry

/// What may be said of one device: levels of its series, and what they make together. Three-valued: no data is not false.
public indirect enum DeviceCondition: Equatable, Sendable {
    /// The statistic of a series is beyond the level, of any channel where none is named; of the threshold its hold times and
    /// higher levels do not count.
    case level(Threshold)
    case all([DeviceCondition])
    case any([DeviceCondition])
    case not(DeviceCondition)
    /// One of the levels that the device has series of is reached; the words are what people call it.
    case anyMeasured(String, [Threshold])

    /// Every level in it, from left to right.
    public var levels: [Threshold] {
        switch self {
        case .level(let threshold): [threshold]
        case .all(let parts), .any(let parts): parts.flatMap(\.levels)
        case .not(let part): part.levels
        case .anyMeasured(_, let levels): levels
        }
    }

    /// In words, with its levels: `active_power below 1 W and light_level above 50 %`.
    package var words: String {
        switch self {
        case .level(let threshold): threshold.words
        case .all(let parts): parts.map(\.wordsWithin).joined(separator: " and ")
        case .any(let parts): parts.map(\.wordsWithin).joined(separator: " or ")
        case .not(let part): "not \(part.wordsWithin)"
        case .anyMeasured(let words, _): words
        }
    }

    private var wordsWithin: String {
        switch self {
        case .level, .anyMeasured: words
        case .all, .any, .not: "(\(words))"
        }
    }

    /// All of it in one line.
    var content: String {
        switch self {
        case .level(let threshold): threshold.levelContent
        case .all(let parts): "all(\(parts.map(\.content).joined(separator: "; ")))"
        case .any(let parts): "any(\(parts.map(\.content).joined(separator: "; ")))"
        case .not(let part): "not(\(part.content))"
        case .anyMeasured(let words, let levels): "\(words)(\(levels.map(\.levelContent).joined(separator: "; ")))"
        }
    }

    /// The same without the levels.
    var watched: String {
        switch self {
        case .level(let threshold): threshold.watched
        case .all(let parts): "all(\(parts.map(\.watched).joined(separator: "; ")))"
        case .any(let parts): "any(\(parts.map(\.watched).joined(separator: "; ")))"
        case .not(let part): "not(\(part.watched))"
        case .anyMeasured(let words, let levels): "\(words)(\(levels.map(\.watched).joined(separator: "; ")))"
        }
    }
}

extension Threshold {
    /// All that counts of it as a level of a condition.
    fileprivate var levelContent: String {
        "\(watched) raise \(raise) clear \(clear) stale \(stale?.milliseconds ?? -1) coverage \(coverageMin)"
    }
}

extension Condition {
    /// Every level that it judges by.
    package var thresholds: [Threshold] {
        if case .threshold(let threshold) = self { [threshold] } else { parts }
    }
}

/// A condition on several statistics of one device.
public struct Composed: Equatable, Sendable {
    /// What must hold.
    public let condition: DeviceCondition
    /// It must hold this long before the alert fires.
    public let hold: Duration
    /// It must not hold for this long before the alert is over.
    public let clearHold: Duration

    package init(condition: DeviceCondition, hold: Duration = .zero, clearHold: Duration = .zero) {
        self.condition = condition
        self.hold = hold
        self.clearHold = clearHold
    }
}

/// So many devices of a circuit, of an area or of all on the roster of which a condition holds.
public struct GroupWatch: Equatable, Sendable {
    /// What makes devices a group. Of the city the alert is about the gateway.
    public enum Kind: String, CaseIterable, Sendable { case circuit, area, city }

    /// How many are enough.
    public enum Quorum: Equatable, Sendable {
        /// Devices; at least 1.
        case atLeast(Int)
        /// Of all that the rule selects in the group, above 0 to 1.
        case share(Double)

        /// Of so many devices.
        func needed(of members: Int) -> Int {
            switch self {
            case .atLeast(let count): count
            // 0.3 of 10 is three devices, whatever the last bit of the product says.
            case .share(let share): max(1, Int((share * Double(members) - 1e-9).rounded(.up)))
            }
        }
    }

    /// Which devices make a group.
    public let kind: Kind
    /// How many of them are enough.
    public let quorum: Quorum
    /// What must hold of each that counts.
    public let condition: DeviceCondition
    /// There must be enough for this long before the alert fires.
    public let hold: Duration
    /// There must be too few for this long before the alert is over.
    public let clearHold: Duration

    package init(
        kind: Kind, quorum: Quorum, condition: DeviceCondition, hold: Duration = .zero, clearHold: Duration = .zero
    ) {
        self.kind = kind
        self.quorum = quorum
        self.condition = condition
        self.hold = hold
        self.clearHold = clearHold
    }

    var watched: String { "\(kind.rawValue) of \(condition.watched)" }

    /// The group of a device; nil for one that is in none.
    func subject(of entry: RosterEntry) -> Subject? {
        switch kind {
        case .circuit: entry.circuit.isEmpty ? nil : .circuit(entry.circuit)
        case .area: entry.area.isEmpty ? nil : .area(entry.area)
        case .city: .gateway
        }
    }

    /// The devices of a group that a rule may be about, by number; empty for what is no group of this kind.
    func devices(of subject: Subject, _ roster: Roster) -> [DeviceIndex] {
        switch (kind, subject) {
        case (.circuit, .circuit(let name)): roster.devices(onCircuit: name)
        case (.area, .area(let name)): roster.devices(inArea: name)
        case (.city, .gateway): roster.lines.keys.sorted()
        case (.circuit, _), (.area, _), (.city, _): []
        }
    }
}

/// What is known of a condition.
enum Truth: Equatable, CaseIterable {
    case no, unknown, yes

    static prefix func ! (truth: Truth) -> Truth {
        switch truth {
        case .no: .yes
        case .unknown: .unknown
        case .yes: .no
        }
    }

    /// No where one is no, else unknown where one is.
    static func all(_ truths: some Sequence<Truth>) -> Truth {
        var result = Truth.yes
        for truth in truths {
            switch truth {
            case .no: return .no
            case .unknown: result = .unknown
            case .yes: break
            }
        }
        return result
    }

    /// Yes where one is yes, else unknown where one is.
    static func any(_ truths: some Sequence<Truth>) -> Truth { !all(truths.lazy.map { !$0 }) }

    var verdict: Verdict {
        switch self {
        case .yes: .holds
        case .no: .clears
        case .unknown: .noData
        }
    }
}
