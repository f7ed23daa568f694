import Basics
import ArgumentParser
import Authoring
import Decoding
import FoundationEssentials
import Glibc
import Profiles
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

    struct Try: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "try",
            abstract: "Shows field by field what a profile makes of a message, and what is left over.",
            discussion: "Exit code 2 when the message, or a value of it, was rejected.")

        @Argument(help: "The profile: its file, or a folder of profiles.", completion: .file())
        var profile: String

        @Argument(help: "The payload's file, or - for standard input (default).", completion: .file())
        var file = "-"

        @Option(help: "The topic of the message.")
        var topic: String

        @Option(help: "The receive time; default: now.")
        var received: MomentArgument?

        @Option(help: "How the file is written: utf8 (the bytes as they are), base64 or hex.")
        var encoding = "utf8"

        @Option(help: "A value for a profile's parameter, name=value; may be repeated.")
        var param: [String] = []

        @OptionGroup var site: SiteOptions

        func validate() throws {
            try checkParameters(param)
            guard ["utf8", "base64", "hex"].contains(encoding) else {
                throw ValidationError("--encoding \(encoding): expected utf8, base64 or hex")
            }
        }

        func run() async throws {
            var messages = MessageBatch()
            let catalog = try ProfileFiles.reporting {
                let folders = try ProfileFiles.profiles(at: profile)
                let payload = try payload(of: try ProfileFiles.bytes(of: file))
                let now = presentMoment()
                messages.append(topic: topic, payload: payload, receivedAt: received?.timestamp(now: now) ?? now)
                return try DeviceCatalog.compile(
                    folders.map(\.source), parameters: ProfileFiles.parameters(param))
            }
            let site = site
            var decoder = try ProfileFiles.reporting { try site.decoder(catalog) }
            var batch = DecodedBatch()
            var registry = SeriesRegistry()
            let traces = decoder.trace(messages, into: &batch, registry: &registry)
            try writeLines(traces.flatMap { TraceReport.lines($0) }.map { printable($0) })
            if !batch.rejects.isEmpty { throw ExitCode(2) }
        }

        private func payload(of bytes: [UInt8]) throws -> [UInt8] {
            if encoding == "utf8" { return bytes }
            func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
            let rest = bytes.drop(while: isBlank)
            let text = rest.lastIndex { !isBlank($0) }.map { rest[...$0] } ?? []
            guard let payload = PayloadText.bytes(String(decoding: text, as: UTF8.self), encoding: encoding) else {
                throw NoAnswer.failed("\(file) is not \(encoding)")
            }
            return payload
        }
    }

    struct Schema: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "schema", abstract: "Prints the JSON Schema of profile.yaml, for editors.")

        func run() async throws { try ProfileFiles.reporting { try StandardStreams.write(ProfileSchema.text) } }
    }

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

func checkParameters(_ pairs: [String]) throws {
    for pair in pairs where !pair.contains("=") { throw ValidationError("--param \(pair): expected name=value") }
}

/// Lines of an answer, or one sentence and an exit code where they cannot be written.
func writeLines(_ lines: [String]) throws {
    do {
        try StandardStreams.write(lines.map { $0 + "\n" }.joined())
    } catch let error as NoAnswer {
        throw failure(error.description, error.exitCode)
    }
}
