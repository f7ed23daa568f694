public import Basics
public import Decoding
import Settings
import Telemetry

extension DeviceCatalog {
    /// Compiles every `profile.yaml` under `folders`, those of the first folder before those of the next. Of profiles with the
    /// same name the one in the first folder counts, with a warning. Throws the mistakes of all of them together.
    public static func load(folders: [String], parameters: [String: String] = [:]) throws(Mistakes) -> DeviceCatalog {
        var sources: [ProfileSource] = []
        var mistakes: [Mistake] = []
        for (place, folder) in folders.enumerated() {
            do {
                for path in try SettingFiles.paths(named: "profile.yaml", under: folder) {
                    sources.append(ProfileSource(path: path, text: try SettingFiles.text(of: path), folder: place))
                }
            } catch {
                mistakes += error.list
            }
        }
        guard mistakes.isEmpty else { throw Mistakes(mistakes) }
        return try compile(sources, parameters: parameters)
    }

    /// The same of one folder.
    public static func load(folder: String, parameters: [String: String] = [:]) throws(Mistakes) -> DeviceCatalog {
        try load(folders: [folder], parameters: parameters)
    }
}
