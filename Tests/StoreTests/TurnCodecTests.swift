import Basics
import Telemetry
import Testing
import TestSupport

@testable import Store

@Suite("Journal rows")
struct TurnCodecTests {
    @Test("a journal row of any bytes is refused or read", arguments: 0..<60 as Range<UInt64>)
    func turnGarbage(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var registry = SeriesRegistry()
        let device = registry.intern(device: "d", profile: "p")!
        let series = registry.intern(device: device, quantity: Quantity.all[0], channel: .none)!
        registry.closeRow([Reading(series: series, observed: noon, value: 1)][...])
        var turn = Turn(origin: .live, now: Timestamp(milliseconds: 0))
        for _ in 0..<50 {
            var bytes = (0..<Int.random(in: 0...120, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? UInt8.random(in: 0...3, using: &random) : .random(in: 0...255, using: &random)
            }
            if !bytes.isEmpty { bytes[0] = 1 }
            bytes.withUnsafeBytes { try? TurnCodec.decode($0, registry: registry, into: &turn) }
            bytes.withUnsafeBytes { try? TurnCodec.decode($0, registry: SeriesRegistry(), into: &turn) }
        }
    }
}
