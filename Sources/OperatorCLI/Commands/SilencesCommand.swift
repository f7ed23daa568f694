import ArgumentParser
import Basics
import Contract
import Telemetry

struct SilencesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "silences",
        abstract: "Alerts of which nobody is told for a while: list silences, make one, end one.",
        discussion: """
            Nothing of what is silenced is forgotten: alerts go on, and when the silence is over, whoever would have been told is \
            told of what there is then.
            """,
        subcommands: [List.self, Add.self, End.self], defaultSubcommand: List.self)

    static let columns: [TextTable.Column] = [
        .init("id", .right), .init("state"), .init("what"), .init("begins"), .init("ends"), .init("holds", .right),
        .init("by"), .init("reason"),
    ]

    static func row(_ silence: SilenceAnswer, _ output: Output) -> [String] {
        [
            "\(silence.id)", silence.state.rawValue, output.text(what(silence)), output.time(silence.begins),
            output.time(silence.endedAt ?? silence.ends), "\(silence.holds)", output.text(silence.by),
            output.text(silence.reason + (silence.endedBy.map { " (ended by \($0))" } ?? "")),
        ]
    }

    static func show(_ silence: SilenceAnswer, _ output: Output) throws {
        try output.print(silence, columns: columns, rows: [row(silence, output)], empty: "")
    }

    /// Which alerts it is about.
    static func what(_ silence: SilenceAnswer) -> String {
        if let alert = silence.alert { return "alert \(alert)" }
        return silence.selection.words.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Silences that are in force or planned.")

        @Flag(help: "Those that are over too, newest first.")
        var all = false

        @OptionGroup var options: AskOptions

        func run() async throws {
            let output = options.output
            try await options.ask { source in
                let silences = try await source.answer(SilencesRequest(includesOver: all))
                try output.print(
                    silences, columns: SilencesCommand.columns, rows: silences.map { SilencesCommand.row($0, output) },
                    empty: all ? "no silences" : "nothing is silenced")
            }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tells nobody of some alerts until an end.",
            discussion: """
                What is given must all fit; at least one is given. A name that there is not is an error, and silences nobody.
                Example: baotu silences add --circuit c-12 --for 4h --reason "cable works"
                """)

        @Option(help: "Name of the rule, * for any characters; '*' for all.")
        var rule: String?
        @Option(help: "Name of the device, * for any characters.")
        var device: String?
        @Option(help: "Name of a profile.")
        var profile: String?
        @Option(help: "Name of an area of the roster.")
        var area: String?
        @Option(help: "Name of a circuit of the roster.")
        var circuit: String?
        @Option(help: "Label of the roster: name=value, * for any characters.")
        var label: String?
        @Option(help: "When it begins, where that is not now; with --until.")
        var begins: MomentArgument?
        @OptionGroup var end: SilenceEndOptions
        @Option(help: "Why: whoever is on duty next will ask.")
        var reason: String
        @Option(help: "Who of those that share the login; the login itself is kept in any case.")
        var by: String?

        @OptionGroup var options: AskOptions

        /// Throws where it can only be past.
        private var beginning: Timestamp? {
            get throws {
                guard let begins else { return nil }
                guard let moment = begins.next(after: presentMoment()) else {
                    throw ValidationError("--begins: expected a moment to come; without it a silence begins now")
                }
                return moment
            }
        }

        func run() async throws {
            let selection = SilenceSelection(
                rule: rule, device: device, profile: profile, area: area, circuit: circuit, label: label)
            if let sentence = selection.mistake { throw ValidationError(sentence) }
            let order = SilenceOrder(
                selection: selection, begins: try beginning, end: try end.end, by: by ?? "",
                reason: reason)
            let output = options.output
            try await options.ask { source in
                try SilencesCommand.show(try await source.carryOut(order), output)
            }
        }
    }

    struct End: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ends a silence now: what is still wrong is told.")

        @Argument(help: "The silence's number.")
        var id: Int64
        @Option(help: "Who of those that share the login; the login itself is kept in any case.")
        var by: String?

        @OptionGroup var options: AskOptions

        func run() async throws {
            let output = options.output
            try await options.ask { source in
                try SilencesCommand.show(
                    try await source.carryOut(EndSilenceOrder(silence: id, by: by ?? "")), output)
            }
        }
    }
}
