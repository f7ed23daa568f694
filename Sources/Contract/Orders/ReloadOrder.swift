/// Profiles, rules and roster are read anew. What is wrong is told, and then the old ones stay.
public struct ReloadOrder: Order {
    package typealias Answer = ReloadAnswer
    package static let route = Route(.post, "reload")
    package static let deed = "reload its files"

    package init() {}
    package init(_ form: Form) {}
    package func write(to form: inout Form) {}
}

/// What is in force after it.
public struct ReloadAnswer: Codable, Hashable, Sendable {
    /// How many profiles, by name.
    public var profiles: Int
    /// How many alert rules.
    public var rules: Int
    /// On the roster.
    public var devices: Int

    /// Keys of the configuration file that were changed since the start and are not in force until a restart.
    public var restartNeeded: [String]
    /// What may be meant and probably is not, a sentence each, as `baotud --check` says it.
    public var warnings: [String]

    enum CodingKeys: String, CodingKey {
        case profiles, rules, devices, warnings
        case restartNeeded = "restart_needed"
    }

    package init(profiles: Int, rules: Int, devices: Int, restartNeeded: [String] = [], warnings: [String] = []) {
        self.profiles = profiles
        self.rules = rules
        self.devices = devices
        self.restartNeeded = restartNeeded
        self.warnings = warnings
    }
}
