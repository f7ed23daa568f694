public import Basics

/// Why an alert is as it is: what was measured against what, what is alike, by which rule, who was told what and what was held back,
/// and what changed before.
public struct WhyAnswer: Codable, Hashable, Sendable {
    /// With its steps, whom they were told, and what people did.
    public var story: AlertStoryAnswer
    /// Its newest one; nil where none is kept.
    public var incident: IncidentAnswer?
    /// The rule as it was when the incident began; nil where that is not kept.
    public var rule: RuleText?
    /// The series that it is about, before and during the incident; nil where it is about no single one.
    public var measured: HistoryAnswer?
    /// How the others are of its circuit, or else its area, or else its profile; nil where there are none.
    public var alike: Alike?
    /// The alert under which it is kept and not told; nil for none.
    public var cause: String?
    /// Those that are kept under it, newest first, at most `childrenMax`.
    public var children: [AlertAnswer]
    /// How many there are of them.
    public var childrenInAll: Int
    /// What was different before it began, newest first.
    public var changes: [Change]

    /// Of `children`.
    public static let childrenMax = 100

    enum CodingKeys: String, CodingKey {
        case story, incident, rule, measured, alike, cause, children, changes
        case childrenInAll = "children_in_all"
    }

    /// What a rule said.
    public struct RuleText: Codable, Hashable, Sendable {
        /// Since when.
        public var since: Timestamp
        /// A line for each of its keys.
        public var text: String
        /// Since when it says something else, or is gone; nil where it says the same today.
        public var changedAt: Timestamp?

        enum CodingKeys: String, CodingKey {
            case since, text
            case changedAt = "changed_at"
        }

        package init(since: Timestamp, text: String, changedAt: Timestamp? = nil) {
            self.since = since
            self.text = text
            self.changedAt = changedAt
        }
    }

    /// Other devices that something in common with it has, and their newest values where it is about a quantity.
    public struct Alike: Codable, Hashable, Sendable {
        /// `circuit`, `area` or `profile`.
        public var kind: String
        /// Of that.
        public var name: String
        /// Without the one that it is about.
        public var devices: Int
        /// Of them, by how they are.
        public var health: [String: Int]
        /// Of the quantity, in `unit`; nil where nobody else has one.
        public var values: Values?

        package init(kind: String, name: String, devices: Int, health: [String: Int], values: Values? = nil) {
            self.kind = kind
            self.name = name
            self.devices = devices
            self.health = health
            self.values = values
        }

        /// The newest values of the others.
        public struct Values: Codable, Hashable, Sendable {
            /// Of series.
            public var count: Int
            /// In `unit`.
            public var min: Double
            /// In `unit`.
            public var median: Double
            /// In `unit`.
            public var max: Double
            /// Canonical (UCUM).
            public var unit: String

            package init(count: Int, min: Double, median: Double, max: Double, unit: String) {
                self.count = count
                self.min = min
                self.median = median
                self.max = max
                self.unit = unit
            }
        }
    }

    /// Something that was different from then on.
    public struct Change: Codable, Hashable, Sendable {
        /// When.
        public var at: Timestamp
        /// `rule` or `gateway`.
        public var kind: String
        /// In words.
        public var sentence: String

        package init(at: Timestamp, kind: String, sentence: String) {
            self.at = at
            self.kind = kind
            self.sentence = sentence
        }
    }

    package init(
        story: AlertStoryAnswer, incident: IncidentAnswer? = nil, rule: RuleText? = nil, measured: HistoryAnswer? = nil,
        alike: Alike? = nil, cause: String? = nil, children: [AlertAnswer] = [], childrenInAll: Int = 0,
        changes: [Change] = []
    ) {
        self.story = story
        self.incident = incident
        self.rule = rule
        self.measured = measured
        self.alike = alike
        self.cause = cause
        self.children = children
        self.childrenInAll = childrenInAll
        self.changes = changes
    }
}
