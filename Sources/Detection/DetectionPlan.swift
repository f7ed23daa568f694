import Basics
public import Telemetry

/// Which quantities are watched, and how: the first entry that names a quantity is its own.
public struct DetectionPlan: Equatable, Sendable {
    /// How some quantities are watched.
    public struct Entry: Equatable, Sendable {
        /// Of which every series is watched so.
        public var quantities: Set<Quantity>
        /// nil: by the rules only.
        public var tier: DetectorTier?
        /// nil: by the detector only.
        public var rules: PlausibilityRules?

        package init(quantities: Set<Quantity>, tier: DetectorTier?, rules: PlausibilityRules?) {
            self.quantities = quantities
            self.tier = tier
            self.rules = rules
        }
    }

    /// In the order of the configuration, which decides where two name a quantity.
    public var entries: [Entry]
    /// Of the clock by which the profile of the day is kept.
    public var localOffsetSeconds: Int

    /// Without entries nothing is watched; the offset is in seconds east of UTC.
    public init(_ entries: [Entry] = [], localOffsetSeconds: Int = 0) {
        self.entries = entries
        self.localOffsetSeconds = localOffsetSeconds
    }

    /// How a series of the quantity is watched whose readings are due every `cadence`; nil: not at all.
    public func settings(for quantity: Quantity, cadence: Duration?) -> DetectorSettings? {
        entries.first { $0.quantities.contains(quantity) }.map {
            DetectorSettings(
                tier: $0.tier, rules: $0.rules, localOffsetSeconds: localOffsetSeconds, interval: cadence)
        }
    }
}
