import ArgumentParser
import Authoring
import Basics
import Decoding
import Settings
import Telemetry

extension DevicesCommand {
    struct Lint: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "lint", abstract: "Shows all mistakes of profiles, and what looks as if it were one.",
            discussion: "Exit code 1 when there is a mistake; warnings alone are none.")

        @Argument(
            help: "Folders or profile files; default: Devices here, else \(ProfileFiles.installed).",
            completion: .file())
        var places: [String] = []

        @Option(help: "A value for a profile's parameter, name=value; may be repeated.")
        var param: [String] = []

        func validate() throws { try checkParameters(param) }

        func run() async throws {
            let lint = try ProfileFiles.reporting {
                var folders: [ProfileFolder] = []
                for place in places.isEmpty ? [ProfileFiles.folder(nil)] : places {
                    folders += try ProfileFiles.profiles(at: place)
                }
                return ProfileLint(folders, parameters: ProfileFiles.parameters(param))
            }
            let mistakes = lint.mistakes.count
            let warnings = lint.warnings.count
            var lines = lint.mistakes.map { printable("\($0)") } + lint.warnings.map { printable("\($0)") }
            lines.append(
                "\(mistakes) mistake\(mistakes == 1 ? "" : "s"), \(warnings) warning\(warnings == 1 ? "" : "s")")
            try writeLines(lines)
            if mistakes > 0 { throw ExitCode(1) }
        }
    }
}
