import ArgumentParser
import Basics
import Decoding
import FoundationEssentials
import Profiles
import Settings
import Telemetry

struct DecodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decode", abstract: "What the profiles make of a message: readings as JSON lines.",
        discussion: """
            Readings go to standard output, one JSON object a line with device, quantity, channel (where there is \
            one), value, unit and timestamp; rejects go to standard error. Exit code 2 when anything was rejected.
            --messages takes JSON lines or a JSON array of {topic, payload, encoding?, received?, retained?}: encoding \
            is utf8 (default), base64 or hex; received is an RFC 3339 time, by default now.
            """)

    @Option(help: "The folder of profiles.", completion: .directory)
    var devices = ProfileFiles.installed

    @Option(help: "The topic of a single message; its payload comes from the file.")
    var topic: String?

    @Option(help: "A file of messages, or - for standard input.", completion: .file())
    var messages: String?

    @Option(help: "A value for a profile's parameter, name=value; may be repeated.")
    var param: [String] = []

    @Option(help: "The receive time of a single message; default: now.")
    var received: MomentArgument?

    @OptionGroup var site: SiteOptions

    @Argument(help: "The payload's file, or - for standard input (default).", completion: .file())
    var file: String?

    func validate() throws {
        guard (topic == nil) != (messages == nil) else {
            throw ValidationError("give either --topic T [FILE|-] or --messages FILE")
        }
        guard messages == nil || file == nil else { throw ValidationError("--messages names the file itself") }
        try checkParameters(param)
    }

    func run() async throws {
        var batch = MessageBatch()
        let site = site
        var decoder = try ProfileFiles.reporting {
            let decoder = try site.decoder(
                try DeviceCatalog.load(folder: devices, parameters: ProfileFiles.parameters(param)))
            try fill(&batch)
            return decoder
        }
        var registry = SeriesRegistry()
        var decoded = DecodedBatch()
        decoder.decode(batch, into: &decoded, registry: &registry)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var lines = ""
        for reading in decoded.readings {
            lines += String(decoding: try encoder.encode(Line(reading, registry)), as: UTF8.self) + "\n"
        }
        // Complaints first: a reader that has seen enough ends the program.
        for reject in decoded.rejects {
            StandardStreams.complain(
                "\(printable(reject.topic)): \(reject.reason.rawValue): \(printable(reject.detail))")
        }
        do {
            try StandardStreams.write(lines)
        } catch let error as NoAnswer {
            throw failure(error.description, error.exitCode)
        }
        if !decoded.rejects.isEmpty { throw ExitCode(2) }
    }

    private struct Line: Encodable {
        let device: String
        let quantity: String
        let channel: String?
        let value: Double
        let unit: String
        let timestamp: Timestamp

        init(_ reading: Reading, _ registry: SeriesRegistry) {
            let series = registry.series[reading.series.index]
            device = registry.devices[series.device.index].name
            quantity = series.quantity.name
            channel = registry.channelName(of: reading.series)
            value = reading.value
            unit = series.quantity.unit
            timestamp = reading.observed
        }
    }

    // MARK: Input

    private func fill(_ batch: inout MessageBatch) throws {
        if let topic {
            let at = received?.timestamp(now: presentMoment()) ?? presentMoment()
            batch.append(topic: topic, payload: try ProfileFiles.bytes(of: file ?? "-"), receivedAt: at)
            return
        }
        let name = messages ?? "-"
        for (place, message) in try Self.messages(in: try ProfileFiles.bytes(of: name), file: name) {
            batch.append(
                topic: message.topic, payload: try message.bytes(place),
                receivedAt: try message.receivedAt(place) ?? presentMoment(), isRetained: message.retained ?? false)
        }
    }

    private struct WrittenMessage: Decodable {
        let topic: String
        let payload: String
        let encoding: String?
        let received: String?
        let retained: Bool?

        func bytes(_ place: String) throws -> [UInt8] {
            switch encoding ?? "utf8" {
            case "utf8", "utf-8", "text": return Array(payload.utf8)
            case "base64":
                guard let data = Data(base64Encoded: payload) else {
                    throw NoAnswer.failed("\(place): payload is not base64")
                }
                return Array(data)
            case "hex":
                // Only ASCII: Swift takes full-width digits too.
                let digits = payload.compactMap { $0.isASCII ? $0.hexDigitValue : nil }
                guard digits.count == payload.count, digits.count % 2 == 0 else {
                    throw NoAnswer.failed("\(place): payload is not hexadecimal")
                }
                return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
            case let other:
                throw NoAnswer.failed("\(place): encoding '\(other)': expected utf8, base64 or hex")
            }
        }

        func receivedAt(_ place: String) throws -> Timestamp? {
            guard let received else { return nil }
            guard let moment = Timestamp(iso8601: received) else {
                throw NoAnswer.failed("\(place): received '\(received)': expected an RFC 3339 time")
            }
            return moment
        }
    }

    /// The messages of a JSON array or of JSON lines, each with its place for a message.
    private static func messages(in bytes: [UInt8], file: String) throws -> [(String, WrittenMessage)] {
        let blanks: [UInt8] = [0x20, 0x09, 0x0A, 0x0D]
        let decoder = JSONDecoder()
        func read<Value: Decodable>(_: Value.Type, _ data: Data, _ place: String) throws -> Value {
            do {
                return try decoder.decode(Value.self, from: data)
            } catch {
                throw NoAnswer.failed("\(place): \(fault(error)); expected {\"topic\": …, \"payload\": …}")
            }
        }
        if bytes.first(where: { !blanks.contains($0) }) == UInt8(ascii: "[") {
            let list = try read([WrittenMessage].self, Data(bytes), file)
            return list.enumerated().map { ("\(file)[\($0)]", $1) }
        }
        var found: [(String, WrittenMessage)] = []
        for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated()
        where line.contains(where: { !blanks.contains($0) }) {
            let place = "\(file):\(index + 1)"
            found.append((place, try read(WrittenMessage.self, Data(line), place)))
        }
        return found
    }

    private static func fault(_ error: any Error) -> String {
        func path(_ keys: [any CodingKey]) -> String {
            keys.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
        }
        return switch error as? DecodingError {
        case .keyNotFound(let key, let context): "message\(path(context.codingPath)) has no '\(key.stringValue)'"
        case .typeMismatch(_, let context) where context.codingPath.isEmpty: "not a message"
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            "message\(path(context.codingPath)) is not a \(type)"
        default: "not JSON"
        }
    }
}
