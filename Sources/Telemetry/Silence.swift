public import Basics

/// A wish not to be told: of the alerts that it selects nothing goes out until it ends, and nothing of them is forgotten.
public struct Silence: Equatable, Sendable {
    /// Which alerts are meant; what is left out means all.
    public struct Selection: Equatable, Sendable {
        /// Of rules with these names, `*` for any characters.
        public let rules: [String]
        private let patterns: [NamePattern]
        /// Of these devices, or of what they belong to.
        public var devices: DeviceSelector
        /// This one alert: it was put aside.
        public var alert: AlertKey?

        /// Empty for all.
        public init(rules: [String] = [], devices: DeviceSelector = .all, alert: AlertKey? = nil) {
            self.rules = rules
            patterns = rules.map { NamePattern($0) }
            self.devices = devices
            self.alert = alert
        }

        /// Whether the alert is meant.
        public func means(_ key: AlertKey, _ roster: Roster, _ registry: SeriesRegistry) -> Bool {
            if let alert, alert != key { return false }
            return (patterns.isEmpty || patterns.contains { $0.matches(key.rule) })
                && (devices == .all || devices.means(key.subject, roster, registry))
        }
    }

    /// Under which people end it; from 1.
    public var id: Int64
    /// Of which alerts.
    public var selection: Selection
    /// By the wall clock.
    public var begins: Timestamp
    /// By the wall clock: what was said, or when the span that was said would be over.
    public var ends: Timestamp
    /// Where a span was said, its end by the clock that nobody sets: that counts.
    public var endsSteady: SteadyTime?
    /// Who wants it.
    public var by: String
    /// Why.
    public var reason: String

    /// As it was ordered.
    public init(
        id: Int64, selection: Selection, begins: Timestamp, ends: Timestamp, endsSteady: SteadyTime?, by: String,
        reason: String
    ) {
        self.id = id
        self.selection = selection
        self.begins = begins
        self.ends = ends
        self.endsSteady = endsSteady
        self.by = by
        self.reason = reason
    }

    /// Whether it is over, by the clock that its end was said by.
    public func isOver(at now: Moment) -> Bool {
        endsSteady.map { now.steady >= $0 } ?? (now.wall >= ends)
    }

    /// Whether it has begun and is not over.
    public func isInForce(at now: Moment) -> Bool {
        (endsSteady != nil || now.wall >= begins) && !isOver(at: now)
    }
}
