import Basics
import Decoding
import Telemetry
import Testing
import TestSupport

/// Nonsense by the thousand: nothing crashes, nothing vanishes, and the next good message decodes.
@Suite("Hostile input")
struct HostileInputTests {
    private static let good = (
        topic: "lights/lamp-good/telemetry", payload: Array(#"{"ts":1772705640123,"p":41.5,"u":229.8}"#.utf8)
    )

    private func mutate(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        func place(_ random: inout SeededGenerator) -> Int { Int.random(in: 0...bytes.count, using: &random) }
        switch Int.random(in: 0..<9, using: &random) {
        case 0: bytes.removeSubrange(place(&random)...)
        case 1:
            for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            }
        case 2:
            // A number becomes another one, out of every range.
            let digits = bytes.indices.filter { bytes[$0] &- 0x30 <= 9 }
            if let at = digits.randomElement(using: &random) {
                let numbers = [
                    "1e308", "-1e999", "99999999999999999999999999", "-0.0", "1e-400", "9223372036854775808",
                ]
                bytes.replaceSubrange(at...at, with: Array(numbers.randomElement(using: &random)!.utf8))
            }
        case 3:
            let values = [
                "null", "true", "\"abc\"", "{}", "[]", "[[1]]", "NaN", "Infinity", "\"\\ud800\"", "\"\\u0000\"",
            ]
            if let colon = bytes.indices.filter({ bytes[$0] == 0x3A }).randomElement(using: &random) {
                let end = bytes[colon...].firstIndex { $0 == 0x2C || $0 == 0x7D } ?? bytes.count
                bytes.replaceSubrange(colon + 1..<end, with: Array(values.randomElement(using: &random)!.utf8))
            }
        case 4: bytes.insert(contentsOf: [0xC3, 0x28], at: place(&random))
        case 5: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place(&random))
        case 6:
            let from = place(&random)
            let to = min(bytes.count, from + Int.random(in: 0...20, using: &random))
            bytes.insert(contentsOf: bytes[from..<to], at: place(&random))
        case 7:
            bytes = (0..<Int.random(in: 0...64, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        default:
            let from = place(&random)
            bytes.removeSubrange(from..<min(bytes.count, from + Int.random(in: 0...8, using: &random)))
        }
        return bytes
    }

    @Test(
        "mutated samples: every message ends somewhere, a good one after it decodes",
        arguments: 1...4 as ClosedRange<UInt64>)
    func mutations(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var bench = Bench(try Repository.catalog.get())
        let messages = Repository.samples.flatMap(\.sequence)
        for round in 0..<4000 {
            let message = messages.randomElement(using: &random)!
            var bytes = message.bytes
            for _ in 0..<Int.random(in: 1...3, using: &random) { bytes = mutate(bytes, &random) }
            bench.batch.removeAll()
            bench.decode(message.topic, bytes)
            let ends =
                bench.batch.readings.count + bench.batch.statuses.count + bench.batch.rejects.count
                + bench.batch.emptyMessages + bench.batch.ignoredMessages
            #expect(ends > 0, "seed \(seed) round \(round): \(message.topic) \(String(decoding: bytes, as: UTF8.self))")
            #expect(bench.batch.readings.allSatisfy { $0.value.isFinite }, "seed \(seed) round \(round)")

            bench.batch.removeAll()
            bench.decode(Self.good.topic, Self.good.payload)
            #expect(bench.batch.readings.count == 2 && bench.batch.rejects.isEmpty, "after seed \(seed) round \(round)")
        }
        for index in 0..<bench.registry.seriesCount { _ = bench.registry.place(of: SeriesID(rawValue: UInt32(index))) }
    }

    @Test("mutated topics never crash", arguments: 1...2 as ClosedRange<UInt64>)
    func topics(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let catalog = try Repository.catalog.get()
        var decoder = MessageDecoder(catalog: catalog)
        var registry = SeriesRegistry()
        let samples = Repository.samples.flatMap(\.sequence)
        for _ in 0..<2000 {
            let message = samples.randomElement(using: &random)!
            let topic = mutate(Array(message.topic.utf8), &random)
            var batch = DecodedBatch()
            var messages = MessageBatch()
            topic.withUnsafeBytes { topic in
                message.bytes.withUnsafeBytes { payload in
                    messages.append(topic: topic, payload: payload, receivedAt: Bench.received)
                }
            }
            decoder.decode(messages, into: &batch, registry: &registry)
            let ends =
                batch.readings.count + batch.statuses.count + batch.rejects.count + batch.emptyMessages
                + batch.ignoredMessages
            #expect(ends > 0, "seed \(seed): \(String(decoding: topic, as: UTF8.self))")
        }
    }

    @Test("deep, long, wide and empty payloads are bounded")
    func extremes() throws {
        var bench = Bench(try Repository.catalog.get())
        let topic = "lights/lamp-1/telemetry"
        let payloads: [([UInt8], Reject.Reason?)] = [
            (Array(String(repeating: "[", count: 10_000).utf8), .tooLarge),
            (Array(String(repeating: "{\"a\":", count: 10_000).utf8), .tooLarge),
            ([UInt8](repeating: 0x20, count: 1_048_576), .tooLarge),
            (Array("[\(String(repeating: "1,", count: 100_000))1]".utf8), .tooLarge),
            (Array("{\"p\":\(String(repeating: "9", count: 100_000))}".utf8), .unexpectedValue),
            (Array("{\"p\":\"\(String(repeating: "\\n", count: 100_000))\"}".utf8), .unexpectedValue),
            ([], nil), ([0], .malformed), ([0xEF, 0xBB, 0xBF, 0x7B, 0x7D], .malformed),
        ]
        for (payload, reason) in payloads {
            bench.batch.removeAll()
            bench.decode(topic, payload)
            #expect(bench.batch.rejects.map(\.reason) == (reason.map { [$0] } ?? []))
            #expect(bench.batch.rejects.allSatisfy { $0.payload.count <= Reject.payloadBytesMax })
            #expect(bench.batch.emptyMessages == (reason == nil ? 1 : 0))
        }
    }

    @Test("a payload at the end of the block decodes like one in its middle")
    func blockEnd() throws {
        var bench = Bench(try Repository.catalog.get())
        // Ever shorter payloads alone in their batch: nothing may be read beyond the block.
        for length in 0...Self.good.payload.count {
            bench.batch.removeAll()
            bench.decode("lights/x/telemetry", Self.good.payload.prefix(length))
            let isWhole = length == Self.good.payload.count
            #expect(bench.batch.readings.count == (isWhole ? 2 : 0))
            #expect(bench.batch.rejects.count == (isWhole || length == 0 ? 0 : 1))
        }
    }
}
