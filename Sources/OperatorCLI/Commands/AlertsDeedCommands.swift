import ArgumentParser
import Contract
import Telemetry

extension AlertsCommand {
    /// What every deed has.
    struct DeedOptions: ParsableArguments {
        @Argument(help: "The alert's number.", completion: NameCompletion.alerts)
        var id: Int64

        @Option(help: "Who of those that share the login; the login itself is kept in any case.")
        var by: String?

        @OptionGroup var options: AskOptions

        /// Carries it out, and shows the alert as it is then, with the newest line of its story.
        func carryOut(_ order: AlertDeedOrder) async throws {
            if let sentence = order.mistake { throw ValidationError(sentence) }
            let output = options.output
            try await options.ask { source in
                let story = try await source.carryOut(order)
                guard output.isForPeople else {
                    return try output.print(
                        story, columns: StoryTable.columns,
                        rows: StoryTable.rows(story.transitions, story.deeds, unit: story.alert.unit, output),
                        empty: "no steps")
                }
                try output.write(
                    AlertsCommand.headline(story, output)
                        + (story.deeds.last.map { "\n" + StoryTable.sentence($0, output) } ?? ""))
            }
        }
    }

    struct Comment: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Writes something into the alert's story.")

        @OptionGroup var deed: DeedOptions

        @Argument(help: "What is to be kept.")
        var text: String

        func run() async throws {
            try await deed.carryOut(
                AlertDeedOrder(alert: deed.id, kind: .comment, by: deed.by ?? "", note: text))
        }
    }

    struct Assign: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Gives the alert to somebody.")

        @OptionGroup var deed: DeedOptions

        @Argument(help: "To whom.")
        var to: String

        @Option(help: "What is to be done.")
        var note = ""

        func run() async throws {
            try await deed.carryOut(
                AlertDeedOrder(alert: deed.id, kind: .assign, to: to, by: deed.by ?? "", note: note))
        }
    }

    struct Shelve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Puts the alert aside for a while: nobody is told of it, and nothing of it is forgotten.",
            discussion: "When its time is over, whoever would have been told is told of what there is then.")

        @OptionGroup var deed: DeedOptions
        @OptionGroup var end: SilenceEndOptions

        @Option(help: "Why.")
        var note = ""

        func run() async throws {
            try await deed.carryOut(
                AlertDeedOrder(
                    alert: deed.id, kind: .shelve, end: try end.end, by: deed.by ?? "", note: note))
        }
    }

    struct Unshelve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Puts the alert aside no more.")

        @OptionGroup var deed: DeedOptions

        @Option(help: "Why.")
        var note = ""

        func run() async throws {
            try await deed.carryOut(
                AlertDeedOrder(alert: deed.id, kind: .unshelve, by: deed.by ?? "", note: note))
        }
    }
}

/// Until when something is silent.
struct SilenceEndOptions: ParsableArguments {
    @Option(name: .customLong("for"), help: "For how long: 30m, 2h, 1d; by a clock that nobody sets.")
    var span: SpanArgument?

    @Option(help: "Until when: a time, 06:00, 2026-03-05T06:00, or a date alone.")
    var until: MomentArgument?

    /// Throws where there is none, or both.
    var end: SilenceEnd {
        get throws {
            switch (span, until) {
            case (let span?, nil): return .after(span.duration)
            case (nil, let moment?):
                guard let time = moment.next(after: presentMoment()) else {
                    throw ValidationError("--until: expected a moment to come; --for has a span")
                }
                return .at(time)
            case (nil, nil), (.some, .some):
                throw ValidationError("--for or --until: expected one of the two; nothing is silent for ever")
            }
        }
    }
}
