import Basics

/// Which devices somebody means: by name, profile, area, circuit and the roster's labels. Of each that is given one word must
/// fit; what is empty matches all.
public struct DeviceSelector: Equatable, Sendable {
    /// With `*` for any run of characters and `?` for one.
    public let names: [String]
    /// Names of profiles, letter for letter.
    public let profiles: [String]
    /// Names of areas in the roster, letter for letter.
    public let areas: [String]
    /// Names of circuits in the roster, letter for letter.
    public let circuits: [String]
    /// By rising name: every label must fit, by one of its values, which may be patterns as names are.
    public let labels: [Label]

    /// What one label of the roster may say.
    public struct Label: Equatable, Sendable {
        /// As `UsableName.admitsLabel` has it.
        public let name: String
        /// With `*` and `?`; at least one.
        public let values: [String]
        fileprivate let patterns: [NamePattern]

        /// By bytes, as all names are.
        public static func == (left: Label, right: Label) -> Bool {
            left.name.hasBytes(of: right.name) && left.patterns == right.patterns
        }
    }

    private let patterns: [NamePattern]

    /// Every device, on the roster or not.
    public static let all = DeviceSelector()

    /// By bytes, as all names are.
    public static func == (left: DeviceSelector, right: DeviceSelector) -> Bool {
        left.words.map { $0.map { ByteName($0) } } == right.words.map { $0.map { ByteName($0) } }
            && left.labels == right.labels
    }

    private var words: [[String]] { [names, profiles, areas, circuits] }

    /// `names` and the values of `labels` may be patterns.
    public init(
        names: [String] = [], profiles: [String] = [], areas: [String] = [], circuits: [String] = [],
        labels: [String: [String]] = [:]
    ) {
        self.names = names
        self.profiles = profiles
        self.areas = areas
        self.circuits = circuits
        self.labels = labels.sorted { $0.key.precedesByBytes($1.key) }.map { name, values in
            Label(name: name, values: values, patterns: values.map { NamePattern($0) })
        }
        patterns = names.map { NamePattern($0) }
    }

    /// Whether a device of this name and profile is meant; `entry` is what the roster says of it, nil for one that it does not
    /// name: that has no area, circuit or label.
    public func matches(name: String, profile: String, _ entry: RosterEntry?) -> Bool {
        Self.has(profiles, profile) && Self.has(areas, entry?.area ?? "") && Self.has(circuits, entry?.circuit ?? "")
            && (patterns.isEmpty || patterns.contains { $0.matches(name) })
            && labels.allSatisfy { label in
                guard let value = entry?.labels[label.name] else { return false }
                return label.patterns.contains { $0.matches(value) }
            }
    }

    /// Whether a device that may never have spoken is meant, as the roster has it.
    public func matches(_ entry: RosterEntry) -> Bool {
        matches(name: entry.device, profile: entry.profile, entry)
    }

    /// Whether the device is meant.
    public func means(_ device: DeviceIndex, _ roster: Roster, _ registry: SeriesRegistry) -> Bool {
        let known = registry.devices[device.index]
        return matches(name: known.name, profile: known.profile, roster[device])
    }

    /// Whether the subject is meant. A circuit or an area is meant where one of its devices is; the gateway and the broker
    /// only where nothing is selected.
    public func means(_ subject: Subject, _ roster: Roster, _ registry: SeriesRegistry) -> Bool {
        switch subject {
        case .series(_, let device), .device(let device): means(device, roster, registry)
        case .circuit(let name): roster.devices(onCircuit: name).contains { means($0, roster, registry) }
        case .area(let name): roster.devices(inArea: name).contains { means($0, roster, registry) }
        case .gateway, .broker: self == .all
        }
    }

    /// All of it in one text: two that select the same in the same words have the same. Checks of it are kept in stores.
    public var content: String {
        // No name has a line end.
        func one(_ words: [String]) -> String { words.isEmpty ? "*" : words.joined(separator: "\n") }
        let more =
            (circuits.isEmpty ? [] : ["circuit \(one(circuits))"]) + labels.map { "label \($0.name)=\(one($0.values))" }
        return ([names, profiles, areas].map { one($0) } + more).joined(separator: " ")
    }

    private static func has(_ wanted: [String], _ word: String) -> Bool {
        wanted.isEmpty || wanted.contains { $0.hasBytes(of: word) }
    }
}
