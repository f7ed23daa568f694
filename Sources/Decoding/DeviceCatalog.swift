public import Basics
public import Settings
import Telemetry

/// The text of one profile file. The shell reads files; this room does not.
public struct ProfileSource: Sendable {
    /// Only for messages.
    public var path: String
    public var text: String

    public init(path: String, text: String) {
        self.path = path
        self.text = text
    }
}

/// All device profiles, compiled. A catalogue that exists cannot be wrong: names, units and references were checked.
public struct DeviceCatalog: Sendable {
    let plan: Plan
    /// In the order of the sources.
    public var profileNames: [String] { plan.profileNames }
    /// MQTT filters that bring every topic a rule wants, sorted; none of them is covered by another. Topics that are
    /// only ignored are not subscribed to.
    public let subscriptions: [String]

    /// Compiles profiles.
    ///
    /// `parameters` replace the defaults of `params`, by `name` for every profile or by `profile.name` for one.
    /// Throws all mistakes of all profiles together, in the order of the sources, each with file, line, key, value
    /// and what would be right. `zone` finds a time zone by its name.
    public static func compile(
        _ sources: [ProfileSource], parameters: [String: String] = [:],
        zone: @escaping (String) -> ZoneRules? = ZoneRules.system
    ) throws(Mistakes) -> DeviceCatalog {
        var compiler = ProfileCompiler(parameters: parameters, zone: zone)
        for source in sources { compiler.compile(source) }
        return try compiler.finish()
    }
}
