package import Alerting
package import Basics
package import Decoding
import Desk
import Profiles
import Settings
package import Telemetry
import Windows

/// Profiles, rules and roster, read and found good together.
package struct LoadedFiles: Sendable {
    package var catalog: DeviceCatalog
    package var rules: [AlertRule]
    /// What each rule says, by its name, for people to read.
    package var ruleTexts: [ByteName: String] = [:]
    package var roster: [RosterEntry]
    /// What the rules file says beside the rules.
    package var desk = DeskRules()
    /// Where the rules stand.
    package var rulesFile: String
    /// Where the roster stands; nil for none.
    package var rosterFile: String?
    /// What may be meant and probably is not.
    package var warnings: [Mistake] = []
    /// Of a reload: keys of the configuration file that were changed and are not in force.
    package var restartNeeded: [String] = []

    /// What the roster says of devices beside where they are and how often they speak, by the device's name.
    package var constants: [ByteName: [String: String]] {
        var constants: [ByteName: [String: String]] = [:]
        for entry in roster where !entry.constants.isEmpty { constants[ByteName(entry.device)] = entry.constants }
        return constants
    }

    /// The labels of devices, by the device's name.
    package var labels: [ByteName: [String: String]] {
        var labels: [ByteName: [String: String]] = [:]
        for entry in roster where !entry.labels.isEmpty { labels[ByteName(entry.device)] = entry.labels }
        return labels
    }

    /// Reads the files that the configuration names. Throws the mistakes of all of them together.
    package static func load(_ configuration: GatewayConfiguration) throws(Mistakes) -> LoadedFiles {
        var mistakes: [Mistake] = []
        let catalog = collect(&mistakes) { () throws(Mistakes) in
            try DeviceCatalog.load(
                folders: configuration.devicesFolders, parameters: configuration.profileParameters)
        }
        let alerts = collect(&mistakes) { () throws(Mistakes) in
            let text = try SettingFiles.text(of: configuration.rulesFile)
            return try RuleFile.read(
                yaml: text, file: configuration.rulesFile, windows: configuration.windows.lengths(of:))
        }
        let roster = collect(&mistakes) { () throws(Mistakes) -> [RosterEntry] in
            guard let file = configuration.rosterFile else { return [] }
            return try RosterFile.parse(
                csv: try SettingFiles.text(of: file), file: file, days: configuration.days)
        }
        guard mistakes.isEmpty, let catalog, let alerts, let roster else { throw Mistakes(mistakes) }
        let check = ConfigurationCheck(
            configuration: configuration, catalog: catalog, rules: alerts.rules, roster: roster, desk: alerts.desk)
        return LoadedFiles(
            catalog: catalog, rules: alerts.rules.map(\.rule),
            ruleTexts: Dictionary(
                alerts.rules.map { (ByteName($0.rule.name), $0.setting.flowLines(without: "rule")) },
                uniquingKeysWith: { first, _ in first }), roster: roster, desk: alerts.desk,
            rulesFile: configuration.rulesFile,
            rosterFile: configuration.rosterFile, warnings: check.warnings())
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
