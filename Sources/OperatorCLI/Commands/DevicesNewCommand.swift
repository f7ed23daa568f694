import ArgumentParser
import Authoring
import Basics
import Contract
import Decoding
import FoundationEssentials
import Glibc
import Settings
import Telemetry

extension DevicesCommand {
    struct New: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "new", abstract: "Begins a profile from a captured message.",
            discussion: """
                Writes NAME/profile.yaml and NAME/samples/captured.json, and overwrites nothing. The proposal loads; what \
                was not recognised stands in it as comments. Check it, and the readings of the sample.
                """)

        @Argument(help: "The folder to make; its last name becomes the profile's: letters, digits, - and _.")
        var name: String

        @Argument(help: "The payload's file, or - for standard input (default).", completion: .file())
        var file = "-"

        @Option(help: "The topic of the message.")
        var topic: String

        @Option(help: "The receive time; default: now.")
        var received: MomentArgument?

        func run() async throws {
            try ProfileFiles.reporting {
                guard access(name, F_OK) != 0 else {
                    throw NoAnswer.failed("\(name) is there already; it is not overwritten")
                }
                let now = presentMoment()
                let message = CapturedMessage(
                    topic: topic, payload: try ProfileFiles.bytes(of: file),
                    received: received?.timestamp(now: now) ?? now)
                let proposal = try ProfileAuthor.propose(name: URL(filePath: name).lastPathComponent, [message])
                guard ProfileFiles.makeFolders(name + "/samples"),
                    ProfileFiles.write(proposal.yaml, toNew: name + "/profile.yaml"),
                    ProfileFiles.write(proposal.sampleText, toNew: name + "/samples/captured.json")
                else { throw NoAnswer.failed("\(name) cannot be written: \(String(cString: strerror(errno)))") }
                let count = proposal.sample.expect.count
                try writeLines([
                    "wrote \(name)/profile.yaml and \(name)/samples/captured.json with \(count) "
                        + "reading\(count == 1 ? "" : "s") to check",
                    "next: baotu devices try \(name) \(file == "-" ? "FILE" : file) --topic '\(printable(topic))'",
                ])
            }
        }
    }
}
