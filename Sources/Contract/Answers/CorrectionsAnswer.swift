public import Basics

/// What stood where corrections stand now.
public struct CorrectionsAnswer: Codable, Hashable, Sendable {
    /// Newest first. Of each device the newest that it made itself are kept, and of people the newest 200,000.
    public var corrections: [Entry]
    /// Ask again with this `before` for older ones; nil at the end.
    public var next: Int64?
    /// How many there ever were, of all devices.
    public var madeInAll: Int64
    /// How many of those are kept.
    public var keptInAll: Int64

    enum CodingKeys: String, CodingKey {
        case corrections, next
        case madeInAll = "made_in_all"
        case keptInAll = "kept_in_all"
    }

    /// A value that took the place of another one at the same time.
    public struct Entry: Codable, Hashable, Sendable {
        /// Rising; the newest has the greatest.
        public var id: Int64
        /// When it came, by the gateway's clock.
        public var at: Timestamp
        /// Its name.
        public var device: String
        /// Its name in the vocabulary of quantities.
        public var quantity: String
        /// Of the device, such as `l1`; nil for the device as a whole.
        public var channel: String?
        /// Of which time the reading is.
        public var observed: Timestamp
        /// The value before, in `unit`.
        public var was: Double
        /// The value since, in `unit`.
        public var became: Double
        /// Canonical unit of the quantity (UCUM).
        public var unit: String
        /// The login of who imported it; nil where the device itself sent both.
        public var by: String?

        package init(
            id: Int64, at: Timestamp, device: String, quantity: String, channel: String? = nil, observed: Timestamp,
            was: Double, became: Double, unit: String, by: String? = nil
        ) {
            self.id = id
            self.at = at
            self.device = device
            self.quantity = quantity
            self.channel = channel
            self.observed = observed
            self.was = was
            self.became = became
            self.unit = unit
            self.by = by
        }
    }

    package init(corrections: [Entry], next: Int64? = nil, madeInAll: Int64 = 0, keptInAll: Int64 = 0) {
        self.corrections = corrections
        self.next = next
        self.madeInAll = madeInAll
        self.keptInAll = keptInAll
    }
}
