import ArgumentParser
import Authoring
import Basics
import Decoding
import Settings
import Telemetry

extension DevicesCommand {
    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "test", abstract: "Runs the samples of all profiles and shows every difference.",
            discussion: "Exit code 1 when a profile has a mistake, no sample, or a sample that is not as it says.")

        @Argument(
            help: "The folder of profiles; default: Devices here, else \(ProfileFiles.installed).",
            completion: .directory)
        var folder: String?

        @Option(help: "A value for a profile's parameter, name=value; may be repeated.")
        var param: [String] = []

        func validate() throws { try checkParameters(param) }

        func run() async throws {
            let checks = try ProfileFiles.reporting {
                try FolderCheck.run(
                    try ProfileFiles.profiles(at: ProfileFiles.folder(folder)),
                    parameters: ProfileFiles.parameters(param))
            }
            try writeLines(FolderCheck.report(checks))
            if !checks.allSatisfy(\.isFine) { throw ExitCode(1) }
        }
    }
}
