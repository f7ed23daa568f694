import Basics
import Interchange
import Telemetry
import Testing
import TestSupport

@Suite("Hostile files")
struct HostileTests {
    private static let samples: [(InterchangeFormat, String)] = [
        (
            .csv,
            "observed,device,quantity,channel,unit,value\n2026-03-05T18:15:02Z,\"a\"\"b\",voltage,l1,V,1\n"
                + "2026-03-05T18:15:03Z,b,current,,A,2\n"
        ),
        (
            .jsonl,
            #"{"observed":"2026-03-05T18:15:02Z","device":"a\u00e9","quantity":"voltage","unit":"V","value":1}"# + "\n"
                + #"{"observed":"2026-03-05T18:15:03Z","device":"b","quantity":"current","x":[{}],"value":2}"# + "\n"
        ),
        (
            .influx,
            "lamp,device=a\\ b voltage=1,current=2i,note=\"x\" 1772734502250000000\n"
                + "lamp,host=b lamp_on=true 1772734502250000000\n"
        ),
    ]

    @Test(
        "random bytes give refusals and nothing else", arguments: InterchangeFormat.allCases,
        1...20 as ClosedRange<UInt64>)
    func randomBytes(format: InterchangeFormat, seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        // Half of them from the alphabet of the formats, so that they get further in.
        let alphabet = Array("{}[]\",:=\\ \n\r0123456789.eEi-+tfu#avoltage".utf8)
        var bytes: [UInt8] = format == .csv ? Array("observed,device,quantity,channel,unit,value\n".utf8) : []
        for _ in 0..<20_000 {
            bytes.append(
                Bool.random(using: &random)
                    ? alphabet.randomElement(using: &random)! : UInt8.random(in: 0...255, using: &random))
        }
        let outcome = read(bytes, format)
        #expect(outcome.readings == [], "seed \(seed)")
        #expect(outcome.refusals.count <= ImportReport.refusalsMax)
        #expect(outcome.report.refused > outcome.refusals.count, "seed \(seed)")
    }

    @Test(
        "a text cut off anywhere, or changed in any byte, is read as far as it goes",
        arguments: InterchangeFormat.allCases)
    func cutAndChanged(format: InterchangeFormat) {
        let bytes = Array(Self.samples.first { $0.0 == format }!.1.utf8)
        let whole = read(bytes, format)
        for end in bytes.indices {
            let outcome = read(Array(bytes[..<end]), format)
            #expect(outcome.readings.count <= whole.readings.count)
        }
        for index in bytes.indices {
            for byte: UInt8 in [0, 0x0A, 0x20, 0x22, 0x2C, 0x3D, 0x5C, 0x7B, 0xFF] {
                var changed = bytes
                changed[index] = byte
                #expect(read(changed, format).readings.count <= whole.readings.count)
            }
        }
    }

    @Test(
        "the pieces in which a file comes and the size of the batches change nothing",
        arguments: InterchangeFormat.allCases)
    func pieces(format: InterchangeFormat) {
        let bytes = Array(Self.samples.first { $0.0 == format }!.1.utf8)
        let whole = read(bytes, format)
        #expect(whole.readings.count >= 2 && whole.refusals == [])
        for piece in 1...70 {
            for batch in [1, 2, 1000] {
                let outcome = read(bytes, format, piece: piece, batch: batch)
                #expect(outcome.readings == whole.readings)
                #expect(outcome.refusals == whole.refusals)
            }
        }
    }

    @Test(
        "ten megabytes without a line break are one refused line", arguments: InterchangeFormat.allCases,
        [1 << 16, 10 << 20])
    func noLineBreak(format: InterchangeFormat, piece: Int) {
        let good = Self.samples.first { $0.0 == format }!.1
        let bytes = Array(good.utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: 10 << 20) + [UInt8(ascii: "\n")]
        // The good lines behind it, without the header.
        let more = good.split(separator: "\n").dropFirst(format == .csv ? 1 : 0).joined(separator: "\n")
        let outcome = read(bytes + Array(more.utf8), format, piece: piece)
        #expect(outcome.refusals.count == 1)
        #expect(outcome.refusals.first?.contains("longer than 1048576 bytes") == true)
        #expect(outcome.readings.count == 2 * read(good, format).readings.count)
    }

    @Test("more different words than any vocabulary has do not fill memory")
    func manyWords() {
        var text = "observed,device,quantity,value\n"
        for number in 0..<20_000 { text += "2026-03-05T18:15:02Z,a,word\(number),1\n" }
        let outcome = read(text + "2026-03-05T18:15:02Z,a,voltage,1\n", .csv)
        #expect(outcome.report.refused == 20_001)
        #expect(outcome.unknown.count <= 10_000)
    }

    @Test("a reader that begins in the middle gives what was left", arguments: InterchangeFormat.allCases)
    func resumes(format: InterchangeFormat) throws {
        let bytes = Array(Self.samples.first { $0.0 == format }!.1.utf8)
        let whole = read(bytes, format)
        var reader = ReadingReader(format, file: "f")
        var readings = NamedReadings()
        bytes.withUnsafeBytes { reader.take($0) }
        _ = try reader.read(into: &readings, readingsMax: 1)
        let position = reader.position
        var again = ReadingReader(format, file: "f")
        let header = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        try again.resume(at: position, header: header)
        bytes[position.bytes...].withUnsafeBytes { again.take($0) }
        again.takeEnd()
        var rest = NamedReadings()
        _ = try again.read(into: &rest, readingsMax: 1000)
        #expect(readings.count + rest.count == whole.readings.count)
        #expect(rest.entries.last?.line == whole.readings.last.flatMap { Int($0.prefix(1)) })
        #expect(again.position.bytes == bytes.count)
    }
}
