import ArgumentParser
import Authoring
import Basics
import Decoding
import Profiles
import Settings
import Telemetry

extension DevicesCommand {
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
}
