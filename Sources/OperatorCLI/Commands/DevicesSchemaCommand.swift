import ArgumentParser
import Authoring

extension DevicesCommand {
    struct Schema: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "schema", abstract: "Prints the JSON Schema of profile.yaml, for editors.")

        func run() async throws { try ProfileFiles.reporting { try StandardStreams.write(ProfileSchema.text) } }
    }
}
