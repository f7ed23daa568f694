import Alerting
import ArgumentParser
import Basics
import ConfigurationFiles
import Settings
import Store
import Telemetry

extension RulesCommand {
    struct Rehearse: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rehearse",
            abstract: "Runs rules over what the store has, and tells what they would have raised.",
            discussion: """
                The rules in force, and with --file others beside them, run over stored readings through the code that the \
                gateway runs them by. It begins earlier, by the longest window (a week where rules ask for findings), for \
                windows to fill and watchers to learn.
                Of what is in day files readings and their times alone are known: each counts as received when it was \
                measured, corrected values as if they had been so at once; words about links and impossible values are known \
                since the last seal. Nobody is missed while nobody at all was heard for three of the shortest cadences of the \
                roster (at least 5m): the gateway was away. A device is expected from when the roster first named it.
                The messages of a rule are its steps that people are told of; what goes out by each channel, through routes,                 groups, causes, flapping and maintenance, stands below. Nobody takes an alert in a rehearsal, and silences of                 the past are not in force.
                Exit codes: 0 rehearsed; 2 something of the span is missing; 1 mistakes, or the store cannot be read.
                """)

        @Option(help: "From when: a time, a date, or how long ago, such as 24h or 30d.")
        var since: MomentArgument = MomentArgument(argument: "30d")!

        @Option(help: "Until when, not included; default: now.")
        var until: MomentArgument?

        @Option(help: "Only this rule; may be repeated.")
        var rule: [String] = []

        @Option(help: "Other rules, to be compared with those in force.", completion: .file(extensions: ["yaml"]))
        var file: String?

        @Flag(help: "Every episode instead of a line for each rule.")
        var list = false

        @OptionGroup var site: SiteFiles

        @Option(help: "table, json or csv.")
        var format: OutputFormat = .table

        func run() async throws {
            let output = Output(format: format)
            let from = since.timestamp(now: output.now)
            let to = until?.timestamp(now: output.now) ?? output.now
            guard from < to else { throw failure("--since \(from) is not earlier than --until \(to)", 64) }
            let missing = try ProfileFiles.reporting {
                do {
                    return try rehearse(from, to, output)
                } catch let error as StoreError {
                    throw NoAnswer.failed("\(error)")
                }
            }
            try tell(leftOut: missing)
        }

        /// Returns what of the span is missing, in sentences.
        private func rehearse(_ from: Timestamp, _ to: Timestamp, _ output: Output) throws -> [String] {
            let (configuration, files) = try site.load()
            let archive = try Archive(folder: site.store ?? configuration.store.folder)
            var sets = [(rules: files.rules, desk: files.desk)]
            if let file {
                let other = try site.load(rules: file).files
                sets.append((other.rules, other.desk))
            }
            let names = sets.flatMap { $0.rules.map(\.name) }
            for name in rule where !names.contains(where: { $0.hasBytes(of: name) }) {
                let hint = nearest(to: name, in: names).map { "; did you mean '\($0)'?" } ?? ""
                throw NoAnswer.failed("there is no rule '\(printable(name))'\(hint)")
            }
            if !rule.isEmpty {
                sets = sets.map { set in (set.rules.filter { rule.contains(where: $0.name.hasBytes) }, set.desk) }
            }
            var rehearsal = RulesRehearsal(archive, configuration, files, since: from, until: to)
            let console = Console()
            let episodes = try rehearsal.run(sets) { moment in
                console.progress { _ in "rehearsed until \(localTime(moment))" }
            }
            console.clear()
            let answer = RehearsalAnswer(
                from, to, rehearsal.readings, sets.map(\.rules), episodes, archive.registry,
                missing: try missing(archive, from, to))
            try print(answer, output)
            return answer.missing
        }

        private func missing(_ archive: Archive, _ from: Timestamp, _ to: Timestamp) throws -> [String] {
            let gone = try archive.givenUp().filter { $0.file != "core.db" && $0.first < to && $0.last >= from }.map {
                "\($0.rows) rows from \($0.first) to \($0.last) were given up (\($0.why.rawValue))"
            }
            return gone + archive.takeDamagedFrames().map(\.description)
        }

        /// What goes out, for people.
        private func sent(_ answer: RehearsalAnswer, _ output: Output) -> String {
            guard !answer.channels.isEmpty else { return "; no channel is configured, and nobody would have been told" }
            return "; messages sent: "
                + answer.channels.map { channel in
                    let before = channel.inForce.map { " (in force \($0))" } ?? ""
                    return "\(output.text(channel.channel)) \(channel.messages)\(before)"
                }.joined(separator: ", ")
        }

        private func print(_ answer: RehearsalAnswer, _ output: Output) throws {
            func span(_ seconds: Double?) -> String {
                guard let seconds else { return output.isForPeople ? "-" : "" }
                return output.isForPeople ? roughly(seconds) : "\(seconds)"
            }
            if list {
                return try output.print(
                    answer,
                    columns: [
                        .init("began"), .init("lasted", .right, key: "seconds"), .init("rule"), .init("severity"),
                        .init("subject"), .init("worst", .right), .init("unit"),
                    ] + (file == nil ? [] : [.init("by")]),
                    rows: answer.episodes.map { episode in
                        [
                            output.time(episode.began),
                            span(episode.seconds) + (episode.ended == nil && output.isForPeople ? "+" : ""),
                            output.text(episode.rule), episode.severity, output.text(episode.subject),
                            output.number(episode.worst), episode.unit.map(output.unit) ?? "",
                        ] + (file == nil ? [] : [episode.by])
                    }, empty: "nothing would have fired")
            }
            // What is asked for first, for narrow terminals.
            let compared: [TextTable.Column] = [
                .init("both", .right), .init("in force", .right, key: "only_in_force"),
                .init("new", .right, key: "only_new"),
            ]
            try output.print(
                answer,
                columns: [.init("rule"), .init("episodes", .right)] + (file == nil ? [] : compared) + [
                    .init("messages", .right), .init("subjects", .right),
                    .init("total", .right, key: "total_seconds"), .init("longest", .right, key: "longest_seconds"),
                    .init("worst", .right), .init("severity"),
                ],
                rows: answer.rules.map { rule in
                    [output.text(rule.rule), "\(rule.episodes)"]
                        + (file == nil ? [] : [rule.both, rule.onlyInForce, rule.onlyNew].map { "\($0 ?? 0)" }) + [
                            "\(rule.messages)", "\(rule.subjects)", span(rule.totalSeconds), span(rule.longestSeconds),
                            output.number(rule.worst), rule.severity,
                        ]
                }, empty: "there is no rule")
            if output.isForPeople {
                try output.write(
                    (answer.readings == 0
                        ? "the store has no readings of the span that a rule judges by"
                        : "\(answer.readings) readings" + sent(answer, output))
                        + (file == nil ? "" : "\nboth, in force, new: episodes by both files, or by one alone"))
            }
        }
    }
}
