public import Basics

/// Something amiss that a watcher noticed about a device, one of its series or its circuit: what a rule may make an alert of.
///
/// Told once where it is an event, and noted for as long as it holds where it is a state: a rule ends its alert when
/// neither came for a while.
public struct Finding: Hashable, Sendable {
    /// What was noticed, as rules and answers call it.
    public enum Kind: String, CaseIterable, Sendable {
        // What a detector sees in a series: see `Anomaly`.
        case seasonal, novelty, range, mean
        // What the rules of plausibility see in it.
        case physicalRange = "physical_range"
        case rateOfChange = "rate_of_change"
        case flatLine = "flat_line"
        case straightLine = "straight_line"
        case spike
        case levelShift = "level_shift"
        case gap, peers
        // What the sun, the schedule and the neighbours say of a lamp.
        case dayBurner = "day_burner"
        case lampOut = "lamp_out"
        case flicker
        case lampPower = "lamp_power"
        case feederFault = "feeder_fault"
        // And of a solar road.
        case yieldLoss = "yield_loss"
        case icing
        // What the gateway has itself, and its broker.
        case storeRefuses = "store_refuses"
        case storeDamaged = "store_damaged"
        case diskLow = "disk_low"
        case clockUnset = "clock_unset"
        case reloadRefused = "reload_refused"
        case channelFailing = "channel_failing"
        case ingestBehind = "ingest_behind"
        case brokerLost = "broker_lost"
        case messagesDropped = "messages_dropped"
    }

    /// Who has to be looked after: a series, a device, a circuit, or the gateway or its broker.
    public var subject: Subject
    /// What is amiss with it.
    public var kind: Kind
    /// Of the reading that gave it away.
    public var observed: Timestamp
    /// What gave it away: a value in the canonical unit, or a count or share that `sentence` names; nil where no one
    /// number does.
    public var value: Double?
    /// 0.5, something is amiss, up to 1, gravely so.
    public var severity: Double
    /// What a duty engineer is told, without the name of the subject: `PM2.5 is 311 ug/m3, above all of …`.
    public var meaning: Sentence

    package init(
        subject: Subject, kind: Kind, observed: Timestamp, value: Double?, severity: Double, sentence: Sentence
    ) {
        self.subject = subject
        self.kind = kind
        self.observed = observed
        self.value = value
        self.severity = severity
        meaning = sentence
    }

    /// An anomaly of a series of the registry, told in words.
    public init(_ anomaly: Anomaly, registry: SeriesRegistry) {
        let series = registry.series[anomaly.series.index]
        let definition = series.quantity.definition
        self.init(
            subject: .series(anomaly.series, of: series.device), kind: Kind(anomaly.evidence),
            observed: anomaly.observed, value: anomaly.value, severity: anomaly.severity,
            sentence: anomaly.meaning(
                of: .quantity(definition.name), channel: registry.channelName(of: anomaly.series),
                unit: definition.unit))
    }

    /// What is told, in English.
    public var sentence: String { meaning.words }
}

extension Finding.Kind {
    /// Whether the lesser value is the worse: the power of a lamp that is out, the temperature of ice. Of the others the greater
    /// is, as far as one can say.
    public var isWorseBelow: Bool {
        switch self {
        case .lampOut, .icing, .diskLow: true
        case .seasonal, .novelty, .range, .mean, .physicalRange, .rateOfChange, .flatLine, .straightLine, .spike,
            .levelShift, .gap, .peers, .dayBurner, .flicker, .lampPower, .feederFault, .yieldLoss, .storeRefuses,
            .storeDamaged, .clockUnset, .reloadRefused, .channelFailing, .ingestBehind, .brokerLost, .messagesDropped:
            false
        }
    }

    /// Of whom it is told where that is the gateway or its broker; nil where it is of what they serve.
    public var ownSubject: Subject? {
        switch self {
        case .storeRefuses, .storeDamaged, .diskLow, .clockUnset, .reloadRefused, .channelFailing, .ingestBehind:
            .gateway
        case .brokerLost, .messagesDropped: .broker
        case .seasonal, .novelty, .range, .mean, .physicalRange, .rateOfChange, .flatLine, .straightLine, .spike,
            .levelShift, .gap, .peers, .dayBurner, .lampOut, .flicker, .lampPower, .feederFault, .yieldLoss, .icing:
            nil
        }
    }

    init(_ evidence: Anomaly.Evidence) {
        switch evidence {
        case .seasonal: self = .seasonal
        case .novelty: self = .novelty
        case .range: self = .range
        case .mean: self = .mean
        case .physicalRange: self = .physicalRange
        case .rateOfChange: self = .rateOfChange
        case .flatLine: self = .flatLine
        case .straightLine: self = .straightLine
        case .spike: self = .spike
        case .levelShift: self = .levelShift
        case .gap: self = .gap
        case .peers: self = .peers
        }
    }
}
