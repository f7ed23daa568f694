import Pipeline
import Basics
import Telemetry
import Testing

@Suite("PipelineState")
struct PipelineStateTests {
    @Test("comes back from its bytes, and from those of versions 1 and 2, which had no clocks and no detectors")
    func versions() throws {
        let state = PipelineState(windows: [1, 2], health: [3], clocks: [4, 5, 6], detectors: [7])
        let restored = try #require(PipelineState(bytes: state.bytes))
        #expect(restored.windows == [1, 2] && restored.health == [3] && restored.clocks == [4, 5, 6])
        #expect(restored.detectors == [7])
        let first: [UInt8] = [1, 0, 0, 0, 2, 0, 0, 0, 1, 2, 1, 0, 0, 0, 3]
        let older = try #require(PipelineState(bytes: first))
        #expect(older.windows == [1, 2] && older.health == [3] && older.clocks.isEmpty)
        let second: [UInt8] = [2] + first.dropFirst() + [1, 0, 0, 0, 4]
        let old = try #require(PipelineState(bytes: second))
        #expect(old.windows == [1, 2] && old.clocks == [4] && old.detectors.isEmpty)
    }

    @Test("is refused when cut short, too long or of another version")
    func refused() {
        let bytes = PipelineState(windows: [1, 2], health: [3], clocks: [4], detectors: []).bytes
        for length in bytes.indices { #expect(PipelineState(bytes: Array(bytes.prefix(length))) == nil) }
        #expect(PipelineState(bytes: bytes + [0]) == nil)
        #expect(PipelineState(bytes: [4] + bytes.dropFirst()) == nil)
    }
}
