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

    package init(profiles: Int, rules: Int, devices: Int) {
        self.profiles = profiles
        self.rules = rules
        self.devices = devices
    }
}
