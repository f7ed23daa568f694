package import Alerting
package import Basics
package import Decoding
import Profiles
import Settings
package import Telemetry
import Windows

/// Profiles, rules and roster, read and found good together.
package struct LoadedFiles: Sendable {
    package var catalog: DeviceCatalog
    package var rules: [AlertRule]
    package var roster: [RosterEntry]

    /// What the roster says of devices beside where they are and how often they speak, by the device's name.
    package var constants: [String: [String: String]] {
        var constants: [String: [String: String]] = [:]
        for entry in roster where !entry.constants.isEmpty { constants[entry.device] = entry.constants }
        return constants
    }

    /// Reads the files that the configuration names. Throws the mistakes of all of them together.
    package static func load(_ configuration: GatewayConfiguration) throws(Mistakes) -> LoadedFiles {
        var mistakes: [Mistake] = []
        let catalog = collect(&mistakes) { () throws(Mistakes) in
            try DeviceCatalog.load(
                folder: configuration.devicesFolder, parameters: configuration.profileParameters)
        }
        let rules = collect(&mistakes) { () throws(Mistakes) in
            let text = try SettingFiles.text(of: configuration.rulesFile)
            return try RuleFile.parse(
                yaml: text, file: configuration.rulesFile, windows: configuration.windows.lengths(of:))
        }
        let roster = collect(&mistakes) { () throws(Mistakes) -> [RosterEntry] in
            guard let file = configuration.rosterFile else { return [] }
            return try RosterFile.parse(csv: try SettingFiles.text(of: file), file: file)
        }
        guard mistakes.isEmpty, let catalog, let rules, let roster else { throw Mistakes(mistakes) }
        return LoadedFiles(catalog: catalog, rules: rules, roster: roster)
    }

    private static func collect<Value>(
        _ mistakes: inout [Mistake], _ read: () throws(Mistakes) -> Value
    ) -> Value? {
        do throws(Mistakes) {
            return try read()
        } catch {
            mistakes += error.list
            return nil
        }
    }
}
