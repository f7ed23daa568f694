import Basics
import Decoding
import Foundation
import Measuring
import Profiles
import Telemetry

/// Millions of damaged messages of each format: none may crash the decoder, keep it busy or make it grow.
enum Fuzz {
    private struct Seed {
        var topic: String
        var payload: [UInt8]
    }

    static func run(_ catalog: DeviceCatalog, folder: String, inputs: Int, _ table: inout FigureTable) throws {
        var formats = try seeds(folder)
        for (format, payload) in Self.others {
            formats[format] = [Seed(topic: "bench/\(format)/d", payload: payload)]
        }
        precondition(!formats.isEmpty, "decode-bench: no samples below \(folder)")
        for (format, seeds) in formats.sorted(by: { $0.key < $1.key }) {
            var decoder = MessageDecoder(catalog: catalog, limits: limits)
            var registry = SeriesRegistry(limits: registryLimits)
            var batch = DecodedBatch()
            var generator = Generator(state: 0x5EED)
            var (longest, done, good, bad) = (0.0, 0, 0, 0)
            var settled = 0.0
            let begin = Clocks.wall
            while done < inputs {
                // A batch now and then has the messages one after another, as memory across them would have it.
                var messages = MessageBatch()
                let count = min(64, inputs - done)
                for _ in 0..<count {
                    let seed = seeds[generator.below(seeds.count)]
                    messages.append(
                        topic: seed.topic, payload: mutated(seed.payload, seeds, &generator),
                        receivedAt: Timestamp(milliseconds: 1_772_705_700_000))
                }
                batch.removeAll()
                let start = Clocks.thread
                decoder.decode(messages, into: &batch, registry: &registry)
                // Of the whole batch: a message that takes 10 ms shows in it.
                var took = Clocks.thread - start
                done += count
                good += batch.readings.count
                bad += batch.rejects.count
                // Whether it was the messages or a neighbour of the machine: only they are slow each time.
                for _ in 0..<3 where took > longest {
                    batch.removeAll()
                    let start = Clocks.thread
                    decoder.decode(messages, into: &batch, registry: &registry)
                    took = min(took, Clocks.thread - start)
                }
                longest = max(longest, took)
                if settled == 0, done >= inputs / 4 { settled = residentBytes }
            }
            let growth = max(0, residentBytes - settled) / 1e6
            let rate = Double(done) / (Clocks.wall - begin)
            table.add(
                "\(format): \(done) damaged messages, the longest 64 of them", longest * 1e3, "ms", .atMost(10),
                "\(good) readings, \(bad) rejects, \(Int(rate)) a second")
            table.add("\(format): growth of memory after the first quarter", growth, "MB", .atMost(8))
            precondition(bad > 0, "decode-bench: no input of \(format) was refused")
        }
    }

    /// Formats that no family of the repository uses yet.
    static var profile: ProfileSource {
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

    private static var residentBytes: Double {
        let pages = Machine.read("/proc/self/statm").split(separator: " ").dropFirst().first
        return (pages.flatMap { Double($0) } ?? 0) * 4096
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

    private static func mutated(_ seed: [UInt8], _ all: [Seed], _ generator: inout Generator) -> [UInt8] {
        var bytes = seed
        for _ in 0...generator.below(4) {
            let count = bytes.count
            switch generator.below(8) {
            case 0 where count > 0: bytes[generator.below(count)] ^= 1 << UInt8(generator.below(8))
            case 1 where count > 0: bytes[generator.below(count)] = UInt8(generator.below(256))
            case 2 where count > 0: bytes.removeLast(generator.below(count))
            case 3 where count > 1:
                let start = generator.below(count)
                bytes.removeSubrange(start..<min(count, start + 1 + generator.below(8)))
            case 4 where count < 4096:
                let start = generator.below(count + 1)
                bytes.insert(contentsOf: (0...generator.below(8)).map { _ in UInt8(generator.below(256)) }, at: start)
            case 5 where count > 0 && count < 4096:
                let start = generator.below(count)
                bytes.insert(contentsOf: bytes[start..<min(count, start + 1 + generator.below(32))], at: start)
            case 6 where count < 4096:
                // The head of one and the tail of another.
                let other = all[generator.below(all.count)].payload
                bytes = Array(bytes.prefix(generator.below(count + 1))) + other.suffix(generator.below(other.count + 1))
            default:
                let words = [
                    "[", "{", "\"", "null", "1e999", "-", "\\u0000", "\u{FF}\u{FF}", "NaN", "9999999999999999999",
                ]
                let start = generator.below(count + 1)
                if count < 4096 { bytes.insert(contentsOf: Array(words[generator.below(words.count)].utf8), at: start) }
            }
        }
        return bytes
    }

    /// SplitMix64, as in Steele, Lea and Flood (2014).
    private struct Generator {
        var state: UInt64

        mutating func below(_ bound: Int) -> Int {
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = state
            word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
            return Int((word ^ (word >> 31)) % UInt64(bound))
        }
    }
}
