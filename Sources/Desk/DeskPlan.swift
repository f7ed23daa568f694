public import Basics
public import Telemetry

/// Who is told what, and what is told once instead of many times.
public struct DeskPlan: Sendable {
    /// Those who are told, in the order of the configuration.
    public var recipients: [Recipient]
    /// In the order of the rules file.
    public var causes: [Cause]
    /// In the order of the rules file.
    public var maintenance: [MaintenanceWindow]
    /// When an alert that comes and goes is told as such; nil: never.
    public var flapping: Flapping?

    /// Without anything, nobody is told.
    public init(
        recipients: [Recipient] = [], causes: [Cause] = [], maintenance: [MaintenanceWindow] = [],
        flapping: Flapping? = nil
    ) {
        self.recipients = recipients
        self.causes = causes
        self.maintenance = maintenance
        self.flapping = flapping
    }
}

extension DeskPlan {
    /// For how long beginnings of alerts count.
    public var memory: Duration { flapping.map { max($0.within, $0.quiet) * 2 } ?? .zero }
}

/// One who is told: a channel, and the routes that lead to it.
public struct Recipient: Equatable, Sendable {
    /// Of its channel.
    public var name: String
    /// An alert reaches it by any of them.
    public var routes: [Route]
    /// What its notices are gathered by; nil: each goes out by itself.
    public var grouping: Grouping?
    /// Whether an alert that became less grave is told too.
    public var tellsLower: Bool

    /// `name` is unlike those of others.
    public init(name: String, routes: [Route], grouping: Grouping? = nil, tellsLower: Bool = false) {
        self.name = name
        self.routes = routes
        self.grouping = grouping
        self.tellsLower = tellsLower
    }
}

/// Which alerts a recipient is told of; what is left out means all.
public struct Route: Equatable, Sendable {
    /// What is less grave does not go this way.
    public var severityMin: Severity
    /// By names of rules, `*` for any characters.
    public var rules: [NamePattern]
    /// About these devices, or about what they belong to.
    public var devices: DeviceSelector
    /// nil: at all times.
    public var times: ActiveTimes?
    /// An alert goes this way once it has fired for so long and nobody has taken it; zero: at once.
    public var after: Duration

    /// `after` is zero or more.
    public init(
        severityMin: Severity = .info, rules: [NamePattern] = [], devices: DeviceSelector = .all,
        times: ActiveTimes? = nil, after: Duration = .zero
    ) {
        self.severityMin = severityMin
        self.rules = rules
        self.devices = devices
        self.times = times
        self.after = after
    }

    func means(_ key: AlertKey, _ severity: Severity, _ place: DeskPlace) -> Bool {
        severity >= severityMin && (rules.isEmpty || rules.contains { $0.matches(key.rule) })
            && (devices == .all || devices.means(key.subject, place.roster, place.registry))
    }
}

/// What notices have in common that go out together.
public struct Grouping: Hashable, Sendable {
    /// By the names in the configuration.
    public enum Field: String, CaseIterable, Sendable { case rule, severity, area, circuit, profile }

    /// At least one.
    public var fields: [Field]
    /// The first goes out at once; those that follow are gathered for so long.
    public var interval: Duration

    /// `interval` is zero or more.
    public init(fields: [Field], interval: Duration) {
        self.fields = fields
        self.interval = interval
    }

    func group(of key: AlertKey, _ severity: Severity?, _ place: DeskPlace) -> NoticeGroup {
        let parts: [String] = fields.compactMap { field in
            let value: String =
                switch field {
                case .rule: key.rule
                case .severity: severity?.rawValue ?? ""
                case .area: place.roster.area(of: key.subject)
                case .circuit: place.roster.circuit(of: key.subject)
                case .profile: key.subject.device.map { place.registry.devices[$0.index].profile } ?? ""
                }
            return value.isEmpty ? nil : "\(field.rawValue)=\(value)"
        }
        return NoticeGroup(name: parts.joined(separator: " "), interval: interval)
    }
}

/// An alert that explains others: while it is up, those are kept under it and not told.
public struct Cause: Equatable, Sendable {
    /// How far it reaches, by the names in the rules file.
    public enum Reach: String, CaseIterable, Sendable {
        case device, circuit, area
        /// Everywhere.
        case all
    }

    /// The rules whose alerts explain, by name, `*` for any characters.
    public var rules: [NamePattern]
    /// The rules whose alerts are explained.
    public var explains: [NamePattern]
    /// Both are of one device, circuit or area.
    public var within: Reach
    /// An alert that may be explained waits so long for its cause.
    public var wait: Duration
    /// What is still up so long after its cause is told.
    public var settle: Duration

    /// `wait` and `settle` are zero or more.
    public init(
        rules: [NamePattern], explains: [NamePattern], within: Reach, wait: Duration = .seconds(30),
        settle: Duration = .seconds(300)
    ) {
        self.rules = rules
        self.explains = explains
        self.within = within
        self.wait = wait
        self.settle = settle
    }
}

/// Times at which somebody works on something: nothing is told of it, and nothing of it is forgotten.
public struct MaintenanceWindow: Equatable, Sendable {
    /// As people call it.
    public var name: String
    /// Which alerts are meant.
    public var selection: Silence.Selection
    /// When.
    public var times: ActiveTimes

    /// `name` is unlike those of others.
    public init(name: String, selection: Silence.Selection, times: ActiveTimes) {
        self.name = name
        self.selection = selection
        self.times = times
    }
}

/// When an alert begins and ends so often that it is told as one state.
public struct Flapping: Equatable, Sendable {
    /// So many beginnings, 2 or more,
    public var episodes: Int
    /// within this span.
    public var within: Duration
    /// Over once it has not begun again for so long.
    public var quiet: Duration

    /// All are positive.
    public init(episodes: Int, within: Duration, quiet: Duration) {
        self.episodes = episodes
        self.within = within
        self.quiet = quiet
    }
}

/// Where things are, and whether it is night there.
public struct DeskPlace {
    let roster: Roster
    let registry: SeriesRegistry
    private let days: LocalDays
    private let isNight: (Timestamp) -> Bool

    /// `days` and `isNight` as `ActiveTimes` asks for them.
    public init(
        _ roster: Roster, _ registry: SeriesRegistry, days: LocalDays, isNight: @escaping (Timestamp) -> Bool
    ) {
        self.roster = roster
        self.registry = registry
        self.days = days
        self.isNight = isNight
    }

    /// Whether they are in force; nil is at all times.
    func isIn(_ times: ActiveTimes?, at moment: Timestamp) -> Bool {
        times?.contains(moment, in: days, isNight: isNight) ?? true
    }
}
