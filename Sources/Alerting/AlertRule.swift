import Basics
public import Telemetry

/// One line of the duty room's wishes: what is watched, when it is raised, and when it is over.
public struct AlertRule: Equatable, Sendable {
    /// Unlike any other rule's; alerts are stored under it.
    public let name: String
    /// Of every alert that it raises; of one on a ladder of levels where it begins.
    public let severity: Severity
    /// Whom it is about.
    public let devices: DeviceSelector
    /// When it raises an alert, and when that is over.
    public let condition: Condition
    /// What it watches, without the levels: an alert that it raised is about that, and about nothing else.
    public let watched: String
    /// When it raises alerts; outside of them those that are up end. nil: always.
    public let times: ActiveTimes?
    /// What to do about an alert of it; nil where nothing is written.
    public let runbook: Runbook?
    /// `Condition.holds` and whether there are higher levels, as plain numbers: what fires asks for them at every reading.
    let holds: (raise: Duration, clear: Duration)
    let isLadder: Bool

    /// Of rules that say the same under the same name.
    public static func == (left: AlertRule, right: AlertRule) -> Bool {
        left.name.hasBytes(of: right.name) && left.severity == right.severity && left.devices == right.devices
            && left.condition == right.condition && left.times == right.times && left.runbook == right.runbook
    }

    package init(
        name: String, severity: Severity, devices: DeviceSelector, condition: Condition, times: ActiveTimes? = nil,
        runbook: Runbook? = nil
    ) {
        self.name = name
        self.severity = severity
        self.devices = devices
        self.condition = condition
        self.times = times
        self.runbook = runbook
        watched = condition.watched
        holds = condition.holds
        isLadder = if case .threshold(let threshold) = condition { !threshold.higher.isEmpty } else { false }
    }

    /// Those that alerts of it have.
    var severities: [Severity] {
        guard case .threshold(let threshold) = condition else { return [severity] }
        return [severity] + threshold.higher.map(\.severity)
    }

    /// Tells it from a rule that says something else, whatever their names; kept in stores.
    public var contentCheck: Int64 {
        var content = content
        return content.withUTF8 { CRC32C.check(key: 0, UnsafeRawBufferPointer($0)) }
    }

    /// All of it but the name in one line: two rules that say the same have the same.
    var content: String {
        "\(severity.rawValue) of \(devices.content): \(condition.content)"
            + (times.map { ", at \($0.content)" } ?? "") + (runbook.map { ", do \($0.text)" } ?? "")
    }

    /// Whether the two differ by their name alone.
    func isSame(as other: AlertRule) -> Bool {
        content.hasBytes(of: other.content)
    }
}

/// What a rule watches for.
public enum Condition: Equatable, Sendable {
    case threshold(Threshold)
    case absence(Absence)
    case outOfRange(OutOfRange)
    case finding(FindingWatch)
    case composed(Composed)
    case group(GroupWatch)

    /// What is watched and where the levels lie.
    fileprivate var content: String {
        let levels: [String] =
            switch self {
            case .threshold(let threshold):
                [
                    "raise \(threshold.raise)", "clear \(threshold.clear)", "hold \(threshold.hold.milliseconds)",
                    "stale \(threshold.stale?.milliseconds ?? -1)", "coverage \(threshold.coverageMin)",
                ] + (threshold.clearHold == .zero ? [] : ["clear hold \(threshold.clearHold.milliseconds)"])
                    + threshold.higher.map { "\($0.severity.rawValue) raise \($0.raise), clear \($0.clear)" }
            case .absence(let absence): ["\(absence.cadences) cadences", "at least \(absence.atLeast.milliseconds)"]
            case .outOfRange(let range): ["clear after \(range.clearAfter.milliseconds)"]
            case .finding(let watch): ["from \(watch.severityMin)", "clear after \(watch.clearAfter.milliseconds)"]
            case .composed(let composed):
                [composed.condition.content, "hold \(composed.hold.milliseconds) \(composed.clearHold.milliseconds)"]
            case .group(let group):
                [
                    group.condition.content, "\(group.quorum)",
                    "hold \(group.hold.milliseconds) \(group.clearHold.milliseconds)",
                ]
            }
        return ([watched] + levels).joined(separator: ", ")
    }

    /// The levels of a condition of several parts; empty for one of another kind.
    public var parts: [Threshold] {
        switch self {
        case .composed(let composed): composed.condition.levels
        case .group(let group): group.condition.levels
        case .threshold, .absence, .outOfRange, .finding: []
        }
    }

    /// How long it must hold before an alert fires, and how long it must be clear before that is over.
    package var holds: (raise: Duration, clear: Duration) {
        switch self {
        case .threshold(let threshold): (threshold.hold, threshold.clearHold)
        case .composed(let composed): (composed.hold, composed.clearHold)
        case .group(let group): (group.hold, group.clearHold)
        case .absence, .outOfRange, .finding: (.zero, .zero)
        }
    }

    fileprivate var watched: String {
        switch self {
        case .threshold(let threshold): threshold.watched
        case .composed(let composed): composed.condition.watched
        case .group(let group): group.watched
        case .absence: "absence"
        case .outOfRange: "out of range"
        case .finding(let watch):
            watch.kinds.map(\.rawValue).sorted().joined(separator: ", ")
                + (watch.quantities.map { " of " + $0.map(\.name).sorted().joined(separator: ", ") } ?? "")
        }
    }
}

/// A statistic beyond a level, for long enough.
public struct Threshold: Equatable, Sendable {
    /// What is held against the level, by the names in the rules file.
    public enum Statistic: String, CaseIterable, Sendable {
        case last, mean, min, max, count, median, p95
        case standardDeviation = "standard_deviation"
        /// Change over the window, in the quantity's unit per hour.
        case rate
        /// What a counter grew by, resets and roll-overs counted in, spikes left out.
        case increase
        /// The sum of the amounts of a delta.
        case total
        /// Of a state, each sample held until the next: the share of time that a lamp was on.
        case timeWeightedMean = "time_weighted_mean"
        /// Share of the samples that the roster's cadence lets expect, 0 to 1.
        case coverage

        var isQuantile: Bool { self == .median || self == .p95 }

        /// Whether it is a number without the quantity's unit.
        package var isBare: Bool { self == .count || self == .coverage }

        /// Whether a window that is not whole makes it less.
        var isSum: Bool {
            switch self {
            case .count, .coverage, .total, .increase: true
            case .last, .mean, .min, .max, .median, .p95, .standardDeviation, .rate, .timeWeightedMean: false
            }
        }

        /// Whether series of the quantity have it.
        package func exists(for quantity: Quantity) -> Bool {
            switch self {
            case .increase: quantity.kind == .counter
            case .total: quantity.kind == .delta
            case .timeWeightedMean: quantity.kind == .state
            case .median, .p95: !quantity.isDirection
            case .last, .mean, .min, .max, .count, .standardDeviation, .rate, .coverage: true
            }
        }

        /// The statistic of a summary; nil where the window's samples do not allow it.
        public func value(in summary: WindowSummary) -> Double? {
            switch self {
            case .last: summary.last
            case .mean: summary.mean
            case .min: summary.min
            case .max: summary.max
            case .count: Double(summary.count)
            case .median: summary.median
            case .p95: summary.p95
            case .standardDeviation: summary.standardDeviation
            case .rate: summary.ratePerHour
            case .increase: summary.increase
            case .total: summary.total
            case .timeWeightedMean: summary.timeWeightedMean
            case .coverage: summary.coverage
            }
        }
    }

    /// The side of the level on which the alert is raised.
    public enum Direction: String, Sendable { case above, below }

    /// Every series of it is judged by itself.
    public let quantity: Quantity
    /// nil watches every channel of the quantity.
    public let channel: String?
    /// Of the window; `last` of no window.
    public let statistic: Statistic
    /// nil where the statistic is the last value itself.
    public let window: Duration?
    /// See `raise`.
    public let direction: Direction
    /// A graver level of the same statistic, reached at once whatever the hold time.
    public struct Level: Equatable, Sendable {
        /// Graver than that of the level before.
        public let severity: Severity
        /// As `Threshold.raise`, and beyond that of the level before.
        public let raise: Double
        /// As `Threshold.clear`: at or inside it the alert is of the level before.
        public let clear: Double

        package init(severity: Severity, raise: Double, clear: Double) {
            self.severity = severity
            self.raise = raise
            self.clear = clear
        }
    }

    /// Raised beyond this level, in the quantity's unit; never at it.
    public let raise: Double
    /// Over when at or inside this level: between the two nothing changes, so that a value at the edge does not flap.
    public let clear: Double
    /// The condition must hold this long before the alert fires.
    public let hold: Duration
    /// The clear level must last this long before the alert is over.
    public let clearHold: Duration
    /// Levels beyond this one, each graver than the one before; empty for a rule of one severity.
    public let higher: [Level]
    /// Without a reading for this long the alert can no longer be judged. nil: three cadences, at least 5 minutes.
    public let stale: Duration?
    /// With a smaller part of the window's expected readings it cannot be judged, 0 to 1; where the cadence is not known it
    /// always can.
    public let coverageMin: Double

    package init(
        quantity: Quantity, channel: String? = nil, statistic: Statistic = .last, window: Duration? = nil,
        direction: Direction, raise: Double, clear: Double, hold: Duration = .zero, clearHold: Duration = .zero,
        higher: [Level] = [], stale: Duration? = nil, coverageMin: Double = 0
    ) {
        self.quantity = quantity
        self.channel = channel
        self.statistic = statistic
        self.window = window
        self.direction = direction
        self.raise = raise
        self.clear = clear
        self.hold = hold
        self.clearHold = clearHold
        self.higher = higher
        self.stale = stale
        self.coverageMin = coverageMin
    }

    /// What it watches, without the levels.
    var watched: String {
        [
            quantity.name, channel.map { "channel \($0)" }, statistic.rawValue,
            window.map { "over \($0.milliseconds) ms" }, direction.rawValue,
        ].compactMap { $0 }.joined(separator: ", ")
    }

    /// Whether the series is one of its quantity and channel.
    func watches(_ series: SeriesID, _ registry: SeriesRegistry) -> Bool {
        quantity == registry.series[series.index].quantity
            && (channel.map { $0.hasBytes(of: registry.channelName(of: series) ?? "") } ?? true)
    }

    /// In words, with its level: `mean of voltage over 5m above 253 V`.
    var words: String {
        let what = [quantity.name, channel.map { "(\($0))" }].compactMap { $0 }.joined(separator: " ")
        let over = window.map { " over \($0.shortForm)" } ?? ""
        let of = statistic == .last ? what : "\(statistic.rawValue) of \(what)\(over)"
        let unit = statistic.isBare || quantity.unit == "1" ? "" : " \(quantity.unit)"
        return "\(of) \(direction.rawValue) \(Anomaly.text(raise))\(unit)"
    }
}

/// A device of the roster that has not spoken for too long, or said that it is offline.
public struct Absence: Equatable, Sendable {
    /// Missed cadences.
    public let cadences: Int
    /// Never judged absent before this, however short the cadence.
    public let atLeast: Duration

    package init(cadences: Int, atLeast: Duration) {
        self.cadences = cadences
        self.atLeast = atLeast
    }

    /// How long a device of this cadence may be silent: `cadences` times it, at least `atLeast`.
    public func allowance(cadence: Duration) -> Duration {
        max(.milliseconds(cadence.milliseconds * Int64(cadences)), atLeast)
    }
}

/// A value that the laws of nature or the sensor's make do not allow.
public struct OutOfRange: Equatable, Sendable {
    /// Over when plausible readings came for this long.
    public let clearAfter: Duration

    package init(clearAfter: Duration) { self.clearAfter = clearAfter }
}

/// Something that a detector or a rule of the city noticed.
public struct FindingWatch: Equatable, Sendable {
    /// Any of them raises it.
    public let kinds: Set<Finding.Kind>
    /// nil: of any, or of none.
    public let quantities: Set<Quantity>?
    /// Findings below this are passed over; 0.5 to 1.
    public let severityMin: Double
    /// Over when nothing of the kind was noticed for this long.
    public let clearAfter: Duration

    package init(
        kinds: Set<Finding.Kind>, quantities: Set<Quantity>? = nil, severityMin: Double = 0.5, clearAfter: Duration
    ) {
        self.kinds = kinds
        self.quantities = quantities
        self.severityMin = severityMin
        self.clearAfter = clearAfter
    }

    func watches(_ finding: Finding, _ registry: SeriesRegistry) -> Bool {
        kinds.contains(finding.kind) && finding.severity >= severityMin
            && (quantities.map { wanted in
                finding.subject.series.map { wanted.contains(registry.series[$0.index].quantity) } ?? false
            } ?? true)
    }
}
