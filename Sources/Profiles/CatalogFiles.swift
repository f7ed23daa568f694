public import Basics
public import Decoding
import Settings
import Telemetry

extension DeviceCatalog {
    /// Compiles every `profile.yaml` under `folder`. Throws the mistakes of all of them together.
    public static func load(folder: String, parameters: [String: String] = [:]) throws(Mistakes) -> DeviceCatalog {
        var sources: [ProfileSource] = []
        for path in try SettingFiles.paths(named: "profile.yaml", under: folder) {
            sources.append(ProfileSource(path: path, text: try SettingFiles.text(of: path)))
        }
        return try compile(sources, parameters: parameters)
    }
}
