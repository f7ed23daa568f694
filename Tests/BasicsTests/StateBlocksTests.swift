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
            #expect((read?.blocks.count ?? 0) + (read?.unreadCount ?? 0) == 3 && read?.damaged == [])
        }
        for length in 0..<8 { #expect(StateBlocks(bytes: Array(bytes[..<length])) == nil) }
    }

    @Test("take no name twice, and no other version")
    func refused() {
        var writer = StateWriter()
        writer.append(StateBlocks.uncheckedVersion)
        writer.append(UInt32(2))
        for number in 1...2 as ClosedRange<UInt8> {
            writer.append(text: "a")
            writer.append(block: [number])
        }
        let read = StateBlocks(bytes: writer.bytes)
        #expect(read?["a"] == [1] && read?.damaged.map(\.bytes) == [[2]])
        var bytes = Self.blocks.bytes
        bytes[0] = 6
        #expect(StateBlocks(bytes: bytes) == nil)
    }

    @Test("those of the form before, without check values, are read as they are")
    func unchecked() {
        var writer = StateWriter()
        writer.append(StateBlocks.uncheckedVersion)
        writer.append(UInt32(Self.blocks.blocks.count))
        for block in Self.blocks.blocks {
            writer.append(text: block.name)
            writer.append(block: block.bytes)
        }
        let read = StateBlocks(bytes: writer.bytes)
        #expect(read?.blocks == Self.blocks.blocks && read?.isChecked == false)
        #expect(read?.damaged == [] && read?.unreadCount == 0 && read?.rest == [])
    }

    @Test("no bit changes without being seen, and no block comes out changed")
    func everyBit() {
        let bytes = Self.blocks.bytes
        for place in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[place] ^= 1 << UInt8(bit)
                guard let read = StateBlocks(bytes: changed) else { continue }
                let isSeen = !read.damaged.isEmpty || read.unreadCount > 0 || !read.rest.isEmpty
                #expect(isSeen, "bit \(bit) of byte \(place)")
                guard read.isChecked else { continue }
                for block in read.blocks { #expect(block.bytes == Self.blocks[block.name]) }
            }
        }
    }

    @Test("what lies behind the last block is told")
    func rest() {
        #expect(StateBlocks(bytes: Self.blocks.bytes + [7, 8])?.rest == [7, 8])
        var fewer = Self.blocks.bytes
        fewer[4] = 2
        let read = StateBlocks(bytes: fewer)
        #expect(read?.blocks.map(\.name) == ["windows", "health"] && read?.rest.isEmpty == false)
    }

    @Test("a time is none that would overflow where it is counted on from")
    func times() {
        var writer = StateWriter()
        for time in [Int64.min, .min, .min + 1, .max, 1 << 52, (1 << 52) - 1, 1 - (1 << 52)] { writer.append(time) }
        var reader = StateReader(writer.bytes)
        #expect(reader.nextTime(none: .min) == .min)
        for _ in 0..<4 { #expect(reader.nextTime() == nil) }
        #expect(reader.nextTime() == (1 << 52) - 1 && reader.nextTime() == 1 - (1 << 52))
    }
}
