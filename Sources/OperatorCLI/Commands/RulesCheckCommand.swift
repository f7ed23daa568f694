import Alerting
import ArgumentParser
import Basics
import ConfigurationFiles
import FoundationEssentials
import Settings
import Store
import Telemetry

extension RulesCommand {
    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check",
            abstract: "Checks a file of rules as a reload would, and shows what each rule watches.",
            discussion: """
                Checks against the site's profiles, windows and roster, and counts the devices and series that each rule \
                would watch: those of the store where it can be read, and those of the roster.
                Exit codes: 0 the rules are good, also with warnings; 1 mistakes.
                """)

        @Argument(help: "The rules; default: those of the configuration.", completion: .file(extensions: ["yaml"]))
        var file: String?

        @OptionGroup var site: SiteFiles

        @Option(help: "table, json or csv.")
        var format: OutputFormat = .table

        func run() async throws {
            try ProfileFiles.reporting {
                let (configuration, files) = try site.load(rules: file)
                // What is strange elsewhere is the matter of baotud --check.
                for warning in files.warnings where warning.file == files.rulesFile {
                    StandardStreams.complain(printable("\(warning)"))
                }
                try print(try answer(configuration, files), files)
            }
        }

        private func answer(_ configuration: GatewayConfiguration, _ files: LoadedFiles) throws -> Answer {
            var registry = SeriesRegistry()
            do {
                if let archive = try site.archive(configuration) { registry = archive.registry }
            } catch let error as StoreError {
                throw NoAnswer.failed("\(error)")
            }
            registry.add(files.roster, files.catalog)
            var lines: [DeviceIndex: Roster.Line] = [:]
            for entry in files.roster {
                guard let device = registry.device(named: entry.device) else { continue }
                lines[device] = Roster.Line(entry: entry, since: Timestamp(milliseconds: 0))
            }
            var book = AlertBook(rules: files.rules)
            book.setRoster(Roster(lines))
            let output = Output(format: format)
            return Answer(
                file: files.rulesFile,
                rules: zip(files.rules, book.reach(registry)).map { rule, reach in
                    Answer.Rule(
                        rule: rule.name, severity: rule.severity.rawValue, devices: reach.devices, series: reach.series,
                        watches: output.words(rule))
                })
        }

        private func print(_ answer: Answer, _ files: LoadedFiles) throws {
            let output = Output(format: format)
            let count = answer.rules.count
            if output.isForPeople {
                try output.write("\(printable(answer.file)): \(count == 1 ? "1 rule" : "\(count) rules"), no mistakes")
            }
            try output.print(
                answer,
                columns: [
                    .init("rule"), .init("severity"), .init("devices", .right), .init("series", .right),
                    .init("watches"),
                ],
                rows: answer.rules.map {
                    [
                        output.text($0.rule), $0.severity, "\($0.devices)",
                        $0.series > 0 || !output.isForPeople ? "\($0.series)" : "", $0.watches,
                    ]
                }, empty: "")
            guard output.isForPeople else { return }
            let idle = answer.rules.filter { $0.devices == 0 }.map { printable($0.rule) }
            if idle.count == count {
                try output.write("no device is known that any of them watches: give a roster, or --store")
            } else if !idle.isEmpty {
                try output.write("0 devices, so that they raise nothing: \(idle.joined(separator: ", "))")
            }
        }

        /// What programs get.
        private struct Answer: Encodable {
            struct Rule: Encodable {
                var rule: String
                var severity: String
                var devices: Int
                var series: Int
                var watches: String
            }

            var file: String
            var rules: [Rule]
        }
    }
}
