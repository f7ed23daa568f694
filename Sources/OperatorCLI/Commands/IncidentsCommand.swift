import ArgumentParser
import Basics
import Contract
import Telemetry

struct IncidentsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "incidents",
        abstract: "What alerts have been: each from its beginning to its end, and who took it on.",
        subcommands: [List.self, Show.self], defaultSubcommand: List.self)

    /// How it stands; of one that is over with the reason.
    static func standing(_ incident: IncidentAnswer, _ output: Output) -> String {
        guard incident.ended != nil else { return incident.state.rawValue }
        let reason = incident.endReason.map { ", \($0.rawValue.replacing("_", with: " "))" } ?? ""
        return "\(incident.state.rawValue)\(reason)"
    }

    /// How long it lasted; of one that is not over how long by now.
    static func lasted(_ incident: IncidentAnswer, _ output: Output) -> String {
        guard output.isForPeople else { return incident.durationSeconds.map { "\($0)" } ?? "" }
        return roughly(incident.ended == nil ? incident.openSeconds : incident.durationSeconds)
    }

    /// With its unit for people.
    static func peak(_ incident: IncidentAnswer, _ output: Output) -> String {
        guard let peak = incident.peak else { return output.isForPeople ? "-" : "" }
        let unit = output.isForPeople ? output.unit(incident.unit ?? "") : ""
        return output.number(peak) + (unit.isEmpty ? "" : " \(unit)")
    }

    /// What it is about, where that is, how it stands, its worst, and who has taken it on.
    static func headline(_ story: IncidentStoryAnswer, _ output: Output) -> String {
        let incident = story.incident
        let places = [incident.area, incident.circuit].compactMap { $0.map { output.text($0) } }
        var lines = [
            "incident \(incident.id): \(incident.rule) on \(output.text(incident.about))"
                + (places.isEmpty ? "" : " (\(places.joined(separator: ", ")))")
                + ", \(incident.severity.rawValue), \(standing(incident, output)), alert \(incident.alert)",
            "began \(output.time(incident.began))"
                + (incident.ended.map {
                    ", ended \(output.time($0)), lasted \(lasted(incident, output))"
                } ?? ", lasts \(lasted(incident, output))"),
        ]
        if let at = incident.peakAt { lines.append("worst \(peak(incident, output)) at \(output.time(at))") }
        if let beginning = incident.beginning { lines.append(output.text(beginning)) }
        return lines.joined(separator: "\n")
    }
}

extension IncidentsCommand {
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "One incident: every step and what people did, in order.")

        @Argument(help: "The incident's number.", completion: NameCompletion.incidents)
        var id: Int64

        @OptionGroup var options: AskOptions

        func run() async throws {
            let output = options.output
            try await options.ask { source in
                let story = try await source.answer(IncidentRequest(id))
                if output.isForPeople { try output.write(IncidentsCommand.headline(story, output) + "\n") }
                try output.print(
                    story, columns: StoryTable.columns,
                    rows: StoryTable.rows(
                        story.transitions, story.incident.deeds, unit: story.incident.unit, output),
                    empty: "no steps")
            }
        }
    }
}
