/// Profiles, rules and roster are read anew. What is wrong is told, and then the old ones stay.
public struct ReloadOrder: Order {
    public typealias Answer = ReloadAnswer
    public static let route = Route(.post, "reload")
    public static let deed = "reload its files"

    public init() {}
    public init(_ form: Form) {}
    public func write(to form: inout Form) {}
}

/// What is in force after it.
public struct ReloadAnswer: Codable, Hashable, Sendable {
    public var profiles: Int
    public var rules: Int
    /// On the roster.
    public var devices: Int

    public init(profiles: Int, rules: Int, devices: Int) {
        self.profiles = profiles
        self.rules = rules
        self.devices = devices
    }
}
