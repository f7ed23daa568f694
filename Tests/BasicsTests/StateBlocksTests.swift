import Basics
import Testing

@Suite("States under names")
struct StateBlocksTests {
    private static var blocks: StateBlocks {
        var blocks = StateBlocks()
        blocks.put("windows", [1, 2, 3])
        blocks.put("health", [])
        blocks.put("lamps", Array(0...255))
        return blocks
    }

    @Test("come back from their bytes, each in its place")
    func roundTrip() {
        #expect(StateBlocks(bytes: Self.blocks.bytes) == Self.blocks)
        #expect(Self.blocks["health"] == [] && Self.blocks["peers"] == nil)
        var changed = Self.blocks
        changed.put("health", [9])
        #expect(changed.blocks.map(\.name) == ["windows", "health", "lamps"] && changed["health"] == [9])
    }

    @Test("of bytes that break off have those before, and tell how many are missing")
    func cut() {
        let bytes = Self.blocks.bytes
        for length in 8..<bytes.count {
            let read = StateBlocks(bytes: Array(bytes[..<length]))
            #expect(read?.blocks == Array(Self.blocks.blocks.prefix(read?.blocks.count ?? 0)))
            #expect((read?.blocks.count ?? 0) + (read?.unreadCount ?? 0) == 3)
        }
        for length in 0..<8 { #expect(StateBlocks(bytes: Array(bytes[..<length])) == nil) }
    }

    @Test("take no name twice, and no other version")
    func refused() {
        var writer = StateWriter()
        writer.append(StateBlocks.version)
        writer.append(UInt32(2))
        for _ in 0..<2 {
            writer.append(text: "a")
            writer.append(block: [1])
        }
        let read = StateBlocks(bytes: writer.bytes)
        #expect(read?.blocks.count == 1 && read?.unreadCount == 1)
        var bytes = Self.blocks.bytes
        bytes[0] = 5
        #expect(StateBlocks(bytes: bytes) == nil)
    }
}
