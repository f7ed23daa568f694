import Basics
import Foundation
import Telemetry
import Testing
import TestSupport

@testable import Frames

@Suite("Frames of version 2")
struct FrameVersion2Tests {
    private func bytes(_ rows: RowBlock) -> [UInt8] {
        var writer = ByteWriter(capacity: 16)
        FrameCodec.encode(rows, into: &writer)
        return writer.withBytes { Array($0) }
    }

    private func decode(_ bytes: [UInt8], start: Int64) throws -> RowBlock {
        // A copy of its own size, so that a read beyond it is a read beyond an allocation.
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { copy.deallocate() }
        copy.copyBytes(from: bytes)
        return try FrameCodec.open(UnsafeRawBufferPointer(copy), start: start).rows()
    }

    private func column(_ values: [Double], step: Int64 = 60_000) -> RowBlock {
        RowBlock(times: values.indices.map { noon.milliseconds + Int64($0) * step }, values: values, stride: 1)
    }

    /// Returns the number of bytes.
    @discardableResult
    private func roundTrip(_ rows: RowBlock, _ comment: String = "") throws -> Int {
        let encoded = bytes(rows)
        #expect(encoded[0] == 2)
        let read = try decode(encoded, start: rows.times[0])
        #expect(read == rows, "\(comment)")
        return encoded.count
    }

    @Test("a frame of version 1, as it was written, still reads")
    func versionOne() throws {
        let blob: [UInt8] = [
            1, 5, 5, 33, 9, 1, 5, 0, 2, 40, 5, 10, 8, 236, 212, 3, 73, 84, 148, 211, 14, 200, 36, 20, 39, 133, 43, 242,
            162, 1, 2, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 128, 154, 153, 153, 153, 153, 153, 185, 63, 156, 117, 0, 136,
            60, 228, 55, 126, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0, 0, 0, 0, 0, 0, 18, 14, 141, 128, 128, 128, 128, 128,
            128, 32,
        ]
        let start: Int64 = 1_767_268_800_000
        let rows = RowBlock(
            times: [0, 60_012, 119_987, 180_004, 360_031].map { start + $0 },
            values: [
                23.4, 1, .nan, -0.0, .nan, 23.5, 1, .nan, 0.1, 7, 23.3, 0, .nan, 1e300, .nan, -4.25, 1, .nan, 2, .nan,
                100, 1, .nan, .leastNonzeroMagnitude, -9_007_199_254_740_992,
            ], stride: 5)
        #expect(try decode(blob, start: start) == rows)
        for count in 0..<blob.count {
            #expect(throws: Malformed.self) { try decode(Array(blob[..<count]), start: start) }
        }
    }

    @Test("times of every shape come back", arguments: 0..<20 as Range<UInt64>)
    func times(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        func frame(_ times: [Int64]) -> RowBlock { RowBlock(times: times, values: [], stride: 0) }
        let start = noon.milliseconds
        let last = FrameKey.times.upperBound - 1
        try roundTrip(frame([start]))
        try roundTrip(frame([0, last]))
        try roundTrip(frame([0, 1, last - 1, last]))
        try roundTrip(frame((0..<1024).map { start + $0 * 86_400_000 * 20 }))
        for unit in [1, 10, 100, 1000, 7] as [Int64] {
            for spread in [0, 3, 40, 20_000] as [Int64] {
                var time = start
                var slot: Int64 = 0
                var regular: [Int64] = []
                var walking: [Int64] = []
                for _ in 0..<Int.random(in: 2...1024, using: &random) {
                    slot += Int.random(in: 0..<20, using: &random) == 0 ? .random(in: 2...500, using: &random) : 1
                    let jitter = Int64.random(in: -spread...spread, using: &random) / unit * unit
                    regular.append(start + slot * 60_003 / unit * unit + jitter)
                    time += max(1, .random(in: 60_000 - spread...60_000 + spread, using: &random))
                    walking.append(time)
                }
                try roundTrip(frame(regular), "unit \(unit), spread \(spread), seed \(seed)")
                try roundTrip(frame(walking), "walking, spread \(spread), seed \(seed)")
            }
        }
        for bits in 0..<38 {
            var time = start - 1_000_000
            let wild = (0..<Int.random(in: 1...300, using: &random)).map { _ in
                time += .random(in: 1...(1 << Int64.random(in: 0...Int64(bits), using: &random)), using: &random)
                return time
            }
            guard wild.allSatisfy({ FrameKey.times.contains($0) }) else { continue }
            try roundTrip(frame(wild), "up to 2^\(bits), seed \(seed)")
        }
    }

    @Test("a time costs what its jitter is worth, and a gap a few bytes")
    func timesSize() throws {
        var random = SeededGenerator(seed: 1)
        func size(_ times: [Int64]) throws -> Int { try roundTrip(RowBlock(times: times, values: [], stride: 0)) }
        let start = noon.milliseconds
        let jitter = (0..<720).map { start + Int64($0) * 60_000 + Int64(CodecSamples.gauss(&random) * 40) }
        #expect(try size(jitter) < 720)
        #expect(try size((0..<1024).map { start + Int64($0) * 3_600_000 }) < 16)
        let gaps = (0..<720).map { jitter[$0] + Int64($0 / 100) * 600_000 }
        #expect(try size(gaps) < size(jitter) + 7 * 4)
    }

    @Test("values come back bit for bit", arguments: 0..<60 as Range<UInt64>)
    func values(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let count = [1, 2, 3, 23, 63, 64, 65, 127, 128, 129, 500, 1024].randomElement(using: &random)!
        var walk = 0
        let shapes: [(String, (Int) -> Double)] = [
            (
                "walk",
                { _ in
                    walk += .random(in: -9...9, using: &random); return Double(walk) / 10
                }
            ),
            ("alternating", { $0 % 2 == 0 ? 230.1 : -230.1 }),
            ("edge", { _ in [0x1p53, 0x1p53 - 1, -0x1p53, 0x1p53 + 2, 0].randomElement(using: &random)! }),
            ("zeros", { _ in [0.0, -0.0].randomElement(using: &random)! }),
            ("tiny", { _ in Double(bitPattern: .random(in: 0..<0x10_0000_0000_0000, using: &random)) }),
            (
                "extreme",
                {
                    _ in
                    [.greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude, 1].randomElement(
                        using: &random)!
                }
            ),
            ("bits", { _ in Double(bitPattern: random.next() & 0xFFEF_FFFF_FFFF_FFFF) }),
            ("float", { _ in Double(Float.random(in: -50...50, using: &random)) }),
            ("float as text", { _ in Double(Float.random(in: -50...50, using: &random).description)! }),
            ("mixed", { $0 % 17 == 3 ? 1 / 3 : Double(walk + $0) / 10 }),
            ("odd ones", { $0 % 50 == 7 ? -0.0 : $0 % 61 == 8 ? 12.345 : $0 % 67 == 9 ? .pi : Double($0 % 9) / 10 }),
            ("hundreds", { $0 % 40 == 39 ? 12 : Double(Int.random(in: 0...50, using: &random)) * 100 }),
            ("lattice", { _ in Double(Int.random(in: 0...50, using: &random) * 2142) / 10_000 }),
            ("flat", { _ in 1e-7 }),
            ("spike", { $0 % 300 == 299 ? 1e12 : 1 }),
        ]
        for (name, value) in shapes {
            let values = (0..<count).map(value)
            for presence in [1, 0.97, 0.4, 0.02] {
                let sparse = values.map { Double.random(in: 0..<1, using: &random) < presence ? $0 : .nan }
                try roundTrip(column(sparse), "\(name), \(count) rows, presence \(presence), seed \(seed)")
            }
        }
    }

    @Test("1 to 64 columns, with rows of their own or shared", arguments: 1...64)
    func columns(stride: Int) throws {
        var random = SeededGenerator(seed: UInt64(stride))
        let count = Int.random(in: 1...150, using: &random)
        var values = [Double](repeating: .nan, count: count * stride)
        for row in 0..<count {
            for column in 0..<stride
            where column % 4 == 0 || (column % 4 == 1 && row % 5 == 2)
                || (column % 4 == 2 && Int.random(in: 0..<3, using: &random) == 0)
            {
                values[row * stride + column] = Double(row * column) / 10
            }
        }
        let rows = RowBlock(
            times: (0..<count).map { noon.milliseconds + Int64($0) * 60_000 }, values: values, stride: stride)
        try roundTrip(rows)
        // One column asked for alone, in buffers longer than needed.
        let encoded = bytes(rows)
        try encoded.withUnsafeBytes { bytes in
            let frame = try FrameCodec.open(bytes, start: rows.times[0])
            var times = [Int64](repeating: 0, count: 1024)
            var column = [Double](repeating: 0, count: 1024)
            try times.withUnsafeMutableBufferPointer { try frame.times(into: $0) }
            #expect(Array(times[..<count]) == rows.times)
            for index in 0...stride {
                try column.withUnsafeMutableBufferPointer { try frame.column(index, into: $0) }
                let same = (0..<count).allSatisfy {
                    column[$0].bitPattern == rows[$0, index].bitPattern || (column[$0].isNaN && rows[$0, index].isNaN)
                }
                #expect(same, "column \(index)")
            }
            #expect(column[count...].allSatisfy { $0 == 0 })
        }
    }

    @Test("one odd value costs a few bytes, not a wider column")
    func exceptions() throws {
        var random = SeededGenerator(seed: 4)
        var walk = 234
        let plain = (0..<1024).map { _ in
            walk += .random(in: -3...3, using: &random)
            return Double(walk) / 10
        }
        let size = try roundTrip(column(plain))
        #expect(size < 480)
        for odd in [-0.0, .pi, 12.3456, 0x1p60] {
            var values = plain
            values[500] = odd
            #expect(try roundTrip(column(values)) < size + 20)
        }
        #expect(try roundTrip(column(plain.map { $0 * 10 * 100 })) <= size + 4)
    }

    @Test("a small frame pays little beside its values")
    func smallFrame() throws {
        let rows = RowBlock(
            times: (0..<24).map { noon.milliseconds + Int64($0) * 3_600_000 },
            values: (0..<24 * 11).map { _ in 23.4 }, stride: 11)
        #expect(try roundTrip(rows) < 70)
        #expect(try roundTrip(column([1])) < 12)
    }

    @Test("every numeric column of the public data sets comes back")
    func dataSets() throws {
        guard let folder = CodecSamples.dataFolder else { return print("skipped: no data beside the repository") }
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)!
            .compactMap { $0 as? URL }.filter { $0.pathExtension == "csv" }
        #expect(!files.isEmpty)
        for file in files {
            for values in try CodecSamples.columns(file) {
                for piece in column(values).pieces(1024) { try roundTrip(piece, file.lastPathComponent) }
            }
        }
    }

    @Test("frames of a fleet take at most 0.70 bytes a reading")
    func fleetSize() throws {
        var (size, readings) = (0, 0)
        for seed in 0..<4 as Range<UInt64> {
            for piece in CodecSamples.device(seed: seed, days: 1).pieces(720) {
                size += try roundTrip(piece)
                readings += piece.readings
            }
        }
        #expect(Double(size) / Double(readings) <= 0.70)
    }

    // MARK: Hostile bytes

    private func hostile(_ seed: UInt64) -> [RowBlock] {
        var random = SeededGenerator(seed: seed)
        let mixed = (0..<70).map { (row: Int) -> Double in
            if row % 9 == 3 { return 1 / 3 }
            return row % 7 == 2 ? .nan : Double(row) / 10
        }
        return [
            CodecSamples.device(seed: seed, days: 1).slice(0..<90), column(mixed), randomRows(&random),
            column((0..<100).map { (row: Int) -> Double in row % 30 == 1 ? 1e9 : 0 }),
        ].filter { $0.count * $0.stride < 2000 }
    }

    @Test("every prefix is refused, and one byte more too", arguments: 0..<4 as Range<UInt64>)
    func prefixes(seed: UInt64) {
        for rows in hostile(seed) {
            let whole = bytes(rows)
            for count in 0..<whole.count {
                #expect(throws: Malformed.self) { try decode(Array(whole[..<count]), start: rows.times[0]) }
            }
            #expect(throws: Malformed.self) { try decode(whole + [0], start: rows.times[0]) }
        }
    }

    @Test("with any bit flipped a frame is refused or read as a frame", arguments: 0..<4 as Range<UInt64>)
    func flips(seed: UInt64) {
        for rows in hostile(seed) {
            var bytes = bytes(rows)
            for bit in 0..<bytes.count * 8 {
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                check(bytes, rows.times[0])
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            }
        }
    }

    @Test("any bytes are refused or read as a frame", arguments: 0..<20 as Range<UInt64>)
    func garbage(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<10_000 {
            // A head that leads inside: the version, few rows and columns, lengths that add up.
            let columns = Int.random(in: 0...3, using: &random)
            let lengths = (0...columns).map { _ in Int.random(in: 0...20, using: &random) }
            var bytes: [UInt8] = [2, .random(in: 1...127, using: &random), UInt8(columns)]
            for length in lengths { bytes.append(UInt8(length)) }
            for _ in 0..<lengths.reduce(0, +) {
                let isPlain = Bool.random(using: &random)
                let byte = UInt8.random(in: 0...255, using: &random)
                bytes.append(isPlain ? byte : byte % 2 == 0 ? 0 : 255)
            }
            if Int.random(in: 0..<4, using: &random) == 0 {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            check(bytes, noon.milliseconds)
            check(bytes, Int64(bitPattern: random.next()))
        }
    }

    /// Reads each part for itself: one that is refused must not hide the others.
    private func check(_ bytes: [UInt8], _ start: Int64) {
        bytes.withUnsafeBytes { bytes in
            guard let frame = try? FrameCodec.open(bytes, start: start) else { return }
            #expect((1...1024).contains(frame.count))
            if let times = try? frame.times() {
                #expect(zip(times, times.dropFirst()).allSatisfy { $0 < $1 } && times[0] == start)
            }
            for column in 0..<frame.columns {
                if let values = try? frame.column(column) { #expect(values.allSatisfy { $0.isFinite || $0.isNaN }) }
            }
        }
    }
}
