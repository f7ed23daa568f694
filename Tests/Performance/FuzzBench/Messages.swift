import Basics
import Decoding
import Foundation
import Measuring
import Profiles
import Settings
import Telemetry

/// Damaged messages of one format, one after another as memory across them would have it: none may crash the decoder, keep it
/// busy or make it grow.
final class Messages: FuzzKind {
    private struct Seed {
        var topic: String
        var payload: [UInt8]
    }

    let inputsAtOnce = 64
    private let seeds: [Seed]
    private var decoder: MessageDecoder
    private var registry = SeriesRegistry(limits: registryLimits)
    private var batch = DecodedBatch()

    /// Of `format`, one of `formats`.
    init(_ repository: String, format: String) throws {
        seeds = try Self.allSeeds(repository)[format]!
        let sources = try SettingFiles.paths(named: "profile.yaml", under: repository + "/Devices").map {
            ProfileSource(path: $0, text: try SettingFiles.text(of: $0))
        }
        decoder = MessageDecoder(catalog: try DeviceCatalog.compile(sources + [Self.profile]), limits: Self.limits)
    }

    static func formats(_ repository: String) throws -> [String] { try allSeeds(repository).keys.sorted() }

    func input(_ generator: inout Generator) throws {
        var messages = MessageBatch()
        for _ in 0..<inputsAtOnce {
            let seed = generator.one(of: seeds)
            messages.append(
                topic: seed.topic,
                payload: Mutation.payload(seed.payload, other: generator.one(of: seeds).payload, &generator),
                receivedAt: Timestamp(milliseconds: 1_772_705_700_000))
        }
        batch.removeAll()
        decoder.decode(messages, into: &batch, registry: &registry)
        // None of them vanishes.
        let told = batch.readings.count + batch.rejects.count + batch.suspects.count + batch.statuses.count
        guard told + batch.ignoredMessages + batch.emptyMessages + batch.heard.count > 0 else {
            throw FuzzFailure(sentence: "64 messages left no trace")
        }
    }

    private static func allSeeds(_ repository: String) throws -> [String: [Seed]] {
        var formats = try seeds(repository + "/Devices")
        for (format, payload) in others { formats[format] = [Seed(topic: "bench/\(format)/d", payload: payload)] }
        return formats
    }

    /// Formats that no family of the repository uses yet.
    private static var profile: ProfileSource {
        ProfileSource(
            path: "bench.yaml",
            text: """
                profile: bench
                rules:
                - {topic: "bench/cbor/{d}", format: cbor, device: "{d}", read: {voltage: /u, current: [/i/0, /i/1]}}
                - {topic: "bench/split/{d}", format: split, names: [u, i], device: "{d}", read: {voltage: /u}}
                - topic: "bench/lines/{d}"
                  format: lines
                  lines: ["{code}({value}*{unit})", "{code}({value})"]
                  each: /*
                  device: "{d}"
                  table: {key: /code, value: /value, rows: {1-0:32.7.0: {voltage: {unit: {from: /unit}}}}}
                """)
    }

    private static var others: [(String, [UInt8])] {
        [
            (
                "cbor",
                [
                    0xA2, 0x61, 0x75, 0xF9, 0x5B, 0x20, 0x61, 0x69, 0x9F, 0x18, 0x20, 0xFB, 0x3F, 0xF8, 0, 0, 0, 0, 0,
                    0, 0xFF,
                ]
            ),
            ("split", Array("230.4, 1.5 ,x,,7".utf8)),
            ("lines", Array("/ISK5\n\n1-0:32.7.0(230.1*V)\r\n1-0:1.8.0(00123.4*kWh)\n!9F3C\n".utf8)),
        ]
    }

    private static var limits: DecodingLimits {
        var limits = DecodingLimits()
        limits.heldKeysMax = 4096
        return limits
    }

    private static var registryLimits: SeriesRegistry.Limits {
        var limits = SeriesRegistry.Limits()
        limits.devicesMax = 10_000
        limits.seriesMax = 50_000
        limits.channelsMax = 10_000
        return limits
    }

    /// Messages of the samples by the format that the profiles beside them name; of several, all.
    private static func seeds(_ folder: String) throws -> [String: [Seed]] {
        struct Sample: Decodable {
            struct Message: Decodable {
                var topic: String
                var payload: String
                var encoding: String?
            }
            var messages: [Message]
        }
        var found: [String: [Seed]] = [:]
        let walk = FileManager.default.enumerator(atPath: folder)
        while let path = walk?.nextObject() as? String {
            guard path.hasSuffix(".json"), let place = path.firstRange(of: "/samples/") else { continue }
            let profile = try String(
                contentsOfFile: folder + "/" + path[..<place.lowerBound] + "/profile.yaml", encoding: .utf8)
            let sample = try JSONDecoder().decode(
                Sample.self, from: Data(contentsOf: URL(filePath: folder + "/" + path)))
            let seeds = sample.messages.map { message in
                Seed(
                    topic: message.topic,
                    payload: message.encoding == "base64"
                        ? Array(Data(base64Encoded: message.payload) ?? Data()) : Array(message.payload.utf8))
            }
            var formats: Set<String> = []
            for line in profile.split(separator: "\n") {
                guard let key = line.firstRange(of: "format: ") else { continue }
                formats.insert(String(line[key.upperBound...].prefix { $0.isLetter || $0.isNumber }))
            }
            if formats.isEmpty || formats == ["text"] { formats.insert("json") }
            if profile.contains("unwrap:") { formats.insert("layouts") }
            for format in formats { found[format, default: []] += seeds }
        }
        return found
    }
}
