import Basics
import ConfigurationFiles
import Decoding
import Foundation
import Profiles
import Settings
import Telemetry

/// Configurations, rules, rosters and profiles as nobody should write them: each is read, or refused with sentences.
final class Configurations: FuzzKind {
    private enum Reader: CaseIterable { case configuration, rules, roster, profile }

    private let seeds: [(reader: Reader, lines: [String])]

    init(_ repository: String) throws {
        func lines(_ path: String) throws -> [String] {
            try SettingFiles.text(of: repository + "/" + path).split(separator: "\n", omittingEmptySubsequences: false)
                .map(String.init)
        }
        var seeds: [(Reader, [String])] = [
            (.configuration, try lines("Config/baotu.yaml")), (.rules, try lines("Config/alerts.yaml")),
            (.roster, try lines("Config/roster.csv")),
        ]
        for path in try SettingFiles.paths(named: "profile.yaml", under: repository + "/Devices") {
            seeds.append((.profile, try SettingFiles.text(of: path).split(separator: "\n").map(String.init)))
        }
        self.seeds = seeds.map { (reader: $0.0, lines: $0.1) }
    }

    func input(_ generator: inout Generator) throws {
        // Each reader is met as often as the others, however many seeds it has.
        let reader = generator.one(of: Reader.allCases)
        let seed = generator.one(of: seeds.filter { $0.reader == reader })
        let text = Mutation.lines(seed.lines, other: generator.one(of: seeds).lines, &generator)
        do throws(Mistakes) {
            switch reader {
            case .configuration: _ = try GatewayConfiguration(yaml: text, file: "/nowhere/baotu.yaml")
            case .rules:
                _ = try RuleFile.parse(yaml: text, file: "alerts.yaml") { _ in [.seconds(300), .seconds(3600)] }
            case .roster: _ = try RosterFile.parse(csv: text, file: "roster.csv")
            case .profile: _ = try DeviceCatalog.compile([ProfileSource(path: "profile.yaml", text: text)])
            }
        } catch {
            guard !error.list.isEmpty, error.list.allSatisfy({ !$0.expected.isEmpty }) else {
                throw FuzzFailure(sentence: "refused without a word")
            }
        }
    }
}
