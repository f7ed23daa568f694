import Basics
import Telemetry
import Testing
import TestSupport

@testable import Frames

@Suite("Frames and bytes")
struct FrameCodecTests {
    private let start = noon.milliseconds

    private func bytes(_ rows: RowBlock) -> [UInt8] {
        var writer = ByteWriter(capacity: 16)
        FrameCodec.encode(rows, into: &writer)
        return writer.withBytes { Array($0) }
    }

    private func decode(_ bytes: [UInt8], start: Int64) throws -> RowBlock {
        try bytes.withUnsafeBytes { try FrameCodec.open($0, start: start).rows() }
    }

    private func column(_ values: [Double]) -> RowBlock {
        RowBlock(times: values.indices.map { start + Int64($0) * 10_000 }, values: values, stride: 1)
    }

    @Test("CRC-32C gives the published check value, and the same in any pieces")
    func crc() {
        var crc = CRC32C()
        Array("123456789".utf8).withUnsafeBytes { crc.add($0) }
        #expect(crc.value == 0xE306_9283)
        let bytes = (0..<100).map { UInt8($0) }
        for cut in 0...100 {
            var parts = CRC32C()
            bytes[..<cut].withUnsafeBytes { parts.add($0) }
            bytes[cut...].withUnsafeBytes { parts.add($0) }
            var whole = CRC32C()
            bytes.withUnsafeBytes { whole.add($0) }
            #expect(parts.value == whole.value)
            var tables = CRC32C()
            bytes[..<cut].withUnsafeBytes { tables.addByTables($0) }
            bytes[cut...].withUnsafeBytes { tables.addByTables($0) }
            #expect(tables.value == whole.value)
        }
    }

    @Test("varints of every length come back")
    func varints() throws {
        var writer = ByteWriter(capacity: 16)
        let numbers: [UInt64] = [0, 1, 127, 128] + (0..<64).flatMap { [1 << $0, (1 << $0) - 1] } + [.max]
        let signed: [Int64] = [0, 1, -1, .max, .min, 63, -64, 64]
        writer.reserve((numbers.count + signed.count) * ByteWriter.varintBytesMax)
        for number in numbers { writer.put(varint: number) }
        for number in signed { writer.put(zigzag: number) }
        try writer.withBytes { bytes in
            var reader = ByteReader(bytes)
            for number in numbers {
                let read = try reader.varint()
                #expect(read == number)
            }
            for number in signed {
                let read = try reader.zigzag()
                #expect(read == number)
            }
            try reader.end()
        }
    }

    @Test(
        "values come back bit for bit",
        arguments: [
            [23.4], [0], [-0.0], [0, -0.0, 0], [.leastNonzeroMagnitude], [-.leastNonzeroMagnitude],
            [.greatestFiniteMagnitude, -.greatestFiniteMagnitude], [.leastNormalMagnitude / 3],
            [9_007_199_254_740_991, 9_007_199_254_740_992, 9_007_199_254_740_994],
            [-9_007_199_254_740_992, 9_007_199_254_740_992], [0.1, 0.2, 0.1 + 0.2], [23.399999618530273],
            [1, -1, 1, -1, 1], [230.1, 230.2, 229.9], [1e300, 0.5], [1e-9, 1e-10], [.pi, .pi], [100, 100, 100],
            [900_719_925_474_099.2, 0.1], [9_007_199_254_740_991.0, 0.5],
        ] as [[Double]])
    func bitExact(values: [Double]) throws {
        let rows = column(values)
        let decoded = try decode(bytes(rows), start: start)
        #expect(decoded.values.map(\.bitPattern) == values.map(\.bitPattern))
        #expect(decoded.times == rows.times)
    }

    @Test("random frames come back, sparse, wide, jittered and full ones", arguments: 0..<100 as Range<UInt64>)
    func random(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let rows = randomRows(&random)
        let encoded = bytes(rows)
        #expect(try decode(encoded, start: rows.times[0]) == rows)
        let columns = try encoded.withUnsafeBytes { bytes in
            let frame = try FrameCodec.open(bytes, start: rows.times[0])
            return try (0...rows.stride).map { try frame.column($0) }
        }
        for index in 0..<rows.stride {
            let same = (0..<rows.count).allSatisfy { row in
                columns[index][row].bitPattern == rows[row, index].bitPattern
                    || (columns[index][row].isNaN && rows[row, index].isNaN)
            }
            #expect(same, "column \(index)")
        }
        #expect(columns[rows.stride].allSatisfy { $0.isNaN })
    }

    @Test("a decimal column costs about a byte a value")
    func size() {
        var random = SeededGenerator(seed: 1)
        var tenths = 234
        let rows = column(
            (0..<1024).map { _ in
                tenths += Int.random(in: -3...3, using: &random)
                return Double(tenths) / 10
            })
        #expect(bytes(rows).count < 1024 * 2 + 64)
    }

    @Test("any bytes are refused or read, never more", arguments: 0..<60 as Range<UInt64>)
    func garbage(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<50 {
            var bytes = (0..<Int.random(in: 0...200, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random), !bytes.isEmpty { bytes[0] = 1 }
            if let rows = try? decode(bytes, start: start) {
                #expect((1...1024).contains(rows.count))
            }
        }
    }

    @Test("mutated frames are refused or read as frames", arguments: 0..<60 as Range<UInt64>)
    func mutated(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let rows = randomRows(&random)
        let whole = bytes(rows)
        for _ in 0..<50 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<min(bytes.count, 80), using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
            if let read = try? decode(bytes, start: rows.times[0]) {
                #expect(zip(read.times, read.times.dropFirst()).allSatisfy { $0 < $1 })
            }
        }
    }

    @Test("a frame cut anywhere is refused")
    func cut() {
        var random = SeededGenerator(seed: 7)
        let rows = randomRows(&random)
        let whole = bytes(rows)
        for count in 0..<whole.count {
            #expect(throws: Malformed.self) { try decode(Array(whole[..<count]), start: rows.times[0]) }
        }
        #expect(throws: Malformed.self) { try decode(whole + [0], start: rows.times[0]) }
    }

    @Test("merging puts newer values on older ones and keeps the rest")
    func merging() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<200 {
            var older = RowBlock(stride: 2)
            var newer = RowBlock(stride: 3)
            var model: [Int64: [Int: Double]] = [:]
            for block in 0..<2 {
                for _ in 0..<Int.random(in: 0...8, using: &random) {
                    let time = Int64.random(in: 0...10, using: &random)
                    let column = Int.random(in: 0..<(block == 0 ? 2 : 3), using: &random)
                    let value = Double(Int.random(in: 0...99, using: &random))
                    if block == 0 {
                        older.put(time, column, value, columns: 2)
                    } else {
                        newer.put(time, column, value, columns: 3)
                    }
                    model[time, default: [:]][column] = value
                }
            }
            let merged = older.merged(with: newer)
            #expect(merged.times == model.keys.sorted())
            for (row, time) in merged.times.enumerated() {
                for column in 0..<3 {
                    let value = merged[row, column]
                    #expect((value.isNaN ? nil : value) == model[time]?[column])
                }
            }
        }
    }
}

func randomRows(_ random: inout SeededGenerator) -> RowBlock {
    let count = [1, 2, 7, 8, 9, 63, 200, 1024].randomElement(using: &random)!
    let stride = [1, 2, 5, 64].randomElement(using: &random)!
    let dayStart = noon.milliseconds - 43_200_000
    var times = Set<Int64>()
    let isRegular = Bool.random(using: &random)
    while times.count < count {
        times.insert(
            isRegular
                ? dayStart + Int64(times.count) * 60_000 + .random(in: 0...40, using: &random)
                : dayStart + .random(in: 0..<86_400_000, using: &random))
    }
    var values = [Double](repeating: .nan, count: count * stride)
    for column in 0..<stride {
        let kind = Int.random(in: 0..<7, using: &random)
        let presence = [0.0, 0.3, 1.0, 1.0].randomElement(using: &random)!
        var walk = 0
        for row in 0..<count where Double.random(in: 0..<1, using: &random) < presence {
            walk += Int.random(in: -5...5, using: &random)
            values[row * stride + column] =
                switch kind {
                case 0: Double(walk) / 10
                case 1: 42
                case 2: Double(walk) / 1000
                case 3: .random(in: -1...1, using: &random)
                case 4: [0.0, -0.0, 1].randomElement(using: &random)!
                case 5: Double(bitPattern: random.next() & 0x7FDF_FFFF_FFFF_FFFF)
                default: Double(walk) * 1e15
                }
        }
    }
    return RowBlock(times: times.sorted(), values: values, stride: stride)
}
