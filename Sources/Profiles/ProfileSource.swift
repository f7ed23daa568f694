public import Basics
public import Decoding
public import Settings

/// The text of one profile file. The shell reads files; this room does not.
public struct ProfileSource: Sendable {
    /// Only for messages.
    public var path: String
    /// YAML.
    public var text: String
    /// Which of several folders it is from, the first being 0. A profile of one hides those of the same name in later ones;
    /// two of the same name in one folder are a mistake.
    public var folder: Int

    /// Without a look at the text: `compile` finds its mistakes.
    public init(path: String, text: String, folder: Int = 0) {
        self.path = path
        self.text = text
        self.folder = folder
    }
}

extension DeviceCatalog {
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
