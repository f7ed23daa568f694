import Basics
import Frames
import Glibc
import Telemetry
import Testing
import TestSupport

@testable import Store

@Suite("One flipped bit")
struct FlipTests {
    /// A frame as a row has it, of so many rows.
    private func frame(_ rows: Int, version: Int64 = FrameRow.version, _ random: inout SeededGenerator) -> (
        FrameWalk.RawFrame, RowBlock
    ) {
        var block = RowBlock(stride: 1)
        for row in 0..<rows {
            let time = noon.milliseconds + Int64(row) * 1000 + Int64.random(in: 0..<500, using: &random)
            block.put(time, 0, Double(Int.random(in: 0..<5000, using: &random)) / 10, columns: 1)
        }
        var writer = ByteWriter()
        FrameCodec.encode(block, into: &writer)
        let blob = writer.withBytes { Array($0) }
        var row = FrameRow(
            key: FrameKey(3, block.times[0], .since1970), span: block.times[rows - 1] - block.times[0],
            count: Int64(rows), version: version, crc: 0)
        row.crc = blob.withUnsafeBytes { row.check($0) }
        return (FrameWalk.RawFrame(row: row, blob: blob), block)
    }

    @Test("the difference of check values tells the bit, over every length")
    func difference() {
        var random = SeededGenerator(seed: 1)
        for count in [0, 1, 7, 8, 9, 64, 1000, 16_384] {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            let right = bytes.withUnsafeBytes { CRC32C.check(key: 5, $0) }
            #expect(CRC32C.flip(0, bytes: count) == nil)
            for bit in 0..<32 { #expect(CRC32C.flip(1 << UInt32(bit), bytes: count) == .kept) }
            for _ in 0..<min(count * 8, 40) {
                let (byte, bit) = (Int.random(in: 0..<count, using: &random), Int.random(in: 0..<8, using: &random))
                var flipped = bytes
                flipped[byte] ^= 1 << UInt8(bit)
                let wrong = flipped.withUnsafeBytes { CRC32C.check(key: 5, $0) }
                #expect(
                    CRC32C.flip(UInt32(truncatingIfNeeded: wrong ^ right), bytes: count)
                        == .checked(byte: byte, bit: bit))
            }
            let numbers = CRC32C.differences(before: count)
            for bit in 0..<64 {
                let other = bytes.withUnsafeBytes { CRC32C.check(key: 5 ^ 1 << Int64(bit), $0) }
                #expect(numbers[bit] == UInt32(truncatingIfNeeded: right ^ other), "\(count), \(bit)")
            }
        }
    }

    @Test("any bit of a frame's blob, its check value and its numbers is turned back", arguments: [Int64(2), 3])
    func everyBit(version: Int64) throws {
        var random = SeededGenerator(seed: 2)
        let (whole, rows) = frame(40, version: version, &random)
        let known = try WholeFrame(whole)
        #expect(known.rows == rows && known.mend == nil)
        for byte in whole.blob.indices {
            for bit in 0..<8 {
                var flipped = whole
                flipped.blob[byte] ^= 1 << UInt8(bit)
                let found = try WholeFrame(flipped)
                #expect(found.rows == rows && found.frame.blob == whole.blob && found.mend != nil, "\(byte), \(bit)")
            }
        }
        for bit in 0..<63 {
            var flipped = whole
            flipped.row.crc ^= 1 << Int64(bit)
            #expect(try WholeFrame(flipped).frame.row.crc == whole.row.crc)
            flipped = whole
            flipped.row.span ^= 1 << Int64(bit)
            #expect(try WholeFrame(flipped).frame.row.span == whole.row.span)
            flipped = whole
            flipped.row.count ^= 1 << Int64(bit)
            #expect(try WholeFrame(flipped).frame.row.count == whole.row.count)
            flipped = whole
            flipped.row.version ^= 1 << Int64(bit)
            #expect(try WholeFrame(flipped).rows == rows)
            // Never its key.
            flipped = whole
            flipped.row.key = FrameKey(rawValue: whole.key.rawValue ^ 1 << Int64(bit), .since1970)
            #expect(throws: Malformed.self, "\(bit)") { try WholeFrame(flipped) }
        }
    }

    /// Two flipped bits never make the difference of one, nor do four: the polynomial has the factor x + 1. Of three some do, one
    /// in 2^31 / (bits of the frame), and the frame must then decode to its end with the rows and the span of its row.
    @Test("more than one flipped bit is not taken for one")
    func several() {
        var random = SeededGenerator(seed: 3)
        let (whole, _) = frame(1000, &random)
        var byChance = 0
        for trial in 0..<3000 {
            var flipped = whole
            var places: Set<Int> = []
            while places.count < 2 + trial % 3 {
                places.insert(Int.random(in: 0..<whole.blob.count * 8, using: &random))
            }
            for place in places { flipped.blob[place / 8] ^= 1 << UInt8(place % 8) }
            if (try? WholeFrame(flipped)) != nil { byChance += 1 }
        }
        #expect(byChance == 0)
    }

    @Test("a flipped bit in a page is turned back, and the file is what it was", arguments: 0..<12 as Range<UInt64>)
    func pages(seed: UInt64) throws {
        let folder = TemporaryFolder()
        let journal = try makeVariedStore(folder.store)
        journal.close()
        let expected = try contents(folder.store)
        var random = SeededGenerator(seed: seed)
        let files =
            names(in: folder.store).filter { $0.hasSuffix(".db") }
            + names(in: folder.store + "/raw").filter { $0.hasSuffix(".db") }.map { "raw/" + $0 }
        let core = try Connection(folder.store + "/core.db", .immutable, effects: nil)
        let retired = Set(try Manifest(core).retired.map(\.file))
        core.close()
        for file in files where !retired.contains(file) {
            let damaged = folder.path + "/damaged"
            removeTree(damaged)
            copyStore(folder.store, to: damaged)
            let before = readFile(damaged + "/" + file)
            var bytes = before
            let offset = Int.random(in: 0..<bytes.count, using: &random)
            bytes[offset] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            chmod(damaged + "/" + file, 0o640)
            writeFile(damaged + "/" + file, bytes)
            let repair = try StoreRepair.run(folder: damaged, now: noon)
            #expect(repair.isGood && repair.gaveUp == [], "seed \(seed), \(file) at \(offset): \(repair)")
            #expect(
                repair.done.contains { $0.contains("turned back") },
                "seed \(seed), \(file) at \(offset): \(repair.done)")
            #expect(names(in: damaged + "/damaged") == [DamagedFiles.flat(file)], "seed \(seed), \(file)")
            #expect(readFile(damaged + "/damaged/" + DamagedFiles.flat(file)) == bytes)
            if file.hasPrefix("raw/") { #expect(readFile(damaged + "/" + file) == before, "seed \(seed), \(file)") }
            #expect(try contents(damaged) == expected, "seed \(seed), \(file)")
        }
    }

    @Test("in a file without check values of its pages the frame's own tells, and the ledger remembers")
    func older() throws {
        let folder = TemporaryFolder()
        try makeVariedStore(folder.store).close()
        let expected = try contents(folder.store)
        let core = try Connection(folder.store + "/core.db", .immutable, effects: nil)
        let file = try #require(try Manifest(core).live.first { !$0.isSealed }?.file)
        core.close()
        let path = folder.store + "/" + file
        try dump(path, into: path + ".plain", version: Schema.dayVersion)
        rename(path + ".plain", path)
        let reader = try Connection(path, .immutable, effects: nil)
        var blob: [UInt8] = []
        try reader.rows("SELECT b FROM frame ORDER BY k LIMIT 1") { row throws(StoreError) in
            blob = row.withBlob("b") { Array($0) }
        }
        reader.close()
        var bytes = readFile(path)
        let start = try #require(bytes.indices.last { bytes[$0...].starts(with: blob) })
        bytes[start + blob.count / 2] ^= 0x10
        writeFile(path, bytes)
        let check = try StoreCheck.run(folder: folder.store)
        #expect(check.damage.map(\.kind) == [.frame])
        #expect(check.damage[0].sentence.contains("one bit of it is flipped, and known; a repair puts it right"))
        let repair = try StoreRepair.run(folder: folder.store, now: noon)
        #expect(repair.isGood && repair.gaveUp == [])
        #expect(repair.done.contains { $0.contains("1 of them put right by their check values") }, "\(repair.done)")
        #expect(try contents(folder.store) == expected)
        let told = try Archive(folder: folder.store).givenUp()
        #expect(told.count == 1 && told[0].rows == 0 && told[0].detail.contains("nothing of it is lost"))
    }
}
