public import Basics

/// How much an alert matters to the duty room.
public enum Severity: String, Sendable, CaseIterable, Codable, Comparable {
    case info, warning, critical

    /// The graver is the greater.
    public static func < (left: Severity, right: Severity) -> Bool {
        allCases.firstIndex(of: left)! < allCases.firstIndex(of: right)!
    }
}

/// The phase of an alert. Missing data moves an alert to `unknown`, never to `resolved`.
public enum AlertPhase: String, Sendable, CaseIterable, Codable {
    /// The condition does not hold, or never did.
    case inactive
    /// The condition holds, not yet long enough.
    case pending
    case firing
    /// It fires, and the condition no longer holds, not yet long enough. To people the same as `firing`.
    case clearing
    /// It was pending or firing and the data it is judged by stopped.
    case unknown
    /// It was firing and the condition no longer holds. For the next evaluation the same as `inactive`.
    case resolved

    /// Those in which people are told that it fires.
    public static let up: [AlertPhase] = [.firing, .clearing]
}

/// Which alert is meant: one rule about one subject.
public struct AlertKey: Hashable, Sendable {
    /// The rule's name, as the rules file has it.
    public var rule: String
    /// What the rule judges: each subject has an alert of its own.
    public var subject: Subject

    package init(rule: String, subject: Subject) {
        self.rule = rule
        self.subject = subject
    }

    /// Of rules whose names are the same bytes.
    public static func == (left: AlertKey, right: AlertKey) -> Bool {
        left.subject == right.subject && left.rule.hasBytes(of: right.rule)
    }

    /// By bytes too.
    public func hash(into hasher: inout Hasher) {
        rule.hashBytes(into: &hasher)
        hasher.combine(subject)
    }
}

extension AlertKey: Comparable {
    /// By the bytes of the rule's name, then by subject: the order in which a turn tells what it found.
    public static func < (left: AlertKey, right: AlertKey) -> Bool {
        left.rule.hasBytes(of: right.rule) ? left.subject < right.subject : left.rule.precedesByBytes(right.rule)
    }
}

/// The worst value of an incident, and when it was.
public struct AlertPeak: Hashable, Sendable {
    /// In the canonical unit.
    public var value: Double
    /// The gateway's time at the evaluation.
    public var at: Timestamp
    /// How grave a finding was, 0.5 to 1; of a level 1.
    public var gravity: Double

    /// `gravity` counts only beside another peak.
    public init(value: Double, at: Timestamp, gravity: Double = 1) {
        self.value = value
        self.at = at
        self.gravity = gravity
    }
}

/// One step of one alert: what is stored, shown and told.
public struct AlertTransition: Hashable, Sendable {
    /// Which alert took the step.
    public var key: AlertKey
    /// The rule's; what it was, where the rule is gone.
    public var severity: Severity
    /// The phase that it left.
    public var from: AlertPhase
    /// The phase that it is in from now on.
    public var to: AlertPhase
    /// The gateway's time at the evaluation, not the reading's.
    public var at: Timestamp
    /// The same moment in the time that the gateway listened: a hold that began goes on from here over a restart.
    public var listened: SteadyTime
    /// The same moment by the clock that nobody sets: how long an alert lasted is counted from here.
    public var steady: SteadyTime
    /// When the condition began to hold: kept through pending, firing and unknown.
    public var since: Timestamp
    /// The value that decided, in the canonical unit; nil for absence.
    public var value: Double?
    /// What the rule watched at this step, in the rule's own short form.
    public var watched: String
    /// What a duty engineer is told, with the numbers.
    public var meaning: Sentence
    /// The worst value since the incident began; nil where none decides.
    public var peak: AlertPeak?

    /// `listened` and `steady` have the number of `at` where nothing else is said.
    package init(
        key: AlertKey, severity: Severity, from: AlertPhase, to: AlertPhase, at: Timestamp,
        listened: SteadyTime? = nil, steady: SteadyTime? = nil, since: Timestamp, value: Double?, watched: String = "",
        sentence: Sentence,
        peak: AlertPeak? = nil
    ) {
        self.key = key
        self.severity = severity
        self.from = from
        self.to = to
        self.at = at
        self.listened = listened ?? SteadyTime(milliseconds: at.milliseconds)
        self.steady = steady ?? SteadyTime(milliseconds: at.milliseconds)
        self.since = since
        self.value = value
        self.watched = watched
        meaning = sentence
        self.peak = peak
    }

    /// What is told, in English.
    public var sentence: String { meaning.words }

    /// Whether nothing held before: an incident begins with it.
    public var isBeginning: Bool {
        switch from {
        case .inactive, .resolved: true
        case .pending, .firing, .clearing, .unknown: false
        }
    }

    /// Whether the condition began to hold with this step: then `steady` is the moment of `since` too.
    public var isSinceNow: Bool { since == at }

    /// Whether nothing holds any more: the incident is over.
    public var isEnd: Bool {
        switch to {
        case .inactive, .resolved: true
        case .pending, .firing, .clearing, .unknown: false
        }
    }

    /// Whether people are told: an alert that starts, ends, changes its severity, or can no longer be judged. Pending is
    /// silent, and so is clearing, on the way in and on the way back.
    public var isNotified: Bool {
        switch to {
        case .firing: from != .clearing
        case .resolved: true
        case .unknown: AlertPhase.up.contains(from)
        case .inactive, .pending, .clearing: false
        }
    }
}
